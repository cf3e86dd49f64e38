//! The reference validator's uplink against this host. Every message and every cut of the line ends with the same books on both
//! sides; for this, rides are put into the journal. The module [`power`] cuts the power in every write, with cards at the reader.
#![expect(clippy::unwrap_used, reason = "a test")]

mod board;
mod cuts;
mod garbage;
mod memory;
mod million;
mod play;
mod power;
mod requests;
mod riders;

use std::cell::RefCell;
use std::rc::Rc;

use board::{Bench, Desk, SIZE};
use heapless::Vec as Fixed;
use serde_json::{Value, json};
use taprig_acquirer::{Host, Setup};
use taprig_model::acquirer::log::{Mac, State};
use validator::board::Board as _;
use validator::journal::Record;
use validator::journal::claims::Claim;
use validator::store::Store;
use validator::store::settings::RideMode;

/// The published test keys.
const KEYS: &str = include_str!("../../defaults/keys.yaml");

const CARDS: [&str; 3] = ["6222021234567894", "6226001234567892", "6228481234567890128"];

fn host(rules: Value) -> Rc<RefCell<Desk>> {
    Desk::new(host_alone(rules))
}

fn host_alone(rules: Value) -> Host {
    let reader = serde_yaml::Deserializer::from_str(KEYS);
    let keys = serde_yaml::with::singleton_map_recursive::deserialize(reader).unwrap();
    Host::new(Setup::new(keys), serde_json::from_value(rules).unwrap())
}

/// A host without rules.
fn proper() -> Rc<RefCell<Desk>> {
    host(json!({ "schema": 1 }))
}

fn ride(card: &str, fare: u32, atc: u16) -> Record {
    let pan = kernel::Pan::from_digits(card).unwrap();
    Record {
        time_s: 1_526_889_600,
        pan: pan.compressed(),
        psn: Some(1),
        expiry: Some([0x30, 0x12, 0x31]),
        fare,
        atc,
        cryptogram: [0xAC, 1, 2, 3, 4, 5, 6, 7],
        cid: 0x80,
        kind: RideMode::Oda,
        authenticated: true,
        iad: Fixed::from_slice(&[7, 1, 1, 3, 0xA0, 0, 0]).unwrap(),
        aip: [0x7C, 0],
        tvr: [0; 5],
        unpredictable_number: [1, 2, 3, 4],
        ttq: [0x26, 0, 0, 0x80],
        track2: Fixed::new(),
        aid: Fixed::from_slice(&[0xA0, 0, 0, 3, 0x33, 1, 1, 1]).unwrap(),
        country: 156,
        currency: 156,
        transaction_type: 0,
        line: "1".try_into().unwrap(),
        bus: "Shan-H 12345".try_into().unwrap(),
        driver: "007".try_into().unwrap(),
        trace: 0,
        request: false,
        purpose: validator::journal::Purpose::Ride,
    }
}

/// The memory of a validator that knows its master key and has these rides: card and fare in fen.
fn memory(desk: &Rc<RefCell<Desk>>, rides: &[(&str, u32)]) -> Vec<u8> {
    memory_of(SIZE, desk, rides)
}

/// The same in a memory of `size` bytes.
fn memory_of(size: usize, desk: &Rc<RefCell<Desk>>, rides: &[(&str, u32)]) -> Vec<u8> {
    let bench = Bench::new(vec![0; size], desk);
    let (mut store, _) = Store::open(&bench);
    let mut settings = store.settings().clone();
    for (key, value) in [
        ("master-key", "0123456789ABCDEFFEDCBA9876543210"),
        ("terminal", "12345678"),
        ("merchant", "123456789012345"),
        ("answer-time", "5"),
    ] {
        settings.set(key, value).unwrap();
    }
    store.put(settings).unwrap();
    for (atc, (card, fare)) in (1..).zip(rides) {
        store.append_ride(&ride(card, *fare, atc)).unwrap();
    }
    bench.nvm.take()
}

const RIDES: [(&str, u32); 3] = [(CARDS[0], 100), (CARDS[1], 200), (CARDS[2], 150)];

