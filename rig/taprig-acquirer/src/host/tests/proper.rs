//! Without rules.

use super::*;
use crate::codec::lists::Page;
use crate::codec::totals::{Item, Totals, of_items};
use log::{Mac, State};
use proptest::prelude::*;

#[test]
fn a_terminal_signs_on_and_a_ride_is_accepted() {
    let mut bench = Bench::new();
    let got = bench.sign_on();
    let answer = got.answer();
    assert_eq!((answer.mti, answer.word(39), answer.word(60)), (0x0810, Some("00"), Some("00000001003")));
    assert_eq!((answer.word(12), answer.word(13), answer.word(32)), (Some("080910"), Some("0521"), Some(ACQUIRER)));
    assert_eq!(got.heard.mac, Mac::NotNeeded);
    let got = bench.ride(1, 200);
    let (frame, answer) = (got.frame(), got.answer());
    assert_eq!((frame.tpdu.destination, frame.tpdu.source), ([0, 9], [0, 3]));
    assert_eq!(frame.header.digits(), "613200324605");
    assert_eq!((answer.mti, answer.word(39), answer.word(11)), (0x0210, Some("00"), Some("000001")));
    for number in [2, 3, 4, 25, 41, 42, 49, 60] {
        assert_eq!(answer.fields.get(&number), bench.claim(1, 200).fields.get(&number), "{number}");
    }
    assert!(answer.has(37) && answer.has(38) && got.is_signed(bench.key));
    assert_eq!((got.heard.mac, got.state()), (Mac::Good, Some((State::Accepted, false))));
    assert_eq!(bench.sums(), [(1, 200), (0, 0), (0, 0), (0, 0)]);
}

#[test]
fn each_sign_on_changes_the_keys() {
    for code in [1, 3, 4] {
        let mut bench = Bench::new();
        bench.sign_on_with(code);
        let first = bench.key;
        assert_eq!(bench.ride(1, 200).code(), "00");
        bench.sign_on_with(code);
        assert_eq!(bench.ride(2, 200).code(), "00");
        bench.key = first;
        let got = bench.ride(3, 200);
        assert_eq!((got.code().as_str(), got.heard.mac), ("A0", Mac::Wrong), "{code}");
    }
}

#[test]
fn a_bad_mac_makes_no_claim() {
    let mut bench = Bench::signed_on();
    let bytes = bench.bytes(&bench.claim(1, 200), true);
    let mut wrong = bytes.clone();
    *wrong.last_mut().unwrap() ^= 1;
    let got = bench.send(&wrong);
    assert_eq!((got.code().as_str(), got.heard.mac, got.state()), ("A0", Mac::Wrong, None));
    assert!(got.is_signed(bench.key));
    let without = bench.bytes(&bench.claim(1, 200), false);
    let got = bench.send(&without);
    assert_eq!((got.code().as_str(), got.heard.mac), ("A0", Mac::Missing));
    assert_eq!(bench.sums()[0], (0, 0));
    assert_eq!(bench.send(&bytes).code(), "00");
}

#[test]
fn who_has_not_signed_on_is_told_so() {
    let mut bench = Bench::new();
    bench.key = Some(MacKey::Single([0x33; 8]));
    let got = bench.ride(1, 200);
    assert_eq!((got.code().as_str(), got.heard.mac), ("A0", Mac::NoKey));
    assert!(!got.answer().has(64));
    assert_eq!(bench.settle(0, 0).code(), "A0");
    let mut bench = Bench::signed_on();
    assert_eq!(bench.say(&base(0x0820, 5, "00000001301")).code(), "00");
    assert_eq!(bench.say(&base(0x0820, 6, "00000001002")).code(), "00");
    assert_eq!(bench.ride(1, 200).code(), "A0");
}

