//! The card's part of ISO/IEC 14443-3 type A: REQA and WUPA, anticollision over cascade levels, SELECT, HLTA.

use crate::stage::Stage;
use crate::{Frame, with_crc};
use heapless::Vec;
use wire::crc::crc_a_ok;
use wire::link::Front;

/// Short frame REQA.
pub const REQA: u8 = 0x26;
/// Short frame WUPA.
pub const WUPA: u8 = 0x52;

/// Cascade tag: the UID goes on at the next level.
const CASCADE_TAG: u8 = 0x88;
/// SAK bit 3: the UID is not complete.
const SAK_CASCADE: u8 = 0x04;

/// States of ISO/IEC 14443-3, without those of the block protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Listens for REQA and WUPA.
    Idle,
    /// Takes part in anticollision at this cascade level, from 0.
    Ready(u8),
    /// Selected.
    Active,
    /// Listens for WUPA alone.
    Halt,
}

/// What a frame of the reader led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// No answer.
    Silence,
    /// This answer, at the fixed frame delay of the activation.
    Answer(Frame),
    /// ATQA or UID; with another card of type A in the field it collides.
    Shared(Frame),
    /// HLTA to the selected card: no answer.
    Halted,
    /// RATS to the selected card, with its parameter byte: FSDI and CID.
    Rats(u8),
}

/// The card between field-on and RATS.
#[derive(Debug)]
pub struct Activation {
    state: State,
    /// The card was halted before: it goes back to HALT instead of IDLE (the states with a star).
    halted: bool,
}

impl Default for Activation {
    fn default() -> Self {
        Self { state: State::Idle, halted: false }
    }
}

/// The four bytes of a cascade level, and whether it is the last.
fn level(uid: &[u8], level: u8) -> Option<([u8; 4], bool)> {
    let rest = uid.get(3 * usize::from(level)..)?;
    match *rest {
        [a, b, c, d] => Some(([a, b, c, d], true)),
        [a, b, c, _, _, ..] => Some(([CASCADE_TAG, a, b, c], false)),
        _ => None,
    }
}

/// Cascade level, from 0, of a SEL byte.
fn level_of(sel: u8) -> Option<u8> {
    match sel {
        0x93 => Some(0),
        0x95 => Some(1),
        0x97 => Some(2),
        _ => None,
    }
}

impl Activation {
    /// The card enters HALT: S(DESELECT).
    pub fn halt(&mut self) {
        self.state = State::Halt;
        self.halted = true;
    }

    /// The card is selected, by a front end that did the anticollision.
    pub fn select(&mut self) {
        self.state = State::Active;
    }

