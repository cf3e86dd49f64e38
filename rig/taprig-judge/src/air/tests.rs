//! A right tap, and one for each thing that a reader can do wrong.

use taprig_model::event::{Body, Bytes, Event, Exchange, Fields, Source, Traffic};
use taprig_model::expect::FrameName;
use wire::air::frame_time_ns;
use wire::crc::crc_a;

use super::moment::{served, spans};
use super::{Findings, blocks, form, times};
use crate::tap::TapEvents;

/// FSC 256, FWI 7, SFGI 0.
const ATS: [u8; 5] = [5, 0x78, 0x80, 0x70, 0x02];
const FWT_US: u64 = 38_665;

/// Writes the events of one tap, and keeps the clock of the air.
struct Air {
    now_us: u64,
    events: Vec<Event>,
}

impl Air {
    fn new() -> Self {
        Self { now_us: 1_000, events: vec![] }
    }

    fn event(&mut self, body: Body) -> &mut Self {
        self.events.push(Event {
            at_us: 0,
            board_us: None,
            bench: None,
            case: None,
            source: Source::Emulator,
            body,
            numbers: vec![],
        });
        self
    }

    fn pause(&mut self, us: u64) -> &mut Self {
        self.now_us += us;
        self
    }

    fn field(&mut self, on: bool) -> &mut Self {
        let air_us = Some(self.now_us);
        self.event(Body::Field { on, air_us })
    }

    fn raw(&mut self, short: bool, bytes: &[u8]) -> &mut Self {
        let air_us = Some(self.now_us);
        self.now_us += if short { 84 } else { frame_time_ns(bytes.len()) / 1000 };
        let bytes = Bytes(bytes.to_vec());
        self.event(Body::Frame { from_card: false, short, bytes, masked: false, late: false, air_us })
    }

    /// The reader sends a body and its CRC.
    fn reader(&mut self, body: &[u8]) -> &mut Self {
        self.raw(false, &[body, &crc_a(body)].concat())
    }

    fn said_by_card(&mut self, bytes: &[u8], late: bool) -> &mut Self {
        if !late {
            self.now_us += 92 + frame_time_ns(bytes.len()) / 1000;
        }
        let air_us = Some(self.now_us);
        let bytes = Bytes(bytes.to_vec());
        self.event(Body::Frame { from_card: true, short: false, bytes, masked: false, late, air_us })
    }

    /// The card answers with a body and its CRC, and the reader keeps its distance.
    fn card(&mut self, body: &[u8]) -> &mut Self {
        self.said_by_card(&[body, &crc_a(body)].concat(), false).pause(500)
    }

    fn damaged(&mut self, body: &[u8]) -> &mut Self {
        self.said_by_card(&[body, &[0xBA, 0xD0]].concat(), false).pause(500)
    }

    /// WUPA to ATS.
    fn activate(&mut self, ats: &[u8]) -> &mut Self {
        self.raw(true, &[0x52]).said_by_card(&[0x04, 0x00], false).pause(500);
        self.raw(false, &[0x93, 0x20]).said_by_card(&[1, 2, 3, 4, 4], false).pause(500);
        self.reader(&[0x93, 0x70, 1, 2, 3, 4, 4]).card(&[0x20]);
        self.reader(&[0xE0, 0x80]).card(ats)
    }

    /// One command in one block each way.
    fn exchange(&mut self, number: u8) -> &mut Self {
        self.reader(&[0x02 | number, 0x00, 0xA4]).card(&[0x02 | number, 0x90, 0x00])
    }

    fn release(&mut self) -> &mut Self {
        self.reader(&[0xC2]).card(&[0xC2])
    }

    fn tap(&self) -> TapEvents<'_> {
        TapEvents { number: 1, events: &self.events }
    }

    /// What is wrong, by rule.
    fn wrong(&self) -> [Vec<String>; 3] {
        let mut found = [Findings::default(), Findings::default(), Findings::default()];
        for moments in spans(self.tap()) {
            form::judge(&moments, &mut found[FORM]);
            blocks::judge(&moments, &mut found[BLOCKS]);
            times::judge(&moments, &mut found[TIMES]);
        }
        found.map(|found| found.wrong)
    }

    #[track_caller]
    fn is_right(&self) {
        assert_eq!(self.wrong(), [const { Vec::<String>::new() }; 3]);
    }

    /// One rule alone is broken, and says so once.
    #[track_caller]
    fn breaks(&self, rule: usize, words: &str) {
        let wrong = self.wrong();
        for (place, wrong) in wrong.iter().enumerate() {
            assert_eq!(wrong.len(), usize::from(place == rule), "rule {place}: {wrong:?}");
        }
        assert!(wrong[rule][0].contains(words), "{:?}", wrong[rule]);
    }
}

