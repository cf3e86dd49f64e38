//! A model of the PN532, a contactless chip that can play a card, as seen at its serial port.
//!
//! ```text
//!   host  <--- pseudo terminal: the chip's frames --->  chip  <--- wire::air --->  reader
//! ```
//!
//! The model reads and writes the chip's frames with code of its own ([`frame`]). It shares nothing with the driver in
//! `taprig-bench`, and third parties judge it: libnfc and nfcpy work with it (`ci/pn532`). Its card side reuses the
//! crate `emulator`. On the modelled air the host takes no time: the model answers a reader's frame when the
//! host has answered, and asks the reader for more time (S(WTX)) if the host takes longer than [`Options::patience`].
//!
//! No PN532 was ever compared with this model. It behaves as public descriptions and drivers say.

mod chip;
pub mod fault;
pub mod frame;
mod registers;
mod target;

use std::io::PipeWriter;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use board_sim::{Host, SimError};
use fault::Planned;

/// How long the host may take before the model asks the reader for more time. The chip itself asks within its frame
/// waiting time of 154 ms. The model waits longer, as a hosted card emulator does: S(WTX) that the load of the machine
/// brings about would make two runs of a case differ.
pub const PATIENCE: Duration = Duration::from_millis(750);

/// How a model behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long the host may take before the model sends S(WTX). It must be shorter than the 1.5 s after which a reader
    /// on the modelled air takes a card side for dead.
    pub patience: Duration,
    /// Most bytes of a reader's command in one reply of TgGetData. A longer command comes in parts.
    pub part: usize,
    /// Faults, for tests.
    pub faults: Vec<Planned>,
}

impl Default for Options {
    fn default() -> Self {
        Self { patience: PATIENCE, part: 262, faults: vec![] }
    }
}

/// Runs the model as a process: tells its serial port on standard output, and ends when standard input closes. `air` is
/// the unix socket at which it listens for a reader.
///
/// # Errors
/// [`SimError`] when a port can't be opened.
pub fn run_process(air: &Path, options: &Options) -> Result<(), SimError> {
    let stop = std::io::stdin().as_fd().try_clone_to_owned().map_err(SimError::StandardInput)?;
    let host = Host::card_side(air, stop)?;
    host.tell()?;
    chip::run(&host, options);
    Ok(())
}

/// A model in a thread of this process. It ends when this value is dropped.
#[derive(Debug)]
pub struct Running {
    serial: PathBuf,
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts a model that listens for a reader at the unix socket `air`.
    ///
    /// # Errors
    /// [`SimError`] when a port can't be opened.
    pub fn start(air: &Path, options: Options) -> Result<Self, SimError> {
        let (end, stop) = std::io::pipe().map_err(SimError::StandardInput)?;
        let host = Host::card_side(air, OwnedFd::from(end))?;
        let serial = host.serial().to_owned();
        // The ports close when the thread ends and the host is dropped, as if the module was unplugged.
        let thread = std::thread::spawn(move || chip::run(&host, &options));
        Ok(Self { serial, stop: Some(stop), thread: Some(thread) })
    }

    /// Path of the serial port.
    #[must_use]
    pub fn serial(&self) -> &Path {
        &self.serial
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the model has been printed. Nothing more can be done about it here.
            let _ = thread.join();
        }
    }
}