/// A bench with three rides.
fn bench(desk: &Rc<RefCell<Desk>>) -> Bench {
    let memory = memory(desk, &RIDES);
    Bench::new(memory, desk)
}

/// The words of the messages that the host heard.
fn messages(desk: &Rc<RefCell<Desk>>) -> Vec<&'static str> {
    let word = |kind: Option<taprig_model::acquirer::MessageKind>| kind.map_or("?", |kind| kind.word());
    desk.borrow().heard.iter().map(|heard| word(heard.message)).collect()
}

fn claims(bench: &Bench) -> Vec<Claim> {
    let (store, _) = Store::open(bench);
    (0..store.journal().count).map(|index| store.claim(index)).collect()
}

/// Both sides have the same books: every ride is decided, once.
fn assert_same_books(bench: &Bench, desk: &Rc<RefCell<Desk>>, what: &str) {
    let (store, _) = Store::open(bench);
    let desk = desk.borrow();
    let mut of_host: Vec<_> =
        desk.host.claims().map(|(_, batch, trace, claim)| (trace, batch, claim.fen, claim.state)).collect();
    of_host.sort_unstable_by_key(|claim| claim.0);
    let of_journal: Vec<_> = (0..store.journal().count)
        .filter_map(|index| {
            let (record, claim) = (store.record(index)?, store.claim(index));
            // A host that never heard of a request has nothing to take back.
            let known = of_host.iter().any(|(trace, ..)| *trace == record.trace);
            if matches!(claim, Claim::Reversed { .. }) && !known {
                return None;
            }
            let state = match claim {
                Claim::Accepted { .. } => State::Accepted,
                Claim::Refused { .. } => State::Refused,
                Claim::Reversed { .. } => State::Reversed,
                Claim::Waiting | Claim::Sent { .. } | Claim::Held | Claim::Void | Claim::Nothing => State::Waiting,
            };
            Some((record.trace, claim.batch()?, u64::from(record.fare), state))
        })
        .collect();
    assert_eq!(of_journal, of_host, "{what}");
    assert!(of_host.iter().all(|(_, _, _, state)| *state != State::Waiting), "{what}: {of_host:?}");
}

#[test]
fn rides_are_claimed_and_the_batch_is_closed() {
    let desk = proper();
    let mut bench = bench(&desk);
    let said = bench.run(&["upload", "settle"], 2);
    assert_eq!(
        said,
        [
            "! uplink what=upload result=done accepted=3 refused=0 waiting=0",
            "! uplink what=settle result=done accepted=0 refused=0 waiting=0",
        ]
    );
    assert_eq!(messages(&desk), ["sign-on", "ride", "ride", "ride", "settlement", "batch-upload"]);
    assert_eq!(claims(&bench), [Claim::Accepted { batch: 1 }; 3]);
    assert_same_books(&bench, &desk, "proper");
    let desk = desk.borrow();
    let notes: Vec<_> = desk.heard.iter().flat_map(|heard| &heard.notes).collect();
    assert_eq!(notes, Vec::<&String>::new(), "nothing is odd about the messages");
    assert!(desk.heard[1..].iter().all(|heard| heard.mac == Mac::Good));
    assert_eq!(desk.unreadable, 0);
}

#[test]
fn each_claim_has_all_that_its_record_has() {
    let desk = proper();
    bench(&desk).run(&["upload"], 1);
    let desk = desk.borrow();
    let field = |number| {
        let fields = &desk.heard[1].request.fields;
        fields.iter().find(|field| field.number == number).map(|field| field.value.clone())
    };
    for (number, value) in [
        (3, "000000"),
        (11, "000001"),
        (14, "3012"),
        (22, "072"),
        (23, "001"),
        (25, "00"),
        (41, "12345678"),
        (42, "123456789012345"),
        (49, "156"),
        (60, "22000001000601"),
    ] {
        assert!(field(number).is_some_and(|found| found.contains(value)), "{number}: {:?}", field(number));
    }
    let chip = field(55).unwrap();
    for value in [
        "9F26 AC01020304050607",
        "9F27 80",
        "9F10 07010103A00000",
        "9F37 01020304",
        "9F36 0001",
        "95 0000000000",
        "9A 180521",
        "9F02 000000000100",
        "5F2A 0156",
        "82 7C00",
        "9F1A 0156",
        "84 A000000333010101",
        "9F66 26000080",
    ] {
        assert!(chip.contains(value), "{value}: {chip}");
    }
    let place: String = "Shan-H 12345".bytes().map(|byte| format!("{byte:02X}")).collect();
    assert!(field(48).unwrap().contains(&place), "{:?}", field(48));
}

