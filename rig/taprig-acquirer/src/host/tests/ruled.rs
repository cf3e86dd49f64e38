//! With rules: each action, and what it does to the books.

use super::*;
use crate::codec::lists::Page;
use log::State;

fn ride_rule(then: Value) -> Bench {
    Bench::with_rules(json!([{ "title": "First", "when": { "message": "ride", "nth": 1 }, "then": then }]))
}

#[test]
fn a_ride_is_refused_with_a_code() {
    let mut bench = ride_rule(json!([{ "refuse": "51" }]));
    let got = bench.ride(1, 200);
    assert_eq!((got.code().as_str(), got.state()), ("51", Some((State::Refused, false))));
    assert_eq!(got.heard.rule, Some(1));
    assert!(got.heard.why.starts_with("rule 1 (First) refuses"), "{}", got.heard.why);
    // The repeat is not the first ride any more, but the claim stays refused.
    assert_eq!(bench.ride(1, 200).code(), "51");
    assert_eq!(bench.ride(2, 200).code(), "00");
    assert_eq!(bench.sums(), [(1, 200), (1, 200), (0, 0), (0, 0)]);
}

#[test]
fn a_repeat_keeps_its_state_whatever_a_rule_answers() {
    let mut bench =
        Bench::with_rules(json!([{ "when": { "message": "ride", "nth": 2 }, "then": [{ "refuse": "22" }] }]));
    bench.ride(1, 200);
    let got = bench.ride(1, 200);
    assert_eq!((got.code().as_str(), got.state()), ("22", Some((State::Accepted, true))));
    assert_eq!(bench.sums()[0], (1, 200));
}

#[test]
fn a_ride_is_approved_against_the_hosts_will() {
    let mut bench = ride_rule(json!(["approve"]));
    let mut bytes = bench.bytes(&bench.claim(1, 200), true);
    *bytes.last_mut().unwrap() ^= 1;
    let got = bench.send(&bytes);
    assert_eq!((got.code().as_str(), got.state()), ("00", Some((State::Accepted, false))));
    assert!(got.heard.why.contains("else it would be A0: the MAC is wrong"), "{}", got.heard.why);
}

#[test]
fn silence_leaves_a_claim_waiting_until_it_comes_again() {
    for (word, orders) in [("silent", vec![]), ("hang-up", vec![Order::Close])] {
        let mut bench = ride_rule(json!([word]));
        let got = bench.ride(1, 200);
        assert_eq!((got.orders.clone(), got.state()), (orders, Some((State::Waiting, false))), "{word}");
        assert_eq!(got.heard.delivery, [word]);
        assert_eq!(bench.sums(), [(0, 0), (0, 0), (1, 200), (0, 0)]);
        bench.host.connect(LINE);
        let got = bench.ride(1, 200);
        assert_eq!((got.code().as_str(), got.state()), ("00", Some((State::Accepted, false))));
        assert_eq!(bench.sums(), [(1, 200), (0, 0), (0, 0), (0, 0)]);
    }
}

#[test]
fn a_claim_that_waits_can_be_taken_back() {
    let mut bench = ride_rule(json!(["silent"]));
    bench.ride(1, 200);
    assert_eq!(bench.reverse(1, 200).code(), "00");
    assert_eq!(bench.sums(), [(0, 0), (0, 0), (0, 0), (1, 200)]);
}

#[test]
fn a_lost_answer_makes_the_next_one_a_repeat() {
    let mut bench = ride_rule(json!(["lost"]));
    let got = bench.ride(1, 200);
    assert!(got.orders.is_empty() && got.heard.answer.is_some());
    assert_eq!(bench.ride(1, 200).code(), "94");
    assert_eq!(bench.sums()[0], (1, 200));
}

