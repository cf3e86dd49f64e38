//! What can go wrong with an emulated board.

use crate::{Machine, rsp::RspError};
use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

/// An emulated board failed. None of this is the firmware's fault, except [`BoardError::Ended`], which may be.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// There is no emulator.
    #[error("running `{qemu}` failed: it is not there")]
    Missing {
        /// What was to be run.
        qemu: PathBuf,
    },
    /// The emulator lacks what a board needs.
    #[error("`{qemu}` is version {version}, which is too old")]
    TooOld {
        /// What was run.
        qemu: PathBuf,
        /// What it is.
        version: String,
    },
    /// The process ended by itself: it refused its command line, was killed, or aborted. QEMU aborts when the emulated
    /// core locks up, that is when the firmware faults in a fault handler.
    #[error("QEMU (process {pid}) ended by itself ({status}) and said `{stderr}`")]
    Ended {
        /// Process id.
        pid: u32,
        /// How.
        status: ExitStatus,
        /// Its last words.
        stderr: String,
    },
    /// It refused a command.
    #[error("QEMU refused the command `{command}`: {reason}")]
    Refused {
        /// Which command.
        command: String,
        /// Its own words.
        reason: String,
    },
    /// It did not answer.
    #[error("QEMU did not answer within {after:?}, asked for {what}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        after: Duration,
    },
    /// It closed its control connection, or it broke.
    #[error("the control connection to QEMU broke")]
    Disconnected(#[source] io::Error),
    /// It said something that is not of its protocol.
    #[error("QEMU said something unexpected on its control connection: {0}")]
    Protocol(String),
    /// A path is too long for a Unix socket.
    #[error("{} has more than 107 bytes, too many for a socket", path.display())]
    PathTooLong {
        /// Which.
        path: PathBuf,
    },
    /// More flash is asked for than there is.
    #[error("{machine} has no room for {bytes} bytes of flash")]
    FlashTooSmall {
        /// Which machine.
        machine: Machine,
        /// How much.
        bytes: u64,
    },
    /// The stored flash could not be put back.
    #[error("putting the stored flash back failed")]
    Restore(#[source] RspError),
    /// The power can't be cut in place.
    #[error("the power of this {machine} can't be cut in place, as its program's RAM would keep its content")]
    RamStays {
        /// Which machine.
        machine: Machine,
    },
    /// A file or folder of the board.
    #[error("{doing} {} failed", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl BoardError {
    /// What to try. It is no part of the message, which may hold words of other programs.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Missing { .. } => "install qemu-system-arm or name its path",
            Self::TooOld { .. } => "install QEMU 7.2 or later",
            Self::Ended { .. } => "look at qemu.log in the board's state folder",
            Self::Timeout { .. } => "is the host overloaded?",
            Self::PathTooLong { .. } => "choose a shorter runtime folder",
            Self::RamStays { .. } => "end its process instead",
            Self::FlashTooSmall { .. } => "does the file belong to another board?",
            Self::Refused { .. } | Self::Disconnected(_) | Self::Protocol(_) | Self::Restore(_) | Self::Io { .. } => {
                return None;
            }
        })
    }
}
