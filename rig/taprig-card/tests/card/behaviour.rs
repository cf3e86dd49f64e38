//! Commands in and out of order.

use crate::reader::{NEW, OFFLINE, card, cards, gpo, image, select, send, tags, tap, tap_application};
use proptest::prelude::*;
use std::sync::LazyLock;
use taprig_card::Card;
use taprig_model::card::Family;
use taprig_model::expect::CommandName;

const CREDIT: [u8; 8] = [0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x02];

/// Card verification results' cryptogram type: 80 ARQC, 40 TC, 00 AAC.
fn kind(name: &str, ttq: [u8; 4]) -> u8 {
    (tap(&mut card(name, &[]), ttq).unwrap().tags[&0x9F10][4] & 0x30) << 2
}

#[test]
fn the_card_decides_by_what_the_reader_can() {
    const ONLINE: [u8; 4] = [0x26, 0x80, 0, 0];
    const POS: [u8; 4] = [0x26, 0, 0, 0];
    assert_eq!(kind("unionpay-credit-rsa1152", NEW), 0x80);
    assert_eq!(kind("unionpay-credit-rsa1152", POS), 0x80);
    assert_eq!(kind("unionpay-credit-rsa1152", OFFLINE), 0x00);
    assert_eq!(kind("unionpay-offline-tc", OFFLINE), 0x40);
    assert_eq!(kind("unionpay-offline-tc", POS), 0x40);
    assert_eq!(kind("unionpay-offline-tc", ONLINE), 0x80);
    let online = tap(&mut card("unionpay-credit-rsa1152", &[]), ONLINE).unwrap();
    assert!(!online.tags.contains_key(&0x94) && !online.tags.contains_key(&0x9F4B), "no one asked for ODA");
    assert!(online.tags.contains_key(&0x57));
    let cvm = tap(&mut card("unionpay-credit-rsa1152", &[]), [0x27, 0xC0, 0, 0x80]).unwrap();
    assert_eq!(cvm.tags[&0x9F6C], [0x80, 0x00]);
}

#[test]
fn a_transaction_has_its_order() {
    let mut card = card("unionpay-credit-rsa1152", &[]);
    let record = [0x00, 0xB2, 1, 0x0C, 0];
    let (gpo, _) = gpo(&[0x9F, 0x66, 4, 0x9F, 0x02, 6, 0x9F, 0x37, 23], NEW);
    assert_eq!(send(&mut card, &gpo), Err(0x6985));
    assert_eq!(send(&mut card, &record), Err(0x6985));
    assert!(send(&mut card, &select(&CREDIT)).is_ok());
    assert_eq!(send(&mut card, &record), Err(0x6985));
    assert!(send(&mut card, &gpo).is_ok());
    assert!(send(&mut card, &record).is_ok());
    assert_eq!(send(&mut card, &gpo), Err(0x6985));
    card.reset();
    assert_eq!(send(&mut card, &record), Err(0x6985));
}

#[test]
fn what_is_wrong_has_its_status_word() {
    let mut card = card("unionpay-credit-rsa1152", &[]);
    let mut status = |command: &[u8]| send(&mut card, command).err();
    assert_eq!(status(&[]), Some(0x6700));
    assert_eq!(status(&[0x00, 0xA4, 0x04]), Some(0x6700));
    assert_eq!(status(&[0x00, 0xA4, 0x04, 0x00]), Some(0x6700));
    assert_eq!(status(&[0x00, 0xA4, 0x04, 0x00, 9, 1]), Some(0x6700));
    assert_eq!(status(&[0x00, 0xA4, 0x00, 0x00, 5, 1, 2, 3, 4, 5]), Some(0x6A86));
    assert_eq!(status(&select(&[0xA0, 0, 0, 3, 0x34])), Some(0x6A82));
    assert_eq!(status(&[0x10, 0xA4, 0x04, 0x00]), Some(0x6E00));
    assert_eq!(status(&[0x80, 0xA4, 0x04, 0x00]), Some(0x6E00));
    assert_eq!(status(&[0x00, 0x84, 0x00, 0x00, 8]), Some(0x6D00));
    assert_eq!(status(&select(&CREDIT)), None);
    assert_eq!(status(&[0x80, 0xA8, 0x01, 0x00, 2, 0x83, 0]), Some(0x6A86));
    assert_eq!(status(&[0x80, 0xA8, 0x00, 0x00, 2, 0x83, 0]), Some(0x6A80), "not the PDOL's length");
    assert_eq!(status(&[0x80, 0xA8, 0x00, 0x00, 3, 0x83, 2, 0]), Some(0x6A80));
    assert_eq!(status(&gpo(&[0x9F, 0x66, 33], NEW).0), None);
    assert_eq!(status(&[0x00, 0xB2, 1, 0x0D, 0]), Some(0x6A86));
    assert_eq!(status(&[0x00, 0xB2, 2, 0x0C, 0]), Some(0x6A83));
    assert_eq!(status(&[0x00, 0xB2, 1, 0x24, 0]), Some(0x6A82));
    assert_eq!(status(&[0x00, 0xB2, 1, 0x0C]), Some(0x6700));
}

