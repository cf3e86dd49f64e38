//! The card emulator's relay: [`wire::link`] over its serial port.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use wire::frame::{Collected, Collector};
use wire::link::{Identity, Note, Order, PROTOCOL, Report, Request};

use super::LinkError;
use super::port::{Decoder, Incoming, Port, Tap};

const WHO: &str = "the card emulator";

/// What came over the relay.
#[derive(Debug)]
pub enum Received {
    /// A note, and the moment its last byte was read.
    Note(Box<Note>, std::time::Instant),
    /// Bytes that are no note.
    Garbage,
}

#[derive(Debug, Default)]
struct Notes {
    collector: Collector<{ wire::link::MAX_PACKED }>,
}

impl Decoder for Notes {
    type Message = Received;

    fn push(&mut self, bytes: &[u8], emit: &mut dyn FnMut(Received)) {
        for &byte in bytes {
            match self.collector.push(byte) {
                Some(Collected::Frame(body)) => emit(match wire::link::decode::<Note>(body) {
                    Ok(note) => Received::Note(Box::new(note), std::time::Instant::now()),
                    Err(_) => Received::Garbage,
                }),
                Some(Collected::Garbage) => emit(Received::Garbage),
                None => {}
            }
        }
    }
}

/// The relay of one card emulator.
#[derive(Debug)]
pub struct Relay {
    port: Port,
    notes: mpsc::UnboundedReceiver<Incoming<Received>>,
    /// Notes that came while another was waited for.
    pending: VecDeque<(Note, std::time::Instant)>,
    order: u16,
    last_note: Option<u16>,
    /// Notes or bytes that were lost on the way, since the relay was opened.
    lost: u32,
}

impl Relay {
    /// Opens the relay.
    ///
    /// # Errors
    /// As [`Port::open`].
    pub fn open(path: &Path, baud: u32, tap: Tap) -> Result<Self, LinkError> {
        let (port, notes) = Port::open(path, baud, Notes::default(), tap)?;
        Ok(Self { port, notes, pending: VecDeque::new(), order: 0, last_note: None, lost: 0 })
    }

    /// Closes the relay; what it still holds is lost.
    pub async fn close(self) {
        self.port.close().await;
    }

