//! A hosted board by hand: `sim-board emulator AIR` or `sim-board validator AIR NVM`. It also takes the command line by which
//! the rig starts the `program` of a bench file.

use board_sim::{EmulatorOptions, MEMORY, SimError, ValidatorOptions, run_emulator, run_validator};
use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let run = match args[..] {
        ["emulator", air] | ["board", "emulator", "--air", air] => run_emulator(&EmulatorOptions { air: air.into() }),
        ["validator", air, nvm] => run_validator(&options(air, nvm)),
        ["board", "validator", "--air", air, "--nvm", nvm, ref more @ ..] => match with(options(air, nvm), more) {
            Some(options) => run_validator(&options),
            None => return usage(),
        },
        _ => return usage(),
    };
    match run {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", story(&error));
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: sim-board emulator AIR-SOCKET | sim-board validator AIR-SOCKET NVM-FILE");
    ExitCode::from(2)
}

fn options(air: &str, nvm: &str) -> ValidatorOptions {
    ValidatorOptions { air: air.into(), nvm: nvm.into(), uplink: None, memory: MEMORY }
}

/// The options that the rig adds as a bench needs them. `None` if one of them is unknown or has no good value.
fn with(mut options: ValidatorOptions, more: &[&str]) -> Option<ValidatorOptions> {
    let (pairs, []) = more.as_chunks::<2>() else { return None };
    for pair in pairs {
        match *pair {
            ["--memory", bytes] => options.memory = bytes.parse().ok().filter(|bytes| *bytes >= 4096)?,
            ["--uplink", socket] => options.uplink = Some(socket.into()),
            _ => return None,
        }
    }
    Some(options)
}

/// The error and what is behind it.
fn story(error: &SimError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}
