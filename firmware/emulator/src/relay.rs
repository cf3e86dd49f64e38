//! The board's main loop: reader on one side, host on the other, the card between them.

use crate::air::{Air, FromAir, Heard, Outgoing, UartAir};
use crate::air_time::FWT_ACTIVATION_NS;
use crate::card::{Card, Event, FromReader, OnAir, Stage};
use crate::{CardBoard, MAX_FRAME};
use heapless::{String, Vec};
use sha2::{Digest, Sha256};
use wire::frame::{Collected, Collector};
use wire::link::{self, AirFrame, Front, Identity, Note, Order, PROTOCOL, Refusal, Report, Request};
use wire::loopback::Tally;

/// Runs the card emulator on a board whose air is a UART. Returns when the board is [stopped](CardBoard::stopped).
pub fn run<B: CardBoard>(board: &B) {
    run_over(board, UartAir::default());
}

/// Runs the card emulator over this air. Returns when the board is [stopped](CardBoard::stopped).
pub fn run_over<B: CardBoard, A: Air>(board: &B, air: A) {
    let mut orders = Collector::<{ link::MAX_PACKED }>::new();
    let mut relay = Relay::start(board, air);
    while !board.stopped() {
        // The reader first: it waits with a clock of its own.
        relay.hear(board);
        if let Some(byte) = board.link_read() {
            match orders.push(byte) {
                Some(Collected::Frame(body)) => relay.link(board, body),
                Some(Collected::Garbage) => relay.damaged(board),
                None => {}
            }
            continue;
        }
        let deadline = relay.serve(board);
        board.sleep(deadline);
    }
}

/// When something happened.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    at_us: u64,
    air_us: u32,
}

/// The card emulator without its input loop.
#[derive(Debug)]
pub struct Relay<A> {
    air: A,
    /// The reader's last frame.
    heard: Heard,
    /// What the next card looks like.
    front: Option<Front>,
    /// The card in the field.
    card: Option<Card>,
    /// Time on the air at the end of the card before.
    air_us: u32,
    /// The reader's own time since the card was activated.
    reader_us: Option<u32>,
    field: bool,
    trace: bool,
    /// Number of the last command that went to the host.
    command: u16,
    /// Number of the next note.
    note: u16,
    digest: Option<[u8; 32]>,
}

impl<A: Air> Relay<A> {
    /// Tells the host that the board has started.
    pub fn start<B: CardBoard>(board: &B, air: A) -> Self {
        let mut relay = Self {
            air,
            heard: Heard::new(),
            front: None,
            card: None,
            air_us: 0,
            reader_us: None,
            field: false,
            trace: false,
            command: 0,
            note: 0,
            digest: None,
        };
        // Closes what the host may have of a note that a reset cut off.
        board.link_write(&[0]);
        relay.tell(board, Report::Started);
        relay
    }

    /// The air.
    pub fn over(&self) -> &A {
        &self.air
    }

    /// Does what is due, and returns when something will be due next, on the board's clock.
    pub fn serve<B: CardBoard>(&mut self, board: &B) -> u64 {
        loop {
            let deadline = self.air.serve(board);
            if !self.hear(board) {
                return deadline;
            }
        }
    }

    /// Takes what has happened on the air. Returns whether anything has.
    pub fn hear<B: CardBoard>(&mut self, board: &B) -> bool {
        let mut anything = false;
        while let Some(heard) = self.air.hear(board, &mut self.heard) {
            anything = true;
            match heard {
                FromAir::Field(on) => {
                    self.keep_pace();
                    self.field(board, on);
                }
                FromAir::Selected => {
                    self.field(board, true);
                    if let Some(card) = &mut self.card {
                        card.select();
                    }
                }
                FromAir::Short(bits) => self.frame(board, Some(bits)),
                FromAir::Bytes => self.frame(board, None),
                FromAir::Extended => {
                    let on_air = self.card.as_mut().map_or(OnAir::Silence, |card| card.extend(A::extension_us::<B>()));
                    self.trace_answer(board, &on_air);
                }
            }
        }
        anything
    }

    /// Counts the time that the reader took before what was heard just now.
    fn count_reader(&mut self) {
        let active = self.card.as_ref().is_some_and(|card| card.stage() == Stage::Blocks);
        if let (true, Some(took_us)) = (active, self.air.reader_us()) {
            self.reader_us = Some(self.reader_us.unwrap_or(0).saturating_add(took_us));
        }
    }

    /// Counts the pause that the reader says it made before what was heard just now, and how long it waits for an answer.
    fn keep_pace(&mut self) {
        if let (Some(card), Some(pace)) = (&mut self.card, self.air.pace()) {
            card.pace(pace);
        }
    }

