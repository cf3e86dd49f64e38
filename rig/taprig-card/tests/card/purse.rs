//! Electronic cash: limits, deduction, GET DATA.

use crate::reader::{NEW, OFFLINE, card, send, tags, tap, try_card};
use taprig_card::Card;
use taprig_model::units::Money;

/// An ordinary point of sale, which can go online.
const POS: [u8; 4] = [0x26, 0, 0, 0];

fn holding(changes: &[&str]) -> Card {
    card("electronic-cash", changes)
}

fn set(tag: &str, fen: u64) -> String {
    format!("{{ set: {{ object: \"{tag}\", value: \"{fen:012}\" }} }}")
}

fn balance(card: &Card) -> u64 {
    card.balance().map_or(0, |balance| balance.fen)
}

/// The type of the cryptogram of a tap over 1.00 yuan, what 9F10 says of the limits, 9F5D, and the balance after it.
fn pay(balance: u64, single: u64, threshold: u64, ttq: [u8; 4]) -> (u8, bool, u64, u64) {
    let changes = [set("9F79", balance), set("9F78", single), set("9F6D", threshold)];
    let mut card = holding(&changes.each_ref().map(String::as_str));
    let read = tap(&mut card, ttq).unwrap();
    let available =
        read.tags[&0x9F5D].iter().fold(0, |sum, byte| sum * 100 + u64::from(byte >> 4) * 10 + u64::from(byte & 15));
    let results = &read.tags[&0x9F10];
    ((results[4] & 0x30) << 2, results[5] & 0x20 != 0, available, self::balance(&card))
}

#[test]
fn a_card_spends_to_the_edge_and_no_further() {
    const TC: u8 = 0x40;
    const ARQC: u8 = 0x80;
    const AAC: u8 = 0x00;
    for (balance, single, threshold, ttq, expected) in [
        (5000, 20_000, 1000, OFFLINE, (TC, false, 4900, 4900)),
        (100, 20_000, 1000, OFFLINE, (TC, false, 0, 0)),
        (99, 20_000, 0, OFFLINE, (AAC, true, 99, 99)),
        (5000, 100, 0, OFFLINE, (TC, false, 4900, 4900)),
        (5000, 99, 0, OFFLINE, (AAC, true, 5000, 5000)),
        (1100, 20_000, 1000, POS, (TC, false, 1000, 1000)),
        (1099, 20_000, 1000, POS, (ARQC, true, 1099, 1099)),
        (5000, 99, 0, POS, (ARQC, true, 5000, 5000)),
        (5000, 20_000, 0, NEW, (ARQC, false, 5000, 5000)),
    ] {
        assert_eq!(pay(balance, single, threshold, ttq), expected, "{balance} {single} {threshold} {ttq:x?}");
    }
}

#[test]
fn every_tap_deducts_once() {
    let mut card = holding(&[]);
    for left in [4900, 4800, 4700] {
        tap(&mut card, OFFLINE).unwrap();
        assert_eq!(balance(&card), left);
    }
    assert_eq!(card.balance().map(|left| left.to_string()).as_deref(), Some("47.00 CNY"));
    assert_eq!(self::card("unionpay-offline-tc", &[]).balance(), None);
}

