//! Certificates, signatures and cryptograms against another implementation.

use crate::reader::{KEYS, NEW, OFFLINE, RING, Refused, card, cards, image, tap, verify};
use crate::sm;
use emv::core::application_cryptogram::application_cryptogram;
use emv::core::master_key_derivation::derive_master_key_option_a;
use emv::core::secure_messaging::{derive_session_key_tdes, diversification_for_ac_session_key};
use taprig_card::personalise;
use taprig_model::card::key::Key;
use taprig_model::card::{Fdda, Session};
use taprig_model::name::Name;

#[test]
fn every_fixture_card_is_authenticated_or_is_meant_not_to_be() {
    let mut seen = 0;
    for name in cards() {
        let image = image(&name);
        let mut card = card(&name, &[]);
        if name == "phone" {
            assert_eq!(tap(&mut card, NEW).unwrap_err(), 0x6986);
        }
        let tap = tap(&mut card, NEW).unwrap();
        if tap.tags.get(&0x8F).is_some_and(|index| index == &[0xF0]) {
            assert_eq!(sm::verify(&tap), Ok(()), "{name}");
            continue;
        }
        let refused = verify(&tap).map(|chain| {
            assert_eq!(chain.number.len(), 8, "{name}");
            assert_eq!(chain.issuer.hash_algorithm_indicator, 1);
            assert_eq!(chain.card.algorithm_indicator, 1);
        });
        match name.as_str() {
            "no-oda" => assert_eq!(refused.unwrap_err(), Refused::Authority),
            "counterfeit" => assert_eq!(refused.unwrap_err(), Refused::Issuer),
            _ => {
                assert_eq!(refused, Ok(()), "{name}");
                let fdda = image.applications[0].oda.as_ref().unwrap().fdda;
                assert_eq!(tap.tags.contains_key(&0x9F69), fdda == Fdda::V01, "{name}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 8);
}

#[test]
fn every_combination_of_key_sizes_makes_a_chain() {
    let names = |kind: &str| KEYS.keys().filter(|name| name.as_str().starts_with(kind)).cloned().collect::<Vec<_>>();
    let bits = |name: &Name| name.as_str().split('-').nth(2).and_then(|bits| bits.parse::<u32>().ok());
    let mut image = image("unionpay-credit-rsa1152");
    // Longer issuers' keys sign certificates that fill a record of this image; `oda-keys-largest` has such a one.
    let fits = |issuer: &Name, authority: &Name| bits(issuer) <= bits(authority).min(Some(1408));
    let mut seen = 0;
    for authority in names("test-ca-").iter().filter(|name| bits(name).is_some()) {
        for issuer in names("test-issuer-").iter().filter(|name| bits(name).is_some() && fits(name, authority)) {
            for key in names("test-card-").iter().filter(|name| bits(name).is_some() && bits(name) <= bits(issuer)) {
                let oda = image.applications[0].oda.as_mut().unwrap();
                (oda.authority, oda.issuer, oda.card) = (authority.clone(), issuer.clone(), key.clone());
                let mut card = personalise(&image, &RING, &[]).unwrap();
                assert!(verify(&tap(&mut card, NEW).unwrap()).is_ok(), "{authority} {issuer} {key}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 2 + 4 * (2 + 4 + 4 + 4));
}

#[test]
fn a_new_card_signs_version_00_for_a_reader_that_knows_no_other() {
    let tap = tap(&mut card("unionpay-credit-rsa1152", &[]), [0x21, 0x80, 0, 0]).unwrap();
    assert!(!tap.tags.contains_key(&0x9F69));
    assert!(verify(&tap).is_ok());
}

#[test]
fn the_offline_card_gives_a_transaction_certificate_with_a_signature() {
    let tap = tap(&mut card("unionpay-offline-tc", &[]), OFFLINE).unwrap();
    assert_eq!(tap.tags[&0x9F10][4] & 0x30, 0x10);
    assert!(verify(&tap).is_ok());
}

#[test]
fn the_signature_is_over_the_amount_with_version_01_only() {
    for (name, covered) in [("unionpay-credit-rsa1152", true), ("unionpay-credit-rsa1024", false)] {
        let mut tap = tap(&mut card(name, &[]), NEW).unwrap();
        tap.input.insert(0x9F02, vec![0, 0, 0, 0, 9, 0]);
        assert_eq!(verify(&tap).err(), covered.then_some(Refused::Signature), "{name}");
    }
}

/// One change each, and which step has to refuse it; `None` where this verifier does not look.
const TAMPERED: &[(&str, Option<Refused>)] = {
    use Refused::{Authority, Card, Issuer, Signature};
    &[
        ("flip: { object: issuer-certificate.header, bit: 1 }", Some(Issuer)),
        ("flip: { object: issuer-certificate.format, bit: 7 }", Some(Issuer)),
        ("flip: { object: issuer-certificate.iin, bit: 7 }", Some(Issuer)),
        ("set: { object: issuer-certificate.expiry, value: \"0418\" }", Some(Issuer)),
        ("expire: { what: issuer-certificate, month: 2018-04 }", Some(Issuer)),
        ("flip: { object: issuer-certificate.serial, bit: 23 }", None),
        ("flip: { object: issuer-certificate.hash-algorithm, bit: 6 }", None),
        ("flip: { object: issuer-certificate.key-algorithm, bit: 6 }", None),
        // One byte of padding becomes part of the issuer's key, so the next certificate has the wrong length.
        ("flip: { object: issuer-certificate.key-length, bit: 7 }", Some(Card)),
        ("flip: { object: issuer-certificate.exponent-length, bit: 6 }", Some(Issuer)),
        ("flip: { object: issuer-certificate.modulus, bit: 100 }", Some(Card)),
        ("flip: { object: issuer-certificate.hash, bit: 0 }", Some(Issuer)),
        ("flip: { object: issuer-certificate.trailer, bit: 7 }", Some(Issuer)),
        ("flip: { object: card-certificate.header, bit: 1 }", Some(Card)),
        ("flip: { object: card-certificate.format, bit: 7 }", Some(Card)),
        ("flip: { object: card-certificate.pan, bit: 15 }", Some(Card)),
        ("set: { object: card-certificate.expiry, value: \"0418\" }", Some(Card)),
        ("expire: { what: card-certificate, month: 2018-04 }", Some(Card)),
        ("flip: { object: card-certificate.serial, bit: 23 }", None),
        ("flip: { object: card-certificate.hash-algorithm, bit: 6 }", None),
        ("flip: { object: card-certificate.key-algorithm, bit: 6 }", None),
        ("flip: { object: card-certificate.key-length, bit: 7 }", Some(Card)),
        ("flip: { object: card-certificate.exponent-length, bit: 6 }", Some(Card)),
        ("flip: { object: card-certificate.modulus, bit: 100 }", Some(Signature)),
        ("flip: { object: card-certificate.hash, bit: 159 }", Some(Card)),
        ("flip: { object: card-certificate.trailer, bit: 7 }", Some(Card)),
        ("flip: { object: dynamic-signature.header, bit: 1 }", Some(Signature)),
        ("flip: { object: dynamic-signature.format, bit: 7 }", Some(Signature)),
        ("flip: { object: dynamic-signature.hash-algorithm, bit: 6 }", None),
        ("set: { object: dynamic-signature.length, value: \"FF\" }", Some(Signature)),
        ("flip: { object: dynamic-signature.number, bit: 0 }", Some(Signature)),
        ("flip: { object: dynamic-signature.padding, bit: 0 }", Some(Signature)),
        ("flip: { object: dynamic-signature.hash, bit: 80 }", Some(Signature)),
        ("flip: { object: dynamic-signature.trailer, bit: 7 }", Some(Signature)),
        ("replace: { object: \"8F\", value: \"7F\" }", Some(Authority)),
        ("replace: { object: \"8F\", value: \"E1\" }", Some(Issuer)),
        ("flip: { object: \"90\", bit: 900 }", Some(Issuer)),
        ("truncate: { object: \"90\", to: 176 }", Some(Issuer)),
        ("drop: { object: \"90\" }", Some(Issuer)),
        ("flip: { object: 9F32, bit: 7 }", Some(Issuer)),
        ("flip: { object: 9F46, bit: 1151 }", Some(Card)),
        ("flip: { object: 9F47, bit: 7 }", Some(Card)),
        ("flip: { object: 9F48, bit: 0 }", Some(Card)),
        ("drop: { object: 9F48 }", Some(Card)),
        ("flip: { object: record-1.1/5A, bit: 60 }", Some(Card)),
        ("flip: { object: 5F24, bit: 2 }", Some(Card)),
        ("flip: { object: \"82\", bit: 15 }", Some(Card)),
        ("flip: { object: 9F4B, bit: 137 }", Some(Signature)),
        ("drop: { object: 9F4B }", Some(Signature)),
        ("extend: { object: 9F4B, with: \"00\" }", Some(Signature)),
        ("flip: { object: 9F69, bit: 40 }", Some(Signature)),
        ("set: { object: 9F32, value: \"010001\" }", Some(Card)),
        ("set: { object: 9F47, value: \"010001\" }", Some(Signature)),
    ]
};

#[test]
fn each_tampered_part_is_refused_at_its_step() {
    for (change, wanted) in TAMPERED {
        let tap = tap(&mut card("unionpay-credit-rsa1152", &[change]), NEW).unwrap();
        assert_eq!(verify(&tap).err(), *wanted, "{change}");
    }
}

#[test]
fn a_field_that_the_verifier_does_not_look_at_arrives_as_altered() {
    let altered = [
        "flip: { object: issuer-certificate.serial, bit: 23 }",
        "set: { object: issuer-certificate.hash-algorithm, value: \"02\" }",
        "set: { object: card-certificate.key-algorithm, value: \"03\" }",
        "set: { object: card-certificate.serial, value: \"ABCDEF\" }",
    ];
    let chain = verify(&tap(&mut card("unionpay-credit-rsa1152", &altered), NEW).unwrap()).unwrap();
    assert_eq!(chain.issuer.serial_number, [0x00, 0x0B, 0x00]);
    assert_eq!(chain.issuer.hash_algorithm_indicator, 2);
    assert_eq!((chain.card.algorithm_indicator, chain.card.serial_number), (3, [0xAB, 0xCD, 0xEF]));
}

#[test]
fn a_card_whose_data_are_set_stays_authentic() {
    let set = [
        "set: { object: 5A, value: \"6229900100000030\" }",
        "set: { object: 5F24, value: \"180430\" }",
        "set: { object: 5F34, value: \"42\" }",
        "set: { object: 9F07, value: \"0000\" }",
        "set: { object: \"82\", value: \"5C00\" }",
        "set: { object: record-1.1/5F28, value: \"0344\" }",
        "set: { object: fci/9F38, value: \"9F66049F02069F37045F2A02\" }",
    ];
    for name in ["unionpay-credit-rsa1024", "unionpay-credit-rsa1152"] {
        let tap = tap(&mut card(name, &set), NEW).unwrap();
        let chain = verify(&tap).unwrap();
        assert_eq!(chain.card.application_pan[..8], [0x62, 0x29, 0x90, 0x01, 0, 0, 0, 0x30]);
        assert_eq!(tap.tags[&0x57][..11], [0x62, 0x29, 0x90, 0x01, 0, 0, 0, 0x30, 0xD1, 0x80, 0x42]);
        assert_eq!(tap.tags[&0x5F34], [0x42]);
        assert_eq!(tap.tags[&0x82], [0x5C, 0x00]);
        assert_eq!(tap.input.len(), 4);
    }
}

#[test]
fn a_short_9f69_is_covered_by_the_signature() {
    let set = "set: { object: 9F69, value: \"01112233440000\" }";
    let tap = tap(&mut card("unionpay-credit-rsa1152", &[set]), NEW).unwrap();
    assert_eq!(tap.tags[&0x9F69].len(), 7);
    assert!(verify(&tap).is_ok());
}

#[test]
fn the_cryptogram_is_what_another_implementation_computes() {
    let mut image = image("unionpay-debit-new");
    image.applications[0].cryptogram.session = Session::Emv;
    let mut card = personalise(&image, &RING, &[]).unwrap();
    let Key::Master(master) = &KEYS[&image.applications[0].cryptogram.key].key else { panic!() };
    for atc in [23u16, 24] {
        let tap = tap(&mut card, NEW).unwrap();
        assert_eq!(tap.tags[&0x9F36], atc.to_be_bytes());
        let key = master.value.0.as_slice().try_into().unwrap();
        let key = derive_master_key_option_a(key, &tap.tags[&0x5A], Some(0x01)).unwrap();
        let r = diversification_for_ac_session_key(atc);
        let key = derive_session_key_tdes(&key, &r);
        let from_reader = [0x9F02, 0x9F03, 0x9F1A, 0x95, 0x5F2A, 0x9A, 0x9C, 0x9F37];
        let mut data: Vec<u8> = from_reader.iter().flat_map(|tag| tap.input[tag].clone()).collect();
        data.extend(&tap.tags[&0x82]);
        data.extend(&tap.tags[&0x9F36]);
        data.extend(&tap.tags[&0x9F10][3..7]);
        assert_eq!(tap.tags[&0x9F26], application_cryptogram(&key, &data));
    }
}
