//! With rules: each action, and what it does to the books.

use super::*;
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
    let page = crate::codec::lists::Page::parse(bench.page(0).answer().data(63).unwrap()).unwrap();
    assert_eq!((page.version, page.cards), (1, vec![CARD.to_owned()]));
    assert_eq!(bench.ride(2, 200).code(), "05");
}

#[test]
fn the_list_does_not_decide_about_the_ride_that_fills_it() {
    let mut bench = ride_rule(json!(["deny-card"]));
    assert_eq!(bench.ride(1, 200).code(), "00");
    assert_eq!(bench.ride(2, 200).code(), "05");
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
