//! The validator as a process.

use crate::air::Air;
use crate::crash;
use crate::error::SimError;
use crate::host::Host;
use crate::nvm::Nvm;
use std::cell::Cell;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;
use validator::End;
use validator::board::{Board, ResetCause};

/// How a hosted validator starts.
#[derive(Debug, Clone)]
pub struct ValidatorOptions {
    /// The unix socket to connect to, now or as soon as it is there.
    pub air: PathBuf,
    /// The file that is the non-volatile memory; made when missing.
    pub nvm: PathBuf,
    /// The unix socket at which the rig listens for the line to an acquirer. `None`: no line is connected.
    pub uplink: Option<PathBuf>,
    /// Bytes of that memory, 4096 or more: [`MEMORY`](crate::MEMORY) is what the emulated board has.
    pub memory: u32,
}

/// Runs the validator until standard input closes. A restart that the console asks for is a restart of the firmware
/// within the process: ports and wall clock stay. One that panics tells it as a board does, `! fault what=panic`, and starts
/// again.
///
/// # Errors
/// [`SimError`] when a port or the memory can't be opened.
pub fn run_validator(options: &ValidatorOptions) -> Result<(), SimError> {
    let nvm = Nvm::open(&options.nvm, options.memory)?;
    let mut host = Host::start(Air::connect(&options.air)?)?;
    if let Some(uplink) = &options.uplink {
        host.connect_uplink(uplink);
    }
    let mut device = Device { host, nvm, rtc: Cell::new(None), cause: ResetCause::Power };
    while let End::Reset = crash::watched(|| validator::run(&device), |line| device.host.serial_write(line)) {
        device.host.forget_input();
        device.cause = ResetCause::Reset;
    }
    Ok(())
}

struct Device {
    host: Host,
    nvm: Nvm,
    /// Seconds, and when they were set.
    rtc: Cell<Option<(u64, Instant)>>,
    cause: ResetCause,
}

impl Board for Device {
    fn name(&self) -> &'static str {
        "sim"
    }
    fn now_us(&self) -> u64 {
        self.host.now_us()
    }
    fn sleep(&self, until_us: u64) {
        self.host.sleep(until_us);
    }
    fn console_read(&self) -> Option<u8> {
        self.host.serial_read()
    }
    fn console_write(&self, bytes: &[u8]) {
        self.host.serial_write(bytes);
    }
    fn air_read(&self) -> Option<u8> {
        self.host.air_read()
    }
    fn air_write(&self, bytes: &[u8]) {
        self.host.air_write(bytes);
    }
    fn has_uplink(&self) -> bool {
        self.host.has_uplink()
    }

    fn has_uplink_port(&self) -> bool {
        true
    }
    fn uplink_read(&self) -> Option<u8> {
        self.host.uplink_read()
    }
    fn uplink_write(&self, bytes: &[u8]) {
        self.host.uplink_write(bytes);
    }
    fn nvm_size(&self) -> usize {
        self.nvm.size()
    }
    fn nvm_read(&self, offset: usize, buffer: &mut [u8]) {
        if let Err(error) = self.nvm.read(offset, buffer) {
            broken(&format!("cannot read {} bytes at {offset} of the non-volatile memory: {error}", buffer.len()));
        }
    }
    fn nvm_write(&self, offset: usize, bytes: &[u8]) {
        if let Err(error) = self.nvm.write(offset, bytes) {
            broken(&format!("cannot write {} bytes at {offset} to the non-volatile memory: {error}", bytes.len()));
        }
    }
    fn rtc(&self) -> Option<u64> {
        self.rtc.get().map(|(seconds, set)| seconds + set.elapsed().as_secs())
    }
    fn set_rtc(&self, seconds: u64) {
        self.rtc.set(Some((seconds, Instant::now())));
    }
    fn entropy(&self) -> u32 {
        let mut word = [0; 4];
        match rustix::rand::getrandom(&mut word, rustix::rand::GetRandomFlags::empty()) {
            Ok(4) => u32::from_ne_bytes(word),
            // Never seen on Linux once the system is up; the clock is better than a constant.
            _ => self.host.now_us().wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes()[4..]
                .iter()
                .fold(0, |word, byte| word << 8 | u32::from(*byte)),
        }
    }
    fn image(&self) -> &[u8] {
        &[]
    }
    fn reset_cause(&self) -> ResetCause {
        self.cause
    }
    fn reset(&self) {}
    fn stopped(&self) -> bool {
        self.host.stopped()
    }
}

/// Ends a board whose memory is broken. The firmware has no way to hear of it; the rig keeps what we say here. On a full disk
/// that fails, too, and the exit code tells.
fn broken(text: &str) -> ! {
    let _ = writeln!(std::io::stderr(), "{text}");
    std::process::exit(1)
}