#[test]
fn a_refused_card_is_barred() {
    let desk = host(json!({ "schema": 1, "rules": [{ "when": { "trace": 2 }, "then": [{ "refuse": "51" }] }] }));
    let mut bench = bench(&desk);
    let said = bench.run(&["upload"], 1);
    assert_eq!(said, ["! uplink what=upload result=done accepted=2 refused=1 waiting=0"]);
    assert_eq!(claims(&bench)[1], Claim::Refused { batch: 1, code: *b"51" });
    let (store, _) = Store::open(&bench);
    let barred = CARDS.map(|card| store.denied(&kernel::Pan::from_digits(card).unwrap(), Some(1)));
    assert_eq!(barred, [false, true, false]);
    assert_same_books(&bench, &desk, "refused");
}

#[test]
fn whatever_happens_to_an_answer_each_claim_is_paid_once() {
    for (then, faults) in [
        (json!(["silent"]), 0),
        (json!(["hang-up"]), 0),
        (json!(["lost"]), 0),
        (json!([{ "late": "7 s" }]), 0),
        (json!([{ "wrong": "mac" }]), 1),
        (json!([{ "wrong": "trace" }]), 1),
        (json!([{ "wrong": "amount" }]), 1),
        (json!(["twice"]), 1),
        (json!([{ "cut": 1 }]), 0),
        (json!([{ "cut": 40 }]), 0),
    ] {
        let desk = host(json!({ "schema": 1, "rules": [{ "when": { "message": "ride", "nth": 2 }, "then": then }] }));
        let mut bench = bench(&desk);
        // What was given up for now is claimed by the second work.
        let said = bench.run(&["upload", "upload"], 2);
        assert_eq!(said.iter().filter(|line| line.starts_with("! fault")).count(), faults, "{then}: {said:?}");
        assert_same_books(&bench, &desk, &then.to_string());
        assert_eq!(claims(&bench), [Claim::Accepted { batch: 1 }; 3], "{then}: {said:?}");
    }
}

#[test]
fn a_code_that_decides_nothing_leaves_the_claim_waiting_and_bars_nobody() {
    let (accepted, sent) = (Claim::Accepted { batch: 1 }, Claim::Sent { batch: 1 });
    // The host gives the code of before when the claim comes again, so no number of sign-ons helps. The claims behind it are sent.
    for code in ["96", "A0", "77"] {
        let rule = json!({ "when": { "message": "ride", "nth": 2 }, "then": [{ "refuse": code }] });
        let desk = host(json!({ "schema": 1, "rules": [rule] }));
        let mut bench = bench(&desk);
        let said = bench.run(&["upload", "upload"], 2);
        assert_eq!(claims(&bench), [accepted, sent, accepted], "{code}: {said:?}");
        let end = |accepted| {
            format!(
                "! uplink what=upload result=failed reason=undecided code={code} accepted={accepted} refused=0 waiting=1"
            )
        };
        assert_eq!(said, [end(2), end(0)]);
        let (store, _) = Store::open(&bench);
        assert!(!store.denied(&kernel::Pan::from_digits(CARDS[1]).unwrap(), Some(1)), "{code}");
    }
}

#[test]
fn a_host_that_has_lost_the_keys_gets_a_sign_on_and_then_each_claim() {
    let desk = proper();
    let mut bench = bench(&desk);
    // After the sign-on another host answers, which does not know the terminal: A0.
    desk.borrow_mut().successor = Some((1, host_alone(json!({ "schema": 1 }))));
    let said = bench.run(&["upload"], 1);
    assert_eq!(said, ["! uplink what=upload result=done accepted=3 refused=0 waiting=0"]);
    assert_eq!(messages(&desk), ["sign-on", "ride", "sign-on", "ride", "ride", "ride"]);
    assert_same_books(&bench, &desk, "lost keys");
}

