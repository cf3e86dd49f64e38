//! One connection to a gdbstub.

use super::packet::{Decoder, PacketError, encode, from_hex, to_hex};
use crate::Endpoint;
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

/// A stub that does not answer within this time does not work. QEMU takes less than a millisecond.
const ANSWER: Duration = Duration::from_secs(3);
/// The time limit for connecting over TCP.
const CONNECT: Duration = Duration::from_secs(3);

/// The gdbstub can't be reached, has ended, or violates the protocol.
#[derive(Debug, thiserror::Error)]
pub enum RspError {
    /// Nothing listens at the address.
    #[error("connecting to the gdbstub at {endpoint} failed; check that this QEMU is running")]
    Connect {
        /// The address of the stub.
        endpoint: Endpoint,
        /// The error of the operating system.
        source: io::Error,
    },
    /// QEMU has ended: it was killed, or it aborted, as it does when the core locks up.
    #[error("the gdbstub at {endpoint} closed the connection: QEMU has ended; look at its error output")]
    Closed {
        /// The address of the stub.
        endpoint: Endpoint,
    },
    /// The connection broke.
    #[error("the connection to the gdbstub at {endpoint} broke")]
    Io {
        /// The address of the stub.
        endpoint: Endpoint,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The stub did not answer.
    #[error(
        "the gdbstub at {endpoint} did not answer {request} within {after:?}; check whether another debugger uses it"
    )]
    Timeout {
        /// The address of the stub.
        endpoint: Endpoint,
        /// The request.
        request: String,
        /// The time limit.
        after: Duration,
    },
    /// A packet violated the rules.
    #[error("the gdbstub sent a malformed packet")]
    Packet(#[from] PacketError),
    /// The answer does not belong to the request.
    #[error("the gdbstub answered `{request}` with `{answer}`")]
    Unexpected {
        /// The request.
        request: String,
        /// The answer.
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
    /// Nothing listens at the address, or the listener does not answer like a gdbstub.
    pub fn connect(endpoint: &Endpoint) -> Result<Self, RspError> {
        let stream =
            Stream::open(endpoint).map_err(|source| RspError::Connect { endpoint: endpoint.clone(), source })?;
        let mut client = Self { endpoint: endpoint.clone(), stream, decoder: Decoder::default() };
        // The features do not include `multiprocess+`. With it, QEMU would refuse a `D` that names no process.
        const SUPPORTED: &str = "qSupported:swbreak+;hwbreak+;vContSupported+";
        let mut answer = client.ask(SUPPORTED)?;
        // If the machine was running, the stub first reports that the connection has stopped it.
        while matches!(answer.first(), Some(b'T' | b'S')) {
            answer = client.expect(SUPPORTED)?;
        }
        // QEMU answers `p` and `P` only to a client that has read the description of its registers.
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

    /// Stops a running machine. The stop reply follows.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn interrupt(&mut self) -> Result<(), RspError> {
        self.write(&[3])
    }

    /// The next packet, or `None` if there is none within the time limit.
    ///
    /// # Errors
    /// The connection or the packet is broken.
    pub fn receive(&mut self, timeout: Duration) -> Result<Option<Vec<u8>>, RspError> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(body) = self.decoder.next_packet()? {
                tracing::trace!(answer = shorten(&body), "from gdbstub");
                self.write(b"+")?;
                return Ok(Some(body));
            }
            // The system takes zero as "for ever".
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

    /// The next packet, which must come.
    ///
    /// # Errors
    /// The same as for [`Client::receive`], or no packet came. `request` says what it should answer.
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
    /// The same as for [`Client::expect`].
    pub fn ask(&mut self, request: &str) -> Result<Vec<u8>, RspError> {
        self.send(request)?;
        self.expect(request)
    }

    /// Does the same as [`Client::ask`] for a request that is answered by `OK`.
    ///
    /// # Errors
    /// The same as for [`Client::expect`], or the answer is another one.
    pub fn order(&mut self, request: &str) -> Result<(), RspError> {
        let answer = self.ask(request)?;
        if answer == b"OK" { Ok(()) } else { Err(unexpected(request, &answer)) }
    }

    /// Runs a command of QEMU's own monitor and returns its output.
    ///
    /// # Errors
    /// The same as for [`Client::expect`], or the monitor refused.
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

/// The error for an answer that does not belong to `request`.
pub(crate) fn unexpected(request: &str, answer: &[u8]) -> RspError {
    RspError::Unexpected { request: shorten(request.as_bytes()), answer: shorten(answer) }
}

fn shorten(bytes: &[u8]) -> String {
    const SHOWN: usize = 60;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).into_owned();
    if bytes.len() > SHOWN { text + "..." } else { text }
}
