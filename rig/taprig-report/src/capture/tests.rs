//! What is in a capture, read back by hand. `ci/capture` asks tshark.

use super::*;
use taprig_model::event::{Bytes, CheckResult, Criterion, Fields, SeenBy, Traffic};
use taprig_model::samples::{event, finished, started};

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// The options behind `at`, as texts.
fn texts(block: &[u8], mut at: usize) -> Vec<String> {
    let mut all = vec![];
    while at < block.len() - 4 {
        let (code, length) = (number(block, at) & 0xFFFF, number(block, at) >> 16);
        if code == 0 {
            break;
        }
        all.push(String::from_utf8(block[at + 4..at + 4 + length].to_vec()).unwrap());
        at += 4 + length.next_multiple_of(4);
    }
    all
}

/// The packets of a capture: interface, time in us, bytes in hexadecimal, comments.
fn read(mut content: &[u8]) -> Vec<(u32, u128, String, Vec<String>)> {
    let (mut packets, mut interfaces) = (vec![], 0);
    assert_eq!(content[..4], [0x0A, 0x0D, 0x0D, 0x0A]);
    while !content.is_empty() {
        let length = number(content, 4);
        assert_eq!((number(content, length - 4), length % 4), (length, 0));
        let block = &content[..length];
        match number(block, 0) {
            1 => {
                assert_eq!(number(block, 8), 264);
                interfaces += 1;
            }
            6 => {
                let (interface, data) = (number(block, 8), number(block, 20));
                assert!(interface < interfaces && number(block, 24) == data);
                let time = (number(block, 12) as u128) << 32 | number(block, 16) as u128;
                let bytes = Bytes(block[28..28 + data].to_vec()).to_string();
                packets.push((interface as u32, time, bytes, texts(block, 28 + data.next_multiple_of(4))));
            }
            _ => {}
        }
        content = &content[length..];
    }
    packets
}

fn capture(events: &[Event]) -> Vec<(u32, u128, String, Vec<String>)> {
    read(&Capture::of(events).finish())
}

fn frame(from_card: bool, bytes: &[u8]) -> Body {
    Body::Frame { from_card, short: false, bytes: Bytes(bytes.to_vec()), masked: false, late: false, air_us: None }
}

fn exchange() -> Body {
    let (command, response) = (Bytes(vec![0, 0xA4, 4, 0]), Some(Bytes(vec![0x6A, 0x82])));
    Body::Exchange(Exchange { number: 1, command, response, ..Exchange::default() })
}

fn removed() -> Body {
    Body::Removed { traffic: Traffic::default(), air_us: 9 }
}

fn presented(tap: u32) -> Body {
    Body::Presented { tap, card: "credit".into() }
}

fn fails(tap: Option<u32>, what: Criterion) -> Body {
    let (wanted, seen) = ("declined".to_owned(), "approved\nand more lines".to_owned());
    let result = CheckResult::Fails;
    Body::Checked(Check { seen_by: SeenBy::Person, what, tap, wanted, seen, result, why: None, at: None })
}

fn run(started: &str) -> Event {
    event(
        0,
        None,
        Body::RunStarted(RunStarted { started: started.into(), tool: "taprig".into(), ..RunStarted::default() }),
    )
}

#[test]
fn a_case_with_two_taps_a_fault_and_two_failed_checks() {
    let case = Some("BUS-002");
    let values = Fields::from_iter([("seed", "4")]);
    let bodies = [
        started("The card is denied", 2),
        presented(1),
        Body::Field { on: true, air_us: None },
        frame(false, &[0x02, 1, 2, 3]),
        Body::Injected { at: "gpo".into(), fault: "corrupt".into(), values },
        exchange(),
        frame(true, &[0x02, 0x6A, 0x82, 9, 9]),
        removed(),
        Body::Field { on: false, air_us: None },
        presented(2),
        frame(false, &[0x52]),
        removed(),
        fails(Some(1), Criterion::Outcome),
        fails(None, Criterion::Total),
        finished(Verdict::Fail, 2, Some("outcome: expected declined, seen approved\nmore")),
    ];
    let events: Vec<_> = (10..).zip(bodies).map(|(at, body)| event(at, case, body)).collect();
    let packets = capture(&[vec![run("2018-05-21T08:00:00Z")], events].concat());
    let start = 1_526_889_600_000_000;
    let words = |comments: &[&str]| comments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        packets,
        [
            (
                0,
                start + 12,
                "00FC0000".into(),
                words(&["case BUS-002, attempt 2: The card is denied", "tap 1: credit"])
            ),
            (0, start + 13, "00FE000402010203".into(), vec![]),
            (0, start + 16, "00FF0005026A820909".into(), words(&["fault: corrupt at gpo seed=4"])),
            (0, start + 18, "00FD0000".into(), words(&["failed: outcome (tap 1): expected declined, seen approved"])),
            (
                0,
                start + 20,
                "00FE000152".into(),
                words(&[
                    "tap 2: credit",
                    "failed: total: expected declined, seen approved",
                    "verdict: fail: outcome: expected declined, seen approved"
                ])
            ),
        ]
    );
}