#[test]
fn a_repeat_is_not_counted_again() {
    let mut bench = Bench::signed_on();
    bench.ride(1, 200);
    for _ in 0..2 {
        let got = bench.ride(1, 200);
        assert_eq!((got.code().as_str(), got.state()), ("94", Some((State::Accepted, true))));
    }
    let got = bench.ride(1, 300);
    assert_eq!(got.code(), "94");
    assert!(got.heard.why.contains("This claim is lost"), "{}", got.heard.why);
    assert_eq!(bench.sums()[0], (1, 200));
}

#[test]
fn strangers_are_refused() {
    let known = |merchant: &str| {
        let mut keys = keys();
        keys["terminals"] = json!([{ "terminal": "12345678", "merchant": merchant }]);
        Bench::of(keys, json!({ "schema": 1 }))
    };
    assert_eq!(known("123456789012345").sign_on().code(), "00");
    assert_eq!(known("000000000000000").sign_on().code(), "03");
    let mut keys = keys();
    keys["terminals"] = json!([]);
    let got = Bench::of(keys, json!({ "schema": 1 })).sign_on();
    assert_eq!(got.code(), "97");
    assert!(!got.answer().has(62));
}

#[test]
fn a_terminal_may_have_a_master_key_of_its_own() {
    let mut keys = keys();
    keys["master"] = json!("77".repeat(16));
    keys["terminals"] = json!([{ "terminal": "12345678", "master": "10".repeat(16) }]);
    let mut bench = Bench::of(keys, json!({ "schema": 1 }));
    bench.sign_on();
    assert_eq!(bench.ride(1, 200).code(), "00");
}

#[test]
fn another_batch_has_to_sign_on() {
    let mut bench = Bench::signed_on();
    bench.batch = 7;
    let got = bench.ride(1, 200);
    assert_eq!(got.code(), "77");
    assert!(got.heard.why.contains("the open batch is 1"), "{}", got.heard.why);
    bench.sign_on();
    assert_eq!((bench.batch, bench.ride(1, 200).code().as_str()), (1, "00"));
}

#[test]
fn a_reversal_takes_a_claim_back_once() {
    let mut bench = Bench::signed_on();
    bench.ride(1, 200);
    assert_eq!(bench.reverse(2, 200).code(), "25");
    assert_eq!(bench.reverse(1, 300).code(), "64");
    assert_eq!(bench.sums()[0], (1, 200));
    let got = bench.reverse(1, 200);
    assert_eq!((got.code().as_str(), got.state()), ("00", Some((State::Reversed, false))));
    assert!(got.is_signed(bench.key));
    let got = bench.reverse(1, 200);
    assert_eq!((got.code().as_str(), got.state()), ("00", Some((State::Reversed, true))));
    assert_eq!(bench.ride(1, 200).code(), "94");
    assert_eq!(bench.sums(), [(0, 0), (0, 0), (0, 0), (1, 200)]);
    assert_eq!(result(&bench.settle(0, 0)), (1, 1));
}

fn result(got: &Got) -> (u8, u8) {
    let totals = Totals::parse(got.answer().word(48).unwrap()).unwrap();
    (totals.home.result, totals.foreign.result)
}

#[test]
fn a_host_may_forget_the_claims_of_closed_batches() {
    let mut all = Bench::signed_on();
    let mut bench = Bench::signed_on();
    bench.host = bench.host.forgetting_closed_batches();
    for bench in [&mut all, &mut bench] {
        for trace in 1..=3 {
            assert_eq!(bench.ride(trace, 100).code(), "00");
        }
        bench.reverse(3, 100);
        // A settlement that does not balance closes nothing.
        bench.settle(3, 300);
        assert_eq!(bench.host.claims().count(), 3);
        assert_eq!(
            bench.ride(2, 100).state(),
            Some((State::Accepted, true)),
            "it is known as long as the batch is open"
        );
        bench.settle(2, 200);
        // An answer that was lost: the settlement comes once more.
        assert_eq!(bench.settle(2, 200).code(), "00");
        bench.batch += 1;
        assert_eq!(bench.ride(4, 100).code(), "00");
        assert_eq!(bench.sums(), [(3, 300), (0, 0), (0, 0), (1, 100)]);
        bench.batch -= 1;
    }
    assert_eq!(all.host.claims().count(), 4);
    assert_eq!(bench.host.claims().map(|(_, batch, trace, _)| (batch, trace)).collect::<Vec<_>>(), [(2, 4)]);
    assert_eq!(all.ride(1, 100).state(), Some((State::Accepted, true)));
    let got = bench.ride(1, 100);
    assert_eq!((got.code().as_str(), got.state()), ("77", None), "nobody can say whether it is a repeat");
    assert_eq!((bench.reverse(1, 100).code(), all.reverse(1, 100).code()), ("77".into(), "77".into()));
    assert_eq!(bench.sums(), all.sums());
}