#[test]
fn answers_are_late_double_and_cut() {
    let got = ride_rule(json!([{ "late": "3 s" }, "twice"])).ride(1, 200);
    assert_eq!(got.orders.len(), 2);
    assert_eq!(got.orders[0], got.orders[1]);
    assert!(matches!(&got.orders[0], Order::Send { after, close: false, .. } if *after == Duration::from_secs(3)));
    assert_eq!(got.heard.delivery, ["late 3 s", "twice"]);
    let whole = Bench::signed_on().ride(1, 200).answers()[0].len();
    for (bytes, there) in [(0u16, 0), (20, 20), (9999, whole)] {
        let mut bench = ride_rule(json!([{ "cut": bytes }]));
        let got = bench.ride(1, 200);
        let [Order::Send { bytes: sent, close: true, .. }] = got.orders.as_slice() else { panic!("{:?}", got.orders) };
        assert_eq!(sent.len(), there);
        assert_eq!(bench.sums()[0], (1, 200));
        assert_eq!(bench.host.hear(LINE, &[0; 40], now()), [], "the line is closed");
    }
}

#[test]
fn of_a_message_that_is_cut_the_host_knows_nothing() {
    let signed_on = Bench::signed_on();
    let bytes = signed_on.bytes(&signed_on.claim(1, 200), true);
    for cut in [0, 1, 2, 20, bytes.len() - 1] {
        let mut bench = ride_rule(json!([{ "cut-request": cut }]));
        let got = bench.send(&bytes);
        assert_eq!((got.orders.as_slice(), got.state(), got.heard.answer.is_none()), (&[Order::Close][..], None, true));
        assert_eq!((got.heard.cut, got.heard.rule), (Some(cut as u64), Some(1)));
        let why = format!("rule 1 (First) cuts the line after {cut} of {} bytes of the message", bytes.len());
        assert_eq!(got.heard.why, why);
        // The sign-on is the only message so far.
        assert_eq!((bench.host.summary().messages, bench.sums()), (1, [(0, 0); 4]));
        assert_eq!(bench.host.hear(LINE, &bytes, now()), [], "the line is closed");
        bench.host.connect(LINE);
        let got = bench.send(&bytes);
        assert_eq!((got.code().as_str(), got.state()), ("00", Some((State::Accepted, false))));
        assert_eq!((bench.host.summary().messages, bench.sums()[0]), (2, (1, 200)));
    }
    // A message that ends before is whole.
    for cut in [bytes.len(), 9999] {
        let got = ride_rule(json!([{ "cut-request": cut }])).send(&bytes);
        assert_eq!((got.code().as_str(), got.heard.cut), ("00", None));
        assert_eq!(got.heard.notes.last().unwrap(), "the message is too short to be cut there");
    }
}

#[test]
fn after_a_message_that_is_cut_the_next_one_on_a_wire_is_heard() {
    let mut bench = ride_rule(json!([{ "cut-request": 20 }]));
    bench.host.connect_wire(7);
    let bytes = bench.bytes(&bench.claim(1, 200), true);
    let all = bench.host.hear(7, &[&bytes[..], &bytes[..]].concat(), now());
    let cut: Vec<_> = all.iter().map(|done| matches!(&done.body, Body::Heard(heard) if heard.cut.is_some())).collect();
    assert_eq!((cut, bench.sums()[0]), (vec![true, false], (1, 200)));
    assert!(!bench.host.is_within_frame(7));
}

#[test]
fn each_part_of_an_answer_can_be_wrong() {
    let mut bench = ride_rule(json!([{ "wrong": "mac" }]));
    let got = bench.ride(1, 200);
    assert!(!got.is_signed(bench.key));
    assert_eq!(got.code(), "00");
    let mut bench = ride_rule(json!([{ "wrong": "trace" }]));
    let got = bench.ride(999_999, 200);
    assert_eq!(got.answer().word(11), Some("000000"));
    assert!(got.is_signed(bench.key));
    let mut bench = ride_rule(json!([{ "wrong": "amount" }]));
    let got = bench.ride(1, 200);
    assert_eq!(got.answer().word(4), Some("000000000201"));
    assert!(got.is_signed(bench.key));
    assert_eq!(got.heard.delivery, ["wrong amount"]);
    assert_eq!(bench.sums()[0], (1, 200), "the books are right");
}

