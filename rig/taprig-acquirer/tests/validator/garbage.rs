//! Bytes from the host that are no answer. They change nothing, and what was asked for is done when the host answers again.

use super::board::Bench;
use super::cuts::{WORKS, finish, scene};
use super::{CARDS, RIDES, assert_same_books, claims, host, memory};
use kernel::Pan;
use proptest::prelude::*;
use serde_json::json;
use taprig_model::units::Hex;
use validator::journal::claims::Claim;
use validator::store::Store;

/// Messages whose answers are replaced, with the command that leads to each.
const ASKED: [(&str, &str); 5] = [
    ("sign-on", "sign-on"),
    ("ride", "upload"),
    ("settlement", "settle"),
    ("list-page", "download deny"),
    ("key-page", "download keys"),
];

/// The card on the list in force, and one that only the host's list has.
const BARRED: &str = "6226000000000005";
const LISTED: &str = "6226000000000013";

/// A frame with a right length, such content and nothing else.
fn framed(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    [&length.to_be_bytes()[..], content].concat()
}

/// Bytes of any kind: without a form, in a frame, and behind the head of an answer.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let any = || proptest::collection::vec(any::<u8>(), 1..200);
    let head = |mti: [u8; 2]| [&[0x60, 0, 0, 0, 3, 0x61, 0x32, 0, 0x32, 0x46, 5], &mti[..]].concat();
    let mti = proptest::sample::select(vec![[2, 0x10], [4, 0x10], [5, 0x10], [8, 0x10], [8, 0x30]]);
    prop_oneof![
        any(),
        any().prop_map(|content| framed(&content)),
        (mti, any()).prop_map(move |(mti, rest)| framed(&[head(mti), rest].concat())),
        // More than one frame, and the beginning of another one.
        (any(), any()).prop_map(|(first, rest)| [framed(&first), rest].concat()),
    ]
}

fn denied(bench: &Bench, card: &str) -> bool {
    Store::open(bench).0.denied(&Pan::from_digits(card).unwrap(), Some(1))
}

fn has_key(bench: &Bench) -> bool {
    Store::open(bench).0.ca_key(&kernel::aid::UNIONPAY, 0xE0).is_some()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn bytes_in_place_of_an_answer_change_nothing(bytes in bytes(), asked in 0..ASKED.len()) {
        let (message, command) = ASKED[asked];
        // The validator sends each message three times.
        let garbage = Hex(bytes).to_string();
        let rule = |nth: u32| json!({ "when": { "message": message, "nth": nth }, "then": [{ "garbage": garbage }] });
        let list = json!({ "version": 3, "cards": [LISTED] });
        let desk = host(json!({ "schema": 1, "deny-list": list, "rules": [rule(1), rule(2), rule(3)] }));
        let mut bench = Bench::new(memory(&desk, &RIDES), &desk);
        Store::open(&bench).0.deny(&Pan::from_digits(BARRED).unwrap(), None).unwrap();
        let said = bench.run(&[command], 1);
        prop_assert!(said.iter().any(|line| line.contains("result=failed reason=no-answer")), "{:?}", said);
        prop_assert!(denied(&bench, BARRED) && !denied(&bench, LISTED) && !has_key(&bench));
        prop_assert!(CARDS.iter().all(|card| !denied(&bench, card)));
        let wanted = match message {
            "ride" => [Claim::Sent { batch: 1 }, Claim::Waiting, Claim::Waiting],
            "settlement" => [Claim::Accepted { batch: 1 }; 3],
            _ => [Claim::Waiting; 3],
        };
        prop_assert_eq!(claims(&bench), wanted);
        // The host answers again.
        let mut again = Bench::new(bench.nvm.take(), &desk);
        let said = again.run(&[command, "upload", "settle"], 3);
        prop_assert!(said.iter().all(|line| line.contains("result=done")), "{:?}", said);
        assert_same_books(&again, &desk, message);
        prop_assert_eq!(denied(&again, LISTED), message == "list-page");
        prop_assert_eq!(has_key(&again), message == "key-page");
    }
}

#[test]
fn a_byte_that_is_altered_on_its_way_loses_no_claim_and_doubles_none() {
    let (desk, memory) = scene();
    let mut whole = Bench::new(memory, &desk);
    whole.run(&WORKS, WORKS.len());
    // A step that shares no factor with the lengths of fields.
    for at in (0..whole.received.get()).step_by(7) {
        for bits in [0x01, 0x80] {
            let (desk, memory) = scene();
            let mut bench = Bench::new(memory, &desk);
            bench.spoilt.set(Some((at, bits)));
            let said = bench.run(&WORKS, WORKS.len());
            finish(&bench, &desk, &format!("byte {at} altered by {bits:02X}: {said:?}"));
        }
    }
}
