//! The air between validator and card emulator, where it is a UART between two boards.
//!
//! The medium is modelled: a frame that arrives was on the air for as long as ISO/IEC 14443 says, whatever the
//! UART took. So that a slow or interrupted machine never turns into a timeout, the card side answers **every**
//! frame, with [`Message::Silence`] where a real card would have said nothing, and says how long after the
//! reader's frame its answer began. The reader compares that time, not its own clock, with the frame waiting
//! time. Only a dead or unplugged emulator makes the reader fall back on a guard time of its own.
//!
//! The reader's own times are part of the model, too. With each message it says how long it let the air rest before
//! ([`Pace::pause_us`]) and how long it waits for an answer ([`Pace::wait_us`]). The card side presumes neither: it adds up what
//! the reader says, so a reader that waits too long, or resets a card too briefly, shows it on the modelled clock.
//!
//! Each message is one [`frame`](crate::frame): kind, exchange number, payload, CRC-16. The answer carries the number of
//! the frame it answers, so that one which comes too late is never taken for the next one's. The CRC is that of the
//! UART: damage between two boards is never taken for what a card or a reader said, whose own CRC is part of the payload.
//! A damaged message counts as lost.

use heapless::Vec;

/// Longest ISO/IEC 14443 frame on this medium: FSD and FSC of 256 bytes, the CRC within.
pub const MAX_FRAME: usize = 256;

/// Longest message without its CRC: kind, number, delay, frame; some bytes more than FSD, so that an oversized frame can be sent.
pub const MAX_MESSAGE: usize = MAX_FRAME + 32;

/// Room for one packed message.
pub const MAX_PACKED: usize = crate::frame::encoded_len(MAX_MESSAGE + 2);

/// The times that a reader keeps about one frame of its own, in us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// How long the air rested before the frame: since the end of the card's frame, since the end of a wait without an answer,
    /// or since the field was switched.
    pub pause_us: u32,
    /// How long the reader waits for an answer to begin, from the end of its frame.
    pub wait_us: u32,
}

/// What passes over the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// Reader: the field is off. A card loses its state.
    FieldOff {
        /// How long the air rested before, in us: see [`Pace::pause_us`].
        pause_us: u32,
    },
    /// Reader: the field is on.
    FieldOn {
        /// How long the air rested before, in us: see [`Pace::pause_us`].
        pause_us: u32,
    },
    /// Card side: the load on the antenna changed, as the low-power card detection of a reader's front end
    /// sees it. `card` tells whether something now loads the field.
    Load {
        /// Something is in the field.
        card: bool,
    },
    /// Reader to card, seven bits: REQA or WUPA.
    Short {
        /// Number of this exchange.
        exchange: u8,
        /// The reader's times about it.
        pace: Pace,
        /// The seven bits, in the low end.
        bits: u8,
    },
    /// Reader to card, whole bytes, with CRC where the standard has one.
    Command {
        /// Number of this exchange.
        exchange: u8,
        /// The reader's times about it.
        pace: Pace,
        /// The bytes on the air.
        bytes: &'a [u8],
    },
    /// Card to reader, whole bytes, with CRC where the standard has one.
    Answer {
        /// Number of the exchange that this answers.
        exchange: u8,
        /// From the end of the reader's frame to the start of this one, in us (FDT).
        delay_us: u32,
        /// The bytes on the air.
        bytes: &'a [u8],
    },
    /// Card to reader: two answers at once, no bit of which can be relied on.
    Collision {
        /// Number of the exchange that this answers.
        exchange: u8,
    },
    /// No card answered.
    Silence {
        /// Number of the exchange that this answers.
        exchange: u8,
    },
}

impl Pace {
    const LEN: usize = 8;

    fn decode(bytes: [u8; Self::LEN]) -> Self {
        let [a, b, c, d, e, f, g, h] = bytes;
        Self { pause_us: u32::from_be_bytes([a, b, c, d]), wait_us: u32::from_be_bytes([e, f, g, h]) }
    }

    fn encode(self) -> [u8; Self::LEN] {
        let ([a, b, c, d], [e, f, g, h]) = (self.pause_us.to_be_bytes(), self.wait_us.to_be_bytes());
        [a, b, c, d, e, f, g, h]
    }
}

