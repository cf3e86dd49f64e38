//! Electronic cash: payments whose end was lost.

use std::{boxed::Box, vec, vec::Vec};

use super::card::{Bytes, Device, PAN, Spec, TRANSACTION, hex, set};
use crate::{Card, LinkError, Mode, OdaFailure, Outcome, OutcomeKind, Reason, Settings, run};

const OFFLINE: fn() -> Settings = || Settings { mode: Mode::Offline, ..Settings::default() };

/// An electronic-cash card that holds 50.00 yuan. Its last record, of five, holds nothing but 9F74.
fn electronic_cash() -> Spec {
    let mut spec = Spec { aid: hex("A000000333010106"), afl: hex("0801010110010400"), ..Spec::offline() };
    set(&mut spec.gpo, 0x9F5D, Some("000000004900"));
    spec.sent = Box::new(|all| all.push(vec![(0x9F74, hex("454343303031"))]));
    spec
}

/// The head of the command that lets the card deduct.
const LAST: [u8; 4] = [0x00, 0xB2, 0x04, 0x14];

struct Asked<'a, F> {
    card: super::card::TestCard<'a>,
    get_data: F,
}

impl<F: FnMut() -> Result<Bytes, LinkError>> Card for Asked<'_, F> {
    fn transmit(&mut self, command: &[u8], response: &mut wire::Response) -> Result<(), LinkError> {
        if command != [0x80, 0xCA, 0x9F, 0x79, 0x00] {
            return self.card.transmit(command, response);
        }
        self.card.commands.push(command.to_vec());
        response.clear();
        response.extend_from_slice(&(self.get_data)()?).map_err(|_| LinkError::Protocol)
    }
}

/// A tap, what the device was told about the payment, and the heads of all commands.
fn tap_on(
    spec: &Spec,
    device: &mut Device,
    settings: &Settings,
    get_data: Result<Bytes, LinkError>,
) -> (Outcome, Vec<Bytes>) {
    let mut card = Asked { card: spec.personalise(), get_data: || get_data.clone() };
    let outcome = run(&mut card, device, settings, &TRANSACTION);
    (outcome, card.card.commands.iter().map(|command| command[..4].to_vec()).collect())
}

fn torn(balance: u64) -> impl Fn(&Spec) -> Device {
    move |spec| Device { torn: Some((PAN.into(), Some(1), balance)), ..Device::for_spec(spec) }
}

fn refused() -> Result<Bytes, LinkError> {
    Ok(hex("6A88"))
}

#[test]
fn a_card_that_holds_less_than_before_the_tear_has_paid() {
    let spec = electronic_cash();
    let pays = (OutcomeKind::Approved, Reason::OfflineApproved);
    let has_paid = (OutcomeKind::Approved, Reason::AlreadyPaid);
    for (before, expected) in [(5001, has_paid), (5100, has_paid), (5000, pays), (4900, pays)] {
        let mut device = torn(before)(&spec);
        let (outcome, commands) = tap_on(&spec, &mut device, &OFFLINE(), refused());
        assert_eq!((outcome.kind, outcome.reason), expected, "{before}");
        let asked = expected == pays;
        assert_eq!(commands.contains(&LAST.to_vec()), asked, "{before}");
        assert_eq!(device.about_to_pay, if asked { vec![5000] } else { vec![] }, "{before}");
        assert_eq!(outcome.ui.len(), 1);
    }
}

#[test]
fn the_tear_of_another_card_says_nothing() {
    let spec = electronic_cash();
    for (pan, psn) in [(PAN, Some(2)), (PAN, None), ("6226001234567891", Some(1))] {
        let mut device = Device { torn: Some((pan.into(), psn, 9999)), ..Device::for_spec(&spec) };
        let (outcome, _) = tap_on(&spec, &mut device, &OFFLINE(), refused());
        assert_eq!(outcome.reason, Reason::OfflineApproved);
    }
}