#[test]
fn an_answer_can_have_the_mac_of_the_key_before() {
    let rules = || json!([{ "when": { "message": "ride", "nth": 1 }, "then": [{ "wrong": "old-key" }] }]);
    let mut bench = Bench::with_rules(rules());
    let old = bench.key;
    bench.sign_on();
    let got = bench.ride(1, 200);
    assert_eq!((got.is_signed(old), got.is_signed(bench.key)), (true, false));
    assert_eq!((got.state(), got.heard.notes.len()), (Some((State::Accepted, false)), 1), "field 55 is missing");
    assert!(bench.ride(1, 200).is_signed(bench.key));
    // After a sign-off, too, the key before the new one is the old one.
    let mut bench = Bench::with_rules(rules());
    let old = bench.key;
    bench.say(&base(0x0820, 5, "00000001002"));
    bench.sign_on();
    assert!(bench.ride(1, 200).is_signed(old));
    // After the first sign-on there is none.
    let mut bench = Bench::with_rules(rules());
    let got = bench.ride(1, 200);
    assert!(got.is_signed(bench.key));
    assert_eq!(got.heard.notes.last().unwrap(), "the terminal has no old key");
}

#[test]
fn what_can_not_be_wrong_is_told() {
    let mut bench =
        Bench::of(keys(), json!({ "schema": 1, "rules": [{ "then": [{ "wrong": "mac" }, { "wrong": "amount" }] }] }));
    let notes = bench.sign_on().heard.notes;
    assert_eq!(notes, ["the answer has no field 4 that could be wrong", "the answer has no MAC that could be wrong"]);
}

#[test]
fn a_card_is_put_on_the_list_and_the_terminal_is_asked_to_fetch_it() {
    let mut bench = ride_rule(json!([{ "refuse": "05" }, "deny-card", { "ask": "deny-list" }]));
    let got = bench.ride(1, 200);
    assert_eq!(got.frame().header.request(), 7);
    assert_eq!(got.heard.notes.last().unwrap(), "the card is on the deny list from version 1 on");
    let page = Page::parse(bench.page(0).answer().data(63).unwrap()).unwrap();
    assert_eq!((page.version, page.cards), (1, vec![CARD.to_owned()]));
    assert_eq!(bench.ride(2, 200).code(), "05");
}

#[test]
fn the_list_does_not_decide_about_the_ride_that_fills_it() {
    let mut bench = ride_rule(json!(["deny-card"]));
    assert_eq!(bench.ride(1, 200).code(), "00");
    assert_eq!(bench.ride(2, 200).code(), "05");
}

fn list_rule(nth: u32, then: Value) -> Bench {
    let rule = json!({ "when": { "message": "list-page", "nth": nth }, "then": then });
    let list = json!({ "version": 3, "page": 1, "cards": [CARD, "6226001234567892", "6228481234567890128"] });
    let rules = json!({ "schema": 1, "deny-list": list, "rules": [rule] });
    let mut bench = Bench::of(keys(), rules);
    bench.sign_on();
    bench
}

/// Cursor of the next page, version, and cards.
fn content(got: &Got) -> (Option<u64>, u32, Vec<String>) {
    let page = Page::parse(got.answer().data(63).unwrap()).unwrap();
    (page.next, page.version, page.cards)
}

#[test]
fn the_list_changes_before_the_page_for_which_the_rule_is() {
    let mut bench = list_rule(2, json!([{ "deny-list": { "version": 9, "cards": ["6226001234567892"] } }]));
    assert_eq!(content(&bench.page(0)), (Some(1), 3, vec![CARD.to_owned()]));
    let second = bench.page(0);
    assert_eq!(content(&second), (None, 9, vec!["6226001234567892".to_owned()]));
    assert_eq!(second.heard.notes, ["the deny list has version 9 from now on"]);
    assert_eq!(bench.ride(1, 100).code(), "00", "the card is off the list");
}

#[test]
fn a_page_names_any_next_page() {
    let mut bench = list_rule(1, json!([{ "next-page": 7 }]));
    assert_eq!(content(&bench.page(0)).0, Some(7));
    assert_eq!(content(&bench.page(0)).0, Some(1));
    let mut last = list_rule(1, json!([{ "next-page": 1 }]));
    assert_eq!(content(&last.page(2)).0, Some(1), "also the last page");
    let mut ride = ride_rule(json!([{ "next-page": 1 }]));
    assert!(ride.ride(1, 100).heard.notes[0].starts_with("the answer is no page"));
}

