//! A card for tests: type A, ISO/IEC 14443-4, written after the card's rules, not after the reader's.

use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use wire::crc::{crc_a, crc_a_ok};

use super::medium::{Frame, Heard, Medium};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Off,
    Idle,
    Ready(usize),
    Active,
    Protocol,
    Halted,
}

/// Answers a command.
pub(crate) type Application = Box<dyn FnMut(&[u8]) -> Vec<u8>>;

pub(crate) struct TestCard {
    pub(crate) uid: Vec<u8>,
    pub(crate) sak: u8,
    pub(crate) ats: Vec<u8>,
    /// Bytes of INF a block of the response.
    pub(crate) chunk: usize,
    pub(crate) application: Application,
    pub(crate) present: bool,
    state: State,
    number: u8,
    command: Vec<u8>,
    response: Vec<u8>,
    last: Vec<u8>,
    /// Answered commands.
    pub(crate) commands: u32,
}

impl TestCard {
    pub(crate) fn new(uid: &[u8]) -> Self {
        Self {
            uid: uid.to_vec(),
            sak: 0x20,
            ats: vec![5, 0x78, 0x80, 0x70, 0x00],
            chunk: 250,
            application: Box::new(|command| {
                let mut response = command.to_vec();
                response.extend([0x90, 0x00]);
                response
            }),
            present: true,
            state: State::Off,
            number: 1,
            command: vec![],
            response: vec![],
            last: vec![],
            commands: 0,
        }
    }

    pub(crate) fn field(&mut self, on: bool) {
        if !on || self.state == State::Off {
            self.state = if on { State::Idle } else { State::Off };
        }
    }

    fn levels(&self) -> Vec<[u8; 4]> {
        let uid = &self.uid;
        match uid.len() {
            4 => vec![[uid[0], uid[1], uid[2], uid[3]]],
            7 => vec![[0x88, uid[0], uid[1], uid[2]], [uid[3], uid[4], uid[5], uid[6]]],
            _ => vec![[0x88, uid[0], uid[1], uid[2]], [0x88, uid[3], uid[4], uid[5]], [uid[6], uid[7], uid[8], uid[9]]],
        }
    }

    pub(crate) fn short(&mut self, bits: u8) -> Option<Vec<u8>> {
        if !self.present {
            return None;
        }
        match (self.state, bits) {
            (State::Idle, 0x26 | 0x52) | (State::Halted, 0x52) => {
                self.state = State::Ready(0);
                Some(vec![0x04, 0x00])
            }
            (State::Off | State::Protocol | State::Halted, _) => None,
            _ => {
                self.state = State::Idle;
                None
            }
        }
    }

    fn sealed(bytes: &[u8]) -> Vec<u8> {
        let mut frame = bytes.to_vec();
        frame.extend(crc_a(bytes));
        frame
    }

    pub(crate) fn command(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if !self.present || self.state == State::Off {
            return None;
        }
        if let State::Ready(level) = self.state {
            let part = self.levels()[level];
            let bcc = part.iter().fold(0, |bcc, byte| bcc ^ byte);
            let sel = [0x93, 0x95, 0x97][level];
            if bytes == [sel, 0x20] {
                return Some([&part[..], &[bcc]].concat());
            }
            if bytes == Self::sealed(&[&[sel, 0x70], &part[..], &[bcc]].concat()) {
                let last = level + 1 == self.levels().len();
                self.state = if last { State::Active } else { State::Ready(level + 1) };
                return Some(Self::sealed(&[if last { self.sak } else { 0x04 }]));
            }
        }
        if !crc_a_ok(bytes) {
            return None;
        }
        let body = &bytes[..bytes.len() - 2];
        match (self.state, body) {
            (State::Ready(_) | State::Active, [0x50, 0x00]) => {
                self.state = State::Halted;
                None
            }
            (State::Active, [0xE0, _]) if !self.ats.is_empty() => {
                self.state = State::Protocol;
                (self.number, self.command, self.response) = (1, vec![], vec![]);
                Some(Self::sealed(&self.ats.clone()))
            }
            (State::Protocol, [pcb, inf @ ..]) => self.block(*pcb, inf),
            _ => None,
        }
    }

    fn send_part(&mut self) -> Option<Vec<u8>> {
        let part: Vec<u8> = self.response.drain(..self.chunk.min(self.response.len())).collect();
        let chaining = if self.response.is_empty() { 0 } else { 0x10 };
        self.last = Self::sealed(&[&[0x02 | chaining | self.number], &part[..]].concat());
        Some(self.last.clone())
    }

