//! `taprig board`: a hosted board as a process of its own. The rig uses this command.

use std::path::PathBuf;

use super::{Exit, say};

/// Arguments of `taprig board`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// `validator`, `emulator` or `pn532-model`.
    role: String,
    /// Path of the socket that stands for the air.
    #[arg(long)]
    air: PathBuf,
    /// Path of the file with the validator's non-volatile memory.
    #[arg(long)]
    nvm: Option<PathBuf>,
    /// Bytes of that memory.
    #[arg(long, default_value_t = board_sim::MEMORY, value_parser = clap::value_parser!(u32).range(4096..))]
    memory: u32,
    /// Path of the socket that stands for the validator's line to an acquirer's host.
    #[arg(long)]
    uplink: Option<PathBuf>,
    /// A fault of the model of the PN532, for tests, such as `lost-ack@86.1`. It can be given more than once.
    #[arg(long)]
    fault: Vec<pn532_model::fault::Planned>,
}

impl Args {
    /// Sockets and files that this command makes.
    pub(super) fn writes(&self) -> Vec<PathBuf> {
        [Some(&self.air), self.nvm.as_ref(), self.uplink.as_ref()].into_iter().flatten().cloned().collect()
    }
}

pub(super) fn run(args: &Args) -> Exit {
    let done = match (args.role.as_str(), &args.nvm, args.fault.as_slice()) {
        ("validator", Some(nvm), []) => {
            let (air, nvm, uplink) = (args.air.clone(), nvm.clone(), args.uplink.clone());
            let options = board_sim::ValidatorOptions { air, nvm, uplink, memory: args.memory };
            board_sim::run_validator(&options)
        }
        ("emulator", None, []) => board_sim::run_emulator(&board_sim::EmulatorOptions { air: args.air.clone() }),
        ("pn532-model", None, faults) => {
            let options = pn532_model::Options { faults: faults.to_vec(), ..pn532_model::Options::default() };
            pn532_model::run_process(&args.air, &options)
        }
        _ => {
            say(
                "taprig board: `validator --air SOCKET --nvm FILE [--memory BYTES] [--uplink SOCKET]`, `emulator --air SOCKET` or `pn532-model --air SOCKET [--fault FAULT]`",
            );
            return Exit::BadInput;
        }
    };
    match done {
        Ok(()) => Exit::Ok,
        Err(error) => {
            say(&format!("taprig board {}: {error}", args.role));
            Exit::RigFailed
        }
    }
}