#[test]
fn without_an_answer_a_claim_waits_and_is_sent_again_with_its_trace() {
    let silent = json!({ "schema": 1, "rules": [{ "when": { "message": "ride" }, "then": ["silent"] }] });
    let desk = host(silent);
    let mut bench = bench(&desk);
    let said = bench.run(&["upload"], 1);
    assert_eq!(said, ["! uplink what=upload result=failed reason=no-answer accepted=0 refused=0 waiting=3"]);
    assert_eq!(messages(&desk), ["sign-on", "ride", "ride", "ride"], "three attempts");
    let traces: std::collections::BTreeSet<_> =
        desk.borrow().heard[1..].iter().map(|heard| format!("{:?}", heard.request.fields)).collect();
    assert_eq!(traces.len(), 1, "the same message");
    assert_eq!(claims(&bench), [Claim::Sent { batch: 1 }, Claim::Waiting, Claim::Waiting]);
}

#[test]
fn totals_that_differ_lead_to_an_upload_of_the_batch() {
    let desk = proper();
    let rides: Vec<_> = (0..11).map(|n| (CARDS[n % 3], 100 + u32::try_from(n).unwrap())).collect();
    let memory = memory(&desk, &rides);
    let mut bench = Bench::new(memory, &desk);
    bench.run(&["upload"], 1);
    // The host forgets a claim, as after a loss of its own.
    let forgetful = proper();
    let mut other = Bench::new(bench.nvm.take(), &forgetful);
    let said = other.run(&["settle"], 1);
    assert_eq!(said, ["! uplink what=settle result=done accepted=0 refused=0 waiting=0"]);
    assert_eq!(
        messages(&forgetful),
        ["sign-on", "settlement", "batch-upload", "batch-upload", "batch-upload"],
        "8 payments, 3 payments, the end"
    );
    assert_same_books(&other, &forgetful, "uploaded");
}

#[test]
fn the_deny_list_comes_in_pages_and_is_swapped_in_whole() {
    let cards: Vec<String> = [
        "6226000000000005",
        "6226000000000013",
        "6226000000000021",
        "6226000000000039",
        "6226000000000047",
        "6226000000000054",
        "6226000000000062",
    ]
    .map(String::from)
    .to_vec();
    let list = |version: u32, rules: Value| {
        host(json!({ "schema": 1, "deny-list": { "version": version, "page": 3, "cards": cards }, "rules": rules }))
    };
    let denied =
        |bench: &Bench, card: &str| Store::open(bench).0.denied(&kernel::Pan::from_digits(card).unwrap(), Some(1));
    let desk = list(5, json!([]));
    let mut bench = bench(&desk);
    assert_eq!(bench.run(&["download deny"], 1), ["! uplink what=deny result=done version=5"]);
    assert_eq!(messages(&desk), ["sign-on", "list-page", "list-page", "list-page"]);
    assert!(cards.iter().all(|card| denied(&bench, card)));
    // An older list, a wrong MAC and a page that never comes leave the list in force.
    for (version, rules, reason) in [
        (4, json!([]), "list-older"),
        (9, json!([{ "when": { "message": "list-page", "nth": 3 }, "then": ["silent"] }]), "no-answer"),
        (9, json!([{ "when": { "message": "list-page" }, "then": [{ "wrong": "mac" }] }]), "no-answer"),
    ] {
        // The last rule is for each attempt, the one before for all from the third page on.
        let rules = match reason {
            "no-answer" if rules[0]["when"]["nth"] == 3 => json!([
                { "when": { "message": "list-page", "nth": 1 }, "then": [] },
                { "when": { "message": "list-page", "nth": 1 }, "then": [] },
                { "when": { "message": "list-page" }, "then": ["silent"] },
            ]),
            _ => rules,
        };
        let mut again = Bench::new(bench.nvm.borrow().clone(), &list(version, rules));
        let said = again.run(&["download deny"], 1);
        let wanted = format!("! uplink what=deny result=failed reason={reason} version=5");
        assert_eq!(said.last(), Some(&wanted), "{said:?}");
        assert!(cards.iter().all(|card| denied(&again, card)), "{reason}");
    }
}

