//! Cards that sign by SM2. The arithmetic is that of the crate `sm2`; what is signed is written here anew.

use crate::reader::{
    KEYS, NEW, NUMBER, OFFLINE, RING, ReadCard, Refused, card, image, tap, tap_asking, try_card, verify as verify_rsa,
};
use sm2::dsa::signature::Verifier as _;
use sm2::dsa::{Signature, VerifyingKey};
use taprig_card::{PersonaliseError, personalise};
use taprig_model::card::Family;
use taprig_model::card::key::Key;

fn good(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = VerifyingKey::from_sec1_bytes("1234567812345678", &[&[0x04], key].concat());
    let signature = Signature::from_slice(signature);
    key.is_ok_and(|key| signature.is_ok_and(|signature| key.verify(message, &signature).is_ok()))
}

/// Checks a tap, trusting `test-ca-sm2`.
pub(crate) fn verify(tap: &ReadCard) -> Result<(), Refused> {
    let get = |tag: u32| tap.tags.get(&tag).map_or(&[][..], Vec::as_slice);
    let Key::Sm2Authority(authority) = &KEYS[&"test-ca-sm2".parse().unwrap()].key else { panic!() };
    if get(0x8F) != authority.index.0 || tap.aid[..5] != authority.rid.0 {
        return Err(Refused::Authority);
    }
    let (issuer, signature) = get(0x90).split_at_checked(78).ok_or(Refused::Issuer)?;
    let key = [&*authority.x.0, &authority.y.0].concat();
    if issuer[0] != 0x12 || issuer[10..14] != [4, 0, 0x11, 0x40] || !good(&key, issuer, signature) {
        return Err(Refused::Issuer);
    }
    let (own, signature) = get(0x9F46).split_at_checked(84).ok_or(Refused::Card)?;
    let signed = [own, &tap.static_data].concat();
    let number = get(0x5A);
    if own[0] != 0x14 || own[1..=number.len()] != *number || own[16..20] != [4, 0, 0x11, 0x40] {
        return Err(Refused::Card);
    }
    if !good(&issuer[14..], &signed, signature) {
        return Err(Refused::Card);
    }
    let dynamic = get(0x9F4B);
    let [0x15, length, ..] = *dynamic else { return Err(Refused::Signature) };
    let (message, signature) = dynamic.split_at_checked(2 + usize::from(length)).ok_or(Refused::Signature)?;
    let mut signed = [message, &NUMBER].concat();
    if let Some(related) = tap.tags.get(&0x9F69) {
        signed.extend(&tap.input[&0x9F02]);
        signed.extend(&tap.input[&0x5F2A]);
        signed.extend(related);
    }
    if good(&own[20..], &signed, signature) { Ok(()) } else { Err(Refused::Signature) }
}

/// The code of the cryptogram's algorithm in 9F10.
fn algorithm(tap: &ReadCard) -> u8 {
    tap.tags[&0x9F10][7]
}

#[test]
fn a_card_with_both_families_does_what_df69_says() {
    let mut card = card("unionpay-credit-rsa-sm2", &[]);
    for (asked, sm) in [(1, true), (0, false), (2, false), (1, true)] {
        let tap = tap_asking(&mut card, NEW, asked).unwrap();
        assert_eq!(verify(&tap).is_ok(), sm, "{asked}");
        assert_eq!(verify_rsa(&tap).is_ok(), !sm, "{asked}");
        assert_eq!(algorithm(&tap), if sm { 4 } else { 1 });
        assert_eq!(tap.tags.contains_key(&0x9F32), !sm);
    }
}

#[test]
fn a_card_with_sm2_alone_signs_by_it_whatever_is_asked() {
    for asked in [0, 1] {
        let tap = tap_asking(&mut card("unionpay-credit-sm2", &[]), NEW, asked).unwrap();
        assert_eq!(verify(&tap), Ok(()));
        assert_eq!(algorithm(&tap), 4);
        assert_eq!(tap.tags[&0x9F4B].len(), 2 + 9 + 64);
    }
    let tap = tap(&mut card("unionpay-offline-sm2", &[]), OFFLINE).unwrap();
    assert_eq!(tap.tags[&0x9F10][4] & 0x30, 0x10, "approved offline");
    assert_eq!(verify(&tap), Ok(()));
}

