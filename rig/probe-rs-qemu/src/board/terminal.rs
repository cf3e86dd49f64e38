//! The board's serial port. It is a pseudo terminal: one end belongs to the emulator, and anybody may open the other
//! end.

use super::BoardError;
use rustix::{
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{OptionalActions, QueueSelector, tcflush, tcgetattr, tcsetattr},
};
use std::{
    ffi::OsStr,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// A pseudo terminal in raw mode.
#[derive(Debug)]
pub(super) struct Terminal {
    path: PathBuf,
    /// This is kept open, so that the emulator's end never sees a hang-up while nobody has the port open.
    port: OwnedFd,
    device: Device,
}

/// The emulator's end, as long as there is an emulator.
#[derive(Debug, Clone)]
pub(super) struct Device(Arc<Mutex<Option<OwnedFd>>>);

impl Device {
    /// The handle to drop when the emulator has ended. A user of the port notices that the board has ended only when
    /// the last holder of the emulator's end is gone.
    pub(super) fn close(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Terminal {
    /// The terminal, and the emulator's end of it. Our copy of that end has to be closed when the emulator has ended.
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
        let copy = rustix::io::fcntl_dupfd_cloexec(&device, 0).map_err(failed)?;
        Ok((Self { path, port, device: Device(Arc::new(Mutex::new(Some(copy)))) }, device))
    }

    /// The handle to close when the emulator has ended.
    pub(super) fn device(&self) -> Device {
        self.device.clone()
    }

    /// Discards everything on its way, in both directions. Nothing may read or write at the same time.
    pub(super) fn flush(&self) -> Result<(), BoardError> {
        let failed = |source: rustix::io::Errno| BoardError::Io {
            doing: "emptying the pseudo terminal",
            path: self.path.clone(),
            source: source.into(),
        };
        // The input of each end is the output of the other end. This discards bytes that were handed over, and bytes
        // that the kernel is about to hand over.
        tcflush(&self.port, QueueSelector::IFlush).map_err(failed)?;
        if let Some(device) = &*self.device.0.lock().unwrap_or_else(PoisonError::into_inner) {
            tcflush(device, QueueSelector::IFlush).map_err(failed)?;
        }
        Ok(())
    }

    /// The port.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
