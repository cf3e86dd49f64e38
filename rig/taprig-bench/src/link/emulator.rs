//! The card emulator's relay: [`wire::link`] over its serial port.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use wire::frame::{Collected, Collector};
use wire::link::{Identity, Note, Order, PROTOCOL, Report, Request};

use super::LinkError;
use super::endpoint::Endpoint;
use super::port::{ByteSink, Decoder, Incoming, Port};

const WHO: &str = "the card emulator";

/// An item that came over the relay.
#[derive(Debug)]
pub enum Received {
    /// A note, and the time at which its last byte was read.
    Note(Box<Note>, std::time::Instant),
    /// Bytes that are not a note.
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
    /// Notes that came during a wait for another note.
    pending: VecDeque<(Note, std::time::Instant)>,
    order: u16,
    last_note: Option<u16>,
    /// Number of notes that were lost and that nobody has asked for yet.
    lost: u32,
    /// Number of frames that were not notes, since the last valid note.
    garbage: u32,
}

impl Relay {
    /// Opens the relay.
    ///
    /// # Errors
    /// The same as for [`Port::open`].
    pub fn open(endpoint: &Endpoint, baud: u32, tap: ByteSink) -> Result<Self, LinkError> {
        let (port, notes) = Port::open(endpoint, baud, Notes::default(), tap)?;
        Ok(Self { port, notes, pending: VecDeque::new(), order: 0, last_note: None, lost: 0, garbage: 0 })
    }

    /// Closes the relay. Anything that it still holds is lost.
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

    /// Sends an order and waits until it is carried out. Notes that come before that are kept for [`Relay::note`].
    ///
    /// # Errors
    /// [`LinkError::Refused`], [`LinkError::Deadline`], [`LinkError::Gone`].
    pub async fn carry_out(&mut self, request: Request, within: Duration) -> Result<(), LinkError> {
        let what = order_name(&request);
        let number = self.send(request).await?;
        self.find(within, &format!("the note that `{what}` is done"), |report| match report {
            Report::Done(order) if *order == number => Some(Ok(())),
            Report::Refused { order, why } if *order == number => {
                Some(Err(LinkError::Refused { what: what.into(), from: WHO, why: format!("{why:?}") }))
            }
            _ => None,
        })
        .await?
    }

    /// Asks the board for its identity.
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