    /// Sends an order and returns its number.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    pub async fn send(&mut self, request: Request) -> Result<u16, LinkError> {
        self.order = self.order.wrapping_add(1);
        let order = Order { number: self.order, request };
        let packed = wire::link::encode(&order).map_err(|_| LinkError::Unexpected {
            from: WHO,
            expected: "an order that fits a frame".into(),
            seen: "a longer one".into(),
        })?;
        self.port.send(&packed).await?;
        Ok(self.order)
    }

    /// Sends an order and waits until it is carried out; notes that come before are kept for [`Relay::note`].
    ///
    /// # Errors
    /// [`LinkError::Refused`], [`LinkError::Deadline`], [`LinkError::Gone`].
    pub async fn carry_out(&mut self, request: Request, within: Duration) -> Result<(), LinkError> {
        let what = order_name(&request);
        let number = self.send(request).await?;
        self.find(within, &format!("word that `{what}` is done"), |report| match report {
            Report::Done(order) if *order == number => Some(Ok(())),
            Report::Refused { order, why } if *order == number => {
                Some(Err(LinkError::Refused { what: what.into(), from: WHO, why: format!("{why:?}") }))
            }
            _ => None,
        })
        .await?
    }

    /// Who the board is.
    ///
    /// # Errors
    /// [`LinkError::Unexpected`] for another version of the protocol, [`LinkError::Deadline`], [`LinkError::Gone`].
    pub async fn identify(&mut self, within: Duration) -> Result<Identity, LinkError> {
        self.send(Request::Identify).await?;
        let identity = self
            .find(within, "its identity", |report| match report {
                Report::Identity(identity) => Some(identity.clone()),
                _ => None,
            })
            .await?;
        if identity.protocol == PROTOCOL {
            Ok(identity)
        } else {
            Err(LinkError::Unexpected {
                from: WHO,
                expected: format!("protocol {PROTOCOL}"),
                seen: format!("protocol {}", identity.protocol),
            })
        }
    }

    /// Has the board return `nonce`.
    ///
    /// # Errors
    /// [`LinkError::Deadline`], [`LinkError::Gone`].
    pub async fn echo(&mut self, nonce: [u8; 8], within: Duration) -> Result<(), LinkError> {
        self.send(Request::Echo(nonce)).await?;
        self.find(within, "the echo of this case's nonce", |report| match report {
            Report::Echo(bytes) if *bytes == nonce => Some(()),
            _ => None,
        })
        .await
    }

    /// Waits for the note that the firmware has started.
    ///
    /// # Errors
    /// [`LinkError::Deadline`], [`LinkError::Gone`].
    pub async fn started(&mut self, within: Duration) -> Result<(), LinkError> {
        self.find(within, "word that it has started", |report| matches!(report, Report::Started).then_some(())).await
    }

    /// The next note, and the moment it was read; `None` when the deadline passes first.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    pub async fn note(&mut self, deadline: Instant) -> Result<Option<(Note, std::time::Instant)>, LinkError> {
        if let Some(note) = self.pending.pop_front() {
            return Ok(Some(note));
        }
        self.receive(deadline).await
    }

    /// Keeps what comes until the deadline, for those who wait later.
    ///
    /// # Errors
    /// [`LinkError::Gone`], at once.
    pub async fn idle(&mut self, deadline: Instant) -> Result<(), LinkError> {
        while let Some(note) = self.receive(deadline).await? {
            self.pending.push_back(note);
        }
        Ok(())
    }

    /// Notes or bytes that were lost on the way, since the relay was opened.
    #[must_use]
    pub fn lost(&self) -> u32 {
        self.lost
    }

    /// Waits for the first note that `pick` takes; those before it are kept.
    async fn find<T>(
        &mut self,
        within: Duration,
        what: &str,
        mut pick: impl FnMut(&Report) -> Option<T>,
    ) -> Result<T, LinkError> {
        let deadline = Instant::now() + within;
        loop {
            match self.receive(deadline).await? {
                Some((note, at)) => match pick(&note.report) {
                    Some(found) => return Ok(found),
                    None => self.pending.push_back((note, at)),
                },
                None => return Err(LinkError::Deadline { what: what.into(), from: WHO, within }),
            }
        }
    }

    async fn receive(&mut self, deadline: Instant) -> Result<Option<(Note, std::time::Instant)>, LinkError> {
        loop {
            let gone = |source| LinkError::Gone { port: self.port.path().into(), source };
            match tokio::time::timeout_at(deadline, self.notes.recv()).await {
                Err(_) => return Ok(None),
                Ok(Some(Incoming::Message(Received::Note(note, at)))) => {
                    let expected = self.last_note.map(|last| last.wrapping_add(1));
                    if expected.is_some_and(|expected| expected != note.number) && note.report != Report::Started {
                        self.lost += 1;
                    }
                    self.last_note = Some(note.number);
                    return Ok(Some((*note, at)));
                }
                Ok(Some(Incoming::Message(Received::Garbage))) => self.lost += 1,
                Ok(Some(Incoming::Gone(source))) => return Err(gone(source)),
                Ok(None) => {
                    return Err(gone(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "its reader has ended")));
                }
            }
        }
    }
}

fn order_name(request: &Request) -> &'static str {
    match request {
        Request::Identify => "identify",
        Request::Echo(_) => "echo",
        Request::Configure(_) => "configure",
        Request::Present => "present",
        Request::Remove => "remove",
        Request::Answer { .. } => "answer",
        Request::Trace(_) => "trace",
    }
}
