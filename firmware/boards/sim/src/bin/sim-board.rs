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
        ["validator", air, nvm] | ["board", "validator", "--air", air, "--nvm", nvm] => {
            run_validator(&ValidatorOptions { air: air.into(), nvm: nvm.into(), memory: MEMORY })
        }
        ["board", "validator", "--air", air, "--nvm", nvm, "--memory", bytes]
            if bytes.parse::<u32>().is_ok_and(|bytes| bytes >= 4096) =>
        {
            let memory = bytes.parse().unwrap_or(MEMORY);
            run_validator(&ValidatorOptions { air: air.into(), nvm: nvm.into(), memory })
        }
        _ => {
            eprintln!("usage: sim-board emulator AIR-SOCKET | sim-board validator AIR-SOCKET NVM-FILE");
            return ExitCode::from(2);
        }
    };
    match run {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", story(&error));
            ExitCode::FAILURE
        }
    }
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
