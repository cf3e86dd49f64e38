//! One connection to a gdbstub.

use super::packet::{Decoder, PacketError, encode, from_hex, to_hex};
use crate::Endpoint;
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

/// A stub answers within this time, or something is wrong with it. QEMU takes less than a millisecond.
const ANSWER: Duration = Duration::from_secs(3);
/// For the connection itself, over TCP.
const CONNECT: Duration = Duration::from_secs(3);

/// The gdbstub can't be reached, or is no longer there, or breaks the protocol.
#[derive(Debug, thiserror::Error)]
pub enum RspError {
    /// Nothing listens there.
    #[error("connecting to the gdbstub at {endpoint} failed; is that QEMU running?")]
    Connect {
        /// Where.
        endpoint: Endpoint,
        /// What the system said.
        source: io::Error,
    },
    /// QEMU has gone: killed, or aborted by itself, as it does when the core locks up.
    #[error("the gdbstub at {endpoint} closed the connection: QEMU has ended, look at its error output")]
    Closed {
        /// Where.
        endpoint: Endpoint,
    },
    /// The connection broke.
    #[error("the connection to the gdbstub at {endpoint} broke")]
    Io {
        /// Where.
        endpoint: Endpoint,
        /// What the system said.
        source: io::Error,
    },
    /// No answer.
    #[error("the gdbstub at {endpoint} did not answer {request} within {after:?}; does another debugger hold it?")]
    Timeout {
        /// Where.
        endpoint: Endpoint,
        /// What was asked.
        request: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// A packet broke the rules.
    #[error("the gdbstub sent a malformed packet")]
    Packet(#[from] PacketError),
    /// An answer that is none to the request.
    #[error("the gdbstub answered `{request}` with `{answer}`")]
    Unexpected {
        /// What was asked.
        request: String,
        /// What came back.
        answer: String,
    },
}

#[derive(Debug)]
enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    fn open(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_write_timeout(Some(ANSWER))?;
                Ok(Self::Unix(stream))
            }
            Endpoint::Tcp(address) => {
                let address = address.to_socket_addrs()?.next().ok_or(ErrorKind::AddrNotAvailable)?;
                let stream = TcpStream::connect_timeout(&address, CONNECT)?;
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(ANSWER))?;
                Ok(Self::Tcp(stream))
            }
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.write_all(bytes),
            Self::Tcp(stream) => stream.write_all(bytes),
        }
    }

    fn read(&mut self, timeout: Duration, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => {
                stream.set_read_timeout(Some(timeout))?;
                stream.read(buffer)
            }
            Self::Tcp(stream) => {
                stream.set_read_timeout(Some(timeout))?;
                stream.read(buffer)
            }
        }
    }
}

/// One connection to a gdbstub. A stub serves one at a time.
#[derive(Debug)]
pub struct Client {
    endpoint: Endpoint,
    stream: Stream,
    decoder: Decoder,
}

impl Client {
    /// Connects and makes the stub ready. QEMU stops its machine at this moment.
    ///
    /// # Errors
    /// Nothing listens there, or it does not answer as a gdbstub does.
    pub fn connect(endpoint: &Endpoint) -> Result<Self, RspError> {
        let stream =
            Stream::open(endpoint).map_err(|source| RspError::Connect { endpoint: endpoint.clone(), source })?;
        let mut client = Self { endpoint: endpoint.clone(), stream, decoder: Decoder::default() };
        // Not `multiprocess+`: then QEMU would refuse a `D` that names no process.
        const SUPPORTED: &str = "qSupported:swbreak+;hwbreak+;vContSupported+";
        let mut answer = client.ask(SUPPORTED)?;
        // A machine that was running tells first that our coming has stopped it.
        while matches!(answer.first(), Some(b'T' | b'S')) {
            answer = client.expect(SUPPORTED)?;
        }
        // QEMU answers `p` and `P` only to those who have read the description of its registers.
        client.ask("qXfer:features:read:target.xml:0,ffb")?;
        Ok(client)
    }

