//! The specification of a board.

use super::BoardError;
use crate::Machine;
use std::{
    fs,
    os::{fd::OwnedFd, unix::net::UnixListener},
    path::{Path, PathBuf},
};

/// The board's end of the air. The air is UART1 on a Unix socket.
#[derive(Debug, Default)]
pub enum AirEnd {
    /// Nothing is connected.
    #[default]
    None,
    /// The card's side. It listens before a board exists, so that the reader's board can be made at the same time.
    Listen(UnixListener),
    /// Either side, connected already: one end of a [`Wire`](super::Wire).
    Wire(OwnedFd),
    /// The reader's side. The socket serves one reader at a time, and the next one waits until the last one has gone.
    Connect(PathBuf),
}

/// What is connected to the serial ports of a board beside its console.
#[derive(Debug, Default)]
pub struct Ends {
    /// The board's end of the air.
    pub air: AirEnd,
    /// The board's end of a line to an acquirer: UART2 of the mps2-an386. No other machine has it, and it needs an air.
    pub uplink: AirEnd,
}

impl From<AirEnd> for Ends {
    fn from(air: AirEnd) -> Self {
        Self { air, uplink: AirEnd::None }
    }
}

/// The specification of a board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardSpec {
    /// The machine.
    pub machine: Machine,
    /// Folder for what outlives the power: `flash.bin`, `nvm.bin`, and QEMU's output in `qemu.log`.
    pub state_dir: PathBuf,
    /// Folder for sockets. Its path must be short, because the path of a socket may have 107 bytes.
    pub runtime_dir: PathBuf,
    /// The emulator: a path, or a name that is looked up in PATH.
    pub qemu: PathBuf,
}

impl BoardSpec {
    /// A board with the system's emulator.
    pub fn new(machine: Machine, state_dir: impl Into<PathBuf>, runtime_dir: impl Into<PathBuf>) -> Self {
        Self { machine, state_dir: state_dir.into(), runtime_dir: runtime_dir.into(), qemu: "qemu-system-arm".into() }
    }

    /// The file with the content of flash, from the first byte on.
    pub fn flash_file(&self) -> PathBuf {
        self.state_dir.join("flash.bin")
    }

    /// The file with the content of the non-volatile memory.
    pub fn nvm_file(&self) -> PathBuf {
        self.state_dir.join("nvm.bin")
    }

    /// The file with QEMU's output of the last start.
    pub fn log_file(&self) -> PathBuf {
        self.state_dir.join("qemu.log")
    }

    /// Makes the folders and the memory's file. Returns the same specification with absolute paths, because QEMU may
    /// have another working folder.
    pub(super) fn made_ready(&self) -> Result<Self, BoardError> {
        let mut ready = self.clone();
        ready.state_dir = folder(&self.state_dir)?;
        ready.runtime_dir = folder(&self.runtime_dir)?;
        if let Some(nvm) = self.machine.nvm() {
            // A file that is too short would end QEMU by SIGBUS. The file is sparse, so the host stores only what was
            // written.
            let path = ready.nvm_file();
            let size = u64::from(nvm.end - nvm.start);
            fs::OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
                .and_then(|file| if file.metadata()?.len() == size { Ok(()) } else { file.set_len(size) })
                .map_err(|source| BoardError::Io { doing: "making", path, source })?;
        }
        Ok(ready)
    }
}

fn folder(path: &Path) -> Result<PathBuf, BoardError> {
    fs::create_dir_all(path).and_then(|()| path.canonicalize()).map_err(|source| BoardError::Io {
        doing: "making the folder",
        path: path.to_owned(),
        source,
    })
}