#[test]
fn only_the_answer_to_the_last_record_deducts() {
    let mut card = holding(&[]);
    let read = |card: &mut Card, sfi: u8, number: u8| send(card, &[0x00, 0xB2, number, sfi << 3 | 0x04, 0]);
    tap(&mut card, OFFLINE).unwrap();
    // The application stays selected, and its records can be read again; they do not deduct again.
    assert!(read(&mut card, 3, 1).is_ok());
    assert_eq!(balance(&card), 4900);
    // A transaction that is left before its last record, and one that the card loses with the field.
    for _ in 0..2 {
        card.reset();
        assert!(send(&mut card, &crate::reader::select(&[0xA0, 0, 0, 3, 0x33, 1, 1, 6])).is_ok());
        let pdol = [
            0x9F, 0x66, 4, 0x9F, 2, 6, 0x9F, 3, 6, 0x9F, 0x1A, 2, 0x95, 5, 0x5F, 0x2A, 2, 0x9A, 3, 0x9C, 1, 0x9F, 0x37,
            4,
        ];
        assert!(send(&mut card, &crate::reader::gpo(&pdol, OFFLINE).0).is_ok());
        for (sfi, number) in [(1, 1), (2, 1), (2, 2)] {
            assert!(read(&mut card, sfi, number).is_ok());
        }
        assert_eq!(balance(&card), 4900);
    }
    card.reset();
    assert_eq!(read(&mut card, 3, 1), Err(0x6985));
    assert_eq!(balance(&card), 4900);
}

#[test]
fn get_data_tells_the_balance_of_the_selected_application() {
    let mut card = holding(&[]);
    let mut get = |tag: u16| {
        let [high, low] = tag.to_be_bytes();
        send(&mut card, &[0x80, 0xCA, high, low, 0])
    };
    assert_eq!(get(0x9F79), Err(0x6985));
    let mut card = holding(&[]);
    tap(&mut card, OFFLINE).unwrap();
    let mut get = |tag: u16| {
        let [high, low] = tag.to_be_bytes();
        let mut found = Default::default();
        send(&mut card, &[0x80, 0xCA, high, low, 0]).map(|body| {
            tags(&body, &mut found);
            found.into_values().next().unwrap()
        })
    };
    assert_eq!(get(0x9F79), Ok(vec![0, 0, 0, 0, 0x49, 0]));
    assert_eq!(get(0x9F5D), Ok(vec![0, 0, 0, 0, 0x49, 0]));
    assert_eq!(get(0x9F77), Ok(vec![0, 0, 0, 0x10, 0, 0]));
    assert_eq!(get(0x9F78), Ok(vec![0, 0, 0, 0x02, 0, 0]));
    assert_eq!(get(0x9F6D), Ok(vec![0, 0, 0, 0, 0x10, 0]));
    assert_eq!(get(0x9F36), Ok(vec![0, 23]));
    assert_eq!(get(0x9F50), Err(0x6A88));
    assert_eq!(send(&mut card, &[0x80, 0xCA, 0x9F, 0x79]), Err(0x6700));
    assert_eq!(send(&mut card, &[0x00, 0xCA, 0x9F, 0x79, 0]), Err(0x6E00));
    let mut credit = self::card("unionpay-credit-rsa1152", &[]);
    tap(&mut credit, NEW).unwrap();
    assert_eq!(send(&mut credit, &[0x80, 0xCA, 0x9F, 0x79, 0]), Err(0x6A88));
}

#[test]
fn an_impossible_purse_is_refused() {
    let refused = |changes: &[&str]| try_card("electronic-cash", changes).unwrap_err().to_string();
    let rich = refused(&[&set("9F79", 100_001)]);
    assert!(rich.contains("purse: the balance 1000.01 CNY is above its limit 1000.00 CNY"), "{rich}");
    assert!(refused(&["{ set: { object: \"9F79\", value: \"0000\" } }"]).contains("an amount has 6 bytes of digits"));
    assert!(refused(&["{ set: { object: \"9F38\", value: \"9F6604\" } }"]).contains("`9F02 06`"));
    let other = try_card("unionpay-credit-rsa1152", &[&set("9F79", 1)]).unwrap_err().to_string();
    assert!(other.contains("the card sends no such object"), "{other}");
    // What the card says can be another thing than what it holds.
    let mut lying = holding(&["{ set: { object: \"9F5D\", value: \"000000000001\" } }"]);
    assert_eq!(tap(&mut lying, OFFLINE).unwrap().tags[&0x9F5D], [0, 0, 0, 0, 0, 1]);
    assert_eq!(lying.balance(), Some(Money::from_fen(4900)));
}
