//! The connection of a card to a virtual PC/SC reader: vsmartcard's driver vpcd, over TCP.
//!
//! vpcd is a driver of the PC/SC daemon pcscd. It listens on a port, and whoever connects to it is the card. Both sides
//! send messages of two length bytes (the most significant one first) and a payload. A payload of one byte is an order
//! to the card: power off, power on, reset, or send the ATR. Any other payload is a command APDU. The card answers
//! commands and requests for its ATR. It does not answer the other orders.
//!
//! vpcd asks for the ATR about twice a second, to learn whether the card is still there.

use std::io::{Error, ErrorKind};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::port::{ByteSink, Way};

/// The longest time until the reader's port accepts a connection.
const CONNECTS: Duration = Duration::from_secs(3);

/// The longest time until the reader sends its first order. pcscd looks for a card about twice a second.
const TAKES: Duration = Duration::from_secs(5);

/// The longest time from the first byte of a message to its last one.
const COMPLETES: Duration = Duration::from_secs(2);

/// The longest time until the reader accepts bytes.
const ACCEPTS: Duration = Duration::from_secs(2);

/// The orders to a card, each a payload of one byte.
mod order {
    pub(super) const POWER_OFF: u8 = 0x00;
    pub(super) const POWER_ON: u8 = 0x01;
    pub(super) const RESET: u8 = 0x02;
    pub(super) const SEND_ATR: u8 = 0x04;
}

/// The link to a virtual reader failed. This is a fault of the rig and never a verdict on the device.
#[derive(Debug, thiserror::Error)]
pub enum VpcdError {
    /// No program listens.
    #[error("can't put the card into the virtual reader: nobody listens at {address} ({source})")]
    NobodyListens {
        /// Host and port.
        address: String,
        /// The cause.
        source: Error,
    },
    /// A program listens, but it does not take a card.
    #[error("the virtual reader at {address} did not take the card within {} ms", within.as_millis())]
    NotTaken {
        /// Host and port.
        address: String,
        /// The time limit.
        within: Duration,
    },
    /// What listens there does not speak as vpcd does.
    #[error("what listens at {address} is not the virtual reader vpcd: {why}")]
    NotVpcd {
        /// Host and port.
        address: String,
        /// What it sent.
        why: NotVpcd,
    },
    /// A message stops in the middle.
    #[error(
        "the virtual reader at {address} sent {there} of {length} bytes of a message and then nothing for {} ms",
        within.as_millis()
    )]
    Unfinished {
        /// Host and port.
        address: String,
        /// Number of bytes that came.
        there: usize,
        /// Number of bytes that the message has.
        length: usize,
        /// The time limit.
        within: Duration,
    },
    /// The reader closed the connection while the card was in it.
    #[error("the virtual reader at {address} closed the connection {when} ({source})")]
    Closed {
        /// Host and port.
        address: String,
        /// Whether it closed the connection between two messages or in the middle of one.
        when: &'static str,
        /// The cause.
        source: Error,
    },
    /// The reader accepts no bytes.
    #[error("the virtual reader at {address} did not accept {bytes} bytes within {} ms", within.as_millis())]
    Stuck {
        /// Host and port.
        address: String,
        /// Number of bytes to send.
        bytes: usize,
        /// The time limit.
        within: Duration,
    },
}

impl VpcdError {
    /// What a person can try.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::NobodyListens { .. } => {
                "start pcscd with the driver vpcd: `ci/virtual-reader` installs and starts both; if vpcd listens \
                 elsewhere, give the address in a bench file"
            }
            Self::NotTaken { .. } => "check whether another program holds a card in this reader; each port takes one",
            Self::NotVpcd { .. } => "check the address: vpcd listens on port 35963 unless its configuration differs",
            Self::Unfinished { .. } | Self::Stuck { .. } => "restart pcscd, then run the command again",
            Self::Closed { .. } => {
                "check whether pcscd has ended or was restarted; start it if necessary, then run the command again"
            }
        }
    }
}