const FORM: usize = 0;
const BLOCKS: usize = 1;
const TIMES: usize = 2;

fn active() -> Air {
    let mut air = Air::new();
    air.activate(&ATS);
    air
}

#[test]
fn a_right_tap_breaks_no_rule() {
    let mut air = active();
    air.exchange(0).exchange(1).exchange(0).release();
    air.is_right();
    let names = served(&spans(air.tap()).concat());
    assert_eq!(
        names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" "),
        "anticollision select rats i-block i-block i-block s-deselect"
    );
}

#[test]
fn polling_before_and_after_is_not_looked_at() {
    let mut air = Air::new();
    air.raw(true, &[0x52])
        .pause(5_287)
        .pause(5_100)
        .raw(false, &[0x05, 0, 8, 1, 1])
        .pause(9_000)
        .raw(false, &[0x6A, 2, 3]);
    air.pause(9_000).activate(&ATS).exchange(0).release().pause(500);
    air.raw(true, &[0x52]).said_by_card(&[4, 0], false).pause(500).reader(&[0x50, 0]).pause(5_287);
    air.is_right();
    assert_eq!(served(&spans(air.tap()).concat()).last(), Some(&FrameName::SDeselect));
}

#[test]
fn chained_commands_and_responses_are_right() {
    let mut air = active();
    air.reader(&[0x12, 1, 2]).card(&[0xA2]).reader(&[0x03, 3]);
    air.card(&[0x13, 1]).reader(&[0xA2]).card(&[0x12, 2]).reader(&[0xA3]).card(&[0x03, 0x90, 0x00]);
    air.exchange(0).release();
    air.is_right();
}

#[test]
fn a_reader_may_ask_again_and_grant_more_time() {
    let mut air = active();
    air.reader(&[0x02, 9])
        .pause(FWT_US)
        .reader(&[0xB2])
        .damaged(&[0x02, 0x90, 0x00])
        .reader(&[0xB2])
        .card(&[0x02, 0x90, 0x00]);
    air.reader(&[0x03, 9])
        .card(&[0xF2, 4])
        .reader(&[0xF2, 4])
        .pause(4 * FWT_US)
        .reader(&[0xB3])
        .card(&[0x03, 0x90, 0x00]);
    // The card has not got the block: rule 6.
    air.reader(&[0x02, 8]).pause(FWT_US).reader(&[0xB2]).card(&[0xA3]).reader(&[0x02, 8]).card(&[0x02, 0x90, 0x00]);
    // The card chains, and its second block is lost.
    air.reader(&[0x03, 7]).card(&[0x13, 1]).reader(&[0xA2]).pause(FWT_US).reader(&[0xA2]).card(&[0x02, 0x90, 0x00]);
    air.release();
    air.is_right();
}

#[test]
fn a_late_answer_was_not_heard() {
    let mut air = active();
    let late = [&[0x02, 0x90, 0x00][..], &crc_a(&[0x02, 0x90, 0x00])].concat();
    air.reader(&[0x02, 9])
        .pause(FWT_US)
        .said_by_card(&late, true)
        .reader(&[0xB2])
        .card(&[0x02, 0x90, 0x00])
        .exchange(1);
    air.is_right();
    let mut air = active();
    air.reader(&[0x02, 9]).pause(FWT_US).said_by_card(&late, true).reader(&[0x03, 9]);
    air.breaks(BLOCKS, "i-block in place of a request to repeat");
}

#[test]
fn frames_have_their_form() {
    for (body, words) in [
        (&[0xD0, 0x11, 0x00][..], "PPS"),
        (&[0x0A, 0x01, 9], "CID or NAD"),
        (&[0xBA, 0x01], "CID or NAD"),
        (&[0xC0], "none of the standard's"),
    ] {
        let mut air = active();
        air.reader(body);
        let [form, ..] = air.wrong();
        assert!(form.len() == 1 && form[0].contains(words), "{form:?}");
    }
    let mut air = active();
    air.raw(false, &[0x02, 9, 0, 0]);
    air.breaks(FORM, "wrong check sum");
    let mut air = Air::new();
    air.raw(true, &[0x52]).said_by_card(&[4, 0], false).pause(500).reader(&[0x93, 0x70, 1, 2, 3, 4, 5]);
    air.breaks(FORM, "BCC");
    let mut air = Air::new();
    air.raw(true, &[0x52]).said_by_card(&[4, 0], false).pause(500).reader(&[0x93, 0x70, 1, 2, 3, 4, 4]).card(&[0x20]);
    air.reader(&[0xE0, 0x81]);
    air.breaks(FORM, "rats with a CID");
}