    /// Where the card is.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self.state {
            State::Idle | State::Ready(_) => Stage::Idle,
            State::Active => Stage::Selected,
            State::Halt => Stage::Halted,
        }
    }

    /// Anything that a state does not expect leads back to where the card came from, without answer.
    fn fall_back(&mut self) -> Heard {
        self.state = if self.halted { State::Halt } else { State::Idle };
        Heard::Silence
    }

    /// Seven bits from the reader.
    pub fn short(&mut self, front: &Front, bits: u8) -> Heard {
        match (self.state, bits) {
            (State::Idle, REQA | WUPA) | (State::Halt, WUPA) => {
                self.state = State::Ready(0);
                Heard::Shared(front.atqa.iter().copied().collect())
            }
            _ => self.fall_back(),
        }
    }

    /// A frame of whole bytes from the reader.
    pub fn command(&mut self, front: &Front, frame: &[u8]) -> Heard {
        match self.state {
            State::Ready(at) => self.anticollision(front, at, frame),
            State::Active => match *frame {
                [0x50, 0x00, _, _] if crc_a_ok(frame) => {
                    self.halt();
                    Heard::Halted
                }
                // The card stays selected: a reader may repeat a RATS that got no answer.
                [0xE0, parameter, _, _] if crc_a_ok(frame) => Heard::Rats(parameter),
                _ => self.fall_back(),
            },
            State::Idle | State::Halt => Heard::Silence,
        }
    }

    fn anticollision(&mut self, front: &Front, at: u8, frame: &[u8]) -> Heard {
        let (Some((part, last)), [sel, nvb, known @ ..]) = (level(&front.uid, at), frame) else {
            return self.fall_back();
        };
        if level_of(*sel) != Some(at) {
            return self.fall_back();
        }
        let bcc = part.iter().fold(0, |sum, byte| sum ^ byte);
        let whole: Vec<u8, 5> = part.into_iter().chain([bcc]).collect();
        if *nvb == 0x70 {
            let [uid @ .., _, _] = known else { return self.fall_back() };
            if !crc_a_ok(frame) || uid != whole {
                return self.fall_back();
            }
            self.state = if last { State::Active } else { State::Ready(at + 1) };
            return Heard::Answer(with_crc(&[if last { front.sak } else { SAK_CASCADE }]));
        }
        // The medium carries whole bytes only, so that NVB counts no bits beyond them.
        let told = usize::from(nvb >> 4).checked_sub(2);
        if nvb & 0x0F != 0 || told != Some(known.len()) || !whole.starts_with(known) {
            return self.fall_back();
        }
        Heard::Shared(whole[known.len()..].iter().copied().collect())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::testing::front;
    use std::vec::Vec as StdVec;

    const SEVEN: [u8; 7] = [0x04, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66];

    fn uid(bytes: &[u8]) -> Front {
        Front { uid: Vec::from_slice(bytes).expect("fits"), ..front() }
    }

    fn select(sel: u8, bytes: [u8; 4]) -> Frame {
        let bcc = bytes[0] ^ bytes[1] ^ bytes[2] ^ bytes[3];
        with_crc(&[sel, 0x70, bytes[0], bytes[1], bytes[2], bytes[3], bcc])
    }

    fn answer(heard: Heard) -> StdVec<u8> {
        match heard {
            Heard::Answer(frame) | Heard::Shared(frame) => frame.to_vec(),
            other => panic!("no answer but {other:?}"),
        }
    }

    /// Anticollision and SELECT at every level; the UID read, and the last SAK.
    fn resolve(card: &mut Activation, front: &Front) -> (StdVec<u8>, u8) {
        let mut uid = StdVec::new();
        for sel in [0x93, 0x95, 0x97] {
            let part = answer(card.command(front, &[sel, 0x20]));
            let [a, b, c, d, bcc] = part[..] else { panic!("five bytes, not {part:?}") };
            assert_eq!(a ^ b ^ c ^ d, bcc);
            let sak = answer(card.command(front, &select(sel, [a, b, c, d])));
            assert!(crc_a_ok(&sak));
            if sak[0] & SAK_CASCADE == 0 {
                uid.extend([a, b, c, d]);
                return (uid, sak[0]);
            }
            assert_eq!(a, CASCADE_TAG);
            uid.extend([b, c, d]);
        }
        panic!("more than three cascade levels");
    }

    #[test]
    fn uids_of_every_length_are_resolved() {
        for len in [4, 7, 10] {
            let bytes: StdVec<u8> = (1..=len).collect();
            let front = uid(&bytes);
            let mut card = Activation::default();
            assert_eq!(answer(card.short(&front, WUPA)), front.atqa);
            assert_eq!(resolve(&mut card, &front), (bytes, front.sak));
            assert_eq!(card.command(&front, &with_crc(&[0xE0, 0x80])), Heard::Rats(0x80));
        }
    }

    #[test]
    fn a_uid_begun_by_the_reader_is_completed() {
        let front = uid(&[0xC0, 0xC1, 0xC2, 0xC3]);
        let mut card = Activation::default();
        card.short(&front, REQA);
        assert_eq!(answer(card.command(&front, &[0x93, 0x40, 0xC0, 0xC1])), [0xC2, 0xC3, 0x00]);
        assert_eq!(card.command(&front, &[0x93, 0x40, 0xC0, 0xC9]), Heard::Silence, "another card is meant");
    }

    #[test]
    fn a_halted_card_hears_wupa_alone_even_after_a_mistake() {
        let front = uid(&SEVEN);
        let mut card = Activation::default();
        card.short(&front, REQA);
        resolve(&mut card, &front);
        assert_eq!(card.command(&front, &with_crc(&[0x50, 0x00])), Heard::Halted);
        assert_eq!(card.short(&front, REQA), Heard::Silence);
        assert_eq!(answer(card.short(&front, WUPA)), front.atqa);
        assert_eq!(card.command(&front, &[0x01]), Heard::Silence);
        assert_eq!(card.short(&front, REQA), Heard::Silence, "back in HALT, not in IDLE");
        assert_eq!(answer(card.short(&front, WUPA)), front.atqa);
    }

    #[test]
    fn what_a_state_does_not_expect_leads_back_without_answer() {
        let front = uid(&SEVEN);
        let wrong: [&[u8]; 6] = [
            &[0x95, 0x20],                                           // level 2 first
            &[0x93, 0x21],                                           // a bit beyond the byte
            &[0x93],                                                 // no NVB
            &[0x93, 0x70, 0x88, 0x04, 0x11, 0x22, 0xBF, 0x00, 0x00], // CRC
            &with_crc(&[0x93, 0x70, 0x88, 0x04, 0x11, 0x22, 0x00]),  // BCC
            &with_crc(&[0x50, 0x00]),                                // HLTA in READY
        ];
        for frame in wrong {
            let mut card = Activation::default();
            card.short(&front, WUPA);
            assert_eq!(card.command(&front, frame), Heard::Silence, "{frame:02X?}");
            assert_eq!(answer(card.short(&front, REQA)), front.atqa, "in IDLE after {frame:02X?}");
        }
        let mut card = Activation::default();
        card.short(&front, WUPA);
        assert_eq!(card.short(&front, WUPA), Heard::Silence, "WUPA in READY");
    }
}