/// A message of the reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Power off: the card forgets its state.
    PowerOff,
    /// Power on.
    PowerOn,
    /// Reset of a card that has power.
    Reset,
    /// The card is asked for its ATR.
    SendAtr,
    /// A command APDU for the card.
    Command(Vec<u8>),
}

/// Bytes that vpcd never sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotVpcd {
    /// A message without a payload.
    #[error("it sent an empty message")]
    Empty,
    /// A command for a card that has no power yet.
    #[error("it sent a message of {0} bytes before it gave power to the card")]
    Early(usize),
    /// An order that does not exist, for a card that has no power yet.
    #[error("it sent the order {0:02X}, which does not exist")]
    Order(u8),
}

/// Cuts the reader's bytes into messages.
///
/// A program can send a command of one byte through PC/SC. vpcd passes it on, so it looks like an order. If the order
/// does not exist and the card has power, the byte is a command. pcscd would wait for its answer forever.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    powered: bool,
}

impl Decoder {
    /// Takes bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next complete message, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// [`NotVpcd`]. No message can follow, so each later call returns the same error.
    pub fn next_message(&mut self) -> Result<Option<Message>, NotVpcd> {
        let Some((length, rest)) = self.bytes.split_first_chunk::<2>() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes(*length));
        // This is known before the payload has come. A program with another protocol may never send so many bytes.
        if length == 0 {
            return Err(NotVpcd::Empty);
        }
        if !self.powered && length > 1 {
            return Err(NotVpcd::Early(length));
        }
        let Some(payload) = rest.get(..length) else { return Ok(None) };
        let message = match payload {
            [order::POWER_OFF] => Message::PowerOff,
            [order::POWER_ON] => Message::PowerOn,
            [order::RESET] => Message::Reset,
            [order::SEND_ATR] => Message::SendAtr,
            [other] if !self.powered => return Err(NotVpcd::Order(*other)),
            command => Message::Command(command.to_vec()),
        };
        match message {
            Message::PowerOn | Message::Reset => self.powered = true,
            Message::PowerOff => self.powered = false,
            Message::SendAtr | Message::Command(_) => {}
        }
        self.bytes.drain(..2 + length);
        Ok(Some(message))
    }

    /// The number of bytes that have come of an incomplete message, and the number that it has, as far as they are known.
    #[must_use]
    pub fn unfinished(&self) -> Option<(usize, usize)> {
        let length = self.bytes.first_chunk::<2>().map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
        (!self.bytes.is_empty()).then_some((self.bytes.len(), 2 + length))
    }
}

/// A message of the card with its length, or `None` if it is too long for two length bytes.
#[must_use]
pub fn packed(payload: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(payload.len()).ok()?;
    Some([&length.to_be_bytes(), payload].concat())
}

/// A card in the reader.
pub struct Connection {
    address: String,
    stream: TcpStream,
    decoder: Decoder,
    /// The bytes that wait until the reader accepts them.
    outbox: Vec<u8>,
    /// Until when the reader has to send its first order. This is `None` as soon as it has.
    takes: Option<Instant>,
    /// Until when the message that has begun has to be complete.
    completes: Option<Instant>,
    tap: ByteSink,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("address", &self.address)
            .field("decoder", &self.decoder)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects to `address`, which is a host and a port. The reader then finds a card.
    ///
    /// # Errors
    /// [`VpcdError::NobodyListens`], [`VpcdError::NotTaken`].
    pub async fn open(address: &str, tap: ByteSink) -> Result<Self, VpcdError> {
        let nobody = |source| VpcdError::NobodyListens { address: address.into(), source };
        let stream = match timeout(CONNECTS, TcpStream::connect(address)).await {
            Ok(connected) => connected.map_err(nobody)?,
            // The reader has room for one card that waits. The system lets others wait outside.
            Err(_) => return Err(VpcdError::NotTaken { address: address.into(), within: CONNECTS }),
        };
        stream.set_nodelay(true).map_err(nobody)?;
        Ok(Self {
            address: address.into(),
            stream,
            decoder: Decoder::default(),
            outbox: Vec::new(),
            takes: Some(Instant::now() + TAKES),
            completes: None,
            tap,
        })
    }

