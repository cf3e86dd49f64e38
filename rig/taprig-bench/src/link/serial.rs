//! Opens a terminal as a serial port.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open as open_file};
use rustix::termios::{ControlModes, InputModes, OptionalActions, ioctl_tiocexcl, tcgetattr, tcsetattr};
use tokio::net::unix::pipe;

/// Opens `path` at `baud`, 8N1, without flow control. Reads and writes do not block. Nobody else can open the port
/// meanwhile.
///
/// # Errors
/// `ResourceBusy` or `WouldBlock` if somebody else holds the port. Any other error means that it can't be opened, that it
/// is no terminal, or that it can't be set up.
pub(super) fn open(path: &Path, baud: u32) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let port = open_file(path, flags, Mode::empty())?;
    // A terminal that is closed to others is still open to root, so that root needs the lock.
    ioctl_tiocexcl(&port)?;
    flock(&port, FlockOperation::NonBlockingLockExclusive)?;
    let mut wanted = tcgetattr(&port)?;
    wanted.make_raw();
    wanted.input_modes.remove(InputModes::IXON | InputModes::IXOFF);
    wanted.control_modes.remove(ControlModes::CRTSCTS | ControlModes::CSTOPB | ControlModes::PARENB);
    wanted.control_modes.insert(ControlModes::CREAD | ControlModes::CLOCAL);
    tcsetattr(&port, OptionalActions::Now, &wanted)?;
    // The call succeeds if the driver has taken any of it.
    let taken = tcgetattr(&port)?;
    if (taken.input_modes, taken.output_modes, taken.local_modes, taken.control_modes)
        != (wanted.input_modes, wanted.output_modes, wanted.local_modes, wanted.control_modes)
    {
        return Err(io::Error::other(
            "it does not take the settings of a serial port: raw bytes, 8N1, no flow control",
        ));
    }
    wanted.set_speed(baud)?;
    tcsetattr(&port, OptionalActions::Now, &wanted)?;
    Ok(port.into())
}

/// Changes the speed, after everything has been sent at the old one.
///
/// # Errors
/// The port has vanished or does not have this speed.
pub(super) fn set_baud(port: &File, baud: u32) -> io::Result<()> {
    let mut wanted = tcgetattr(port)?;
    wanted.set_speed(baud)?;
    Ok(tcsetattr(port, OptionalActions::Drain, &wanted)?)
}

/// Writes all bytes. It waits for room only if the port has none.
///
/// # Errors
/// The port has vanished.
pub(super) async fn write_all(mut port: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match port.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => bytes = &bytes[n..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // A registration begins with the present state of the port, so no room is missed.
                pipe::Sender::from_file_unchecked(port.try_clone()?)?.writable().await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