#[test]
fn a_card_that_has_paid_must_still_prove_itself() {
    let mut spec = electronic_cash();
    spec.dynamic_hashed = Box::new(|plain| plain[30] ^= 1);
    let (outcome, commands) = tap_on(&spec, &mut torn(5100)(&spec), &OFFLINE(), refused());
    assert_eq!(outcome.reason, Reason::Oda(OdaFailure::SignatureHash));
    assert_eq!(outcome.kind, OutcomeKind::Declined);
    assert!(!commands.contains(&LAST.to_vec()), "it is not asked to pay again");
}

/// What [`electronic_cash`] sends, without its signature.
fn without_signature(all: &mut Vec<super::card::Objects>) {
    all[0].retain(|(tag, _)| *tag != 0x9F4B);
    all.push(vec![(0x9F74, hex("454343303031"))]);
}

#[test]
fn a_card_that_does_not_prove_itself_is_not_noted() {
    // Else its word would be taken for what the genuine card of the account held, and that card would ride unpaid.
    let signature = Spec { dynamic_hashed: Box::new(|plain| plain[30] ^= 1), ..electronic_cash() };
    let certificate = Spec { card_hashed: Box::new(|plain| plain[30] ^= 1), ..electronic_cash() };
    let copy = Spec { sent: Box::new(without_signature), ..electronic_cash() };
    for (spec, failure) in [
        (signature, OdaFailure::SignatureHash),
        (certificate, OdaFailure::CardHash),
        (copy, OdaFailure::Missing(0x9F4B)),
    ] {
        let mut device = Device::for_spec(&spec);
        let (outcome, _) = tap_on(&spec, &mut device, &OFFLINE(), refused());
        assert_eq!((outcome.reason, device.about_to_pay), (Reason::Oda(failure), vec![]));
    }
}

#[test]
fn a_card_whose_proof_is_in_its_last_record_pays_and_is_not_noted() {
    let mut spec = Spec { aid: hex("A000000333010106"), ..Spec::offline() };
    set(&mut spec.gpo, 0x9F5D, Some("000000004900"));
    let mut device = Device::for_spec(&spec);
    let (outcome, commands) = tap_on(&spec, &mut device, &OFFLINE(), refused());
    assert_eq!((outcome.reason, device.about_to_pay), (Reason::OfflineApproved, vec![]));
    assert_eq!(commands.len(), 7);
}

#[test]
fn what_comes_with_the_last_record_counts_for_the_proof() {
    let mut spec = electronic_cash();
    // Track 2 of another account was not there when the card was noted.
    set(&mut spec.gpo, 0x57, None);
    spec.sent = Box::new(|all| all.push(vec![(0x57, hex("6226001234567891D30122200000000000"))]));
    let mut device = Device::for_spec(&spec);
    let (outcome, _) = tap_on(&spec, &mut device, &OFFLINE(), refused());
    assert_eq!((outcome.reason, device.about_to_pay), (Reason::Oda(OdaFailure::CardPan), vec![5000]));
}

#[test]
fn a_card_that_is_refused_anyway_is_refused_though_it_has_paid() {
    let mut spec = electronic_cash();
    set(&mut spec.records[0], 0x5F24, Some("180520"));
    let (outcome, _) = tap_on(&spec, &mut torn(5100)(&spec), &OFFLINE(), refused());
    assert_eq!(outcome.reason, Reason::Expired);
    let spec = electronic_cash();
    let mut device = Device { denied: Some(PAN.into()), ..torn(5100)(&spec) };
    assert_eq!(tap_on(&spec, &mut device, &OFFLINE(), refused()).0.reason, Reason::Denied);
}