/// The bytes are no message of this medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

const FIELD_OFF: u8 = 0x10;
const FIELD_ON: u8 = 0x11;
const LOAD: u8 = 0x12;
const SHORT: u8 = 0x20;
const COMMAND: u8 = 0x21;
const ANSWER: u8 = 0x30;
const COLLISION: u8 = 0x31;
const SILENCE: u8 = 0x32;

impl<'a> Message<'a> {
    /// The message in the body of a frame.
    ///
    /// # Errors
    /// [`Malformed`] for a CRC that does not fit, an unknown kind or a body of the wrong length.
    pub fn decode(body: &'a [u8]) -> Result<Self, Malformed> {
        let (body, crc) = body.split_last_chunk::<2>().ok_or(Malformed)?;
        if crate::crc::link(body) != *crc {
            return Err(Malformed);
        }
        let (&kind, rest) = body.split_first().ok_or(Malformed)?;
        match (kind, rest) {
            (FIELD_OFF, [a, b, c, d]) => Ok(Self::FieldOff { pause_us: u32::from_be_bytes([*a, *b, *c, *d]) }),
            (FIELD_ON, [a, b, c, d]) => Ok(Self::FieldOn { pause_us: u32::from_be_bytes([*a, *b, *c, *d]) }),
            (LOAD, [card @ (0 | 1)]) => Ok(Self::Load { card: *card == 1 }),
            (SHORT, [exchange, rest @ ..]) => match rest.split_first_chunk() {
                Some((pace, [bits])) => Ok(Self::Short { exchange: *exchange, pace: Pace::decode(*pace), bits: *bits }),
                _ => Err(Malformed),
            },
            (COMMAND, [exchange, rest @ ..]) => {
                let (pace, bytes) = rest.split_first_chunk().ok_or(Malformed)?;
                Ok(Self::Command { exchange: *exchange, pace: Pace::decode(*pace), bytes })
            }
            (ANSWER, [exchange, a, b, c, d, bytes @ ..]) => {
                Ok(Self::Answer { exchange: *exchange, delay_us: u32::from_be_bytes([*a, *b, *c, *d]), bytes })
            }
            (COLLISION, [exchange]) => Ok(Self::Collision { exchange: *exchange }),
            (SILENCE, [exchange]) => Ok(Self::Silence { exchange: *exchange }),
            _ => Err(Malformed),
        }
    }

    /// The message packed into a frame, closing zero included.
    ///
    /// # Errors
    /// [`TooLong`](crate::frame::TooLong) when the bytes exceed what a message carries.
    pub fn encode(&self) -> Result<Vec<u8, MAX_PACKED>, crate::frame::TooLong> {
        let mut body = Vec::<u8, { MAX_MESSAGE + 2 }>::new();
        let mut put = |bytes: &[u8]| {
            let fits = body.len() + bytes.len() <= MAX_MESSAGE;
            fits.then(|| body.extend_from_slice(bytes).ok()).flatten().ok_or(crate::frame::TooLong)
        };
        match *self {
            Self::FieldOff { pause_us } => {
                put(&[FIELD_OFF])?;
                put(&pause_us.to_be_bytes())?;
            }
            Self::FieldOn { pause_us } => {
                put(&[FIELD_ON])?;
                put(&pause_us.to_be_bytes())?;
            }
            Self::Load { card } => put(&[LOAD, card.into()])?,
            Self::Short { exchange, pace, bits } => {
                put(&[SHORT, exchange])?;
                put(&pace.encode())?;
                put(&[bits])?;
            }
            Self::Command { exchange, pace, bytes } => {
                put(&[COMMAND, exchange])?;
                put(&pace.encode())?;
                put(bytes)?;
            }
            Self::Answer { exchange, delay_us, bytes } => {
                put(&[ANSWER, exchange])?;
                put(&delay_us.to_be_bytes())?;
                put(bytes)?;
            }
            Self::Collision { exchange } => put(&[COLLISION, exchange])?,
            Self::Silence { exchange } => put(&[SILENCE, exchange])?,
        }
        let crc = crate::crc::link(&body);
        body.extend_from_slice(&crc).map_err(|_| crate::frame::TooLong)?;
        let mut packed = Vec::new();
        crate::frame::encode(&body, &mut packed)?;
        Ok(packed)
    }
}