    fn block(&mut self, pcb: u8, inf: &[u8]) -> Option<Vec<u8>> {
        match pcb & 0xFE {
            0x02 | 0x12 => {
                // Rule D: the card's number turns with each I-block.
                self.number ^= 1;
                self.command.extend(inf);
                if pcb & 0x10 != 0 {
                    self.last = Self::sealed(&[0xA2 | self.number]);
                    return Some(self.last.clone());
                }
                self.commands += 1;
                let command = core::mem::take(&mut self.command);
                self.response = (self.application)(&command);
                self.send_part()
            }
            // Rule 11: the same number, the last block once more.
            0xA2 | 0xB2 if pcb & 1 == self.number => Some(self.last.clone()),
            // Rule 12.
            0xB2 => Some(Self::sealed(&[0xA2 | self.number])),
            // Rule 13: rule E turns the number.
            0xA2 => {
                self.number ^= 1;
                self.send_part()
            }
            0xC2 => {
                self.state = State::Halted;
                Some(Self::sealed(&[0xC2]))
            }
            // The answer to a waiting time extension: the block that was held back.
            0xF2 => Some(self.last.clone()),
            _ => None,
        }
    }
}

/// What happens to one answer on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Twist {
    Pass,
    Lose,
    /// The command never reaches the card.
    LoseCommand,
    Corrupt,
    Late(u32),
    Instead(Vec<u8>),
    Collide,
}

/// A medium with one card, and twists for the exchanges to come.
pub(crate) struct TestMedium {
    pub(crate) card: TestCard,
    pub(crate) twists: Vec<Twist>,
    pub(crate) sent: Vec<Vec<u8>>,
    pub(crate) air_us: u64,
    pub(crate) type_b: bool,
    pub(crate) load: Option<bool>,
    on: bool,
    switched_us: u64,
    /// The shortest time between the field coming on and a look for a card of type A, in us.
    pub(crate) powered_us: u64,
}

impl TestMedium {
    pub(crate) fn new(card: TestCard) -> Self {
        Self {
            card,
            twists: vec![],
            sent: vec![],
            air_us: 0,
            type_b: false,
            load: None,
            on: false,
            switched_us: 0,
            powered_us: u64::MAX,
        }
    }

    fn exchange(
        &mut self,
        answer: &mut Frame,
        limit_us: u32,
        card: impl FnOnce(&mut TestCard) -> Option<Vec<u8>>,
    ) -> Heard {
        answer.clear();
        let twist = if self.twists.is_empty() { Twist::Pass } else { self.twists.remove(0) };
        let said = if twist == Twist::LoseCommand { None } else { card(&mut self.card) };
        let (delay_us, bytes) = match (twist, said) {
            (Twist::Collide, _) => return Heard::Collision,
            (Twist::Instead(bytes), _) => (100, bytes),
            (Twist::Lose | Twist::LoseCommand, _) | (_, None) => (u32::MAX, vec![]),
            (Twist::Corrupt, Some(mut bytes)) => {
                // The block behind a waiting time extension is empty if the card never sent one.
                if let Some(first) = bytes.first_mut() {
                    *first ^= 0x40;
                }
                (100, bytes)
            }
            (Twist::Late(delay_us), Some(bytes)) => (delay_us, bytes),
            (Twist::Pass, Some(bytes)) => (100, bytes),
        };
        self.air_us += u64::from(delay_us.min(limit_us));
        if delay_us > limit_us {
            return Heard::Silence;
        }
        answer.extend_from_slice(&bytes).expect("fits");
        Heard::Answer { delay_us }
    }
}

impl Medium for TestMedium {
    fn field(&mut self, on: bool) {
        self.card.field(on);
        if self.on != on {
            (self.on, self.switched_us) = (on, self.air_us);
        }
    }

    fn short(&mut self, bits: u8, limit_us: u32, answer: &mut Frame) -> Heard {
        self.powered_us = self.powered_us.min(self.air_us - self.switched_us);
        self.sent.push(vec![bits]);
        self.exchange(answer, limit_us, |card| card.short(bits))
    }

    fn command(&mut self, bytes: &[u8], limit_us: u32, answer: &mut Frame) -> Heard {
        self.sent.push(bytes.to_vec());
        if bytes[0] == 0x05 && self.type_b {
            self.type_b = false;
            return Heard::Answer { delay_us: 300 };
        }
        self.exchange(answer, limit_us, |card| card.command(bytes))
    }

    fn pause(&mut self, us: u32) {
        self.air_us += u64::from(us);
    }

    fn listen(&mut self) -> bool {
        false
    }

    fn load(&self) -> Option<bool> {
        self.load
    }

    fn deaths(&mut self) -> u32 {
        0
    }
}
