//! What carries frames between reader and card.

use heapless::Vec;
use wire::air::{FDT_PCD_US, MAX_MESSAGE, MAX_PACKED, Message, Pace};
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

    /// Lets time pass on the air before the next frame, or before the field is switched. Where the air is modelled, nobody waits:
    /// the reader says how long it would have waited. After a frame of the card the front end itself keeps the shortest distance
    /// to the next frame.
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

/// The guard while a card loads the field: its emulator was there a moment ago, and if it is an emulated board, the
/// machine that emulates it may have other work.
pub const GUARD_WITH_CARD_US: u64 = 1_500_000;

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
    /// How long the reader lets the air rest before the next message, in us.
    pause_us: u32,
    /// How long the front end keeps from sending, after a frame of the card, in us.
    distance_us: u32,
}

impl<'b, B: Board> UartAir<'b, B> {
    /// Over the board's air.
    pub fn new(board: &'b B) -> Self {
        let collector = Collector::new();
        Self { board, collector, exchange: 0, load: None, load_changed: false, deaths: 0, pause_us: 0, distance_us: 0 }
    }

    /// The times of the next frame, whose answer may begin within `wait_us`.
    fn pace(&mut self, wait_us: u32) -> Pace {
        self.exchange = self.exchange.wrapping_add(1);
        Pace { pause_us: self.rested_us(), wait_us }
    }

    /// The pause before the message that goes out now, in us. The distance that the front end keeps is part of a longer pause.
    fn rested_us(&mut self) -> u32 {
        let distance_us = core::mem::take(&mut self.distance_us);
        core::mem::take(&mut self.pause_us).max(distance_us)
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
        let heard = self.hear_answer(limit_us, answer);
        if matches!(heard, Heard::Answer { .. } | Heard::Collision) {
            self.distance_us = FDT_PCD_US;
        }
        heard
    }

    fn hear_answer(&mut self, limit_us: u32, answer: &mut Frame) -> Heard {
        answer.clear();
        let guard = if self.load == Some(true) { GUARD_WITH_CARD_US } else { GUARD_US };
        let deadline = self.board.now_us() + guard;
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
        // What it sensed before counts no more.
        self.load = None;
        self.deaths = self.deaths.saturating_add(1);
        Heard::Dead
    }
}

impl<B: Board> Medium for UartAir<'_, B> {
    fn field(&mut self, on: bool) {
        let pause_us = self.rested_us();
        self.send(&if on { Message::FieldOn { pause_us } } else { Message::FieldOff { pause_us } });
    }

    fn short(&mut self, bits: u8, limit_us: u32, answer: &mut Frame) -> Heard {
        let pace = self.pace(limit_us);
        self.send(&Message::Short { exchange: self.exchange, pace, bits });
        self.await_answer(limit_us, answer)
    }

    fn command(&mut self, bytes: &[u8], limit_us: u32, answer: &mut Frame) -> Heard {
        let pace = self.pace(limit_us);
        self.send(&Message::Command { exchange: self.exchange, pace, bytes });
        self.await_answer(limit_us, answer)
    }

    fn pause(&mut self, us: u32) {
        self.pause_us = self.pause_us.saturating_add(us);
    }

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

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::testboard::TestBoard;
    use std::boxed::Box;
    use std::vec::Vec as StdVec;

    /// A board whose card side gives these messages, then those bytes, at each frame; `exchange` is filled in.
    fn air(answers: fn(u8) -> StdVec<Message<'static>>, rubbish: &'static [u8]) -> TestBoard {
        let board = TestBoard::new(4096);
        board.set_air(Box::new(move |_, message| {
            let (Message::Short { exchange, .. } | Message::Command { exchange, .. }) = message else {
                return StdVec::new();
            };
            let mut bytes = rubbish.to_vec();
            for answer in answers(exchange) {
                bytes.extend(answer.encode().expect("fits"));
            }
            bytes
        }));
        board
    }

    fn ask(board: &TestBoard, limit_us: u32) -> (Heard, StdVec<u8>) {
        let mut answer = Frame::new();
        let heard = UartAir::new(board).command(&[1, 2, 3], limit_us, &mut answer);
        (heard, answer.to_vec())
    }

    #[test]
    fn the_modelled_delay_is_compared_and_not_the_clock() {
        let board = air(|exchange| std::vec![Message::Answer { exchange, delay_us: 500, bytes: &[7, 8] }], &[]);
        assert_eq!(ask(&board, 500), (Heard::Answer { delay_us: 500 }, std::vec![7, 8]));
        assert_eq!(ask(&board, 499), (Heard::Silence, std::vec![]));
    }

    #[test]
    fn answers_to_other_exchanges_and_rubbish_are_passed_over() {
        let board = air(
            |exchange| {
                std::vec![
                    Message::Answer { exchange: exchange.wrapping_sub(1), delay_us: 1, bytes: &[9] },
                    Message::Load { card: true },
                    Message::Answer { exchange, delay_us: 1, bytes: &[7] },
                ]
            },
            &[5, 5, 5, 0, 1, 1, 0],
        );
        let mut reader = UartAir::new(&board);
        let mut answer = Frame::new();
        assert_eq!(reader.short(0x52, 100, &mut answer), Heard::Answer { delay_us: 1 });
        assert_eq!(answer[..], [7]);
        assert_eq!(reader.load(), Some(true));
        assert!(reader.listen());
        assert!(!reader.listen());
    }

    #[test]
    fn no_word_at_all_is_death_after_the_guard_time() {
        let board = TestBoard::new(4096);
        assert_eq!(ask(&board, 100).0, Heard::Dead);
        assert!((GUARD_US..GUARD_US + 100).contains(&board.now.get()));
        let flood = air(|_| StdVec::new(), &[0x55; 5000]);
        let mut reader = UartAir::new(&flood);
        assert_eq!(reader.short(0x52, 100, &mut Frame::new()), Heard::Dead);
        assert!(flood.now.get() < GUARD_US, "rubbish without end does not wait for the guard time");
        assert_eq!(reader.deaths(), 1);
    }

    #[test]
    fn an_answer_that_comes_when_nobody_waits_is_dropped() {
        let board = TestBoard::new(4096);
        let mut reader = UartAir::new(&board);
        for exchange in 0..=255 {
            board.air_says(&Message::Answer { exchange, delay_us: 1, bytes: &[9; 20] });
        }
        for _ in 0..3 {
            assert!(!reader.listen());
        }
        assert_eq!(reader.short(0x52, 100, &mut Frame::new()), Heard::Dead);
    }
}
