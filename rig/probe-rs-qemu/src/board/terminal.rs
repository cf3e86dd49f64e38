//! The board's serial port: a pseudo terminal, whose one end is the emulator's and whose other end anybody may open.

use super::BoardError;
use rustix::{
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{OptionalActions, tcgetattr, tcsetattr},
};
use std::{
    ffi::OsStr,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

/// A pseudo terminal in raw mode.
#[derive(Debug)]
pub(super) struct Terminal {
    path: PathBuf,
    /// Kept open, so that the emulator's end never sees a hang-up while nobody has the port open.
    _port: OwnedFd,
}

impl Terminal {
    /// The terminal, and the emulator's end of it. That end must be the emulator's alone: only when the last holder is
    /// gone does whoever has the port open see that the board is.
    pub(super) fn new() -> Result<(Self, OwnedFd), BoardError> {
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
        Ok((Self { path, _port: port }, device))
    }

    /// The port.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
