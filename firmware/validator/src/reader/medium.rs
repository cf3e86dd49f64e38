//! What carries frames between reader and card.

use heapless::Vec;
use wire::air::{MAX_MESSAGE, MAX_PACKED, Message};
use wire::frame::{Collected, Collector};

use crate::board::Board;

/// Room for one frame from a card, longer than FSD, so that an oversized one is seen whole.
pub type Frame = Vec<u8, MAX_MESSAGE>;

/// What came back after a frame of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// A frame that began in time; its bytes are in the buffer, their check sums unchecked.
    Answer {
        /// From the end of the reader's frame to the start of the answer, in us.
        delay_us: u32,
    },
    /// Nothing within the time allowed.
    Silence,
    /// Several answers at once.
    Collision,
    /// The front end, or what stands for it, is dead: not even silence was reported.
    Dead,
}

/// A front end: modulates frames, demodulates answers, measures the time between.
pub trait Medium {
    /// Switches the field. A card loses its state when it goes off.
    fn field(&mut self, on: bool);

    /// Sends seven bits (REQA, WUPA) and listens for `limit_us`.
    fn short(&mut self, bits: u8, limit_us: u32, answer: &mut Frame) -> Heard;

    /// Sends whole bytes, CRC included where there is one, and listens for `limit_us`.
    fn command(&mut self, bytes: &[u8], limit_us: u32, answer: &mut Frame) -> Heard;

    /// Lets time pass on the air. Where the air is modelled, nobody waits.
    fn pause(&mut self, us: u32);

    /// Takes what came unasked. True when the load on the field changed since the last call (low-power card
    /// detection).
    fn listen(&mut self) -> bool;

    /// Whether something loads the field, as far as that is known.
    fn load(&self) -> Option<bool>;

    /// How often the front end was found dead since the last call.
    fn deaths(&mut self) -> u32;
}

/// The reader's own clock is only a guard against a dead emulator, see [`wire::air`].
pub const GUARD_US: u64 = 250_000;

/// Bytes after which an exchange is given up: a peer that sends only rubbish must not hold the reader.
const MAX_RUBBISH: u32 = 4096;

/// The modelled air over a UART ([`wire::air`]).
pub struct UartAir<'b, B> {
    board: &'b B,
    collector: Collector<MAX_PACKED>,
    exchange: u8,
    load: Option<bool>,
    load_changed: bool,
    deaths: u32,
}

impl<'b, B: Board> UartAir<'b, B> {
    /// Over the board's air.
    pub fn new(board: &'b B) -> Self {
        let collector = Collector::new();
        Self { board, collector, exchange: 0, load: None, load_changed: false, deaths: 0 }
    }

    fn send(&self, message: &Message<'_>) {
        // Only a frame longer than any that the reader builds does not fit.
        if let Ok(packed) = message.encode() {
            self.board.air_write(&packed);
        }
    }

    /// Takes one byte; says what was heard when it ends the answer to the exchange that runs.
    fn take(&mut self, byte: u8, limit_us: u32, answer: &mut Frame) -> Option<Heard> {
        let Some(Collected::Frame(body)) = self.collector.push(byte) else { return None };
        match Message::decode(body).ok()? {
            Message::Load { card } => {
                self.load_changed |= self.load != Some(card);
                self.load = Some(card);
                None
            }
            Message::Answer { exchange, delay_us, bytes } if exchange == self.exchange => {
                if delay_us > limit_us {
                    return Some(Heard::Silence);
                }
                answer.extend_from_slice(bytes).ok()?;
                Some(Heard::Answer { delay_us })
            }
            Message::Collision { exchange } if exchange == self.exchange => Some(Heard::Collision),
            Message::Silence { exchange } if exchange == self.exchange => Some(Heard::Silence),
            _ => None,
        }
    }

    fn await_answer(&mut self, limit_us: u32, answer: &mut Frame) -> Heard {
        answer.clear();
        let deadline = self.board.now_us() + GUARD_US;
        let mut bytes = 0;
        loop {
            while let Some(byte) = self.board.air_read() {
                if let Some(heard) = self.take(byte, limit_us, answer) {
                    return heard;
                }
                bytes += 1;
                if bytes > MAX_RUBBISH {
                    return self.dead();
                }
            }
            if self.board.now_us() >= deadline || self.board.stopped() {
                return self.dead();
            }
            self.board.sleep(deadline);
        }
    }

    fn dead(&mut self) -> Heard {
        self.deaths = self.deaths.saturating_add(1);
        Heard::Dead
    }
}

impl<B: Board> Medium for UartAir<'_, B> {
    fn field(&mut self, on: bool) {
        self.send(if on { &Message::FieldOn } else { &Message::FieldOff });
    }

    fn short(&mut self, bits: u8, limit_us: u32, answer: &mut Frame) -> Heard {
        self.exchange = self.exchange.wrapping_add(1);
        self.send(&Message::Short { exchange: self.exchange, bits });
        self.await_answer(limit_us, answer)
    }

    fn command(&mut self, bytes: &[u8], limit_us: u32, answer: &mut Frame) -> Heard {
        self.exchange = self.exchange.wrapping_add(1);
        self.send(&Message::Command { exchange: self.exchange, bytes });
        self.await_answer(limit_us, answer)
    }

    fn pause(&mut self, _us: u32) {}

    fn listen(&mut self) -> bool {
        // No exchange runs: an answer that comes now is too late and is dropped.
        self.exchange = self.exchange.wrapping_add(1);
        let mut late = Frame::new();
        for _ in 0..MAX_RUBBISH {
            let Some(byte) = self.board.air_read() else { break };
            self.take(byte, 0, &mut late);
            late.clear();
        }
        core::mem::take(&mut self.load_changed)
    }

    fn load(&self) -> Option<bool> {
        self.load
    }

    fn deaths(&mut self) -> u32 {
        core::mem::take(&mut self.deaths)
    }
}