#[test]
fn a_batch_that_was_uploaded_is_forgotten_at_its_end() {
    let mut bench = Bench::signed_on();
    bench.host = bench.host.forgetting_closed_batches();
    bench.ride(1, 100);
    bench.settle(2, 300);
    bench.upload(201, &of_items(&[item(1, 100), item(2, 200)]));
    assert_eq!(bench.host.claims().count(), 2);
    assert_eq!(bench.upload(202, "0002").code(), "00");
    assert_eq!((bench.host.claims().count(), bench.sums()[0]), (0, (2, 300)));
}

#[test]
fn a_batch_that_balances_is_closed_and_its_settlement_can_be_repeated() {
    let mut bench = Bench::signed_on();
    bench.ride(1, 200);
    bench.ride(2, 100);
    let got = bench.settle(2, 300);
    assert_eq!((got.code().as_str(), result(&got)), ("00", (1, 1)));
    assert_eq!(result(&bench.settle(2, 300)), (1, 1));
    assert_eq!(bench.upload(207, "0000").code(), "00");
    // The answer to a ride of the old batch may have been lost.
    assert_eq!(bench.ride(1, 200).code(), "94");
    assert_eq!(bench.ride(3, 200).code(), "77");
    bench.sign_on();
    assert_eq!(bench.batch, 2);
    assert_eq!(bench.ride(1, 200).code(), "00");
    assert_eq!(bench.sums()[0], (3, 500));
}

fn item(trace: u32, fen: u64) -> Item {
    Item { kind: "22".into(), trace, account: CARD.into(), fen }
}

#[test]
fn a_batch_that_does_not_balance_is_uploaded() {
    let mut bench = Bench::signed_on();
    bench.ride(1, 200);
    bench.ride(2, 100);
    assert_eq!(result(&bench.settle(2, 400)), (2, 1));
    let got = bench.upload(201, &of_items(&[item(2, 100), item(3, 200)]));
    assert_eq!(got.code(), "00");
    assert_eq!(got.heard.notes, ["trace 3 is new to the host and accepted"]);
    let told: Vec<_> =
        got.heard.claims.iter().map(|claim| (claim.trace, claim.fen, claim.state, claim.repeat)).collect();
    assert_eq!(told, [(2, 100, State::Accepted, true), (3, 200, State::Accepted, false)]);
    // Its answer may have been lost.
    bench.upload(201, &of_items(&[item(2, 100), item(3, 200)]));
    assert_eq!(bench.upload(202, "0003").code(), "95");
    let got = bench.upload(202, "0002");
    assert_eq!(got.code(), "00");
    assert_eq!(got.heard.notes, ["trace 1 over 200 fen was accepted and not uploaded"]);
    assert_eq!(bench.upload(202, "0002").code(), "00");
    assert_eq!(bench.sums()[0], (3, 500));
    bench.sign_on();
    assert_eq!(bench.batch, 2);
}

#[test]
fn an_upload_shows_what_differs() {
    let mut bench = Bench::signed_on();
    bench.ride(1, 200);
    bench.ride(2, 200);
    bench.reverse(2, 200);
    bench.settle(9, 900);
    let got = bench.upload(201, &of_items(&[item(1, 300), item(2, 200)]));
    let notes =
        ["trace 1 has 300 fen here and 200 in its claim", "trace 2 is uploaded as paid, but its claim is Reversed"];
    assert_eq!(got.heard.notes, notes);
    assert_eq!(bench.upload(201, "01").code(), "30");
    assert_eq!(bench.upload(202, "02").code(), "30");
}