#[test]
fn only_an_electronic_cash_card_that_does_not_tell_its_balance_is_asked() {
    let get_data = hex("80CA9F79");
    let told = Ok(hex("9F79060000000050009000"));
    let mut spec = electronic_cash();
    assert!(!tap_on(&spec, &mut Device::for_spec(&spec), &OFFLINE(), told.clone()).1.contains(&get_data));
    set(&mut spec.gpo, 0x9F5D, None);
    let mut device = Device::for_spec(&spec);
    let (outcome, commands) = tap_on(&spec, &mut device, &OFFLINE(), told.clone());
    assert_eq!(outcome.reason, Reason::OfflineApproved);
    assert_eq!(commands[commands.len() - 2..], [get_data.clone(), LAST.to_vec()]);
    assert_eq!(device.about_to_pay, [5000]);
    assert_eq!(tap_on(&spec, &mut torn(5100)(&spec), &OFFLINE(), told.clone()).0.reason, Reason::AlreadyPaid);
    // A card that does not answer is not noted, and pays as before.
    for answer in [refused(), Ok(hex("9F79021A009000")), Ok(hex("9000"))] {
        let mut device = torn(9999)(&spec);
        let (outcome, _) = tap_on(&spec, &mut device, &OFFLINE(), answer);
        assert_eq!((outcome.reason, device.about_to_pay), (Reason::OfflineApproved, vec![]));
    }
    let (outcome, commands) = tap_on(&spec, &mut Device::for_spec(&spec), &OFFLINE(), Err(LinkError::Timeout));
    assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::TryAgain, Reason::LinkBalance(LinkError::Timeout)));
    assert!(!commands.contains(&LAST.to_vec()));
    let debit = Spec { aid: hex("A000000333010101"), ..spec };
    assert!(!tap_on(&debit, &mut Device::for_spec(&debit), &OFFLINE(), told).1.contains(&get_data));
}

#[test]
fn a_card_whose_payment_can_not_be_noted_is_not_asked_to_pay() {
    let spec = electronic_cash();
    let mut device = Device { notes: false, ..Device::for_spec(&spec) };
    let (outcome, commands) = tap_on(&spec, &mut device, &OFFLINE(), refused());
    assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::Declined, Reason::JournalWrite));
    assert!(!commands.contains(&LAST.to_vec()));
}

#[test]
fn a_card_that_approves_keeps_its_money_where_the_bus_needs_an_online_cryptogram() {
    // From this version on, a card has to sign as version 01 where the reader knows it.
    let before = |mut spec: Spec| {
        set(&mut spec.records[0], 0x9F08, Some("0020"));
        spec
    };
    let spec = before(electronic_cash());
    let (outcome, commands) = tap_on(&spec, &mut Device::for_spec(&spec), &Settings::default(), refused());
    assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::Declined, Reason::NotArqc));
    assert!(!commands.contains(&LAST.to_vec()));
    // Its certificate is in the record that is not read.
    let spec = before(Spec::offline());
    let (outcome, commands) = tap_on(&spec, &mut Device::for_spec(&spec), &Settings::default(), refused());
    assert_eq!((outcome.reason, commands.len()), (Reason::NotArqc, 6));
    let mut spec = before(electronic_cash());
    spec.card_hashed = Box::new(|plain| plain[30] ^= 1);
    let (outcome, _) = tap_on(&spec, &mut Device::for_spec(&spec), &Settings::default(), refused());
    assert_eq!(outcome.reason, Reason::Oda(OdaFailure::CardHash), "a counterfeit comes first");
}

#[test]
fn a_card_that_approves_while_the_reader_is_online_pays_once_as_well() {
    let spec = electronic_cash();
    let online = Settings { mode: Mode::Online, ..Settings::default() };
    let mut device = Device::for_spec(&spec);
    assert_eq!(tap_on(&spec, &mut device, &online, refused()).0.reason, Reason::OfflineApproved);
    assert_eq!(device.about_to_pay, [5000]);
    assert_eq!(tap_on(&spec, &mut torn(5100)(&spec), &online, refused()).0.reason, Reason::AlreadyPaid);
    let mut device = Device { rode: Some((PAN.into(), Some(1))), ..Device::for_spec(&spec) };
    let (outcome, commands) = tap_on(&spec, &mut device, &online, refused());
    assert_eq!((outcome.reason, commands.contains(&LAST.to_vec())), (Reason::Retap, false));
}

#[test]
fn nothing_is_noted_where_the_card_does_not_deduct() {
    let mut spec = electronic_cash();
    set(&mut spec.gpo, 0x9F27, Some("80"));
    for settings in [Settings::default(), Settings { mode: Mode::Online, ..Settings::default() }, OFFLINE()] {
        let mut device = torn(9999)(&spec);
        let (outcome, _) = tap_on(&spec, &mut device, &settings, refused());
        assert_ne!(outcome.reason, Reason::AlreadyPaid);
        assert!(device.about_to_pay.is_empty());
    }
}
