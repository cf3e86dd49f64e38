//! Every check of offline data authentication, with one thing altered each.

use std::{boxed::Box, vec::Vec};

use super::card::{AUTHENTICATION_DATA, Bytes, Device, Objects, Spec, TRANSACTION, set, tap};
use crate::{
    Cryptogram, Cvm, Mode, Oda, OdaFailure, Outcome, OutcomeKind, Reason, Settings, Transaction, Ttq, tlv::Tag,
};

fn offline() -> Settings {
    Settings { mode: Mode::Offline, ..Settings::default() }
}

#[track_caller]
fn approved(outcome: &Outcome) {
    assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::Approved, Reason::OdaApproved));
    assert_eq!(outcome.ride.as_ref().unwrap().oda, Oda::Passed);
}

#[track_caller]
fn fails(spec: &Spec, failure: OdaFailure) {
    let outcome = tap(spec, &Settings::default());
    assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::Declined, Reason::Oda(failure)));
    assert_eq!(outcome.ride.unwrap().oda, Oda::Failed(failure));
}

#[test]
fn good_cards_pass_in_every_size_and_version() {
    approved(&tap(&Spec::default(), &Settings::default()));
    approved(&tap(&Spec::large(), &Settings::default()));
    let outcome = tap(&Spec::offline(), &offline());
    assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::Approved, Reason::OfflineApproved));
    let mut zero = Spec { version: 0, ..Spec::default() };
    set(&mut zero.gpo, 0x9F69, Some("0000000000000000"));
    set(&mut zero.records[0], 0x9F08, Some("0020"));
    approved(&tap(&zero, &Settings::default()));
}