    fn field<B: CardBoard>(&mut self, board: &B, on: bool) {
        if !on {
            self.count_reader();
        }
        if !on && let Some(event) = self.card.as_mut().and_then(Card::field_off) {
            self.event(board, event);
        }
        if core::mem::replace(&mut self.field, on) != on {
            match on {
                true => self.tell_later(board, Report::Field(on)),
                false => self.tell(board, Report::Field(on)),
            }
        }
    }

    /// A frame of the reader: seven bits, or those bytes that were heard.
    fn frame<B: CardBoard>(&mut self, board: &B, short: Option<u8>) {
        // A reader that was running before this board started has its field on.
        self.field(board, true);
        self.count_reader();
        self.keep_pace();
        let stamp = self.stamp(board);
        if !A::REAL_TIME {
            // So the host knows of the frame before the reader can go on.
            self.trace_reader(board, short, stamp);
        }
        let frame = match short {
            Some(bits) => FromReader::Short(bits),
            None => FromReader::Bytes(&self.heard),
        };
        let Some(card) = &mut self.card else {
            let nothing = Outgoing { on_air: &OnAir::Silence, stage: Stage::Idle, waiting_us: 0 };
            self.air.answer(board, &nothing);
            if A::REAL_TIME {
                self.trace_reader(board, short, stamp);
            }
            return;
        };
        let in_blocks = card.stage() == Stage::Blocks;
        let (on_air, event) = card.hear(frame);
        let waiting_us = if in_blocks { card.waiting_us() } else { FWT_ACTIVATION_NS / 1000 };
        let sent = if on_air == OnAir::Later {
            self.air.later(board, card.extension(A::extension_us::<B>()), waiting_us);
            false
        } else {
            self.air.answer(board, &Outgoing { on_air: &on_air, stage: card.stage(), waiting_us })
        };
        if A::REAL_TIME {
            // The reader waits, and the host does not.
            self.trace_reader(board, short, stamp);
        }
        if sent {
            self.trace_answer(board, &on_air);
        }
        if let Some(event) = event {
            self.event(board, event);
        }
    }

    fn trace_reader<B: CardBoard>(&mut self, board: &B, short: Option<u8>, stamp: Stamp) {
        if self.trace {
            let bytes = match short {
                Some(bits) => Vec::from_iter([bits]),
                None => self.heard.iter().copied().take(MAX_FRAME).collect(),
            };
            let frame = AirFrame { from_card: false, short: short.is_some(), late: false, bytes };
            self.tell_frame(board, stamp, frame);
        }
    }

    fn trace_answer<B: CardBoard>(&mut self, board: &B, on_air: &OnAir) {
        if let (true, OnAir::Frame { frame, .. }) = (self.trace, on_air) {
            let bytes = frame.iter().copied().collect();
            let late = self.card.as_ref().is_some_and(Card::was_late);
            let stamp = self.stamp(board);
            self.tell_frame(board, stamp, AirFrame { from_card: true, short: false, late, bytes });
        }
    }

    fn tell_frame<B: CardBoard>(&mut self, board: &B, stamp: Stamp, frame: AirFrame) {
        self.write_note(board, stamp, Report::Frame(frame), true);
    }

    /// Tells of something for which the host does not wait. Something else follows for which it does wait: a command, that the card is
    /// released, or that it is away.
    fn tell_later<B: CardBoard>(&mut self, board: &B, report: Report) {
        let stamp = self.stamp(board);
        self.write_note(board, stamp, report, true);
    }

    fn event<B: CardBoard>(&mut self, board: &B, event: Event) {
        let report = match event {
            Event::Activated { fsd } => return self.tell_later(board, Report::Activated { fsd }),
            Event::Released(release) => Report::Released(release),
            Event::Command(command) => {
                // From 1, also after 65535.
                self.command = self.command.checked_add(1).unwrap_or(1);
                Report::Command { number: self.command, command }
            }
            Event::Left => {
                self.take_away(board);
                return;
            }
        };
        self.tell(board, report);
    }

    /// The card leaves the field.
    fn take_away<B: CardBoard>(&mut self, board: &B) {
        let mut traffic = link::Traffic::default();
        if let Some(card) = &self.card {
            traffic = link::Traffic { reader_us: self.reader_us, ..card.traffic() };
            self.air_us = self.air.air_us(board, card.air_us());
            self.air.remove(board);
            self.card = None;
        }
        self.tell(board, Report::Removed(traffic));
    }