#[test]
fn a_frame_is_as_long_as_the_card_takes() {
    for (bytes, right) in [(61, true), (62, false)] {
        let mut air = Air::new();
        air.activate(&[2, 0x05]);
        air.reader(&[&[0x02][..], &vec![7; bytes]].concat());
        if right {
            air.is_right();
        } else {
            air.breaks(FORM, "65 bytes, and the card takes 64");
        }
    }
}

#[test]
fn a_block_has_the_next_number() {
    let mut air = active();
    air.exchange(0).exchange(0);
    let [_, blocks, _] = air.wrong();
    assert!(blocks[0].contains("i-block 0 where 1 is next"), "{blocks:?}");
    let mut air = active();
    air.reader(&[0x02, 9]).pause(FWT_US).reader(&[0xB3]);
    air.breaks(BLOCKS, "r-nak 1 where 0 is next");
}

#[test]
fn a_block_is_asked_for_again_three_times_at_most() {
    for (times, right) in [(3, true), (4, false)] {
        let mut air = active();
        air.reader(&[0x02, 9]);
        for _ in 0..times {
            air.pause(FWT_US).reader(&[0xB2]);
        }
        air.pause(FWT_US).field(false).pause(5_100).field(true);
        if right {
            air.is_right();
        } else {
            air.breaks(BLOCKS, "asks for a block again 4 times");
        }
    }
}

#[test]
fn a_reader_recovers_as_the_standard_says() {
    let mut air = active();
    air.reader(&[0x02, 9]).pause(FWT_US).reader(&[0x02, 9]);
    air.breaks(BLOCKS, "i-block in place of a request to repeat");
    let mut air = active();
    air.reader(&[0x02, 9]).card(&[0x12, 1]).reader(&[0xA3]).damaged(&[0x03]).reader(&[0xB3]);
    air.breaks(BLOCKS, "r-nak while the card chains");
    let mut air = active();
    air.reader(&[0x02, 9]).card(&[0x12, 1]).reader(&[0x03, 9]);
    air.breaks(BLOCKS, "i-block while the card chains");
    let mut air = active();
    air.reader(&[0x02, 9]).pause(FWT_US).reader(&[0xB2]).card(&[0xA3]).reader(&[0x02, 8]);
    air.breaks(BLOCKS, "the card has not got the last i-block");
}

#[test]
fn an_extension_is_granted_as_it_is_asked() {
    let mut air = active();
    air.reader(&[0x02, 9]).card(&[0xF2, 4]).reader(&[0xF2, 5]);
    air.breaks(BLOCKS, "grants 5, and the card asked for 4");
    let mut air = active();
    air.reader(&[0x02, 9]).card(&[0xF2, 4]).reader(&[0xB2]);
    air.breaks(BLOCKS, "r-nak where the card waits for s-wtx");
    let mut air = active();
    air.reader(&[0xF2, 1]);
    air.breaks(BLOCKS, "did not ask for");
}

#[test]
fn nothing_follows_a_protocol_error() {
    for card in [&[0x03, 0x90, 0x00][..], &[0xF2, 60], &[0xF2, 0x41], &[0xE2, 1], &[0xC2]] {
        let mut air = active();
        air.reader(&[0x02, 9]).card(card).reader(&[0xB2]);
        air.breaks(BLOCKS, "r-nak after");
        let mut air = active();
        air.reader(&[0x02, 9]).card(card).field(false).pause(6_000).field(true).pause(5_100).activate(&ATS).exchange(0);
        air.is_right();
    }
    let mut air = active();
    air.reader(&[0x02, 9]).card(&[&[0x02][..], &[0; 254]].concat()).reader(&[0xB2]);
    air.breaks(BLOCKS, "r-nak after a block longer than FSD");
}

#[test]
fn a_reader_waits_for_as_long_as_the_card_may_take() {
    for (waits, right) in [(FWT_US - 10, false), (FWT_US, true), (FWT_US + 20_000, true), (FWT_US + 20_100, false)] {
        let mut air = active();
        air.reader(&[0x02, 9]).pause(waits).reader(&[0xB2]);
        if right {
            air.is_right();
        } else {
            air.breaks(TIMES, "for the answer to i-block");
        }
    }
    let mut air = active();
    air.reader(&[0x02, 9]).card(&[0xF2, 4]).reader(&[0xF2, 4]).pause(FWT_US).reader(&[0xB2]);
    air.breaks(TIMES, "for the answer to s-wtx");
    // The extension holds for one answer.
    let mut air = active();
    air.reader(&[0x02, 9])
        .card(&[0xF2, 4])
        .reader(&[0xF2, 4])
        .pause(4 * FWT_US)
        .reader(&[0xB2])
        .pause(4 * FWT_US)
        .reader(&[0xB2]);
    air.breaks(TIMES, "for the answer to r-nak");
}

