//! Describes frames on the air: anticollision, RATS and blocks (ISO/IEC 14443-3 and -4).
//!
//! Polling before activation and after release is left out, because it depends on time how often an idle reader looks
//! for a card. A waiting time extension that no case asked for is left out as well, because the emulator asks for one
//! while its host computes. For an I-block only the kind, number and length are shown. Its content is shown as command
//! and response.
//!
//! Check sums are ignored: if an account number was masked, the check sum no longer matches. The faults of the case
//! show which blocks arrive damaged.

use taprig_model::event::Fields;
use taprig_record::decode::hex;

use crate::link::LinkFaults;

/// SAK bit 3: the UID continues at the next cascade level.
const SAK_CASCADE: u8 = 0x04;

/// How to interpret the card's answer to the reader's last frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// The frame and its answer are shown as blocks.
    Block,
    /// The frame is part of anticollision. Its answer is a part of the UID.
    Uid,
    /// The frame is a SELECT. Its answer is a SAK.
    Sak,
    /// The frame is a RATS. Its answer is an ATS.
    Ats,
    /// Neither the frame nor its answer is shown.
    Nothing,
}

/// Follows the frames of one tap.
#[derive(Debug)]
pub(super) struct Air {
    asked: Asked,
    faults: LinkFaults,
}

impl Air {
    /// The state at the start of a tap.
    pub(super) fn new() -> Self {
        Self { asked: Asked::Nothing, faults: LinkFaults::default() }
    }

    /// A fault was put on the link. The answer that it belongs to follows.
    pub(super) fn injected(&mut self, fault: &str, values: &Fields) {
        self.faults.injected(fault, values);
    }

    /// The host has answered a command.
    pub(super) fn answered(&mut self) {
        self.faults.answered();
    }

    /// The line for a frame, or `None` for polling.
    pub(super) fn line(&mut self, from_card: bool, short: bool, bytes: &[u8]) -> Option<String> {
        if !self.faults.now.extensions && matches!(bytes, [0xF2, _, _, _]) {
            return None;
        }
        if from_card {
            let words = match self.asked {
                Asked::Nothing => return None,
                Asked::Uid => match bytes {
                    [uid @ .., _] if bytes.len() == 5 => format!("UID {}", hex(uid)),
                    _ => format!("{} bytes in place of a UID", bytes.len()),
                },
                Asked::Sak => match bytes {
                    [sak, _, _] if sak & SAK_CASCADE != 0 => format!("SAK {sak:02X}, the UID goes on"),
                    [sak, _, _] => format!("SAK {sak:02X}"),
                    _ => format!("{} bytes in place of a SAK", bytes.len()),
                },
                Asked::Ats => format!("ATS {}", hex(body(bytes))),
                Asked::Block if self.faults.now.damaged > 0 => {
                    self.faults.now.damaged -= 1;
                    format!("damaged, {} bytes", bytes.len())
                }
                Asked::Block => block(bytes),
            };
            return Some(format!("<- {words}"));
        }
        let (asked, words) = match *bytes {
            _ if short => (Asked::Nothing, String::new()),
            // These are WUPB and HLTA. A card that is released by HLTA has an event of its own.
            [0x05, _, _, _, _] | [0x50, 0x00, _, _] => (Asked::Nothing, String::new()),
            [sel @ (0x93 | 0x95 | 0x97), 0x20] => (Asked::Uid, format!("anticollision {sel:02X}")),
            [sel @ (0x93 | 0x95 | 0x97), 0x70, ..] => (Asked::Sak, format!("select {sel:02X}")),
            [0xE0, parameter, _, _] => (Asked::Ats, format!("RATS {parameter:02X}")),
            _ => (Asked::Block, block(bytes)),
        };
        self.asked = asked;
        (asked != Asked::Nothing).then(|| format!("-> {words}"))
    }
}

/// Whether a frame with these words, as [`TapText::lines`](super::TapText::lines) gives them, is a block, which ends in a check sum.
#[must_use]
pub fn is_checked(words: &str) -> bool {
    let words = words.trim_start_matches("-> ").trim_start_matches("<- ");
    ["I ", "R(", "S("].iter().any(|start| words.starts_with(start))
}

fn body(frame: &[u8]) -> &[u8] {
    &frame[..frame.len().saturating_sub(2)]
}