/// Air time of a frame of `bytes` whole bytes at 106 kbit/s, in ns: start, nine etu a byte, end
/// (ISO/IEC 14443-3: a byte and its parity bit are 9 etu of 128/fc).
#[must_use]
pub const fn frame_time_ns(bytes: usize) -> u64 {
    // 128 / 13.56 MHz = 9439.5 ns; start and end of communication take one etu each.
    (bytes as u64 * 9 + 2) * 94_395 / 10
}

/// Shortest frame delay from reader to card, in us: 1236/fc, rounded up (ISO/IEC 14443-3).
pub const FDT_PICC_US: u32 = 92;

/// Shortest delay from the end of the card's frame to the reader's next one, in us: 6780/fc (EMV Contactless
/// Interface Specification).
pub const FDT_PCD_US: u32 = 500;

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::frame::{Collected, Collector};
    use proptest::prelude::*;

    fn over_the_wire(message: &Message<'_>) -> std::vec::Vec<u8> {
        let mut collector = Collector::<MAX_PACKED>::new();
        for byte in message.encode().expect("fits") {
            match collector.push(byte) {
                Some(Collected::Frame(body)) => return body.to_vec(),
                Some(Collected::Garbage) => panic!("garbage"),
                None => {}
            }
        }
        panic!("no frame");
    }

    #[test]
    fn a_byte_takes_nine_etu() {
        // 84.96 us a byte, from ISO/IEC 14443-3's 128/fc.
        assert_eq!((frame_time_ns(101) - frame_time_ns(1)) / 100, 84_955);
    }

    #[test]
    fn every_kind_comes_back() {
        for message in [
            Message::FieldOff { pause_us: 500 },
            Message::FieldOn { pause_us: 6000 },
            Message::Load { card: true },
            Message::Short { exchange: 0, pace: Pace { pause_us: 5100, wait_us: 5287 }, bits: 0x52 },
            Message::Collision { exchange: 255 },
            Message::Silence { exchange: 3 },
        ] {
            assert_eq!(Message::decode(&over_the_wire(&message)), Ok(message));
        }
    }

    #[test]
    fn a_turned_bit_and_a_lost_byte_are_noticed() {
        let body =
            over_the_wire(&Message::Answer { exchange: 7, delay_us: 92, bytes: &[0x02, 0x90, 0x00, 0xF1, 0x09] });
        for bit in 0..body.len() * 8 {
            let mut damaged = body.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Message::decode(&damaged), Err(Malformed), "bit {bit}");
        }
        for lost in 0..body.len() {
            let mut damaged = body.clone();
            damaged.remove(lost);
            assert_eq!(Message::decode(&damaged), Err(Malformed), "byte {lost}");
        }
    }

    #[test]
    fn a_frame_longer_than_the_medium_takes_is_refused() {
        assert!(Message::Command { exchange: 0, pace: Pace::default(), bytes: &[0; MAX_MESSAGE] }.encode().is_err());
        assert!(Message::Answer { exchange: 0, delay_us: 0, bytes: &[0; MAX_FRAME + 26] }.encode().is_ok());
    }

    proptest! {
        #[test]
        fn bytes_and_times_come_back(exchange: u8, delay_us: u32, pause_us: u32, wait_us: u32, bytes in prop::collection::vec(any::<u8>(), 0..=MAX_FRAME)) {
            let answer = Message::Answer { exchange, delay_us, bytes: &bytes };
            let body = over_the_wire(&answer);
            prop_assert_eq!(Message::decode(&body), Ok(answer));
            let command = Message::Command { exchange, pace: Pace { pause_us, wait_us }, bytes: &bytes };
            let body = over_the_wire(&command);
            prop_assert_eq!(Message::decode(&body), Ok(command));
        }

        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Message::decode(&body);
            let crc = crate::crc::link(&body);
            let _ = Message::decode(&[&body[..], &crc].concat());
        }
    }
}
