//! What can go wrong before the firmware runs.

use std::io;
use std::path::PathBuf;

/// A hosted board could not start.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// No pseudo terminal.
    #[error("cannot open a pseudo terminal for the board's serial port; is /dev/pts mounted?")]
    Pty(#[source] io::Error),
    /// The emulator can't listen.
    #[error("cannot listen for the validator at {path}; the folder must exist and the path be shorter than 108 bytes")]
    Listen {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The validator can't watch for the emulator.
    #[error("cannot watch for the card emulator's socket at {path}; the folder must exist")]
    Watch {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No file for the non-volatile memory.
    #[error("cannot open {path} as the validator's non-volatile memory; it must be a file of ours that we may write")]
    Nvm {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nothing can be waited for.
    #[error("cannot wait for the board's ports")]
    Wait(#[source] io::Error),
    /// There is no standard input whose end could tell to stop.
    #[error("cannot watch standard input, whose end tells the board to stop")]
    StandardInput(#[source] io::Error),
    /// The line that names the ports could not be written.
    #[error("cannot tell the port on standard output")]
    Tell(#[source] io::Error),
}