#[test]
fn a_reader_keeps_its_distance() {
    let mut air = active();
    let answer = [&[0x02, 0x90, 0x00][..], &crc_a(&[0x02, 0x90, 0x00])].concat();
    air.reader(&[0x02, 9]).said_by_card(&answer, false).pause(400).reader(&[0x03, 9]);
    air.breaks(TIMES, "400 us after the card's frame, at least 500 us");
    // SFGI 4: 4.8 ms before the first block.
    for (pause, right) in [(4_400, true), (4_000, false)] {
        let mut air = Air::new();
        air.activate(&[5, 0x78, 0x80, 0x74, 0x02]).pause(pause).exchange(0);
        if right {
            air.is_right();
        } else {
            air.breaks(TIMES, "at least 4833 us wanted");
        }
    }
}

#[test]
fn a_reset_takes_its_time() {
    for (off, on, words) in [
        (5_100, 5_100, ""),
        (10_000, 9_000, ""),
        (510, 5_100, "field off for 510 us"),
        (60_000, 5_100, "field off for 60000 us"),
        (6_000, 510, "510 us after the field came on"),
    ] {
        let mut air = active();
        air.exchange(0).field(false).pause(off).field(true).pause(on).activate(&ATS);
        if words.is_empty() {
            air.is_right();
        } else {
            air.breaks(TIMES, words);
        }
    }
}

#[test]
fn a_record_without_times_is_judged_by_its_blocks_alone() {
    let mut air = active();
    air.exchange(0).exchange(0);
    for event in &mut air.events {
        if let Body::Frame { air_us, .. } = &mut event.body {
            *air_us = None;
        }
    }
    let mut found = Findings::default();
    times::judge(&spans(air.tap()).concat(), &mut found);
    assert_eq!((found.looked_at, found.wrong.len()), (0, 0));
    assert_eq!(air.wrong()[BLOCKS].len(), 1);
}

/// A masked frame has no check sum. Whether it arrived damaged, the case knows.
#[test]
fn a_masked_frame_is_damaged_if_the_case_damages_it() {
    for (damages, right) in [(true, true), (false, false)] {
        let mut air = active();
        air.reader(&[0x02, 9]);
        if damages {
            let values = Fields::from_iter([("times".to_owned(), "1".to_owned())]);
            air.event(Body::Injected { at: "gpo".into(), fault: "corrupt".into(), values });
        }
        air.event(Body::Exchange(Exchange { number: 1, ..Exchange::default() }));
        air.card(&[0x02, 0x57]);
        if let Some(Body::Frame { masked, bytes, .. }) = air.events.last_mut().map(|event| &mut event.body) {
            *masked = true;
            let end = bytes.len() - 2;
            bytes.0[end..].fill(0);
        }
        air.reader(&[0xB2]).card(&[0x02, 0x57]);
        assert_eq!(air.wrong()[BLOCKS].is_empty(), right);
    }
}

/// What happens after the card is taken away is no fault of the reader.
#[test]
fn the_tap_ends_with_the_removal() {
    let mut air = active();
    air.exchange(0)
        .event(Body::Removed { traffic: Traffic::default(), air_us: 1 })
        .reader(&[0x02, 1])
        .reader(&[0x02, 1]);
    air.is_right();
}

/// While the card is away in the middle of a tap, nobody counts the reader's time. What it sends when the card is back, and before it
/// looks for cards again, was meant for the card that left.
#[test]
fn a_card_that_comes_back_begins_anew() {
    let gone = || {
        let mut air = active();
        air.exchange(0).reader(&[0x03, 1]).event(Body::InField { there: false });
        air
    };
    let mut air = gone();
    air.reader(&[0xB3]).reader(&[0xB3]).event(Body::InField { there: true }).reader(&[0xB3]);
    air.activate(&ATS).exchange(0).is_right();
    // The rules hold again from the next activation on.
    let mut air = gone();
    air.event(Body::InField { there: true }).activate(&ATS).exchange(1);
    assert_eq!(air.wrong()[BLOCKS].len(), 1, "the first block has the number 0");
    // Without its return, nothing is judged.
    let mut air = gone();
    air.activate(&ATS).exchange(1).is_right();
}