#[test]
fn the_deny_list_comes_in_pages_and_is_applied() {
    let cards = [CARD, "6222020000000007", "6222020000000015"];
    let list = json!({ "version": 7, "page": 2, "cards": cards });
    let mut bench = Bench::of(keys(), json!({ "schema": 1, "deny-list": list }));
    bench.sign_on();
    let (mut found, mut cursor) = (Vec::new(), Some(0));
    while let Some(from) = cursor {
        let got = bench.page(from);
        let page = Page::parse(got.answer().data(63).unwrap()).unwrap();
        assert_eq!((got.code().as_str(), page.version), ("00", 7));
        found.extend(page.cards);
        cursor = page.next;
    }
    assert_eq!(found, cards);
    assert_eq!(bench.page(99).answer().data(63).unwrap(), b"00000000700");
    let got = bench.ride(1, 200);
    assert_eq!((got.code().as_str(), got.state()), ("05", Some((State::Refused, false))));
    let got = bench.ride(1, 200);
    assert_eq!((got.code().as_str(), got.state()), ("05", Some((State::Refused, true))));
    assert_eq!(bench.sums()[1], (1, 200));
}

#[test]
fn keys_of_authorities_are_listed_and_fetched() {
    let mut bench = Bench::signed_on();
    let ask = |mti, code: u16, field: &[u8]| base(mti, 1, &format!("00000001{code:03}")).bytes(62, field);
    let list = bench.say(&ask(0x0820, 372, b"100")).answer().data(62).unwrap().to_vec();
    assert_eq!((list[0], list.len()), (b'1', 24));
    let key = bench.say(&ask(0x0800, 370, &list[1..13])).answer();
    let objects = tlv::decode(&key.data(62).unwrap()[1..]).unwrap();
    assert_eq!(tlv::find(&objects, 0xDF02), Some([0xAB; 144].as_slice()));
    assert_eq!(bench.say(&ask(0x0800, 371, b"")).code(), "00");
    assert_eq!(bench.say(&ask(0x0820, 372, b"x")).code(), "30");
    assert_eq!(bench.say(&ask(0x0800, 372, b"100")).code(), "12");
}

#[test]
fn a_card_that_had_expired_is_refused_by_the_day_of_the_ride() {
    let mut bench = Bench::signed_on();
    let ride = |trace, day| claim(0x0200, "22", 1, trace, 200).digits(14, "1805").bytes(55, chip(200, day));
    assert_eq!(bench.say(&ride(1, [0x18, 0x05, 0x31])).code(), "00");
    assert_eq!(bench.say(&ride(2, [0x18, 0x06, 0x01])).code(), "54");
}

#[test]
fn values_that_contradict_each_other_are_noted() {
    let mut bench = Bench::signed_on();
    let right = bench.claim(1, 200).bytes(55, chip(200, [0x18, 5, 0x21])).digits(35, format!("{CARD}D3012"));
    assert_eq!(bench.say(&right).heard.notes, Vec::<String>::new());
    let wrong = bench.claim(2, 200).bytes(55, chip(100, [0x18, 5, 0x21])).digits(35, "6222020000000007D3012");
    assert_eq!(
        bench.say(&wrong).heard.notes,
        [
            "the account numbers of field 2 and field 35 (track 2) differ",
            "the amounts in field 4 and 9F02 in field 55 differ"
        ]
    );
    let bare = bench.ride(3, 200).heard.notes;
    assert_eq!(bare, ["field 55 is missing, so nobody can verify what the card said"]);
}

