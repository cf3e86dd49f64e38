//! Where the bytes of a link come from and go to.

use std::fmt;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use taprig_model::bench::TcpAddress;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_serial::SerialPortBuilderExt as _;

use super::LinkError;
use super::terminal::TerminalStream;

/// The longest time for a connection over a network.
const CONNECT: Duration = Duration::from_secs(3);

/// An end of a link that the rig can open.
#[derive(Debug, Clone)]
pub enum Endpoint {
    /// A serial port, or a pseudo terminal that another process provides.
    Serial(PathBuf),
    /// A TCP port.
    Tcp(TcpAddress),
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

/// An open stream of bytes in both directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Endpoint {
    /// Opens the stream. `baud` is the speed of a serial port, 8N1. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`LinkError::Taken`] if another process holds a serial port, [`LinkError::Open`] if the stream can't be opened.
    pub(super) fn open(&self, baud: u32) -> Result<Box<dyn Stream>, LinkError> {
        let failed = |source: std::io::Error| LinkError::Open { port: self.to_string(), source };
        match self {
            Self::Serial(path) => {
                let opened = tokio_serial::new(path.to_string_lossy(), baud).open_native_async();
                let stream = opened.map_err(|error| match error.kind() {
                    // The port is opened exclusively. The kernel's lock ends with the process that holds it.
                    _ if is_taken(&error) => LinkError::Taken { port: self.to_string() },
                    _ => failed(error.into()),
                })?;
                Ok(Box::new(stream))
            }
            Self::Tcp(address) => Ok(Box::new(connect(address).map_err(failed)?)),
            Self::Terminal(fd) => Ok(Box::new(TerminalStream::new(fd).map_err(failed)?)),
        }
    }
}

/// Whether another process holds the port. Only the text of serialport's error says so.
fn is_taken(error: &tokio_serial::Error) -> bool {
    let text = error.description.to_ascii_lowercase();
    text.contains("busy") || text.contains("exclusive lock")
}

/// A connection to the first address of the host that accepts one.
fn connect(address: &TcpAddress) -> std::io::Result<tokio::net::TcpStream> {
    let mut last = std::io::Error::other("the host has no address");
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
