//! Masks account numbers in frames on the air.
//!
//! A frame holds only a part of a command or of a response, and a number may be split over several frames. So frames can't be
//! masked one by one. This module follows the frames of a tap. The card side reports a command before the rig answers it, and the
//! card's frames come after that answer. So the whole response is known before its first frame, and each frame is found in it.
//!
//! The check sum of a masked frame goes as well. With it, a few of the hidden digits could be computed: it has 16 bits, and a
//! number has six hidden digits and a check digit.

use super::{Found, command, response, suspects_of_a_part};
use taprig_model::event::{Body, Bytes};
use taprig_model::expect::CommandName;

/// Bytes of an I-block before and after its content: PCB and CRC.
const BEFORE: usize = 1;
const AFTER: usize = 2;

/// PCB bits of an I-block without CID and NAD, and the bit for "more follows" (ISO/IEC 14443-4, 7.1).
const I_BLOCK_BITS: u8 = 0xEE;
const I_BLOCK: u8 = 0x02;
const MORE: u8 = 0x10;

/// PCB of S(WTX), whose content is one byte: no part of a response.
const S_WTX: u8 = 0xF2;

/// What the frames of a tap that come next can be a part of.
#[derive(Debug, Clone, Default)]
pub struct Frames {
    /// The response of the last exchange.
    response: Vec<u8>,
    /// The same with its account numbers masked.
    hidden: Vec<u8>,
    /// Where the content of the card's last frame begins in the response, and where that of its next frame does.
    last: usize,
    next: usize,
    /// The reader's command so far.
    command: Vec<u8>,
    /// Whether the reader goes on with this command in its next I-block.
    more: bool,
}

impl Frames {
    /// Masks the frame if the event is one, and learns from all other events. Events have to come in their order, and before
    /// anything in them is masked.
    pub(super) fn event(&mut self, body: &mut Body) {
        match body {
            Body::Presented { .. } => *self = Self::default(),
            Body::Exchange(exchange) => {
                let whole = exchange.response.clone().unwrap_or_default();
                let mut hidden = whole.clone();
                response(&mut hidden, &mut Found::new());
                *self = Self { response: whole.0, hidden: hidden.0, ..Self::default() };
            }
            // The reader looks for a card, so what comes next is an activation.
            Body::Frame { from_card: false, short: true, .. } => *self = Self::default(),
            Body::Frame { from_card, short: false, bytes, masked, .. } => *masked |= self.frame(*from_card, bytes),
            _ => {}
        }
    }

    /// Whether something in the frame was masked.
    fn frame(&mut self, from_card: bool, bytes: &mut Bytes) -> bool {
        let Some(end) = bytes.0.len().checked_sub(AFTER).filter(|&end| end > BEFORE) else { return false };
        let (pcb, content) = (bytes.0[0], &mut bytes.0[BEFORE..end]);
        let before = content.to_vec();
        match from_card {
            true if pcb == S_WTX && content.len() == 1 => {}
            true => self.of_card(pcb, content),
            false if is_i_block(pcb) => self.of_reader(pcb, content),
            false => {}
        }
        let masked = *content != *before;
        if masked {
            bytes.0[end..].fill(0);
        }
        masked
    }

    fn of_card(&mut self, pcb: u8, content: &mut [u8]) {
        if self.response.is_empty() {
            if is_i_block(pcb) {
                suspects_of_a_part(content, &mut Found::new());
            }
            return;
        }
        let equal: Vec<usize> =
            (0..self.response.len()).filter(|&at| self.response[at..].starts_with(content)).collect();
        let expected = [self.next, self.last];
        let mut places: Vec<usize> = equal.iter().copied().filter(|at| expected.contains(at)).collect();
        if places.is_empty() {
            // A block that was sent earlier, or one that is spoilt on its way.
            places = equal;
        }
        if places.is_empty() {
            places = expected.into_iter().filter(|&at| self.is_like(at, content)).collect();
            if is_i_block(pcb) && places.is_empty() {
                suspects_of_a_part(content, &mut Found::new());
            }
        }
        let Some(&first) = places.iter().find(|&&at| at == self.next).or(places.first()) else { return };
        // If a short block may be one of several parts of the response, what is hidden in one of them is hidden.
        for at in places {
            self.hide(at, content);
        }
        (self.last, self.next) = (first, first + content.len());
    }

    /// Whether most of the content is that of the response from `at` on. A frame with turned bits is, and so is one that is
    /// longer than the response.
    fn is_like(&self, at: usize, content: &[u8]) -> bool {
        let pairs = || self.response.iter().skip(at).zip(content);
        let (all, same) = (pairs().count(), pairs().filter(|(one, other)| one == other).count());
        all > 0 && same * 2 >= all
    }