    /// Sends a request without waiting for the answer.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn send(&mut self, request: &str) -> Result<(), RspError> {
        tracing::trace!(request = shorten(request.as_bytes()), "to gdbstub");
        self.write(&encode(request.as_bytes()))
    }

    /// Stops a running machine; the stop reply follows.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn interrupt(&mut self) -> Result<(), RspError> {
        self.write(&[3])
    }

    /// Next packet, or `None` if there is none before the time is over.
    ///
    /// # Errors
    /// The connection is broken, or the packet is.
    pub fn receive(&mut self, timeout: Duration) -> Result<Option<Vec<u8>>, RspError> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(body) = self.decoder.next_packet()? {
                tracing::trace!(answer = shorten(&body), "from gdbstub");
                self.write(b"+")?;
                return Ok(Some(body));
            }
            // The system takes zero for "forever".
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_micros(1));
            let mut bytes = [0; 8192];
            match self.stream.read(left, &mut bytes) {
                Ok(0) => return Err(RspError::Closed { endpoint: self.endpoint.clone() }),
                Ok(n) => self.decoder.feed(&bytes[..n]),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {
                    if Instant::now() >= deadline {
                        return Ok(None);
                    }
                }
                Err(source) => return Err(self.broken(source)),
            }
        }
    }

    /// Next packet, which must come.
    ///
    /// # Errors
    /// As [`Client::receive`], and that it did not come; `request` says after what.
    pub fn expect(&mut self, request: &str) -> Result<Vec<u8>, RspError> {
        self.receive(ANSWER)?.ok_or_else(|| RspError::Timeout {
            endpoint: self.endpoint.clone(),
            request: format!("`{}`", shorten(request.as_bytes())),
            after: ANSWER,
        })
    }

    /// Sends a request and waits for the answer.
    ///
    /// # Errors
    /// As [`Client::expect`].
    pub fn ask(&mut self, request: &str) -> Result<Vec<u8>, RspError> {
        self.send(request)?;
        self.expect(request)
    }

    /// As [`Client::ask`] for a request that is answered by `OK`.
    ///
    /// # Errors
    /// As [`Client::expect`], and that the answer is another one.
    pub fn order(&mut self, request: &str) -> Result<(), RspError> {
        let answer = self.ask(request)?;
        if answer == b"OK" { Ok(()) } else { Err(unexpected(request, &answer)) }
    }

    /// Runs a command of QEMU's own monitor and gives what it printed.
    ///
    /// # Errors
    /// As [`Client::expect`], and that the monitor refused.
    pub fn monitor(&mut self, command: &str) -> Result<String, RspError> {
        self.send(&format!("qRcmd,{}", to_hex(command.as_bytes())))?;
        let mut printed = String::new();
        loop {
            let answer = self.expect(command)?;
            match answer.as_slice() {
                b"OK" => return Ok(printed),
                [b'O', digits @ ..] => {
                    let text = from_hex(digits).ok_or_else(|| unexpected(command, &answer))?;
                    printed.push_str(&String::from_utf8_lossy(&text));
                }
                _ => return Err(unexpected(command, &answer)),
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), RspError> {
        self.stream.write_all(bytes).map_err(|source| self.broken(source))
    }

    fn broken(&self, source: io::Error) -> RspError {
        let endpoint = self.endpoint.clone();
        match source.kind() {
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => RspError::Closed { endpoint },
            _ => RspError::Io { endpoint, source },
        }
    }
}

/// An answer that is none to `request`.
pub(crate) fn unexpected(request: &str, answer: &[u8]) -> RspError {
    RspError::Unexpected { request: shorten(request.as_bytes()), answer: shorten(answer) }
}

fn shorten(bytes: &[u8]) -> String {
    const SHOWN: usize = 60;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).into_owned();
    if bytes.len() > SHOWN { text + "..." } else { text }
}
