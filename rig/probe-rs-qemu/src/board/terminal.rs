//! The board's serial port: a pseudo terminal, whose one end is the emulator's and whose other end anybody may open.

use super::BoardError;
use rustix::{
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{OptionalActions, tcgetattr, tcsetattr},
};
use std::{
    ffi::OsStr,
    io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

/// A pseudo terminal in raw mode.
#[derive(Debug)]
pub(super) struct Terminal {
    device: OwnedFd,
    path: PathBuf,
    /// Kept open, so that the emulator's end never sees a hang-up while nobody has the port open.
    _port: OwnedFd,
}

impl Terminal {
    pub(super) fn new() -> Result<Self, BoardError> {
        let failed = |source: rustix::io::Errno| BoardError::Io {
            doing: "making a pseudo terminal with",
            path: "/dev/ptmx".into(),
            source: source.into(),
        };
        let device = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).map_err(failed)?;
        grantpt(&device).map_err(failed)?;
        unlockpt(&device).map_err(failed)?;
        let name = ptsname(&device, Vec::new()).map_err(failed)?;
        let path = PathBuf::from(OsStr::from_bytes(name.to_bytes()));
        let port = open(&path, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
        let mut settings = tcgetattr(&port).map_err(failed)?;
        settings.make_raw();
        tcsetattr(&port, OptionalActions::Now, &settings).map_err(failed)?;
        Ok(Self { device, path, _port: port })
    }

    /// The emulator's end, once more.
    pub(super) fn device(&self) -> Result<OwnedFd, BoardError> {
        self.device.try_clone().map_err(|source: io::Error| BoardError::Io {
            doing: "handing over",
            path: self.path.clone(),
            source,
        })
    }

    /// The port.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