/// Describes a block by its PCB (ISO/IEC 14443-4, clause 7.1).
fn block(frame: &[u8]) -> String {
    let number = |pcb: u8| pcb & 1;
    match *body(frame) {
        [pcb @ (0x02 | 0x03), ref inf @ ..] => format!("I {} {} bytes", number(pcb), inf.len()),
        [pcb @ (0x12 | 0x13), ref inf @ ..] => format!("I {} {} bytes, more follow", number(pcb), inf.len()),
        [pcb @ (0xA2 | 0xA3)] => format!("R(ACK) {}", number(pcb)),
        [pcb @ (0xB2 | 0xB3)] => format!("R(NAK) {}", number(pcb)),
        [0xC2] => "S(DESELECT)".to_owned(),
        [0xF2, wtxm] => format!("S(WTX) {wtxm}"),
        [pcb, ref inf @ ..] => format!("PCB {pcb:02X} {} bytes", inf.len()),
        [] => "no PCB".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wire::crc::crc_a;

    fn sealed(bytes: &[u8]) -> Vec<u8> {
        [bytes, &crc_a(bytes)].concat()
    }

    /// The lines of frames. A short frame has one byte.
    fn lines(air: &mut Air, frames: &[(bool, Vec<u8>)]) -> Vec<String> {
        frames.iter().filter_map(|(card, bytes)| air.line(*card, !card && bytes.len() == 1, bytes)).collect()
    }

    #[test]
    fn polling_is_left_out_before_and_after() {
        let polling = [
            (false, vec![0x52]),
            (true, vec![0x04, 0x00]),
            (false, sealed(&[0x50, 0x00])),
            (false, vec![0x05, 0x00, 0x08, 0x39, 0x73]),
            (true, vec![0x50; 14]),
        ];
        let served = [
            (false, vec![0x52]),
            (true, vec![0x44, 0x00]),
            (false, vec![0x93, 0x20]),
            (true, vec![0x88, 4, 1, 2, 0x8F]),
            (false, sealed(&[0x93, 0x70, 0x88, 4, 1, 2, 0x8F])),
            (true, sealed(&[0x04])),
            (false, sealed(&[0xE0, 0x80])),
            (true, sealed(&[0x02, 0x78])),
            (false, sealed(&[0x12, 1, 2])),
            (true, sealed(&[0xA2])),
            (false, sealed(&[0x03, 3])),
            (true, sealed(&[0x03, 0x90, 0x00])),
            (false, sealed(&[0xB2])),
            (true, sealed(&[0x0A, 0x00, 0x90, 0x00])),
            (false, sealed(&[0xC2])),
            (true, sealed(&[0xC2])),
        ];
        let mut air = Air::new();
        assert!(lines(&mut air, &polling).is_empty());
        insta::assert_snapshot!(lines(&mut air, &served).join("\n"), @r"
        -> anticollision 93
        <- UID 88040102
        -> select 93
        <- SAK 04, the UID goes on
        -> RATS 80
        <- ATS 0278
        -> I 0 2 bytes, more follow
        <- R(ACK) 0
        -> I 1 1 bytes
        <- I 1 2 bytes
        -> R(NAK) 0
        <- PCB 0A 3 bytes
        -> S(DESELECT)
        <- S(DESELECT)
        ");
        assert!(lines(&mut air, &polling).is_empty());
    }

    #[test]
    fn more_time_is_told_where_a_case_asks_for_it() {
        let frames = [
            (false, sealed(&[0x02, 0x00])),
            (true, sealed(&[0xF2, 4])),
            (false, sealed(&[0xF2, 4])),
            (true, sealed(&[0x02, 0x90, 0x00])),
        ];
        let mut air = Air::new();
        let plain = ["-> I 0 1 bytes", "<- I 0 2 bytes"];
        assert_eq!(lines(&mut air, &frames), plain);
        air.injected("wtx", &Fields::parse("multiplier=4"));
        assert_eq!(lines(&mut air, &frames), plain, "before the answer that it belongs to");
        air.answered();
        assert_eq!(lines(&mut air, &frames), ["-> I 0 1 bytes", "<- S(WTX) 4", "-> S(WTX) 4", "<- I 0 2 bytes"]);
        air.answered();
        assert_eq!(lines(&mut air, &frames), plain);
    }

    #[test]
    fn a_block_is_damaged_as_often_as_the_case_says_and_never_by_a_hidden_number() {
        // This is how the record has it: the digits are masked, and the check sum is that of the card.
        let mut hidden = sealed(&[0x02, 0x5A, 0x08, 0x62, 0x29, 0x90, 0x01, 0x80, 0x00, 0x00, 0x21, 0x90, 0x00]);
        hidden[6..9].fill(0xCC);
        let frames = [(false, sealed(&[0xB2])), (true, hidden)];
        let mut air = Air::new();
        let twice = |air: &mut Air| [lines(air, &frames), lines(air, &frames)].concat();
        let (asks, whole) = ("-> R(NAK) 0", "<- I 0 12 bytes");
        assert_eq!(twice(&mut air), [asks, whole, asks, whole]);
        air.injected("corrupt", &Fields::parse("seed=4"));
        air.answered();
        assert_eq!(twice(&mut air), [asks, "<- damaged, 15 bytes", asks, whole]);
        air.injected("corrupt", &Fields::parse("times=3"));
        air.answered();
        assert_eq!(twice(&mut air), [asks, "<- damaged, 15 bytes", asks, "<- damaged, 15 bytes"]);
    }

    proptest! {
        #[test]
        fn no_frame_panics(frames in prop::collection::vec((any::<bool>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..20)), 0..20)) {
            let mut air = Air::new();
            for (card, short, bytes) in frames {
                let _ = air.line(card, short, &bytes);
            }
        }
    }
}
