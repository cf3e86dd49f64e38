//! Captures of runs. tshark reads them in `ci/capture`; these tests need no other program.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::place::{Place, RIDE, Ran};

/// The account number of the card, as digits and as bytes.
const NUMBER: &str = "6229900180000021";
const BYTES: [u8; 8] = [0x62, 0x29, 0x90, 0x01, 0x80, 0x00, 0x00, 0x21];

/// Every answer of the card is split into blocks of five bytes, so a number is in three of them.
const SPLIT: &str =
    "steps: [{ inject: { at: read record, fault: chain, size: 5 } }, tap]\nexpect: { outcome: approved }\n";

const WRONG: &str = "steps: [tap]\nexpect: { outcome: declined }\n";

/// The packets of a capture: pseudo header and frame. The blocks of the format are walked by hand.
fn packets(path: &Path) -> Vec<Vec<u8>> {
    let content = fs::read(path).unwrap();
    let number = |at: usize| u32::from_le_bytes(content[at..at + 4].try_into().unwrap()) as usize;
    let (mut at, mut packets) = (0, vec![]);
    while at < content.len() {
        if number(at) == 6 {
            packets.push(content[at + 28..at + 28 + number(at + 20)].to_vec());
        }
        assert_eq!(number(at + 4), number(at + number(at + 4) - 4), "a block says its length twice");
        at += number(at + 4);
    }
    packets
}

fn bodies(place: &Place) -> Vec<Value> {
    let events = fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["body"].clone()).collect()
}

fn taprig(place: &Place, args: &[&str]) -> Ran {
    Ran::of(&place.taprig(args).output().unwrap())
}

/// A project in whose run one card has ridden.
fn ridden() -> Place {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    place.run(&["--bench", "sim"]).expect(0, &["1 passed"]);
    place
}

#[test]
fn every_record_has_a_capture_of_every_tap_and_no_account_number() {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    place.case("BUS-002", WRONG);
    place.case("BUS-003", SPLIT);
    place.run(&["--bench", "sim"]).expect(1, &["2 passed, 1 failed"]);
    let path = place.path("report/capture.pcapng");
    let (packets, bodies) = (packets(&path), bodies(&place));
    let of = |kind: &str| bodies.iter().filter(|body| body["kind"] == kind).cloned().collect::<Vec<_>>();
    assert_eq!(packets.len(), of("frame").len() + of("field").len());
    assert!(of("presented").len() == 3 && packets.len() > 100, "{}", packets.len());
    // Frames with hidden digits have no CRC, in the capture and in the record, and there is one in each tap.
    let masked = of("frame").into_iter().filter(|body| body["masked"] == true).collect::<Vec<_>>();
    assert!(
        masked.len() > 3 && masked.iter().all(|body| body["bytes"].as_str().unwrap().ends_with("0000")),
        "{masked:?}"
    );
    assert_eq!(packets.iter().filter(|packet| packet[1] == 0xFB).count(), masked.len());
    // The number is hidden in single frames, and in what all frames together say.
    let blocks = packets.iter().filter(|packet| matches!(packet[1], 0xFB | 0xFF) && packet.len() > 7);
    let said: Vec<u8> =
        blocks.flat_map(|packet| packet[5..packet.len() - if packet[1] == 0xFF { 2 } else { 0 }].to_vec()).collect();
    assert!(said.windows(4).any(|part| part == &BYTES[..3].iter().copied().chain([0xCC]).collect::<Vec<_>>()[..]));
    assert!(!said.windows(5).any(|part| part == &BYTES[..5]), "five bytes of the number are there");
    let events = fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    assert!(!events.contains(NUMBER) && !events.contains(&NUMBER[..10]));
    let content = fs::read(&path).unwrap();
    let has = |text: &str| content.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(
        has("case BUS-002: A rider pays")
            && has("tap 1: unionpay-credit-rsa1152")
            && has("fault: chain at read record size=5")
    );
    assert!(has("failed: outcome: expected declined, seen approved"));
    // The same from the record alone.
    taprig(&place, &["report", "capture", "report", "again.pcapng"]).expect(0, &["3 taps", " frames in again.pcapng"]);
    assert_eq!(fs::read(place.path("again.pcapng")).unwrap(), content);
    fs::remove_file(&path).unwrap();
    taprig(&place, &["report", "capture", "report"]).expect(0, &["in report/capture.pcapng"]);
    assert_eq!(fs::read(&path).unwrap(), content);
}

