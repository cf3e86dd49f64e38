//! Serial links: the validator's console and the card emulator's relay.
//!
//! Every port has one reader from open to close, so that no byte is lost between two who wait; every wait has a
//! deadline, and none is a poll.

pub mod console;
pub mod emulator;
pub mod port;
#[cfg(test)]
pub(crate) mod pty;

use std::path::PathBuf;
use std::time::Duration;

/// A serial link failed: the rig's fault or the board's, never a verdict on the device.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The port can't be opened.
    #[error("can't open the serial port {port}: {source}", port = port.display())]
    Open {
        /// The port.
        port: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process holds the port.
    #[error("the serial port {port} is taken by another process", port = port.display())]
    Taken {
        /// The port.
        port: PathBuf,
    },
    /// The port vanished while in use.
    #[error("the serial port {port} vanished: {source}", port = port.display())]
    Gone {
        /// The port.
        port: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The port takes no bytes.
    #[error("the serial port {port} did not take {bytes} bytes within {} ms", within.as_millis(), port = port.display())]
    Stuck {
        /// The port.
        port: PathBuf,
        /// How many were to be sent.
        bytes: usize,
        /// How long it had.
        within: Duration,
    },
    /// No answer in time.
    #[error("{what} did not come from {from} within {} ms", within.as_millis())]
    Deadline {
        /// What was waited for.
        what: String,
        /// From whom.
        from: &'static str,
        /// For how long.
        within: Duration,
    },
    /// The board says that it can't.
    #[error("{from} refused `{what}`: {why}")]
    Refused {
        /// What was asked.
        what: String,
        /// Of whom.
        from: &'static str,
        /// What it said.
        why: String,
    },
    /// The board says something that no board of its protocol says.
    #[error("{from} answered {seen} where {expected} was expected")]
    Unexpected {
        /// Who.
        from: &'static str,
        /// What was expected.
        expected: String,
        /// What came.
        seen: String,
    },
}

impl LinkError {
    /// What to try.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Open { .. } => "is the board connected, and may you read and write the port?",
            Self::Taken { .. } => "end it, or give this run another bench",
            Self::Gone { .. } => "was the board unplugged, or did it lose power?",
            Self::Stuck { .. } => "does its adapter hang? Unplug it, plug it in again and run again",
            Self::Unexpected { .. } => "does its firmware fit this version of taprig?",
            Self::Deadline { .. } | Self::Refused { .. } => return None,
        })
    }
}
