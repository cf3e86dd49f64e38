//! Links: the validator's console, the card emulator's relay, and programs that speak lines.
//!
//! Every port has one reader from open to close, so that no byte is lost between two callers. Every wait has a
//! deadline, and no wait polls.

pub mod console;
pub mod emulator;
pub mod port;
pub mod program;
#[cfg(test)]
pub(crate) mod pty;

use std::path::PathBuf;
use std::time::Duration;

/// A serial link failed. This is the fault of the rig or of the board, and never a verdict on the device.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The port can't be opened.
    #[error("can't open the serial port {port}: {source}", port = port.display())]
    Open {
        /// The port.
        port: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Another process holds the port.
    #[error("another process uses the serial port {port}", port = port.display())]
    Taken {
        /// The port.
        port: PathBuf,
    },
    /// The port vanished during use.
    #[error("the serial port {port} vanished: {source}", port = port.display())]
    Gone {
        /// The port.
        port: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The port accepts no bytes.
    #[error("the serial port {port} did not accept {bytes} bytes within {} ms", within.as_millis(), port = port.display())]
    Stuck {
        /// The port.
        port: PathBuf,
        /// Number of bytes to send.
        bytes: usize,
        /// The time limit.
        within: Duration,
    },
    /// An answer did not come in time.
    #[error("{what} did not come from {from} within {} ms", within.as_millis())]
    Deadline {
        /// What the rig waited for.
        what: String,
        /// Who had to send it.
        from: &'static str,
        /// The time limit.
        within: Duration,
    },
    /// The board refused a request.
    #[error("{from} refused `{what}`: {why}")]
    Refused {
        /// The request.
        what: String,
        /// The board.
        from: &'static str,
        /// The board's own words.
        why: String,
    },
    /// The answer is not part of the board's protocol.
    #[error("{from} answered {seen}, but {expected} was expected")]
    Unexpected {
        /// The board.
        from: &'static str,
        /// What was expected.
        expected: String,
        /// The answer.
        seen: String,
    },
    /// An adapter program broke down or broke its protocol.
    #[error("the adapter `{program}` {what}")]
    Adapter {
        /// The command of the program.
        program: String,
        /// What it did, in words that follow its name.
        what: String,
    },
    /// An adapter program has lost its device.
    #[error("the adapter `{program}` has lost its device: {why}")]
    DeviceGone {
        /// The command of the program.
        program: String,
        /// The program's own words.
        why: String,
    },
}

impl LinkError {
    /// What a person can try.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Open { .. } => "check that the board is connected, and that you may read and write the port",
            Self::Taken { .. } => "end that process, or use another bench for this run",
            Self::Gone { .. } => "check whether the board was unplugged or lost power",
            Self::Stuck { .. } => "its adapter may hang: unplug it, plug it in again and run again",
            Self::Unexpected { .. } => "check that its firmware matches this version of taprig",
            Self::Adapter { .. } => "check the program with `taprig adapter check`",
            Self::DeviceGone { .. } => "check whether the device was unplugged or lost power",
            Self::Deadline { .. } | Self::Refused { .. } => return None,
        })
    }
}
