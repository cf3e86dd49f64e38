//! The card emulator as a process.

use crate::air::Air;
use crate::error::SimError;
use crate::host::Host;
use std::path::PathBuf;

/// How a hosted card emulator starts.
#[derive(Debug, Clone)]
pub struct EmulatorOptions {
    /// The unix socket to listen at; an old one is replaced.
    pub air: PathBuf,
}

/// Runs the card emulator until standard input closes.
///
/// # Errors
/// [`SimError`] when a port can't be opened.
pub fn run_emulator(options: &EmulatorOptions) -> Result<(), SimError> {
    let host = Host::start(Air::listen(&options.air)?)?;
    emulator::run(&Desk(host));
    Ok(())
}

struct Desk(Host);

impl emulator::CardBoard for Desk {
    fn name(&self) -> &'static str {
        "sim"
    }
    fn image(&self) -> &[u8] {
        &[]
    }
    fn now_us(&self) -> u64 {
        self.0.now_us()
    }
    fn sleep(&self, until_us: u64) {
        self.0.sleep(until_us);
    }
    fn link_read(&self) -> Option<u8> {
        self.0.serial_read()
    }
    fn link_write(&self, bytes: &[u8]) {
        self.0.serial_write(bytes);
    }
    fn link_write_later(&self, bytes: &[u8]) {
        self.0.serial_write_later(bytes);
    }
    fn air_read(&self) -> Option<u8> {
        self.0.air_read()
    }
    fn air_write(&self, bytes: &[u8]) {
        self.0.air_write(bytes);
    }
    fn stopped(&self) -> bool {
        self.0.stopped()
    }
}