    /// Sends a payload. The reader's bytes stay where they are.
    ///
    /// # Errors
    /// [`VpcdError::Closed`], [`VpcdError::Stuck`].
    pub async fn send(&mut self, message: &[u8]) -> Result<(), VpcdError> {
        self.queue(message);
        self.flush().await
    }

    /// Puts a message, which [`packed`] made, to those that the next call of any other method sends.
    pub fn queue(&mut self, message: &[u8]) {
        self.outbox.extend_from_slice(message);
    }

    /// The next message of the reader and the time at which its last byte was read, or `None` if the deadline passes
    /// first. If this future is dropped, nothing is lost.
    ///
    /// # Errors
    /// [`VpcdError`] except [`VpcdError::NobodyListens`].
    pub async fn receive(&mut self, deadline: Instant) -> Result<Option<(Message, std::time::Instant)>, VpcdError> {
        loop {
            self.flush().await?;
            let message = self.decoder.next_message();
            if let Some(message) = message.map_err(|why| VpcdError::NotVpcd { address: self.address.clone(), why })? {
                (self.takes, self.completes) = (None, None);
                return Ok(Some((message, std::time::Instant::now())));
            }
            if self.decoder.unfinished().is_some() && self.completes.is_none() {
                self.completes = Some(Instant::now() + COMPLETES);
            }
            let limits = [Some(deadline), self.takes, self.completes];
            let until = limits.into_iter().flatten().min().unwrap_or(deadline);
            match timeout_at(until, self.stream.readable()).await {
                Ok(readable) => readable.map_err(|source| self.closed(source))?,
                Err(_) if until == deadline => return Ok(None),
                Err(_) => return Err(self.overdue()),
            }
            self.read()?;
        }
    }

    /// Reads what has come.
    fn read(&mut self) -> Result<(), VpcdError> {
        let mut buffer = [0u8; 4096];
        match self.stream.try_read(&mut buffer) {
            Ok(0) => Err(self.closed(ErrorKind::UnexpectedEof.into())),
            Ok(n) => {
                // vpcd sends length and payload apart, and its system keeps the payload back until the length is
                // acknowledged. An acknowledgement that waits costs 40 ms for each command. The system resets this
                // option by itself. Without it the link only becomes slow.
                let _ = self.stream.set_quickack(true);
                (self.tap)(Way::In, &buffer[..n]);
                self.decoder.feed(&buffer[..n]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(self.closed(error)),
        }
    }

    /// Sends what waits.
    async fn flush(&mut self) -> Result<(), VpcdError> {
        while !self.outbox.is_empty() {
            match self.stream.try_write(&self.outbox) {
                Ok(n) => {
                    (self.tap)(Way::Out, &self.outbox[..n]);
                    self.outbox.drain(..n);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    match timeout(ACCEPTS, self.stream.writable()).await {
                        Ok(writable) => writable.map_err(|source| self.closed(source))?,
                        Err(_) => {
                            let (address, bytes) = (self.address.clone(), self.outbox.len());
                            return Err(VpcdError::Stuck { address, bytes, within: ACCEPTS });
                        }
                    }
                }
                Err(error) => return Err(self.closed(error)),
            }
        }
        Ok(())
    }

    fn overdue(&self) -> VpcdError {
        let address = self.address.clone();
        match self.decoder.unfinished() {
            Some((there, length)) => VpcdError::Unfinished { address, there, length, within: COMPLETES },
            None => VpcdError::NotTaken { address, within: TAKES },
        }
    }

    fn closed(&self, source: Error) -> VpcdError {
        let when = match self.decoder.unfinished() {
            None => "between two messages",
            Some(_) => "in the middle of a message",
        };
        VpcdError::Closed { address: self.address.clone(), when, source }
    }
}

#[cfg(test)]
mod tests;
