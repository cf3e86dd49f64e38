//! Polling and activation of type A (ISO/IEC 14443-3A, RATS of ISO/IEC 14443-4, with EMV's restrictions).

use kernel::LinkError;
use wire::crc::{crc_a, crc_a_ok, crc_b};

use super::block::{FSD, Link};
use super::medium::{Frame, Heard, Medium};

/// Frame waiting time of WUPA, WUPB, anticollision, SELECT and RATS, in us: 71680/fc, rounded up.
pub const ACTIVATION_FWT_US: u32 = 5287;

/// Time between the two types while polling, and after a field reset, in us (EMV: at least 5.1 ms).
pub const GUARD_TIME_US: u32 = 5100;

const WUPA: u8 = 0x52;
const HLTA: [u8; 2] = [0x50, 0x00];
/// APf, AFI of all, PARAM: WUPB, one slot.
const WUPB: [u8; 3] = [0x05, 0x00, 0x08];
const SELECT: [u8; 3] = [0x93, 0x95, 0x97];
/// Cascade tag: the first byte of an unfinished UID.
const CASCADE_TAG: u8 = 0x88;
const RATS: u8 = 0xE0;
const FSDI: u8 = 8;

/// What polling found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Nothing.
    Nothing,
    /// One card of type A or several of them with equal ATQA, ready for anticollision.
    TypeA,
    /// Something of type B and nothing of type A.
    TypeB,
    /// Several cards.
    Several,
    /// The front end is dead.
    Dead,
}

/// Why a card was not activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivationError {
    /// Several cards answered.
    Collision,
    /// The card does not speak ISO/IEC 14443-4 (SAK).
    NoBlockProtocol,
    /// The card was lost, or what it says is wrong.
    Link(LinkError),
}

const PROTOCOL: ActivationError = ActivationError::Link(LinkError::Protocol);
const TRANSMISSION: ActivationError = ActivationError::Link(LinkError::Transmission);

/// A frame with its CRC_A behind it.
pub(super) fn with_crc_a(bytes: &[u8]) -> Frame {
    let mut frame = Frame::new();
    // The longest frame of a reader is FSC of 256, which fits.
    let _ = frame.extend_from_slice(bytes);
    let _ = frame.extend_from_slice(&crc_a(bytes));
    frame
}

fn heard(heard: Heard) -> Result<(), ActivationError> {
    match heard {
        Heard::Answer { .. } => Ok(()),
        Heard::Silence | Heard::Dead => Err(ActivationError::Link(LinkError::Timeout)),
        Heard::Collision => Err(ActivationError::Collision),
    }
}

/// Sends HLTA; a card stays silent on it.
pub(super) fn halt<M: Medium>(medium: &mut M) {
    medium.command(&with_crc_a(&HLTA), ACTIVATION_FWT_US, &mut Frame::new());
}

/// One WUPA.
pub(super) fn wake_a<M: Medium>(medium: &mut M) -> Heard {
    medium.short(WUPA, ACTIVATION_FWT_US, &mut Frame::new())
}

/// One WUPB, the time between the types around it.
pub(super) fn wake_b<M: Medium>(medium: &mut M) -> Heard {
    let mut frame = Frame::new();
    let _ = frame.extend_from_slice(&WUPB);
    let _ = frame.extend_from_slice(&crc_b(&WUPB));
    medium.pause(GUARD_TIME_US);
    let heard = medium.command(&frame, ACTIVATION_FWT_US, &mut Frame::new());
    medium.pause(GUARD_TIME_US);
    heard
}

/// Looks for cards of both types. Any answer counts as a card, however damaged.
pub(super) fn poll<M: Medium>(medium: &mut M) -> Presence {
    match wake_a(medium) {
        Heard::Dead => return Presence::Dead,
        Heard::Collision => return Presence::Several,
        Heard::Silence => {
            return match wake_b(medium) {
                Heard::Silence => Presence::Nothing,
                // Both types may have come since the look for type A.
                Heard::Answer { .. } => match wake_a(medium) {
                    Heard::Silence => Presence::TypeB,
                    Heard::Answer { .. } | Heard::Collision => Presence::Several,
                    Heard::Dead => Presence::Dead,
                },
                Heard::Collision => Presence::Several,
                Heard::Dead => Presence::Dead,
            };
        }
        Heard::Answer { .. } => {}
    }
    halt(medium);
    match wake_b(medium) {
        Heard::Answer { .. } | Heard::Collision => Presence::Several,
        Heard::Silence => Presence::TypeA,
        Heard::Dead => Presence::Dead,
    }
}

/// From WUPA to the ATS.
pub(super) fn activate<M: Medium>(medium: &mut M) -> Result<Link, ActivationError> {
    let mut answer = Frame::new();
    heard(medium.short(WUPA, ACTIVATION_FWT_US, &mut answer))?;
    if answer.len() != 2 {
        return Err(TRANSMISSION);
    }
    select(medium, &mut answer)?;
    heard(medium.command(&with_crc_a(&[RATS, FSDI << 4]), ACTIVATION_FWT_US, &mut answer))?;
    if answer.len() > FSD {
        return Err(PROTOCOL);
    }
    if !crc_a_ok(&answer) {
        return Err(TRANSMISSION);
    }
    let ats = Ats::parse(&answer[..answer.len() - 2]).ok_or(PROTOCOL)?;
    medium.pause(ats.guard_time_us);
    Ok(Link::new(ats.fsc, ats.fwt_us))
}