#[test]
fn a_partial_name_finds_one_application_after_the_other() {
    let mut card = card("ppse-two-applications", &[]);
    let rid = &CREDIT[..5];
    let mut next = select(rid);
    next[3] = 0x02;
    let mut name = |command: &[u8]| {
        let mut found = Default::default();
        send(&mut card, command).map(|fci| {
            tags(&fci, &mut found);
            found[&0x84][7]
        })
    };
    assert_eq!(name(&select(rid)), Ok(1));
    assert_eq!(name(&next), Ok(2));
    assert_eq!(name(&next), Err(0x6A82));
    assert_eq!(name(&select(rid)), Ok(1));
}

#[test]
fn two_applications_count_apart() {
    let mut card = card("ppse-two-applications", &[]);
    let debit = [&CREDIT[..7], &[1]].concat();
    assert_eq!(tap_application(&mut card, &CREDIT, NEW).unwrap().tags[&0x9F36], [0, 23]);
    assert_eq!(tap_application(&mut card, &CREDIT, NEW).unwrap().tags[&0x9F36], [0, 24]);
    assert_eq!(tap_application(&mut card, &debit, NEW).unwrap().tags[&0x9F36], [0, 23]);
}

#[test]
fn a_phone_is_served_after_it_was_unlocked() {
    let mut card = card("phone", &[]);
    assert_eq!(tap(&mut card, NEW).err(), Some(0x6986));
    let served = tap(&mut card, NEW).unwrap();
    assert_eq!(served.tags[&0x9F6C], [0x00, 0x80]);
    assert_eq!(served.tags[&0x9F36], [0, 23], "a refused attempt does not count");
}

#[test]
fn a_seed_repeats_a_card_to_the_byte() {
    let signature =
        |seed: u64| tap(&mut card("unionpay-debit-new", &[]).seeded(seed), NEW).unwrap().tags[&0x9F4B].clone();
    assert_eq!(signature(7), signature(7));
    assert_ne!(signature(7), signature(8));
    let mut twice = card("unionpay-debit-new", &[]);
    assert_ne!(tap(&mut twice, NEW).unwrap().tags[&0x9F69], tap(&mut twice, NEW).unwrap().tags[&0x9F69]);
}

#[test]
fn no_fixture_sends_an_object_twice_or_a_card_number_of_another() {
    let mut numbers = std::collections::BTreeMap::new();
    for name in cards() {
        for application in &image(&name).applications {
            if let Some(other) = numbers.insert(application.account.pan.to_string(), name.clone()) {
                // The copy of a card, and the card that is another one with a change.
                assert_eq!(other, "counterfeit", "{name}");
                assert!(name.starts_with("unionpay-credit"), "{name}");
                numbers.insert(application.account.pan.to_string(), other);
            }
            for family in [Family::International, Family::Sm] {
                let records = application.records.iter().filter(|record| record.only.is_none_or(|only| only == family));
                let sent = application.responses.arqc_with_oda.iter();
                let mut all: Vec<_> = sent.chain(records.flat_map(|record| &record.holds)).collect();
                let count = all.len();
                all.sort();
                all.dedup();
                assert_eq!(all.len(), count, "{name}");
            }
        }
    }
}

#[test]
fn replies_name_the_command_and_take_their_time() {
    let mut card = card("unionpay-credit-rsa1152", &[]);
    let reply = card.respond(&select(b"2PAY.SYS.DDF01"));
    assert_eq!((reply.name, reply.delay.us, reply.mute), (CommandName::SelectPpse, 3000, false));
    assert_eq!(card.respond(&[0x80, 0xA8, 0, 0]).delay.us, 30_000);
    assert_eq!(card.respond(&[0xFF]).name, CommandName::Other);
}

static CARDS: LazyLock<Vec<Card>> = LazyLock::new(|| cards().iter().map(|name| card(name, &[])).collect());

fn command() -> impl Strategy<Value = Vec<u8>> {
    let header = prop_oneof![
        Just(vec![0x00, 0xA4, 0x04, 0x00]),
        Just(vec![0x80, 0xA8, 0x00, 0x00]),
        (0u8..5, 0u8..31).prop_map(|(number, sfi)| vec![0x00, 0xB2, number, sfi << 3 | 4, 0]),
        prop::collection::vec(any::<u8>(), 0..5),
    ];
    let rest = prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        2 => Just(select(b"2PAY.SYS.DDF01")),
        4 => Just(select(&CREDIT)),
        4 => any::<[u8; 4]>().prop_map(|ttq| gpo(&[0x9F, 0x66, 4, 0x9F, 0x37, 29], ttq).0),
        8 => (header.clone(), rest.clone()).prop_map(|(header, rest)| [header, rest].concat()),
        4 => header,
        1 => rest,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_reply_ends_in_a_status_word(which in any::<prop::sample::Index>(), commands in prop::collection::vec(command(), 1..12)) {
        let mut card = which.get(&CARDS).clone();
        for command in commands {
            let reply = card.respond(&command);
            prop_assert!((2..=258).contains(&reply.response.len()));
            let status = u16::from_be_bytes([reply.response[reply.response.len() - 2], reply.response[reply.response.len() - 1]]);
            let known = [0x9000, 0x6700, 0x6985, 0x6986, 0x6A80, 0x6A82, 0x6A83, 0x6A86, 0x6A88, 0x6D00, 0x6E00];
            prop_assert!(known.contains(&status), "{status:04X}");
            prop_assert!(status == 0x9000 || reply.response.len() == 2);
        }
    }
}