    /// Hides the digits of the content that are hidden in the response from `at` on.
    fn hide(&self, at: usize, content: &mut [u8]) {
        for ((whole, hidden), byte) in self.response.iter().zip(&self.hidden).skip(at).zip(content) {
            for nibble in [0xF0, 0x0F] {
                if whole & nibble != hidden & nibble {
                    *byte = *byte & !nibble | hidden & nibble;
                }
            }
        }
    }

    fn of_reader(&mut self, pcb: u8, content: &mut [u8]) {
        if !self.more {
            self.command.clear();
        }
        self.more = pcb & MORE != 0;
        self.command.extend_from_slice(content);
        let mut hidden = self.command.clone();
        if self.more && CommandName::of(&hidden) == CommandName::Other {
            suspects_of_a_part(&mut hidden, &mut Found::new());
        } else {
            let mut whole = Bytes(hidden);
            command(&mut whole, &mut Found::new());
            hidden = whole.0;
        }
        let start = hidden.len() - content.len();
        content.copy_from_slice(&hidden[start..]);
    }
}

fn is_i_block(pcb: u8) -> bool {
    pcb & I_BLOCK_BITS == I_BLOCK
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use taprig_model::event::Exchange;

    const NUMBER: [u8; 8] = [0x62, 0x29, 0x90, 0x01, 0x80, 0x00, 0x00, 0x21];

    /// The answer to READ RECORD: the number, track 2, and a certificate.
    fn record() -> Vec<u8> {
        let certificate = [&[0x9F, 0x46, 0x20][..], &[0x5B; 32]].concat();
        [&[0x70, 0x39, 0x5A, 0x08], &NUMBER[..], &[0x57, 0x0A], &NUMBER, &[0xD3, 0x51], &certificate, &[0x90, 0x00]]
            .concat()
    }

    fn exchange(frames: &mut Frames, response: &[u8]) {
        let exchange = Exchange { response: Some(response.to_vec().into()), ..Exchange::default() };
        frames.event(&mut Body::Exchange(exchange));
    }

    /// The frame as it is recorded, and whether it is masked.
    fn recorded(frames: &mut Frames, from_card: bool, bytes: &[u8]) -> (Vec<u8>, bool) {
        let mut body = Body::Frame {
            from_card,
            short: false,
            bytes: bytes.to_vec().into(),
            masked: false,
            late: false,
            air_us: None,
        };
        frames.event(&mut body);
        match body {
            Body::Frame { bytes, masked, .. } => (bytes.0, masked),
            _ => unreachable!(),
        }
    }

    fn sealed(pcb: u8, content: &[u8]) -> Vec<u8> {
        [&[pcb][..], content, &[0x12, 0x34]].concat()
    }

    /// The contents of all blocks of a response.
    fn blocks(response: &[u8], size: usize) -> (Vec<u8>, Vec<bool>) {
        let mut frames = Frames::default();
        exchange(&mut frames, response);
        let parts = response.chunks(size).map(|part| {
            let (bytes, masked) = recorded(&mut frames, true, &sealed(0x12, part));
            assert_eq!(bytes.len(), part.len() + 3);
            assert_eq!(masked, bytes[1..=part.len()] != *part);
            assert_eq!(bytes[part.len() + 1..], if masked { [0, 0] } else { [0x12, 0x34] });
            (bytes[1..=part.len()].to_vec(), masked)
        });
        let (parts, masked): (Vec<_>, Vec<_>) = parts.unzip();
        (parts.concat(), masked)
    }

    fn hidden(bytes: &[u8]) -> Vec<u8> {
        let mut bytes = Bytes(bytes.to_vec());
        response(&mut bytes, &mut Found::new());
        bytes.0
    }

    #[test]
    fn blocks_hide_what_their_exchange_hides_wherever_it_is_split() {
        let record = record();
        for size in 8..=record.len() {
            assert_eq!(blocks(&record, size).0, hidden(&record), "blocks of {size} bytes");
        }
        let masked = blocks(&record, 8).1;
        let wanted = [true, true, true, false, false, true, true, true];
        assert_eq!(masked, wanted, "only blocks with something to hide are marked");
        // Blocks so short that one may be any of several parts hide more, and never less.
        for size in 1..8 {
            let (blocks, hidden) = (blocks(&record, size).0, hidden(&record));
            let less = blocks
                .iter()
                .zip(&hidden)
                .zip(&record)
                .any(|((block, hidden), whole)| hidden != whole && block == whole);
            assert!(!less, "blocks of {size} bytes");
        }
    }

    #[test]
    fn a_block_that_is_sent_again_or_spoilt_hides_the_same() {
        let (record, hidden) = (record(), hidden(&record()));
        let mut frames = Frames::default();
        exchange(&mut frames, &record);
        let first = sealed(0x12, &record[..20]);
        for _ in 0..3 {
            assert_eq!(recorded(&mut frames, true, &first).0[1..21], hidden[..20]);
        }
        // A bit is turned in a digit that is hidden, another one in the PCB.
        let mut spoilt = first.clone();
        (spoilt[8], spoilt[0]) = (spoilt[8] ^ 0x10, 0x57);
        let (bytes, masked) = recorded(&mut frames, true, &spoilt);
        assert!(masked && bytes[0] == 0x57 && bytes[1..21] == hidden[..20], "{bytes:02X?}");
        assert_eq!(recorded(&mut frames, true, &sealed(0x03, &record[20..])).0[1..=record.len() - 20], hidden[20..]);
        // Longer than the response.
        exchange(&mut frames, &record);
        let long = recorded(&mut frames, true, &sealed(0x02, &[&record[..], &[0; 40]].concat())).0;
        assert_eq!(long[1..=record.len()], hidden);
    }

    #[test]
    fn other_frames_stay_as_they_are() {
        let mut frames = Frames::default();
        let gpo = [&[0x80, 0xA8, 0, 0, 0x16, 0x83, 0x14, 1, 2, 0x5A, 4, 0x21, 0x80, 0, 0x80][..], &[0; 12]].concat();
        exchange(&mut frames, &record());
        for (from_card, bytes) in [
            (false, sealed(0x02, &gpo)),
            (false, sealed(0x12, &gpo[..12])),
            (false, sealed(0x03, &gpo[12..])),
            (false, vec![0xB2, 1, 2]),
            (true, vec![0xF2, 1, 1, 2]),
            (true, vec![0xA2, 1, 2]),
            (true, vec![0x44]),
            (true, vec![]),
        ] {
            assert_eq!(recorded(&mut frames, from_card, &bytes), (bytes.clone(), false));
        }
    }

    /// A loop-back command may carry a number. Nobody knows its other part when its first frame is recorded.
    #[test]
    fn a_number_that_the_reader_sends_is_hidden_over_its_frames() {
        let command = [&[0x00, 0x10, 0x00, 0x00, 0x0A, 0x5A, 0x08][..], &NUMBER].concat();
        for cut in 6..command.len() {
            let mut frames = Frames::default();
            let first = recorded(&mut frames, false, &sealed(0x12, &command[..cut])).0;
            recorded(&mut frames, true, &[0xA2, 0, 0]);
            let second = recorded(&mut frames, false, &sealed(0x03, &command[cut..])).0;
            let both = [&first[1..=cut], &second[1..=command.len() - cut]].concat();
            assert_eq!(both[10..13], [0xCC; 3], "cut at {cut}: {both:02X?}");
        }
    }

    #[test]
    fn a_new_activation_is_no_part_of_a_response() {
        let mut frames = Frames::default();
        exchange(&mut frames, &record());
        frames.event(&mut Body::Frame {
            from_card: false,
            short: true,
            bytes: vec![0x52].into(),
            masked: false,
            late: false,
            air_us: None,
        });
        let uid = [0x88, 0x01, 0x80, 0x00, 0x00];
        assert_eq!(recorded(&mut frames, true, &uid), (uid.to_vec(), false));
    }

    #[test]
    fn what_a_tap_hid_says_nothing_about_the_next() {
        let mut frames = Frames::default();
        exchange(&mut frames, &record());
        frames.event(&mut Body::Presented { tap: 2, card: "other".into() });
        let atr = sealed(0x78, &record()[2..10]);
        assert_eq!(recorded(&mut frames, true, &atr), (atr.clone(), false));
    }

    proptest! {
        #[test]
        fn no_frame_panics_and_lengths_stay(
            response in prop::collection::vec(any::<u8>(), 0..60),
            all in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 0..12),
        ) {
            let mut frames = Frames::default();
            exchange(&mut frames, &response);
            for (from_card, bytes) in all {
                prop_assert_eq!(recorded(&mut frames, from_card, &bytes).0.len(), bytes.len());
            }
        }

        #[test]
        fn no_split_of_a_response_shows_a_hidden_digit(sizes in prop::collection::vec(1usize..12, 60)) {
            let (record, hidden) = (record(), hidden(&record()));
            let mut frames = Frames::default();
            exchange(&mut frames, &record);
            let (mut at, mut shown) = (0, vec![]);
            for size in sizes {
                let end = (at + size).min(record.len());
                if at < end {
                    shown.extend(recorded(&mut frames, true, &sealed(0x12, &record[at..end])).0[1..=end - at].iter().copied());
                }
                at = end;
            }
            for (at, &byte) in shown.iter().enumerate() {
                for nibble in [0xF0, 0x0F] {
                    if hidden[at] & nibble != record[at] & nibble {
                        prop_assert_eq!(byte & nibble, 0xCC & nibble, "byte {}", at);
                    }
                }
            }
        }
    }
}