/// Anticollision and SELECT through the cascade levels: UIDs of 4, 7 and 10 bytes.
fn select<M: Medium>(medium: &mut M, answer: &mut Frame) -> Result<(), ActivationError> {
    for (level, sel) in SELECT.into_iter().enumerate() {
        heard(medium.command(&[sel, 0x20], ACTIVATION_FWT_US, answer))?;
        let Ok(uid) = <[u8; 5]>::try_from(&answer[..]) else { return Err(TRANSMISSION) };
        if uid[0] ^ uid[1] ^ uid[2] ^ uid[3] != uid[4] {
            return Err(TRANSMISSION);
        }
        let [a, b, c, d, bcc] = uid;
        heard(medium.command(&with_crc_a(&[sel, 0x70, a, b, c, d, bcc]), ACTIVATION_FWT_US, answer))?;
        if answer.len() != 3 || !crc_a_ok(answer) {
            return Err(TRANSMISSION);
        }
        let unfinished = answer[0] & 0x04 != 0;
        // The cascade tag opens the UID part exactly when more of the UID follows.
        if unfinished != (a == CASCADE_TAG && level < 2) || (level == 2 && unfinished) {
            return Err(PROTOCOL);
        }
        if !unfinished {
            return if answer[0] & 0x20 != 0 { Ok(()) } else { Err(ActivationError::NoBlockProtocol) };
        }
    }
    Err(PROTOCOL)
}

/// What an ATS says, in the reader's units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ats {
    /// Longest frame that the card takes, in bytes, CRC included.
    fsc: usize,
    /// Frame waiting time in us.
    fwt_us: u32,
    /// Start-up frame guard time in us.
    guard_time_us: u32,
}

/// 4096/fc x 2^exponent (256 x 16/fc: FWT, SFGT), in us, rounded up.
pub(super) fn waiting_time_us(exponent: u8) -> u32 {
    // 4096 / 13.56 MHz = 302.065 us; the exponent is at most 14.
    ((302_065_u64 << exponent.min(14)).div_ceil(1000)) as u32
}

impl Ats {
    /// The ATS without CRC; nothing when TL is not its length or an announced byte is missing. Values reserved
    /// for the future are taken as EMV says: FSCI above 8 as 8, FWI 15 as 4, SFGI 15 as 0.
    fn parse(ats: &[u8]) -> Option<Self> {
        let (&length, rest) = ats.split_first()?;
        if usize::from(length) != ats.len() {
            return None;
        }
        const SIZES: [usize; 9] = [16, 24, 32, 40, 48, 64, 96, 128, 256];
        let mut parsed = Self { fsc: SIZES[2], fwt_us: waiting_time_us(4), guard_time_us: 0 };
        let Some((&format, mut rest)) = rest.split_first() else { return Some(parsed) };
        parsed.fsc = SIZES[usize::from(format & 0x0F).min(8)];
        if format & 0x10 != 0 {
            // TA: bit rates. The reader stays at 106 kbit/s and sends no PPS.
            rest = rest.split_first()?.1;
        }
        if format & 0x20 != 0 {
            let (&timing, after) = rest.split_first()?;
            rest = after;
            parsed.fwt_us = waiting_time_us(if timing >> 4 == 15 { 4 } else { timing >> 4 });
            parsed.guard_time_us = match timing & 0x0F {
                0 | 15 => 0,
                exponent => waiting_time_us(exponent),
            };
        }
        if format & 0x40 != 0 {
            // TC: CID and NAD, neither of which EMV uses.
            rest.split_first()?;
        }
        Some(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_those_of_the_standard() {
        assert_eq!(waiting_time_us(4), 4834);
        assert_eq!(waiting_time_us(7), 38_665);
        assert_eq!(waiting_time_us(14), 4_949_033);
    }

    #[test]
    fn defaults_and_reserved_values() {
        let ats = |bytes: &[u8]| Ats::parse(bytes).map(|ats| (ats.fsc, ats.fwt_us, ats.guard_time_us));
        assert_eq!(ats(&[1]), Some((32, 4834, 0)), "no T0");
        assert_eq!(ats(&[5, 0x78, 0x80, 0x70, 0x02]), Some((256, 38_665, 0)));
        assert_eq!(ats(&[3, 0x2F, 0xFF]), Some((256, 4834, 0)), "reserved values");
        assert_eq!(ats(&[3, 0x25, 0x41]), Some((64, 4834, 605)));
        assert_eq!(ats(&[4, 0x05, 0xAA, 0xBB]), Some((64, 4834, 0)), "historical bytes");
    }

    #[test]
    fn a_wrong_length_is_no_ats() {
        assert_eq!(Ats::parse(&[]), None);
        assert_eq!(Ats::parse(&[2]), None);
        assert_eq!(Ats::parse(&[1, 0x05]), None);
        assert_eq!(Ats::parse(&[2, 0x78]), None, "TA, TB, TC announced and missing");
    }

    proptest! {
        #[test]
        fn no_ats_panics(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(ats) = Ats::parse(&bytes) {
                prop_assert!(ats.fsc >= 16 && ats.fsc <= 256);
            }
        }
    }
}