#[test]
fn the_outcome_carries_what_happened() {
    let ride = tap(&Spec::default(), &Settings::default()).ride.unwrap();
    assert_eq!(ride.pan.unwrap().as_str(), "6226001234567890");
    assert_eq!((ride.psn, ride.atc, ride.cid, ride.cryptogram_type), (Some(1), 0x17, 0x80, Cryptogram::Arqc));
    assert_eq!(ride.cryptogram, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(ride.ttq, Ttq::ODA_NEW_CREDIT);
    assert_eq!((ride.tvr, ride.aip, ride.amount), ([0; 5], [0x7C, 0], 100));
    assert_eq!(ride.unpredictable_number, TRANSACTION.unpredictable_number);
    assert_eq!(tap(&Spec::default(), &Settings::default()).cvm, Cvm::None);
}

/// A byte set in the recovered text.
fn put(at: usize, byte: u8) -> Box<dyn Fn(&mut Bytes)> {
    Box::new(move |plain| plain[at] = byte)
}

fn put_last(byte: u8) -> Box<dyn Fn(&mut Bytes)> {
    Box::new(move |plain| *plain.last_mut().unwrap() = byte)
}

#[test]
fn issuer_certificate_before_its_signature() {
    use OdaFailure as F;
    fails(&Spec { issuer_hashed: put_last(0xBD), ..Spec::default() }, F::IssuerTrailer);
    fails(&Spec { issuer_hashed: put(0, 0x6B), ..Spec::default() }, F::IssuerHeader);
    for (at, byte, failure) in [
        (1, 0x12, F::IssuerFormat),
        (11, 0x02, F::IssuerHashAlgorithm),
        (4, 0x01, F::IssuerIdentifier),
        (3, 0xFF, F::IssuerIdentifier),
        (6, 0x13, F::IssuerExpired),
        (7, 0x17, F::IssuerExpired),
        (12, 0x02, F::IssuerKeyAlgorithm),
        (13, 145, F::IssuerKey),
        (13, 143, F::IssuerKey),
        (13, 177, F::IssuerKey),
        (13, 127, F::IssuerKey),
        (14, 2, F::IssuerKey),
        // Another modulus, rightly signed: the card's certificate is not this issuer's.
        (20, 0x55, F::CardTrailer),
    ] {
        fails(&Spec { issuer_head: put(at, byte), ..Spec::default() }, failure);
    }
    fails(&Spec { issuer_hashed: put(30, 0x55), ..Spec::default() }, F::IssuerHash);
    fails(&Spec { issuer_hashed: put(160, 0x55), ..Spec::default() }, F::IssuerHash);
}

#[test]
fn card_certificate_before_its_signature() {
    use OdaFailure as F;
    fails(&Spec { card_hashed: put_last(0xBD), ..Spec::default() }, F::CardTrailer);
    fails(&Spec { card_hashed: put(0, 0x6B), ..Spec::default() }, F::CardHeader);
    for (at, byte, failure) in [
        (1, 0x14, F::CardFormat),
        (17, 0x02, F::CardHashAlgorithm),
        (2, 0x63, F::CardPan),
        (9, 0x91, F::CardPan),
        (10, 0x1F, F::CardPan),
        (12, 0x00, F::CardExpired),
        (13, 0x17, F::CardExpired),
        (18, 0x02, F::CardKeyAlgorithm),
        (19, 129, F::CardKey),
        (19, 127, F::CardKey),
        (19, 145, F::CardKey),
        (20, 3, F::CardKey),
        (30, 0x55, F::SignatureTrailer),
    ] {
        fails(&Spec { card_head: put(at, byte), ..Spec::default() }, failure);
    }
    fails(&Spec { card_hashed: put(30, 0x55), ..Spec::default() }, F::CardHash);
}

#[test]
fn dynamic_signature_before_it_is_made() {
    use OdaFailure as F;
    fails(&Spec { dynamic_hashed: put_last(0xBD), ..Spec::default() }, F::SignatureTrailer);
    fails(&Spec { dynamic_hashed: put(0, 0x6B), ..Spec::default() }, F::SignatureHeader);
    for (at, byte, failure) in [
        (1, 0x95, F::SignatureFormat),
        (2, 0x02, F::SignatureHashAlgorithm),
        (3, 104, F::SignatureDynamicData),
        (3, 0, F::SignatureDynamicData),
        (3, 8, F::SignatureDynamicData),
        (4, 1, F::SignatureDynamicData),
        (4, 9, F::SignatureDynamicData),
    ] {
        fails(&Spec { dynamic_head: put(at, byte), ..Spec::default() }, failure);
    }
    approved(&tap(&Spec { dynamic_head: put(3, 103), ..Spec::default() }, &Settings::default()));
    fails(&Spec { dynamic_hashed: put(40, 0x55), ..Spec::default() }, F::SignatureHash);
}

/// The card as it is, with one object altered where it is sent.
fn sent(edit: impl Fn(&mut Objects) + 'static, at: usize) -> Spec {
    Spec { sent: Box::new(move |all: &mut Vec<Objects>| edit(&mut all[at])), ..Spec::default() }
}

fn flipped(at: usize, tag: Tag) -> Spec {
    let edit = move |objects: &mut Objects| {
        // The middle: the first bit of a signature might only lift it above the modulus. (The signature itself is
        // made anew for each command, and absent for others.)
        if let Some((_, value)) = objects.iter_mut().find(|(known, _)| *known == tag) {
            let middle = value.len() / 2;
            value[middle] ^= 0x01;
        }
    };
    sent(edit, at)
}

fn cut(at: usize, tag: Tag) -> Spec {
    let edit = move |objects: &mut Objects| {
        if let Some((_, value)) = objects.iter_mut().find(|(known, _)| *known == tag) {
            value.pop();
        }
    };
    sent(edit, at)
}

#[test]
fn every_object_altered_after_signing() {
    use OdaFailure as F;
    for (at, tag, failure) in [
        (3, 0x90, F::IssuerTrailer),
        (2, 0x92, F::IssuerHash),
        (2, 0x9F32, F::IssuerTrailer),
        (4, 0x9F46, F::CardTrailer),
        (2, 0x9F48, F::CardHash),
        (1, 0x9F08, F::CardHash),
        (0, 0x82, F::CardHash),
        (0, 0x9F4B, F::SignatureTrailer),
        (0, 0x9F69, F::SignatureHash),
    ] {
        // An exponent takes part in its own certificate's hash only.
        let failure = if tag == 0x9F32 { F::IssuerHash } else { failure };
        fails(&flipped(at, tag), failure);
    }
    fails(&flipped(2, 0x9F47), F::CardHash);
    fails(&flipped(2, 0x8F), F::CaKey);
    fails(&sent(|o| set(o, 0x9F4A, Some("8295")), 1), F::TagList);
    fails(&sent(|o| set(o, 0x5F24, Some("401231")), 1), F::CardHash);
    fails(&sent(|o| set(o, 0x9F4A, None), 1), F::CardHash);
}

#[test]
fn lengths_are_those_of_the_signers() {
    use OdaFailure as F;
    fails(&cut(3, 0x90), F::IssuerLength);
    fails(&cut(4, 0x9F46), F::CardLength);
    fails(&cut(0, 0x9F4B), F::SignatureLength);
}

#[test]
fn what_is_missing_is_named() {
    for (at, tag) in [(2, 0x8F), (3, 0x90), (2, 0x9F32), (4, 0x9F46), (2, 0x9F47), (0, 0x9F4B)] {
        fails(&sent(move |objects| set(objects, tag, None), at), OdaFailure::Missing(tag));
    }
    fails(&sent(|objects| set(objects, 0x92, None), 2), OdaFailure::IssuerHash);
    fails(&sent(|objects| set(objects, 0x82, Some("5C00")), 0), OdaFailure::NotSupported);
    // No locator, no records: nothing to trust, though the response itself is a good one.
    fails(&sent(|objects| set(objects, 0x94, None), 0), OdaFailure::Missing(0x8F));
}

#[test]
fn track_two_of_another_account_is_no_proof_of_this_one() {
    let spec = sent(|objects| set(objects, 0x57, Some("6226009876543210D30122200000000000")), 0);
    fails(&spec, OdaFailure::CardPan);
}

#[test]
fn certificates_last_to_the_end_of_their_month() {
    let on = |year, month, day| {
        let mut time = TRANSACTION.time;
        time.date = crate::Date { year, month, day };
        let mut spec = Spec::default();
        set(&mut spec.records[0], 0x5F24, Some("491231"));
        let transaction = Transaction { time, ..TRANSACTION };
        crate::run(&mut spec.personalise(), &mut Device::for_spec(&spec), &Settings::default(), &transaction).reason
    };
    assert_eq!(on(2030, 12, 31), Reason::OdaApproved);
    assert_eq!(on(2031, 1, 1), Reason::Oda(OdaFailure::IssuerExpired));
}

#[test]
fn revocation_and_unknown_keys() {
    let spec = Spec::default();
    let mut device = Device::for_spec(&spec);
    device.revoked = Some([0x00, 0xAB, 0x01]);
    let outcome = crate::run(&mut spec.personalise(), &mut device, &Settings::default(), &TRANSACTION);
    assert_eq!(outcome.reason, Reason::Oda(OdaFailure::IssuerRevoked));
    device.revoked = Some([0x00, 0xAB, 0x02]);
    approved(&crate::run(&mut spec.personalise(), &mut device, &Settings::default(), &TRANSACTION));
    device.ca = None;
    let outcome = crate::run(&mut spec.personalise(), &mut device, &Settings::default(), &TRANSACTION);
    assert_eq!(outcome.reason, Reason::Oda(OdaFailure::CaKey));
}

/// 9F69 of that length and version, signed as it is.
fn authentication_data(length: usize, version: u8) -> Spec {
    let mut data = AUTHENTICATION_DATA.to_vec();
    data.resize(length, 0);
    if let Some(first) = data.first_mut() {
        *first = version;
    }
    let mut spec = Spec { version: version.min(1), ..Spec::default() };
    spec.gpo.iter_mut().find(|(tag, _)| *tag == 0x9F69).unwrap().1 = data;
    spec
}

#[test]
fn authentication_data_has_eight_to_sixteen_bytes_and_a_version_of_at_most_one() {
    for length in [8, 9, 16] {
        approved(&tap(&authentication_data(length, 1), &Settings::default()));
    }
    for length in [0, 1, 7, 17] {
        fails(&authentication_data(length, 1), OdaFailure::AuthenticationData);
    }
    fails(&authentication_data(8, 2), OdaFailure::AuthenticationData);
}

#[test]
fn a_signature_is_checked_as_the_version_it_claims() {
    // Version 00 signed, version 01 announced in 9F69, and the other way round.
    fails(&Spec { version: 0, ..Spec::default() }, OdaFailure::SignatureHash);
    fails(&sent(|objects| set(objects, 0x9F69, None), 0), OdaFailure::Version);
    let mut old = Spec::default();
    set(&mut old.records[0], 0x9F08, Some("002F"));
    old.sent = Box::new(|all| set(&mut all[0], 0x9F69, None));
    fails(&old, OdaFailure::SignatureHash);
}

#[test]
fn a_new_application_must_sign_as_version_one_where_the_reader_can() {
    let mut spec = Spec { version: 0, ..Spec::default() };
    set(&mut spec.gpo, 0x9F69, None);
    fails(&spec, OdaFailure::Version);
    set(&mut spec.records[0], 0x9F08, Some("002F"));
    approved(&tap(&spec, &Settings::default()));
    // The offline reader announces version 00 only, and the same card answers so.
    let outcome = tap(&Spec::offline(), &offline());
    assert_eq!(outcome.kind, OutcomeKind::Approved);
}

#[test]
fn another_transaction_s_signature_is_no_good() {
    let spec = Spec::default();
    struct Replay<'a>(super::card::TestCard<'a>, Vec<u8>);
    impl crate::Card for Replay<'_> {
        fn transmit(&mut self, command: &[u8], response: &mut wire::Response) -> Result<(), crate::LinkError> {
            let command = if command[1] == 0xA8 { self.1.as_slice() } else { command };
            crate::Card::transmit(&mut self.0, command, response)
        }
    }
    let mut card = spec.personalise();
    approved(&crate::run(&mut card, &mut Device::for_spec(&spec), &Settings::default(), &TRANSACTION));
    let recorded = card.commands.iter().find(|command| command[1] == 0xA8).unwrap().clone();
    for transaction in [
        Transaction { unpredictable_number: [0, 0, 0, 1], ..TRANSACTION },
        // Version 01 also signs the amount.
        Transaction { amount: 101, ..TRANSACTION },
    ] {
        let mut card = Replay(spec.personalise(), recorded.clone());
        let outcome = crate::run(&mut card, &mut Device::for_spec(&spec), &Settings::default(), &transaction);
        assert_eq!(outcome.reason, Reason::Oda(OdaFailure::SignatureHash));
    }
}