#[test]
fn keys_of_authorities_are_downloaded_and_verified() {
    let desk = proper();
    let mut bench = bench(&desk);
    assert_eq!(bench.run(&["download keys"], 1), ["! uplink what=keys result=done"]);
    let (store, _) = Store::open(&bench);
    for index in [0xE0, 0xE1, 0xE3] {
        assert!(store.ca_key(&kernel::aid::UNIONPAY, index).is_some(), "{index:02X}");
    }
}

#[test]
fn a_host_can_ask_for_a_download_in_any_answer() {
    let desk = host(json!({
        "schema": 1,
        "deny-list": { "version": 3, "cards": [CARDS[0]] },
        "rules": [{ "when": { "message": "ride", "nth": 1 }, "then": [{ "ask": "deny-list" }] }],
    }));
    let mut bench = bench(&desk);
    let said = bench.run(&["upload"], 2);
    assert_eq!(said[1], "! uplink what=deny result=done version=3");
}

#[test]
fn after_a_sign_off_the_next_work_signs_on() {
    let desk = proper();
    let mut bench = bench(&desk);
    bench.run(&["sign-on", "sign-off", "upload"], 3);
    assert_eq!(messages(&desk), ["sign-on", "sign-off", "sign-on", "ride", "ride", "ride"]);
    assert_same_books(&bench, &desk, "signed off");
}

#[test]
fn another_master_key_is_noticed_and_nothing_is_sent_under_wrong_keys() {
    let desk = proper();
    let mut bench = bench(&desk);
    let said = bench.run(&["set master-key 00000000000000000000000000000000", "upload"], 1);
    assert_eq!(said, ["! uplink what=upload result=failed reason=keys accepted=0 refused=0 waiting=3"]);
    assert_eq!(messages(&desk), ["sign-on"]);
}

#[test]
fn a_terminal_with_claims_on_their_way_keeps_its_number() {
    let desk = host(json!({ "schema": 1, "rules": [{ "when": { "message": "ride" }, "then": ["silent"] }] }));
    let mut bench = bench(&desk);
    bench.run(&["upload"], 1);
    let mut bench = Bench::new(bench.nvm.take(), &desk);
    bench.run(&["set terminal 87654321", "set terminal 12345678", "sign-on"], 1);
    let console = bench.console();
    assert_eq!(console.matches("error value").count(), 1, "{console}");
}

#[test]
fn rides_are_claimed_by_themselves() {
    let desk = proper();
    let mut bench = bench(&desk);
    let said = bench.run(&["set upload auto"], 1);
    assert_eq!(said, ["! uplink what=upload result=done accepted=3 refused=0 waiting=0"]);
}

#[test]
fn a_download_that_the_host_asks_for_does_not_end_the_pause_after_a_failure() {
    let rule = json!({ "when": { "message": "ride" }, "then": [{ "refuse": "96" }, { "ask": "deny-list" }] });
    let desk = host(json!({ "schema": 1, "rules": [rule] }));
    let mut bench = bench(&desk);
    let said = bench.run(&["set upload auto"], 3);
    let what: Vec<_> = said.iter().map(|line| line.split(' ').nth(2).unwrap()).collect();
    assert_eq!(what, ["what=upload", "what=deny", "what=upload"], "{said:?}");
    assert!(bench.now_us() >= 30_000_000, "the second upload came after {} us", bench.now_us());
}

#[test]
fn a_sign_on_whose_answer_asks_for_a_sign_on_is_not_repeated() {
    let rule = json!({ "when": { "message": "sign-on" }, "then": [{ "ask": "sign-on" }] });
    let desk = host(json!({ "schema": 1, "rules": [rule] }));
    let mut bench = bench(&desk);
    bench.run(&["sign-on", "set upload auto"], 2);
    assert_eq!(messages(&desk), ["sign-on", "ride", "ride", "ride"]);
}
