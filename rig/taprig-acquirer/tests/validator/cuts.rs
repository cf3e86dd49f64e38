//! Cuts of the line at every byte of its messages.

use super::board::{Bench, Desk};
use super::{CARDS, assert_same_books, host, memory, messages};
use serde_json::json;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A host that refuses the second claim, and a validator with three rides, of which one is dear.
pub(super) fn scene() -> (Rc<RefCell<Desk>>, Vec<u8>) {
    let desk = host(json!({
        "schema": 1,
        "deny-list": { "version": 2, "page": 1, "cards": [CARDS[0], CARDS[2]] },
        "rules": [{ "when": { "card": CARDS[1] }, "then": [{ "refuse": "51" }] }],
    }));
    let memory = memory(&desk, &[(CARDS[0], 100), (CARDS[1], 200), (CARDS[2], 150)]);
    (desk, memory)
}

pub(super) const WORKS: [&str; 3] = ["upload", "settle", "download deny"];

/// Claims the rest after a cut, and compares the books.
pub(super) fn finish(bench: &Bench, desk: &Rc<RefCell<Desk>>, what: &str) {
    let mut again = Bench::new(bench.nvm.borrow().clone(), desk);
    let said = again.run(&WORKS, WORKS.len());
    assert!(said.iter().all(|line| line.contains("result=done")), "{what}: {said:?}");
    assert_same_books(&again, desk, what);
    let denied = |card: &str| {
        let (store, _) = validator::store::Store::open(&again);
        store.denied(&kernel::Pan::from_digits(card).unwrap(), Some(1))
    };
    assert!(CARDS.iter().all(|card| denied(card)), "{what}: the refused card and those of the list are barred");
}

/// Cuts the line after each `step`th byte, in both directions.
fn cut_line(step: usize) {
    let (desk, memory) = scene();
    let mut whole = Bench::new(memory, &desk);
    whole.run(&WORKS, WORKS.len());
    for (name, bytes) in [("to the host", whole.sent.get()), ("from the host", whole.received.get())] {
        assert!(bytes > 500, "{name}: {bytes}");
        let next = AtomicUsize::new(0);
        let work = || {
            // The journal with three rides is the same before each cut.
            let (begin, memory) = scene();
            let begin = begin.borrow().clone();
            loop {
                let cut = next.fetch_add(step, Ordering::Relaxed);
                if cut >= bytes {
                    break;
                }
                let desk = Rc::new(RefCell::new(begin.clone()));
                let mut bench = Bench::new(memory.clone(), &desk);
                let line = if name == "to the host" { &bench.to_host } else { &bench.from_host };
                line.set(cut);
                let said = bench.run(&WORKS, WORKS.len());
                let what = format!("line {name} cut after {cut} of {bytes} bytes: {said:?}");
                finish(&bench, &desk, &what);
            }
        };
        std::thread::scope(|threads| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                threads.spawn(work);
            }
        });
        println!("{} cuts {name}", bytes.div_ceil(step));
    }
}

#[test]
fn a_line_that_is_cut_at_every_byte_loses_no_claim_and_doubles_none() {
    cut_line(1);
}

/// The same with fewer cuts, for those who run the tests very often, such as `ci/full mutants`. The step shares no factor with the
/// lengths of fields, so that cuts fall at all places of a message.
#[test]
fn a_line_that_is_cut_now_and_then_loses_no_claim_and_doubles_none() {
    cut_line(11);
}

/// The next message may follow within the time in which a silent line ends a frame, because the wait for an answer can be as short.
#[test]
fn a_part_of_an_answer_that_was_given_up_does_not_spoil_the_next_answer() {
    let rule = json!({ "when": { "message": "ride", "nth": 1 }, "then": [{ "late": "500 ms" }, { "cut": 30 }] });
    let desk = host(json!({ "schema": 1, "rules": [rule] }));
    let mut bench = Bench::new(memory(&desk, &[(CARDS[0], 100)]), &desk);
    let said = bench.run(&["set answer-time 1", "set attempts 1", "upload", "upload"], 2);
    let ends = [
        "! uplink what=upload result=failed reason=no-answer accepted=0 refused=0 waiting=1",
        "! uplink what=upload result=done accepted=1 refused=0 waiting=0",
    ];
    assert_eq!(said, ends);
    assert_eq!(messages(&desk), ["sign-on", "ride", "ride"]);
}