    /// One message from the host.
    pub fn link<B: CardBoard>(&mut self, board: &B, body: &[u8]) {
        let Ok(Order { number, request }) = link::decode(body) else {
            self.damaged(board);
            return;
        };
        // The host goes on at once after these two, and waits for what the reader does.
        let later = matches!(request, Request::Answer { .. } | Request::Present);
        let carried_out = match request {
            Request::Identify => {
                let identity = self.identity(board);
                self.tell(board, Report::Identity(identity));
                Ok(())
            }
            Request::Echo(bytes) => {
                self.tell(board, Report::Echo(bytes));
                Ok(())
            }
            Request::Configure(front) => self.configure(front),
            Request::Present => self.present(board),
            Request::Remove => {
                self.take_away(board);
                Ok(())
            }
            Request::Answer { command, answer } => self.answer(board, command, answer),
            Request::Trace(on) => {
                self.trace = on;
                Ok(())
            }
            Request::Loopback(blocks) => match self.air.loopback(board, blocks) {
                Some(Tally { sent, back, wrong }) => {
                    self.tell(board, Report::Looped { sent, back, wrong });
                    Ok(())
                }
                None => Err(Refusal::Loopback),
            },
        };
        match carried_out {
            Ok(()) if later => self.tell_later(board, Report::Done(number)),
            Ok(()) => self.tell(board, Report::Done(number)),
            Err(why) => self.tell(board, Report::Refused { order: number, why }),
        }
    }

    fn answer<B: CardBoard>(&mut self, board: &B, command: u16, answer: link::Answer) -> Result<(), Refusal> {
        self.awaiting(command)?;
        if !self.air.take_back(board) {
            // S(WTX) is on its way: the card keeps the answer for the confirmation.
            self.hear(board);
        }
        let card = self.awaiting(command)?;
        let (waiting_us, (on_air, event)) = (card.waiting_us(), card.answer(answer));
        let outgoing = Outgoing { on_air: &on_air, stage: card.stage(), waiting_us };
        if on_air != OnAir::Later && self.air.answer(board, &outgoing) {
            self.trace_answer(board, &on_air);
        }
        if let Some(event) = event {
            self.event(board, event);
        }
        Ok(())
    }

    /// The card, if this command waits for its answer.
    fn awaiting(&mut self, command: u16) -> Result<&mut Card, Refusal> {
        let awaited = command == self.command;
        self.card.as_mut().filter(|card| awaited && card.is_awaiting()).ok_or(Refusal::NotAwaited)
    }

    fn configure(&mut self, front: Front) -> Result<(), Refusal> {
        if !matches!(front.uid.len(), 4 | 7 | 10) {
            return Err(Refusal::Uid);
        }
        self.air.fits(&front)?;
        self.front = Some(front);
        Ok(())
    }

    fn present<B: CardBoard>(&mut self, board: &B) -> Result<(), Refusal> {
        let front = self.front.clone().ok_or(Refusal::NoCard)?;
        self.air.present(board, &front);
        self.reader_us = None;
        self.card = Some(Card::new(front));
        Ok(())
    }

    /// Bytes from the host that are no order.
    pub fn damaged<B: CardBoard>(&mut self, board: &B) {
        self.tell(board, Report::Damaged);
    }

    fn identity<B: CardBoard>(&mut self, board: &B) -> Identity {
        let digest = *self.digest.get_or_insert_with(|| match board.image() {
            [] => [0; 32],
            image => Sha256::digest(image).into(),
        });
        Identity {
            protocol: PROTOCOL,
            firmware: text(A::FIRMWARE),
            version: text(env!("CARGO_PKG_VERSION")),
            board: text(board.name()),
            digest,
        }
    }

    fn stamp<B: CardBoard>(&self, board: &B) -> Stamp {
        let air_us = match &self.card {
            Some(card) => self.air.air_us(board, card.air_us()),
            None => self.air_us,
        };
        Stamp { at_us: board.now_us(), air_us }
    }

    fn tell<B: CardBoard>(&mut self, board: &B, report: Report) {
        let stamp = self.stamp(board);
        self.tell_of(board, stamp, report);
    }

    /// Tells of something that happened a moment ago.
    fn tell_of<B: CardBoard>(&mut self, board: &B, stamp: Stamp, report: Report) {
        self.write_note(board, stamp, report, false);
    }

    fn write_note<B: CardBoard>(&mut self, board: &B, stamp: Stamp, report: Report, later: bool) {
        let Stamp { at_us, air_us } = stamp;
        let note = Note { number: self.note, at_us, air_us, report };
        self.note = self.note.wrapping_add(1);
        // No note exceeds the longest message; the host would see a gap in the numbers.
        if let Ok(packed) = link::encode(&note) {
            if later {
                board.link_write_later(&packed);
            } else {
                board.link_write(&packed);
            }
        }
    }
}

/// As much of `text` as fits.
fn text<const N: usize>(text: &str) -> String<N> {
    let mut fitting = String::new();
    for letter in text.chars() {
        if fitting.push(letter).is_err() {
            break;
        }
    }
    fitting
}

#[cfg(test)]
mod tests;
