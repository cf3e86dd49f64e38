//! What every text console has: a port whose decoder makes messages of lines, and lines that nobody waits for.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::LinkError;
use super::endpoint::Endpoint;
use super::port::{ByteSink, Decoder, Incoming, Port};

/// Number of lines without a meaning that are kept for messages.
const KEPT: usize = 16;

/// The lines of one console, as messages of type `M`.
#[derive(Debug)]
pub(crate) struct Lines<M> {
    port: Port,
    messages: mpsc::UnboundedReceiver<Incoming<M>>,
    /// The last lines without a meaning.
    noise: VecDeque<String>,
    hears: Hears,
}

/// The listener for noise.
struct Hears(Box<dyn Fn(&str) + Send>);

impl std::fmt::Debug for Hears {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hears")
    }
}

impl<M: Send + 'static> Lines<M> {
    /// Opens the console.
    ///
    /// # Errors
    /// The same as for [`Port::open`].
    pub(crate) fn open<D: Decoder<Message = M>>(
        endpoint: &Endpoint,
        baud: u32,
        decoder: D,
        tap: ByteSink,
    ) -> Result<Self, LinkError> {
        let (port, messages) = Port::open(endpoint, baud, decoder, tap)?;
        Ok(Self { port, messages, noise: VecDeque::new(), hears: Hears(Box::new(|_| {})) })
    }

    /// Sets the listener. From now on `hear` receives each line without a meaning, in the order of all lines.
    pub(crate) fn noise_to(&mut self, hear: impl Fn(&str) + Send + 'static) {
        self.hears = Hears(Box::new(hear));
    }

    /// Closes the console. Anything that it still holds is lost.
    pub(crate) async fn close(self) {
        self.port.close().await;
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// The same as for [`Port::send`].
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        self.port.send(bytes).await
    }

    /// The next message, or `None` if the deadline passes first. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    pub(crate) async fn next(&mut self, deadline: Instant) -> Result<Option<M>, LinkError> {
        match tokio::time::timeout_at(deadline, self.messages.recv()).await {
            Err(_) => Ok(None),
            Ok(Some(Incoming::Message(message))) => Ok(Some(message)),
            Ok(Some(Incoming::Gone(source))) => Err(LinkError::Gone { port: self.port.name().to_owned(), source }),
            Ok(None) => Err(LinkError::Gone {
                port: self.port.name().to_owned(),
                source: std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the thread that reads it has ended"),
            }),
        }
    }

    /// A message that has come already.
    pub(crate) fn next_at_once(&mut self) -> Option<M> {
        match self.messages.try_recv() {
            Ok(Incoming::Message(message)) => Some(message),
            _ => None,
        }
    }

    /// Hands a line without a meaning to the listener, and keeps it for a message.
    pub(crate) fn keep_noise(&mut self, line: String) {
        (self.hears.0)(&line);
        if self.noise.len() == KEPT {
            self.noise.pop_front();
        }
        self.noise.push_back(line);
    }

    /// What came while the rig waited for something, for a message: `heard`, and the noise that was kept.
    pub(crate) fn said_instead(&mut self, mut heard: Vec<String>) -> String {
        heard.extend(self.noise.drain(..));
        what_came(&heard)
    }
}

/// What a device sent, in words that can follow a bracket.
pub(crate) fn what_came(lines: &[String]) -> String {
    if lines.is_empty() { "it sent nothing".to_owned() } else { format!("it sent: {}", lines.join(" / ")) }
}

/// A command as messages show it. A long one (such as the modulus of a key) is shortened.
pub(crate) fn first_words(command: &str) -> String {
    match command.char_indices().nth(60) {
        Some((i, _)) => format!("{}...", &command[..i]),
        None => command.to_owned(),
    }
}