    /// Asks the board to return `nonce`.
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
        self.find(within, "the note that it has started", |report| matches!(report, Report::Started).then_some(()))
            .await?;
        // While a board loses and regains power, its bytes are complete only by chance.
        self.lost = 0;
        Ok(())
    }

    /// The next note and the time at which it was read, or `None` if the deadline passes first.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    pub async fn note(&mut self, deadline: Instant) -> Result<Option<(Note, std::time::Instant)>, LinkError> {
        if let Some(note) = self.pending.pop_front() {
            return Ok(Some(note));
        }
        self.receive(deadline).await
    }

    /// Keeps what comes until the deadline, for later calls.
    ///
    /// # Errors
    /// [`LinkError::Gone`] as soon as the port is gone.
    pub async fn idle(&mut self, deadline: Instant) -> Result<(), LinkError> {
        while let Some(note) = self.receive(deadline).await? {
            self.pending.push_back(note);
        }
        Ok(())
    }

    /// How many notes were lost since the last call. This also counts, and keeps, notes that have come and that nobody
    /// has waited for.
    ///
    /// A gap in the numbers counts the missing notes. Bytes that are not a note count as one lost note, but only until
    /// a number shows the truth: noise between two complete notes costs nothing.
    pub fn take_lost(&mut self) -> u32 {
        while let Ok(Incoming::Message(received)) = self.notes.try_recv() {
            if let Some(note) = self.count(received) {
                self.pending.push_back(note);
            }
        }
        std::mem::take(&mut self.lost).saturating_add(std::mem::take(&mut self.garbage))
    }

    /// Waits for the first note that `pick` accepts. The notes before it are kept.
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
                None => return Err(LinkError::Deadline { what: what.into(), from: WHO, within, silent: false }),
            }
        }
    }

    async fn receive(&mut self, deadline: Instant) -> Result<Option<(Note, std::time::Instant)>, LinkError> {
        loop {
            let gone = |source| LinkError::Gone { port: self.port.name().to_owned(), source };
            match tokio::time::timeout_at(deadline, self.notes.recv()).await {
                Err(_) => return Ok(None),
                Ok(Some(Incoming::Message(received))) => {
                    if let Some(note) = self.count(received) {
                        return Ok(Some(note));
                    }
                }
                Ok(Some(Incoming::Gone(source))) => return Err(gone(source)),
                Ok(None) => {
                    return Err(gone(std::io::Error::new(
                        std::io::ErrorKind::UnexpectedEof,
                        "the thread that reads it has ended",
                    )));
                }
            }
        }
    }

    /// Returns the note if it is one, and counts the notes that are missing before it.
    fn count(&mut self, received: Received) -> Option<(Note, std::time::Instant)> {
        let Received::Note(note, at) = received else {
            self.garbage = self.garbage.saturating_add(1);
            return None;
        };
        match self.last_note.replace(note.number) {
            // A board that has started begins its numbers anew.
            Some(last) if note.report != Report::Started => {
                let left_out = note.number.wrapping_sub(last.wrapping_add(1));
                self.lost = self.lost.saturating_add(left_out.into());
            }
            _ => {}
        }
        self.garbage = 0;
        Some((*note, at))
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
        Request::Loopback(_) => "loopback",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::pty::Terminal;

    fn note(number: u16, report: Report) -> Vec<u8> {
        wire::link::encode(&Note { number, at_us: 0, air_us: 0, report }).unwrap().to_vec()
    }

    /// The number of lost notes if all this has come before an echo that nobody has waited for.
    fn lost(said: &[&[u8]]) -> u32 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let terminal = Terminal::new();
            let mut relay = Relay::open(&terminal.path().into(), 115_200, std::sync::Arc::new(|_, _| {})).unwrap();
            said.iter().for_each(|bytes| terminal.say(bytes));
            relay.idle(Instant::now() + Duration::from_millis(200)).await.unwrap();
            relay.take_lost()
        })
    }

    #[test]
    fn a_gap_counts_what_it_leaves_out() {
        let notes = [note(7, Report::Done(1)), note(8, Report::Done(2)), note(12, Report::Done(3))];
        assert_eq!(lost(&[&notes[0], &notes[1]]), 0);
        assert_eq!(lost(&[&notes[0], &notes[1], &notes[2]]), 3);
        assert_eq!(lost(&[&note(u16::MAX, Report::Done(1)), &note(1, Report::Done(2))]), 1, "numbers begin again at 0");
    }

    #[test]
    fn a_damaged_note_is_one_lost_note_whether_or_not_another_follows() {
        let mut damaged = note(8, Report::Echo([7; 8]));
        damaged[5] ^= 0x10;
        let before = note(7, Report::Done(1));
        assert_eq!(lost(&[&before, &damaged]), 1);
        assert_eq!(lost(&[&before, &damaged, &note(9, Report::Done(2))]), 1);
    }

    #[test]
    fn noise_between_whole_notes_costs_nothing() {
        assert_eq!(lost(&[&note(7, Report::Done(1)), b"noise\0", &note(8, Report::Done(2))]), 0);
    }

    #[test]
    fn what_a_board_says_while_it_gets_power_is_no_loss() {
        assert_eq!(lost(&[b"\xFF\x80\0\x01\0", &note(0, Report::Started)]), 0);
        // This is the end of an earlier note.
        assert_eq!(lost(&[&note(77, Report::Done(1)), b"\x02\x41\0", &note(0, Report::Started)]), 0);
    }
}