#[test]
fn the_cryptograms_of_both_families_differ() {
    let mut cards = [0, 1].map(|asked| (asked, card("unionpay-credit-rsa-sm2", &[])));
    let [des, sm4] = cards.each_mut().map(|(asked, card)| tap_asking(card, NEW, *asked).unwrap().tags[&0x9F26].clone());
    assert_eq!((des.len(), sm4.len()), (8, 8));
    assert_ne!(des, sm4);
}

#[test]
fn a_change_before_signing_leaves_the_rest_right_and_one_after_it_does_not() {
    let refused = |changes: &[&str]| verify(&tap_asking(&mut card("unionpay-credit-sm2", changes), NEW, 1).unwrap());
    assert_eq!(refused(&["set: { object: issuer-certificate.serial, value: ABCDEF }"]), Ok(()));
    assert_eq!(refused(&["set: { object: 9F07, value: \"0000\" }"]), Ok(()));
    assert_eq!(refused(&["set: { object: 5A, value: \"6229900100000030\" }"]), Ok(()));
    for (changed, wanted) in [
        ("flip: { object: \"90\", bit: 1135 }", Refused::Issuer),
        ("flip: { object: issuer-certificate.curve, bit: 0 }", Refused::Issuer),
        ("flip: { object: \"9F46\", bit: 600 }", Refused::Card),
        ("flip: { object: issuer-certificate.point, bit: 511 }", Refused::Card),
        ("replace: { object: 9F07, value: \"0000\" }", Refused::Card),
        ("flip: { object: \"9F4B\", bit: 599 }", Refused::Signature),
        ("flip: { object: \"9F69\", bit: 63 }", Refused::Signature),
        ("flip: { object: card-certificate.point, bit: 0 }", Refused::Signature),
    ] {
        assert_eq!(refused(&[changed]), Err(wanted), "{changed}");
    }
}

#[test]
fn a_change_that_finds_no_field_is_refused() {
    let why = |name: &str, changed: &str| try_card(name, &[changed]).unwrap_err().to_string();
    let header = "flip: { object: issuer-certificate.header, bit: 0 }";
    assert!(why("unionpay-credit-sm2", header).contains("by SM2 has no such field"));
    let curve = "flip: { object: card-certificate.curve, bit: 0 }";
    assert!(why("unionpay-credit-rsa1152", curve).contains("by RSA has no such field"));
    assert!(why("no-oda", curve).contains("no offline data authentication"));
    // A card with both families has either field.
    for changed in [header, curve] {
        assert!(try_card("unionpay-credit-rsa-sm2", &[changed]).is_ok(), "{changed}");
    }
    let long = "set: { object: card-certificate.point, value: \"00\" }";
    assert!(why("unionpay-credit-sm2", long).contains("1 bytes, the field has 64"));
}

#[test]
fn an_image_that_does_not_fit_together_is_refused() {
    let why = |edit: &dyn Fn(&mut taprig_model::card::Application)| {
        let mut image = image("unionpay-credit-rsa-sm2");
        edit(&mut image.applications[0]);
        match personalise(&image, &RING, &[]) {
            Ok(_) => String::new(),
            Err(why @ PersonaliseError::Value { .. }) => why.to_string(),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(why(&|_| {}), "");
    assert!(why(&|application| application.pdol = Some("9F66 04 9F37 04".parse().unwrap())).contains("DF69 01"));
    assert!(why(&|application| application.sm = None).contains("`only` is for cards with `sm`"));
    let rsa = |application: &mut taprig_model::card::Application| {
        let oda = application.oda.clone().unwrap();
        application.sm.as_mut().unwrap().oda = oda;
    };
    assert!(why(&rsa).contains("RSA keys"));
    let mixed = |application: &mut taprig_model::card::Application| {
        application.oda.as_mut().unwrap().card = "test-card-sm2".parse().unwrap();
    };
    let problem = why(&mixed);
    assert!(
        problem.contains("`test-card-sm2` for SM2") && problem.contains("`test-ca-1984-e3` has a key for RSA"),
        "{problem}"
    );
    let emv = |application: &mut taprig_model::card::Application| {
        application.cryptogram.session = taprig_model::card::Session::Emv;
    };
    assert!(why(&emv).contains("SM4"));
    let only = |application: &mut taprig_model::card::Application| {
        assert_eq!(application.records.iter().filter(|record| record.only == Some(Family::Sm)).count(), 2);
    };
    assert_eq!(why(&only), "");
}
