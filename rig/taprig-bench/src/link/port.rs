//! An open link: a serial port, a network connection or a terminal. It has one reader for as long as it is open, and all raw bytes are recorded.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;

use super::LinkError;
use super::endpoint::{Endpoint, Reader, Writer};

/// The direction of bytes on a port, as seen from the rig.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the board.
    In,
    /// To the board.
    Out,
}

/// Receives the raw bytes of a port, with the time at which they passed.
pub type ByteSink = Arc<dyn Fn(Way, &[u8]) + Send + Sync>;

/// Converts the bytes of a stream into messages. It receives every byte in order and never waits.
pub trait Decoder: Send + 'static {
    /// The type of the messages.
    type Message: Send + 'static;
    /// Takes bytes, and passes each message that they complete to `emit`.
    fn push(&mut self, bytes: &[u8], emit: &mut dyn FnMut(Self::Message));
}

/// An item from the reader of a port.
#[derive(Debug)]
pub enum Incoming<M> {
    /// A message.
    Message(M),
    /// The port is gone: it was unplugged, or the board's process has ended. Nothing follows.
    Gone(io::Error),
}

/// The channel on which the reader of a port sends the messages of its decoder.
pub type Messages<D> = mpsc::UnboundedReceiver<Incoming<<D as Decoder>::Message>>;

/// An open port, for writing. Its reader lives as long as this value.
pub struct Port {
    name: String,
    baud: u32,
    writer: Writer,
    tap: SinkHandle,
    reader: tokio::task::JoinHandle<()>,
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Port").field("name", &self.name).field("baud", &self.baud).finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct SinkHandle(ByteSink);

impl std::fmt::Debug for SinkHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ByteSink")
    }
}

impl Port {
    /// Opens `endpoint`, a serial port at `baud`, 8N1, exclusively, and starts its reader. Call it within a tokio
    /// runtime.
    ///
    /// # Errors
    /// [`LinkError::Taken`] if another process holds the port, [`LinkError::Open`] if it can't be opened.
    pub fn open<D: Decoder>(
        endpoint: &Endpoint,
        baud: u32,
        decoder: D,
        tap: ByteSink,
    ) -> Result<(Self, Messages<D>), LinkError> {
        let (reader, writer) = endpoint.open(baud)?;
        let (send, receive) = mpsc::unbounded_channel();
        let reader = tokio::spawn(read(reader, decoder, tap.clone(), send));
        Ok((Self { name: endpoint.to_string(), baud, writer, tap: SinkHandle(tap), reader }, receive))
    }

    /// Sends all of `bytes`, within the time that a port of this speed needs.
    ///
    /// # Errors
    /// [`LinkError::Gone`] if the port has vanished, [`LinkError::Stuck`] if it accepts nothing. A part of the bytes
    /// may have been sent in that case, so the port can't be used any more.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        (self.tap.0)(Way::Out, bytes);
        let within = patience(self.baud, bytes.len());
        match tokio::time::timeout(within, self.writer.write_all(bytes)).await {
            Ok(sent) => sent.map_err(|source| LinkError::Gone { port: self.name.clone(), source }),
            Err(_) => Err(LinkError::Stuck { port: self.name.clone(), bytes: bytes.len(), within }),
        }
    }

    /// Changes the speed, after everything has been sent at the old one.
    ///
    /// # Errors
    /// [`LinkError::Gone`] if the port has vanished or does not have this speed.
    pub fn set_baud(&mut self, baud: u32) -> Result<(), LinkError> {
        if baud == self.baud {
            return Ok(());
        }
        let gone = |source| LinkError::Gone { port: self.name.clone(), source };
        self.writer.set_baud(baud).map_err(gone)?;
        self.baud = baud;
        Ok(())
    }

    /// The speed, in bits per second.
    #[must_use]
    pub fn baud(&self) -> u32 {
        self.baud
    }

    /// Closes the port, and returns when it is closed. Only then can it be opened again.
    pub async fn close(mut self) {
        self.reader.abort();
        // The reader was asked to end, so it does not matter whether it failed. The port is closed when both handles
        // are dropped.
        let _ = (&mut self.reader).await;
    }

    /// The port, with the word for what it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// How long a port may take for this number of bytes. Bytes that the system and the adapter already hold go first, and
/// a busy machine is slow.
fn patience(baud: u32, bytes: usize) -> Duration {
    const HELD: usize = 4096;
    const SLACK: Duration = Duration::from_secs(2);
    // A byte has a start bit, eight bits and a stop bit.
    let bits = u64::try_from((HELD + bytes) * 10).unwrap_or(u64::MAX);
    SLACK + Duration::from_millis(bits.saturating_mul(1000) / u64::from(baud.max(1)))
}

async fn read<D: Decoder>(
    mut reader: Reader,
    mut decoder: D,
    tap: ByteSink,
    send: mpsc::UnboundedSender<Incoming<D::Message>>,
) {
    let mut buffer = [0u8; 4096];
    loop {
        let gone = match reader.read(&mut buffer).await {
            Ok(0) => io::Error::new(ErrorKind::UnexpectedEof, "the port was closed by its device"),
            Ok(n) => {
                tap(Way::In, &buffer[..n]);
                decoder.push(&buffer[..n], &mut |message| {
                    // If the receiver was dropped, the port is being closed.
                    let _ = send.send(Incoming::Message(message));
                });
                continue;
            }
            Err(error) => error,
        };
        let _ = send.send(Incoming::Gone(gone));
        return;
    }
}

#[cfg(test)]
mod tests;
