//! Errors of an emulated board.

use crate::{Machine, rsp::RspError};
use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

/// An emulated board failed. This is never the firmware's fault, with the possible exception of [`BoardError::Ended`].
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// QEMU is not installed at this path.
    #[error("running `{qemu}` failed: the program does not exist")]
    Missing {
        /// The program.
        qemu: PathBuf,
    },
    /// The version of QEMU lacks something that the machine needs.
    #[error("`{qemu}` is version {version}, but {machine} needs {}.{} or later", machine.oldest_qemu().0, machine.oldest_qemu().1)]
    TooOld {
        /// The program.
        qemu: PathBuf,
        /// Its version.
        version: String,
        /// The machine.
        machine: Machine,
    },
    /// The process ended by itself: it refused its command line, was killed, or aborted. QEMU aborts when the emulated
    /// core locks up, that is, when the firmware faults in a fault handler.
    #[error("QEMU (process {pid}) ended by itself ({status}) and said `{stderr}`")]
    Ended {
        /// Process id.
        pid: u32,
        /// The exit status.
        status: ExitStatus,
        /// The end of its standard error output.
        stderr: String,
    },
    /// QEMU refused a command.
    #[error("QEMU refused the command `{command}`: {reason}")]
    Refused {
        /// The command.
        command: String,
        /// QEMU's own words.
        reason: String,
    },
    /// QEMU did not answer.
    #[error("QEMU did not answer within {after:?} when it was asked for {what}")]
    Timeout {
        /// What was expected.
        what: String,
        /// The time limit.
        after: Duration,
    },
    /// QEMU closed its control connection, or the connection broke.
    #[error("the control connection to QEMU broke")]
    Disconnected(#[source] io::Error),
    /// QEMU sent something that does not belong to its protocol.
    #[error("QEMU sent something unexpected on its control connection: {0}")]
    Protocol(String),
    /// A path is too long for a Unix socket.
    #[error("{} has more than 107 bytes, which is too long for the path of a socket", path.display())]
    PathTooLong {
        /// The path.
        path: PathBuf,
    },
    /// More flash is needed than the machine has.
    #[error("{machine} has no room for {bytes} bytes of flash")]
    FlashTooSmall {
        /// The machine.
        machine: Machine,
        /// Number of bytes.
        bytes: u64,
    },
    /// The stored flash could not be restored.
    #[error("restoring the stored flash failed")]
    Restore(#[source] RspError),
    /// The power can't be cut in place.
    #[error("the power of this {machine} can't be cut in place, because its program's RAM would keep its content")]
    RamStays {
        /// The machine.
        machine: Machine,
    },
    /// A file or folder of the board can't be used.
    #[error("{doing} {} failed", path.display())]
    Io {
        /// What the rig was doing.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl BoardError {
    /// What a person can try. This is not part of the message, which may contain the words of other programs.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Missing { .. } => "install qemu-system-arm or name its path",
            Self::TooOld { machine: Machine::BL475eIot01a, .. } => {
                "install QEMU 9.1 or later, or set TAPRIG_QEMU to the path that `ci/newer-qemu` prints: that script fetches \
                 QEMU from Debian's backports and installs nothing"
            }
            Self::TooOld { .. } => "install QEMU 7.2 or later",
            Self::Ended { .. } => "look at qemu.log in the board's state folder",
            Self::Timeout { .. } => "check whether the host is overloaded",
            Self::PathTooLong { .. } => "choose a shorter runtime folder",
            Self::RamStays { .. } => "end its process instead",
            Self::FlashTooSmall { .. } => "check whether the file belongs to another board",
            Self::Refused { .. } | Self::Disconnected(_) | Self::Protocol(_) | Self::Restore(_) | Self::Io { .. } => {
                return None;
            }
        })
    }
}
