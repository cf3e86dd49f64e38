//! Requests to the issuer whose rider is gone: the power was cut while he waited. Each is taken back, and before anything else.

use super::board::{Bench, Desk, SIZE};
use super::memory::{Cut, Left, PowerCut};
use super::{CARDS, assert_same_books, claims, host, memory, messages, proper, ride};
use serde_json::json;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use validator::journal::Record;
use validator::journal::claims::Claim;
use validator::store::Store;
use validator::store::settings::RideMode;

/// The memory of a validator with a ride, a request that was sent in batch 1, and a request that was never sent.
fn cut_off(desk: &Rc<RefCell<Desk>>) -> Vec<u8> {
    let bench = Bench::new(memory(desk, &[(CARDS[0], 100)]), desk);
    assert_eq!(bench.nvm.borrow().len(), SIZE);
    let (mut store, _) = Store::open(&bench);
    for (atc, card) in [(2, CARDS[1]), (3, CARDS[2])] {
        store.append_ride(&Record { kind: RideMode::Online, request: true, ..ride(card, 200, atc) }).unwrap();
    }
    store.note_sent(1, 1).unwrap();
    bench.nvm.take()
}

const TAKEN_BACK: [Claim; 2] = [Claim::Reversed { batch: 1 }, Claim::Reversed { batch: 0 }];

#[test]
fn requests_are_taken_back_without_being_asked_for_and_are_no_rides() {
    let desk = proper();
    let mut bench = Bench::new(cut_off(&desk), &desk);
    let said = bench.run(&["journal", "requests", "status"], 1);
    assert_eq!(said, ["! uplink what=reverse result=done reversed=1 waiting=0"]);
    assert_eq!(messages(&desk), ["sign-on", "reversal"], "what was never sent needs no message, and the ride waits");
    assert_eq!(claims(&bench), [Claim::Waiting, TAKEN_BACK[0], TAKEN_BACK[1]]);
    let console = bench.console();
    assert!(console.contains("ok count=1 total=100"), "the ride: {console}");
    assert!(console.contains("ok count=2 total=400"), "the requests: {console}");
    assert!(console.contains(" journal=1 "), "{console}");
    let reason = desk.borrow().heard[1].request.fields.iter().find(|field| field.number == 39).map(|f| f.value.clone());
    assert_eq!(reason.as_deref(), Some("96"), "the device does not know why there was no answer");
    // A rider whose request was taken back has not ridden.
    let (store, _) = Store::open(&bench);
    assert_eq!(store.last_ride().map(|ride| ride.atc), Some(1));
}

#[test]
fn requests_are_taken_back_before_rides_are_claimed() {
    let desk = proper();
    let mut bench = Bench::new(cut_off(&desk), &desk);
    bench.run(&["upload", "settle"], 2);
    assert_eq!(messages(&desk), ["sign-on", "reversal", "ride", "settlement", "batch-upload"]);
    assert_same_books(&bench, &desk, "claimed");
}

#[test]
fn a_reversal_is_repeated_until_it_is_answered() {
    for (then, count) in [
        (json!(["silent"]), 2),
        (json!(["lost"]), 2),
        (json!([{ "wrong": "mac" }]), 2),
        (json!([{ "wrong": "trace" }]), 2),
        (json!([{ "cut": 30 }]), 2),
        (json!([{ "refuse": "A0" }]), 2),
        (json!(["twice"]), 1),
    ] {
        let rule = json!({ "when": { "message": "reversal", "nth": 1 }, "then": then });
        let desk = host(json!({ "schema": 1, "rules": [rule] }));
        let mut bench = Bench::new(cut_off(&desk), &desk);
        let said = bench.run(&[], 1);
        let last = said.iter().find(|line| line.starts_with("! uplink"));
        assert_eq!(last.map(String::as_str), Some("! uplink what=reverse result=done reversed=1 waiting=0"), "{then}");
        let sent = messages(&desk).iter().filter(|message| **message == "reversal").count();
        assert_eq!(sent, count, "{then}");
        assert_eq!(claims(&bench)[1..], TAKEN_BACK, "{then}");
    }
}

#[test]
fn without_an_answer_a_request_stays_open_and_blocks_the_settlement() {
    let desk = host(json!({ "schema": 1, "rules": [{ "when": { "message": "reversal" }, "then": ["silent"] }] }));
    let mut bench = Bench::new(cut_off(&desk), &desk);
    let said = bench.run(&["settle"], 2);
    assert_eq!(said[0], "! uplink what=settle result=failed reason=no-answer accepted=0 refused=0 waiting=3");
    // The device tries again by itself.
    assert_eq!(said[1], "! uplink what=reverse result=failed reason=no-answer reversed=0 waiting=2");
    assert_eq!(claims(&bench)[1], Claim::Sent { batch: 1 });
    assert!(!messages(&desk).contains(&"settlement"));
}

#[test]
fn a_power_cut_while_a_request_is_taken_back_leaves_it_open_or_taken_back() {
    let desk = proper();
    let mut whole = Bench::new(cut_off(&desk), &desk);
    whole.run(&[], 1);
    let writes = whole.nvm.writes.take().len();
    assert_eq!(writes, 3, "the answer; that the other was not sent, and that it is taken back");
    for write in 0..writes {
        for left in Left::ALL {
            let desk = proper();
            let mut bench = Bench::new(cut_off(&desk), &desk);
            bench.nvm.cut.set(Some(Cut { write, left }));
            let cut = catch_unwind(AssertUnwindSafe(|| bench.run(&[], 1)));
            assert!(cut.is_err_and(|why| why.is::<PowerCut>()));
            let mut again = Bench::new(bench.nvm.take(), &desk);
            again.run(&["upload"], 1);
            assert_eq!(claims(&again)[1..], TAKEN_BACK, "write {write}: {left:?}");
            assert_same_books(&again, &desk, &format!("write {write}: {left:?}"));
        }
    }
}