#[test]
fn other_bytes_come_in_place_of_an_answer_that_is_decided() {
    let mut bench = ride_rule(json!([{ "garbage": "00 03 60" }]));
    let got = bench.ride(1, 100);
    assert_eq!(got.answers(), [vec![0, 3, 0x60]]);
    assert_eq!(got.heard.delivery, ["3 other bytes in its place"]);
    assert_eq!(bench.ride(1, 100).code(), "94", "the host has the claim");
    let mut bench = ride_rule(json!([{ "garbage": { "random": 20, "seed": 1 } }]));
    assert_eq!(bench.ride(1, 100).answers()[0].len(), 20);
}

#[test]
fn a_frame_has_any_length_and_is_whole() {
    let right = ride_rule(json!([])).ride(1, 100).answers().remove(0);
    let wrong = ride_rule(json!([{ "length": 258 }])).ride(1, 100).answers().remove(0);
    assert_eq!(wrong[..2], [1, 2]);
    assert_eq!(wrong[2..], right[2..]);
}

#[test]
fn a_key_has_a_wrong_check_sum_or_is_another_one() {
    let mut keys = keys();
    let mut second = keys["authorities"][0].clone();
    second["index"] = json!("09");
    keys["authorities"].as_array_mut().unwrap().push(second);
    let asked = |then: Value| {
        let rule = json!({ "when": { "message": "key-page" }, "then": then });
        let mut bench = Bench::of(keys.clone(), json!({ "schema": 1, "rules": [rule] }));
        bench.sign_on();
        let field = b"\x9F\x06\x05\xA0\0\0\x03\x33\x9F\x22\x01\x08".to_vec();
        let got = bench.say(&base(0x0800, 5, "00000001370").bytes(62, field));
        let answer = got.answer();
        let objects = tlv::decode(&answer.data(62).unwrap()[1..]).unwrap();
        (tlv::find(&objects, 0x9F22).unwrap()[0], tlv::find(&objects, 0xDF03).unwrap()[..2].to_vec())
    };
    assert_eq!(asked(json!([])), (8, vec![0xCD, 0xCD]));
    assert_eq!(asked(json!([{ "wrong": "check-sum" }])), (8, vec![0xCC, 0xCD]));
    assert_eq!(asked(json!([{ "wrong": "key" }])), (9, vec![0xCD, 0xCD]));
    let got = ride_rule(json!([{ "wrong": "check-sum" }])).ride(1, 100);
    assert!(got.heard.notes[0].starts_with("the answer has no key"), "{:?}", got.heard.notes);
}

#[test]
fn a_rule_without_actions_is_an_exception() {
    let rules = json!([{ "when": { "trace": 1 }, "then": [] }, { "when": { "message": "ride" }, "then": [{ "refuse": "51" }] }]);
    let mut bench = Bench::with_rules(rules);
    assert_eq!((bench.ride(1, 200).code().as_str(), bench.ride(2, 200).code().as_str()), ("00", "51"));
}

#[test]
fn other_messages_have_rules_too() {
    let rule = |message: &str| json!([{ "when": { "message": message }, "then": [{ "refuse": "96" }] }]);
    let mut bench = Bench::of(keys(), json!({ "schema": 1, "rules": rule("sign-on") }));
    let got = bench.sign_on();
    assert_eq!(got.code(), "96");
    assert!(!got.answer().has(62));
    let mut bench = Bench::with_rules(rule("reversal"));
    bench.ride(1, 200);
    assert_eq!(bench.reverse(1, 200).code(), "96");
    assert_eq!(bench.sums()[0], (1, 200));
    let mut bench = Bench::with_rules(rule("settlement"));
    assert_eq!(bench.settle(0, 0).code(), "96");
    assert_eq!(bench.ride(1, 200).code(), "00", "the batch is still open");
}