#[test]
fn cases_of_two_benches_stay_together() {
    let on = |bench: &str, case: &str, body| Event { bench: Some(bench.into()), ..event(7, Some(case), body) };
    let events = [
        on("one", "A-001", started("A", 1)),
        on("two", "B-001", started("B", 1)),
        on("one", "A-001", frame(false, &[1])),
        on("two", "B-001", frame(false, &[2])),
        on("one", "A-001", frame(true, &[3])),
        on("two", "B-001", frame(true, &[4])),
        on("two", "B-001", finished(Verdict::Pass, 1, None)),
        on("one", "A-001", finished(Verdict::Pass, 1, None)),
    ];
    let bytes: Vec<_> =
        capture(&events).into_iter().map(|(interface, _, bytes, _)| format!("{interface} {bytes}")).collect();
    assert_eq!(bytes, ["0 00FE000102", "0 00FF000104", "1 00FE000101", "1 00FF000103"]);
}

#[test]
fn a_tap_without_frames_has_its_apdus_and_says_so() {
    let case = Some("BUS-001");
    let events = [event(1, case, started("A", 1)), event(2, case, presented(1)), event(3, case, exchange())];
    let packets = capture(&events);
    let bytes: Vec<_> = packets.iter().map(|packet| packet.2.as_str()).collect();
    assert_eq!(bytes, ["00FA00050200A40400", "00FB0003026A82"]);
    assert!(packets.iter().all(|packet| packet.3.last().unwrap().contains("made up")), "{packets:?}");
    assert_eq!(packets[0].3.len(), 3);
}

#[test]
fn attempts_that_were_cut_off_are_there_and_a_run_without_taps_is_a_capture_without_packets() {
    let case = Some("BUS-001");
    let attempt = |number| [event(1, case, started("A", number)), event(2, case, frame(false, &[0x52]))];
    let packets = capture(&[attempt(1), attempt(2)].concat());
    assert_eq!(packets.len(), 2);
    assert!(packets[1].3[0].starts_with("case BUS-001, attempt 2"));
    assert_eq!(capture(&[run("not a time")]), []);
    assert_eq!(capture(&[]), []);
}

#[test]
fn a_fault_that_silences_the_card_is_at_the_next_packet() {
    let case = Some("ISO-001");
    let drop = Body::Injected { at: "gpo".into(), fault: "drop".into(), values: Fields::default() };
    let bodies =
        [started("A", 1), presented(1), frame(false, &[2, 1]), drop, exchange(), frame(false, &[0xB2]), removed()];
    let packets = capture(&bodies.map(|body| event(1, case, body)));
    assert_eq!(packets[1].3, ["fault: drop at gpo"]);
    // Nothing follows.
    let drop = Body::Injected { at: "gpo".into(), fault: "mute".into(), values: Fields::default() };
    let bodies = [started("A", 1), presented(1), frame(false, &[2, 1]), drop, exchange(), removed()];
    let packets = capture(&bodies.map(|body| event(1, case, body)));
    assert_eq!(packets.last().unwrap().3.last().unwrap(), "fault: mute at gpo");
}

#[test]
fn a_text_of_any_length_is_cut_where_a_character_ends() {
    let case = Some("BUS-001");
    let packets = capture(&[event(1, case, started(&"卡".repeat(30_000), 1)), event(2, case, frame(true, &[1]))]);
    assert!(packets[0].3[0].len() <= 2000 && packets[0].3[0].ends_with('卡'));
}