#[test]
fn half_a_record_gives_the_capture_of_what_it_has() {
    let place = ridden();
    let events = fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    let half = events.len() / 2;
    fs::create_dir(place.path("half")).unwrap();
    fs::write(place.path("half/events.jsonl"), &events[..half]).unwrap();
    taprig(&place, &["report", "capture", "half"]).expect(0, &["in half/capture.pcapng"]);
    let packets = packets(&place.path("half/capture.pcapng"));
    // What is cut off in the middle of a line is no event.
    let half = events[..half].rfind('\n').unwrap();
    assert_eq!(
        packets.len(),
        events[..half].matches(r#""kind":"frame""#).count() + events[..half].matches(r#""kind":"field""#).count()
    );
}

/// Somebody has cut the end off. What is left is shown, and each report says that something is missing.
#[test]
fn a_record_that_is_cut_and_says_that_it_is_complete_shows_what_can_be_read() {
    let place = ridden();
    let events = fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    fs::write(place.path("report/events.jsonl"), &events[..events.len() / 2]).unwrap();
    let cut = "the line is cut off after";
    taprig(&place, &["report", "matrix", "report"]).expect(2, &["not run", cut, "about the events before"]);
    taprig(&place, &["coverage", "report"]).expect(2, &["RIDE", cut, "about the events before"]);
    let had = fs::read(place.path("report/capture.pcapng")).unwrap();
    taprig(&place, &["report", "capture", "report"]).expect(2, &[cut]);
    assert_eq!(fs::read(place.path("report/capture.pcapng")).unwrap(), had, "the whole capture stays");
    taprig(&place, &["report", "capture", "report", "x.pcapng"]).expect(2, &["in x.pcapng", cut]);
    assert!(!packets(&place.path("x.pcapng")).is_empty());
}

/// Somebody has damaged a line in the middle. The rest is shown, and the line is named. A record like this is not judged again, because
/// a verdict that lacks an event would not be a verdict about the device.
#[test]
fn a_record_with_a_broken_line_shows_the_rest_and_names_the_line() {
    let place = ridden();
    let path = place.path("report/events.jsonl");
    let events = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<&str> = events.lines().collect();
    let broken = lines.iter().position(|line| line.contains(r#""kind":"frame""#)).unwrap();
    lines[broken] = "{\"at_us\": 1, ";
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let named = format!("report/events.jsonl, line {}: ", broken + 1);
    let left_out = [named.as_str(), "this line is left out"];
    let with = |word| [&[word], left_out.as_slice()].concat();
    taprig(&place, &["report", "matrix", "report"]).expect(2, &with("met"));
    taprig(&place, &["coverage", "report"]).expect(2, &with("1 pass"));
    taprig(&place, &["ics", "--record", "report"]).expect(0, &["Implementation conformance statement"]);
    let had = fs::read(place.path("report/capture.pcapng")).unwrap();
    taprig(&place, &["report", "capture", "report"]).expect(2, &[&named]);
    assert_eq!(fs::read(place.path("report/capture.pcapng")).unwrap(), had, "the whole capture stays");
    taprig(&place, &["report", "capture", "report", "x.pcapng"]).expect(2, &with("in x.pcapng"));
    taprig(&place, &["judge", "report"]).expect(2, &[&named]);
    fs::write(&path, "{\n{\n").unwrap();
    taprig(&place, &["report", "matrix", "report"]).expect(2, &["events.jsonl, line 1: "]);
}

/// The file is named that says which version wrote the record.
#[test]
fn a_record_of_a_later_version_names_the_file_that_says_so() {
    let place = ridden();
    let mark = fs::read_to_string(place.path("report/record.json")).unwrap();
    fs::write(
        place.path("report/record.json"),
        mark.replace("\"schema\": 2", "\"schema\": 99").replace("\"schema\":2", "\"schema\":99"),
    )
    .unwrap();
    for command in [["report", "matrix", "report"], ["report", "capture", "report"], ["report", "html", "report"]] {
        taprig(&place, &command).expect(2, &["report/record.json", "schema 99 is later than"]);
    }
}

#[test]
fn what_is_no_record_and_where_nothing_can_be_written_is_told() {
    let place = Place::new();
    place.case("BUS-001", RIDE);
    taprig(&place, &["report", "capture", "nowhere"]).expect(2, &["nowhere/events.jsonl"]);
    place.run(&["--bench", "sim"]).expect(0, &[]);
    taprig(&place, &["report", "capture", "report", "nowhere/x.pcapng"]).expect(2, &["writing the capture"]);
    let events = fs::read_to_string(place.path("report/events.jsonl")).unwrap();
    fs::write(place.path("report/events.jsonl"), events.replacen("\"schema\":2", "\"schema\":9", 1)).unwrap();
    taprig(&place, &["report", "capture", "report", "x.pcapng"]).expect(2, &["is later than"]);
    assert!(!place.path("x.pcapng").exists());
}
