//! A pseudo terminal as a serial port.

use crate::error::SimError;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use std::io;
use std::os::fd::OwnedFd;

/// The board's end of a pseudo terminal.
#[derive(Debug)]
pub(crate) struct Pty {
    /// Reads and writes don't block.
    pub(crate) master: OwnedFd,
    /// Kept open: without any holder the other end would hang up whenever the rig closes its port.
    _slave: OwnedFd,
    /// What the rig opens.
    pub(crate) path: String,
}

impl Pty {
    /// A new one, in raw mode: no byte is changed, none is echoed.
    pub(crate) fn open() -> Result<Self, SimError> {
        Self::try_open().map_err(SimError::Pty)
    }

    fn try_open() -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let path = ptsname(&master, Vec::new())?;
        let slave = rustix::fs::open(path.as_c_str(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
        let mut mode = tcgetattr(&slave)?;
        mode.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &mode)?;
        rustix::io::ioctl_fionbio(&master, true)?;
        let path = path.into_string().map_err(|_| io::Error::other("the name of the terminal is no text"))?;
        Ok(Self { master, _slave: slave, path })
    }
}
