//! Where the bytes of a link come from and go to.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use taprig_model::address::Address;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::unix::pipe;

use super::LinkError;
use super::serial;
use super::terminal::TerminalStream;

/// The longest time for a connection over a network.
const CONNECT: Duration = Duration::from_secs(3);

/// An end of a link that the rig can open.
#[derive(Debug, Clone)]
pub enum Endpoint {
    /// A serial port, or a pseudo terminal that another process provides.
    Serial(PathBuf),
    /// A TCP port.
    Tcp(Address),
    /// The rig's end of a pseudo terminal that a program has as its standard input and output.
    Terminal(Arc<OwnedFd>),
}

impl From<PathBuf> for Endpoint {
    fn from(path: PathBuf) -> Self {
        Self::Serial(path)
    }
}

impl From<&Path> for Endpoint {
    fn from(path: &Path) -> Self {
        Self::Serial(path.into())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(path) => write!(f, "serial port {}", path.display()),
            Self::Tcp(address) => write!(f, "TCP port {address}"),
            Self::Terminal(_) => f.write_str("terminal of the program"),
        }
    }
}

/// The end from which the bytes of an open link are read.
pub(crate) type Reader = Box<dyn AsyncRead + Send + Unpin>;

/// The end to which the bytes of an open link are written.
pub(crate) enum Writer {
    /// A serial port. It is not registered for writing, because that would wake the bench whenever the board has read
    /// something.
    Serial(File),
    /// Anything else.
    Stream(Box<dyn AsyncWrite + Send + Sync + Unpin>),
}

impl Writer {
    /// Writes all bytes. It waits for room only if there is none.
    ///
    /// # Errors
    /// The other end is gone.
    pub(crate) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Serial(port) => serial::write_all(port, bytes).await,
            Self::Stream(stream) => stream.write_all(bytes).await,
        }
    }

    /// Changes the speed of a serial port, after everything has been sent at the old one. Nothing else has a speed.
    ///
    /// # Errors
    /// The port has vanished or does not have this speed.
    pub(super) fn set_baud(&self, baud: u32) -> io::Result<()> {
        match self {
            Self::Serial(port) => serial::set_baud(port, baud),
            Self::Stream(_) => Ok(()),
        }
    }
}

impl Endpoint {
    /// The name by which another process can open it: the path of a serial port, or a host and a port.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Serial(path) => Some(path.display().to_string()),
            Self::Tcp(address) => Some(address.to_string()),
            Self::Terminal(_) => None,
        }
    }

    /// Opens the two ends. `baud` is the speed of a serial port, 8N1. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`LinkError::Taken`] if another process holds a serial port, [`LinkError::Open`] if it can't be opened.
    pub(crate) fn open(&self, baud: u32) -> Result<(Reader, Writer), LinkError> {
        let failed = |source: io::Error| match source.kind() {
            // The port is opened exclusively. The kernel's lock ends with the process that holds it.
            ErrorKind::ResourceBusy | ErrorKind::WouldBlock => LinkError::Taken { port: self.to_string() },
            _ => LinkError::Open { port: self.to_string(), source },
        };
        match self {
            Self::Serial(path) => {
                let writer = serial::open(path, baud).map_err(failed)?;
                // tokio has no type for a terminal, but to wait for the bytes of a pipe is the same. The reader has a
                // handle of its own, which is registered for reading and nothing else.
                let reader = writer.try_clone().and_then(pipe::Receiver::from_file_unchecked).map_err(failed)?;
                Ok((Box::new(reader), Writer::Serial(writer)))
            }
            Self::Tcp(address) => Ok(halves(connect(address).map_err(failed)?)),
            Self::Terminal(fd) => Ok(halves(TerminalStream::new(fd).map_err(failed)?)),
        }
    }
}

/// The two ends of a stream.
pub(crate) fn halves(stream: impl AsyncRead + AsyncWrite + Send + Sync + 'static) -> (Reader, Writer) {
    let (reader, writer) = tokio::io::split(stream);
    (Box::new(reader), Writer::Stream(Box::new(writer)))
}

/// A connection to the first address of the host that accepts one.
fn connect(address: &Address) -> io::Result<tokio::net::TcpStream> {
    let mut last = io::Error::other("the host has no address");
    for socket in address.to_string().to_socket_addrs()? {
        match TcpStream::connect_timeout(&socket, CONNECT) {
            Ok(stream) => {
                // A command is one small packet, and the rig waits for its answer.
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                return tokio::net::TcpStream::from_std(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