#[test]
fn a_message_that_lacks_something_is_refused() {
    let mut bench = Bench::signed_on();
    let mut ride = bench.claim(1, 200);
    ride.fields.remove(&4);
    let got = bench.say(&ride);
    assert_eq!((got.code().as_str(), got.heard.why.as_str()), ("30", "these fields are missing: 4"));
    assert_eq!(bench.say(&base(0x0800, 1, "00000001999")).code(), "12");
    assert_eq!(bench.say(&claim(0x0200, "99", 1, 1, 200)).code(), "12");
    assert_eq!(bench.say(&claim(0x0220, "36", 1, 5, 200)).code(), "00");
    let got = bench.say(&claim(0x0210, "22", 1, 1, 200));
    assert!(got.orders.is_empty() && got.heard.answer.is_none());
}

#[test]
fn bytes_that_are_no_message_end_the_connection() {
    let mut bench = Bench::signed_on();
    let mut bytes = bench.bytes(&bench.claim(1, 200), true);
    bytes[2 + 11 + 22] = 0xCC;
    let all = bench.host.hear(LINE, &[bytes.clone(), bytes].concat(), now());
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].orders, [Order::Close]);
    let Body::Unreadable { why, .. } = &all[0].body else { panic!("{:?}", all[0].body) };
    assert_eq!(why, "byte 33: field 4 (amount): the nibble C is not a digit");
    assert_eq!(bench.host.hear(LINE, &[0; 40], now()), []);
    assert_eq!(bench.host.summary().unreadable, 1);
}

#[test]
fn what_a_connection_leaves_unfinished_is_told() {
    let mut bench = Bench::signed_on();
    let bytes = bench.bytes(&bench.claim(1, 200), true);
    assert_eq!(bench.host.hear(LINE, &bytes[..17], now()), []);
    let told = format!("the connection ended within a message: 17 of {} bytes had come", bytes.len());
    assert_eq!(bench.host.gone(LINE), Some(told));
    assert_eq!(bench.host.gone(LINE), None);
}

#[test]
fn a_wire_is_heard_after_an_order_to_close_and_can_be_forgotten() {
    let rules = json!({ "schema": 1, "rules": [{ "when": { "nth": 1 }, "then": ["hang-up"] }] });
    let mut bench = Bench::of(keys(), rules);
    let bytes = bench.bytes(&base(0x0800, 1, "00000000003").bytes(63, *b"01 "), false);
    let three = [&bytes[..], &bytes, &bytes[..20]].concat();
    assert_eq!(bench.host.hear(LINE, &three, now()).len(), 1, "a connection is closed");
    let rules = json!({ "schema": 1, "rules": [{ "when": { "nth": 1 }, "then": ["hang-up"] }] });
    let mut bench = Bench::of(keys(), rules);
    bench.host.connect_wire(2);
    assert_eq!(bench.host.hear(2, &three, now()).len(), 2);
    assert!(bench.host.is_within_frame(2));
    assert_eq!(bench.host.forget(2), Some(format!("20 of {} bytes of a message had come", bytes.len())));
    assert!(!bench.host.is_within_frame(2));
    assert_eq!(bench.host.forget(2), None);
    assert_eq!(bench.host.hear(2, &bytes, now()).len(), 1);
}

proptest! {
    #[test]
    fn a_changed_byte_never_makes_a_claim(at in 13usize..89, mask in 1u8..=255) {
        let mut bench = Bench::signed_on();
        let mut bytes = bench.bytes(&bench.claim(1, 200), true);
        prop_assume!(at < bytes.len());
        bytes[at] ^= mask;
        bench.host.hear(LINE, &bytes, now());
        prop_assert_eq!(bench.sums(), [(0, 0); 4]);
    }

    #[test]
    fn no_bytes_panic(chunks: Vec<Vec<u8>>, bits: u64, body: Vec<u8>) {
        let mut bench = Bench::signed_on();
        for chunk in &chunks {
            bench.host.hear(LINE, chunk, now());
        }
        bench.host.connect(2);
        let message = [&[2, 0], bits.to_be_bytes().as_slice(), &body].concat();
        let tpdu = Tpdu { id: 0x60, destination: [0, 3], source: [0, 9] };
        let frame = Frame { tpdu, header: Header::new("613200324605").unwrap(), message };
        bench.host.hear(2, &frame.encode(), now());
        bench.host.gone(LINE);
    }
}
