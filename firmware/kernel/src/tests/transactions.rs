//! Whole transactions: routes, refusals, broken links.

use std::{boxed::Box, vec, vec::Vec};

use super::card::{Bytes, Device, Objects, PAN, PDOL, Spec, TRANSACTION, hex, set, tap, tlv};
use crate::{Card, Cvm, LinkError, Mode, Oda, Outcome, OutcomeKind, Reason, Settings, Transaction, Ttq, run};

/// A card that answers by a script in the test.
struct Scripted<F>(F, Vec<Bytes>);

impl<F: FnMut(&[u8]) -> Result<Bytes, LinkError>> Card for Scripted<F> {
    fn transmit(&mut self, command: &[u8], response: &mut wire::Response) -> Result<(), LinkError> {
        self.1.push(command.to_vec());
        let answer = (self.0)(command)?;
        response.clear();
        response.extend_from_slice(&answer).map_err(|_| LinkError::Protocol)
    }
}

/// A good card whose answer to the command of that number (0 is SELECT PPSE) is another one.
fn answering(at: usize, answer: Result<Bytes, LinkError>) -> (Outcome, Vec<Bytes>) {
    answering_with(at, answer, &Settings::default())
}

fn answering_with(at: usize, answer: Result<Bytes, LinkError>, settings: &Settings) -> (Outcome, Vec<Bytes>) {
    let spec = Spec::default();
    let good = spec.personalise();
    let mut count = 0;
    let script = |command: &[u8]| {
        count += 1;
        if count == at + 1 { answer.clone() } else { Ok(good.answer(command)) }
    };
    let mut card = Scripted(script, vec![]);
    let outcome = run(&mut card, &mut Device::for_spec(&spec), settings, &TRANSACTION);
    (outcome, card.1)
}

fn messages(outcome: &Outcome) -> Bytes {
    outcome.ui.iter().map(|request| request.message.id()).collect()
}

#[test]
fn seven_commands_and_what_is_shown() {
    let spec = Spec::default();
    let (mut card, mut device) = (spec.personalise(), Device::for_spec(&spec));
    let outcome = run(&mut card, &mut device, &Settings::default(), &TRANSACTION);
    assert_eq!(outcome.kind, OutcomeKind::Approved);
    let heads: Vec<_> = card.commands.iter().map(|command| command[..4].to_vec()).collect();
    let expected = ["00A40400", "00A40400", "80A80000", "00B2010C", "00B20114", "00B20214", "00B20314"];
    assert_eq!(heads, expected.map(hex));
    assert_eq!(device.shown, [0x16, 0x17]);
    assert_eq!(messages(&outcome), [0x03]);
}

#[test]
fn a_broken_link_ends_in_try_again_and_nothing_is_sent_twice() {
    use LinkError::{Protocol, Removed, Timeout, Transmission};
    for error in [Timeout, Protocol, Transmission, Removed] {
        let reasons = [
            Reason::LinkPpse(error),
            Reason::LinkSelect(error),
            Reason::LinkGpo(error),
            Reason::LinkRecord(error),
            Reason::LinkRecord(error),
            Reason::LinkRecord(error),
            Reason::LinkLastRecord(error),
        ];
        for (at, reason) in reasons.into_iter().enumerate() {
            let (outcome, commands) = answering(at, Err(error));
            assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::TryAgain, reason));
            assert_eq!(messages(&outcome), [0x21]);
            assert_eq!(commands.len(), at + 1);
        }
    }
    for short in [vec![], vec![0x90]] {
        assert_eq!(answering(0, Ok(short)).0.reason, Reason::LinkPpse(Protocol));
    }
}

#[test]
fn a_torn_last_record_still_names_the_card() {
    let (outcome, _) = answering(6, Err(LinkError::Removed));
    assert_eq!(outcome.ride.unwrap().pan.unwrap().as_str(), PAN);
}

#[test]
fn refusals_by_status() {
    let table = [
        (0, "6A82", OutcomeKind::EndApplication, Reason::PpseStatus(0x6A82)),
        (1, "6A82", OutcomeKind::EndApplication, Reason::NoApplication),
        (2, "6985", OutcomeKind::EndApplication, Reason::GpoStatus(0x6985)),
        (2, "6986", OutcomeKind::TryAgain, Reason::SeePhone),
        (3, "6A83", OutcomeKind::EndApplication, Reason::RecordStatus(0x6A83)),
        (6, "6281", OutcomeKind::EndApplication, Reason::RecordStatus(0x6281)),
    ];
    for (at, status, kind, reason) in table {
        let (outcome, commands) = answering(at, Ok(hex(status)));
        assert_eq!((outcome.kind, outcome.reason), (kind, reason));
        assert_eq!(commands.len(), at + 1);
        assert_eq!(outcome.field_off, reason == Reason::SeePhone);
        let shown = if reason == Reason::SeePhone { vec![0x20, 0x21] } else { vec![0x1C] };
        assert_eq!(messages(&outcome), shown);
    }
}

#[test]
fn a_contact_interface_takes_over_where_there_is_one() {
    let counter = Settings { mode: Mode::Online, ttq: Some(Ttq::POINT_OF_SALE), ..Settings::default() };
    for (at, status) in [(0, "6A82"), (2, "6985"), (4, "6A83")] {
        assert_eq!(answering_with(at, Ok(hex(status)), &counter).0.kind, OutcomeKind::TryAnotherInterface);
    }
    assert_eq!(answering_with(2, Ok(hex("6986")), &counter).0.kind, OutcomeKind::TryAgain);
}

/// A card with several applications. For each: last byte of the AID, priority, answer to SELECT.
fn selecting(applications: &[(u8, u8, Bytes)]) -> (Outcome, Bytes) {
    let aid = |last| [hex("A0000003330101"), vec![last]].concat();
    let entries: Bytes = applications
        .iter()
        .flat_map(|(last, priority, _)| tlv(0x61, &[tlv(0x4F, &aid(*last)), tlv(0x87, &[*priority])].concat()))
        .collect();
    let ppse = tlv(0x6F, &[tlv(0x84, b"2PAY.SYS.DDF01"), tlv(0xA5, &tlv(0xBF0C, &entries))].concat());
    let spec = Spec::default();
    let good = spec.personalise();
    let script = |command: &[u8]| match command {
        [0x00, 0xA4, 4, 0, 14, ..] => Ok([&ppse[..], &[0x90, 0]].concat()),
        [0x00, 0xA4, .., last, 0] => Ok(applications.iter().find(|(l, ..)| l == last).unwrap().2.clone()),
        other => Ok(good.answer(other)),
    };
    let mut card = Scripted(script, vec![]);
    let outcome = run(&mut card, &mut Device::for_spec(&spec), &Settings::default(), &TRANSACTION);
    let selected = card.1[1..].iter().filter(|c| c[1] == 0xA4).map(|c| c[c.len() - 2]).collect();
    (outcome, selected)
}

fn fci(pdol: &[u8]) -> Bytes {
    let a5 = [tlv(0x9F38, pdol), tlv(0xBF0C, &tlv(0xDF61, &[0x40]))].concat();
    [tlv(0x6F, &[tlv(0x84, &hex("A000000333010102")), tlv(0xA5, &a5)].concat()), hex("9000")].concat()
}

#[test]
fn the_next_application_is_tried() {
    let good = fci(&PDOL);
    let (outcome, selected) = selecting(&[(2, 2, good.clone()), (1, 1, hex("6A82")), (3, 3, good.clone())]);
    assert_eq!((outcome.kind, selected), (OutcomeKind::Approved, vec![1, 2]));
    for refused in [fci(&[0x9F, 0x37, 4]), fci(&[0x9F]), hex("9000"), hex("6F029000")] {
        let (outcome, selected) = selecting(&[(1, 1, refused.clone()), (2, 2, good.clone())]);
        assert_eq!((outcome.kind, selected), (OutcomeKind::Approved, vec![1, 2]));
        let (outcome, selected) = selecting(&[(1, 0, refused.clone()), (3, 1, refused)]);
        assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::EndApplication, Reason::Pdol));
        assert_eq!(selected, [3, 1]);
    }
}

#[test]
fn the_qualifiers_sent_follow_card_and_amount() {
    let sent = |spec: &Spec, settings: &Settings| {
        let mut card = spec.personalise();
        let outcome = run(&mut card, &mut Device::for_spec(spec), settings, &TRANSACTION);
        let gpo = card.commands.iter().find(|command| command[1] == 0xA8).unwrap().clone();
        assert_eq!(outcome.ride.unwrap().ttq.0, gpo[7..11]);
        gpo[7..11].to_vec()
    };
    let bus = Settings::default();
    assert_eq!(sent(&Spec::default(), &bus), hex("21800080"));
    assert_eq!(sent(&Spec { df61: 0x20, ..Spec::default() }, &bus), hex("61000080"));
    assert_eq!(sent(&Spec { aid: hex("A000000333010101"), ..Spec::default() }, &bus), hex("27800080"));
    let limits =
        |floor, cvm| Settings { floor_limit: Some(floor), cvm_limit: Some(cvm), mode: Mode::Offline, ..bus.clone() };
    assert_eq!(sent(&Spec::offline(), &limits(100, 101)), hex("28000000"));
    assert_eq!(sent(&Spec::offline(), &limits(99, 101)), hex("28800000"));
    assert_eq!(sent(&Spec::offline(), &limits(100, 100)), hex("28400000"));
    let pos = Settings { ttq: Some(Ttq::POINT_OF_SALE), mode: Mode::Online, ..bus };
    assert_eq!(sent(&Spec::default(), &pos), hex("36800000"));
}

#[test]
fn an_amount_that_is_not_allowed_never_reaches_the_card() {
    let refuse = |settings: Settings, amount| {
        let mut card = Scripted(|_: &[u8]| Err(LinkError::Timeout), vec![]);
        let transaction = Transaction { amount, ..TRANSACTION };
        let mut device = Device::for_spec(&Spec::default());
        device.journal = amount != 3;
        let outcome = run(&mut card, &mut device, &settings, &transaction);
        assert!(card.1.is_empty());
        (outcome.kind, outcome.reason)
    };
    let limit = Settings { transaction_limit: Some(100), ..Settings::default() };
    assert_eq!(refuse(limit, 100), (OutcomeKind::TryAnotherInterface, Reason::TransactionLimit));
    assert_eq!(refuse(Settings::default(), 0), (OutcomeKind::TryAnotherInterface, Reason::ZeroAmount));
    // A card that deducts by itself is not asked when the merchant would refuse.
    let offline = Settings { mode: Mode::Offline, ..Settings::default() };
    assert_eq!(refuse(offline.clone(), 2001), (OutcomeKind::Declined, Reason::FareAboveMaximum));
    assert_eq!(refuse(offline, 3), (OutcomeKind::Declined, Reason::JournalFull));
}

#[test]
fn a_barred_debit_card_is_refused_before_it_deducts() {
    let settings = Settings { debit_allowed: false, mode: Mode::Offline, ..Settings::default() };
    let spec = Spec { aid: hex("A000000333010101"), ..Spec::offline() };
    let mut card = spec.personalise();
    let outcome = run(&mut card, &mut Device::for_spec(&spec), &settings, &TRANSACTION);
    assert_eq!(outcome.reason, Reason::DebitBarred);
    assert_eq!(card.commands.len(), 2);
}

#[test]
fn bus_refusals() {
    let reason = |edit: &dyn Fn(&mut Spec, &mut Device, &mut Settings)| {
        let (mut spec, mut settings) = (Spec::default(), Settings::default());
        let mut device = Device::for_spec(&spec);
        edit(&mut spec, &mut device, &mut settings);
        let outcome = run(&mut spec.personalise(), &mut device, &settings, &TRANSACTION);
        assert_eq!(outcome.kind, OutcomeKind::Declined);
        assert_eq!(messages(&outcome), [0x07]);
        outcome.reason
    };
    assert_eq!(reason(&|spec, _, _| set(&mut spec.gpo, 0x9F36, Some("0000"))), Reason::NeverOnline);
    assert_eq!(reason(&|spec, _, _| set(&mut spec.gpo, 0x9F27, Some("40"))), Reason::NotArqc);
    assert_eq!(reason(&|spec, _, _| set(&mut spec.gpo, 0x9F27, Some("00"))), Reason::CardDeclined);
    assert_eq!(reason(&|spec, _, _| set(&mut spec.records[0], 0x5F24, Some("180520"))), Reason::Expired);
    assert_eq!(reason(&|spec, _, _| set(&mut spec.records[0], 0x5F24, None)), Reason::ExpiryMissing);
    assert_eq!(reason(&|spec, _, _| set(&mut spec.gpo, 0x9F6C, Some("8000"))), Reason::CvmFailed);
    assert_eq!(reason(&|_, device, _| device.denied = Some(PAN.into())), Reason::Denied);
    assert_eq!(reason(&|_, device, _| device.journal = false), Reason::JournalFull);
    assert_eq!(reason(&|_, _, settings| settings.merchant_maximum = 99), Reason::FareAboveMaximum);
}

#[test]
fn a_card_is_good_on_its_last_day() {
    let mut spec = Spec::default();
    set(&mut spec.records[0], 0x5F24, Some("180521"));
    assert_eq!(tap(&spec, &Settings::default()).kind, OutcomeKind::Approved);
}

#[test]
fn the_deny_list_is_asked_in_every_mode_also_without_a_sequence_number() {
    for (mode, psn) in [(Mode::BusOda, true), (Mode::BusOda, false), (Mode::Offline, false), (Mode::Online, false)] {
        let mut spec = if mode == Mode::Offline { Spec::offline() } else { Spec::default() };
        if !psn {
            set(&mut spec.records[0], 0x5F34, None);
        }
        let mut device = Device::for_spec(&spec);
        device.denied = Some(PAN.into());
        let settings = Settings { mode, ..Settings::default() };
        let outcome = run(&mut spec.personalise(), &mut device, &settings, &TRANSACTION);
        assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::Declined, Reason::Denied), "{mode:?}");
        assert_eq!(outcome.ride.unwrap().tvr[0] & 0x10, 0x10);
        assert_eq!(device.asked.take(), [(PAN.into(), psn.then_some(1))]);
    }
}

/// How many times READ RECORD was sent, and the reason, of an offline tap on a device that this changes.
fn offline_tap(spec: &Spec, change: impl Fn(&mut Device)) -> (usize, Reason, [u8; 5]) {
    let (mut card, mut device) = (spec.personalise(), Device::for_spec(spec));
    change(&mut device);
    let settings = Settings { mode: Mode::Offline, ..Settings::default() };
    let outcome = run(&mut card, &mut device, &settings, &TRANSACTION);
    let records = card.commands.iter().filter(|command| command[1] == 0xB2).count();
    (records, outcome.reason, outcome.ride.unwrap().tvr)
}

#[test]
fn a_card_that_will_not_ride_keeps_its_money() {
    let all = 4;
    let approved = (all, Reason::OfflineApproved, [0; 5]);
    let card = Spec::offline();
    assert_eq!(offline_tap(&card, |_| {}), approved);
    let rode = |psn| offline_tap(&card, move |device| device.rode = Some((PAN.into(), psn)));
    assert_eq!(rode(Some(1)), (all - 1, Reason::Retap, [0; 5]));
    assert_eq!(rode(Some(2)), approved, "a supplementary card");
    let denied = offline_tap(&card, |device| device.denied = Some(PAN.into()));
    assert_eq!(denied, (all - 1, Reason::Denied, [0x90, 0, 0, 0, 0]));
    let mut old = Spec::offline();
    set(&mut old.records[0], 0x5F24, Some("180520"));
    assert_eq!(offline_tap(&old, |_| {}), (all - 1, Reason::Expired, [0x80, 0x40, 0, 0, 0]));
}

#[test]
fn what_is_wrong_in_a_record_is_judged_when_all_are_read() {
    let mut spec = Spec::offline();
    set(&mut spec.records[0], 0x5A, Some("ABCD"));
    let (records, reason, _) = offline_tap(&spec, |device| device.rode = Some((PAN.into(), Some(1))));
    assert_eq!((records, reason), (4, Reason::Invalid(crate::tag::PAN)));
}

#[test]
fn the_merchant_is_asked_before_a_card_that_pays_or_that_the_issuer_would_be_asked_for() {
    let spec = Spec::default();
    for (mode, commands) in [(Mode::Offline, 0), (Mode::Online, 0), (Mode::BusOda, 7)] {
        let (mut card, mut device) = (spec.personalise(), Device::for_spec(&spec));
        device.journal = false;
        let outcome = run(&mut card, &mut device, &Settings { mode, ..Settings::default() }, &TRANSACTION);
        assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::Declined, Reason::JournalFull), "{mode:?}");
        assert_eq!(card.commands.len(), commands, "{mode:?}");
    }
}

#[test]
fn two_sequence_numbers_are_looked_up_as_none() {
    for (second, asked) in [("01", Some(1)), ("02", None)] {
        let mut spec = Spec::default();
        set(&mut spec.gpo, 0x5F34, Some(second));
        let mut device = Device::for_spec(&spec);
        run(&mut spec.personalise(), &mut device, &Settings::default(), &TRANSACTION);
        assert_eq!(device.asked.take(), [(PAN.into(), asked)]);
    }
}

#[test]
fn verification_results_differ_with_what_happened() {
    let tvr = |spec: &Spec, settings: &Settings| tap(spec, settings).ride.unwrap().tvr;
    let bus = Settings::default();
    let failing = Spec { sent: Box::new(|all| set(&mut all[1], 0x9F08, Some("0031"))), ..Spec::default() };
    let mut expired = Spec::default();
    set(&mut expired.records[0], 0x5F24, Some("170101"));
    assert_eq!(tvr(&Spec::default(), &bus), [0; 5]);
    assert_eq!(tvr(&failing, &bus), [0x08, 0, 0, 0, 0]);
    assert_eq!(tvr(&expired, &bus), [0, 0x40, 0, 0, 0]);
    assert_eq!(tvr(&Spec::default(), &Settings { mode: Mode::Online, ..bus.clone() }), [0x80, 0, 0, 0, 0]);
    assert_eq!(tvr(&Spec::default(), &Settings { floor_limit: Some(99), ..bus.clone() }), [0, 0, 0, 0x80, 0]);
    assert_eq!(tvr(&Spec::default(), &Settings { cvm_limit: Some(100), ..bus }), [0, 0, 0x80, 0, 0]);
}

#[test]
fn online_needs_no_records_but_still_a_date() {
    let settings = Settings { mode: Mode::Online, ..Settings::default() };
    let without_records = |track2: &'static str| Spec {
        sent: Box::new(move |all: &mut Vec<Objects>| {
            set(&mut all[0], 0x94, None);
            set(&mut all[0], 0x57, Some(track2));
        }),
        ..Spec::default()
    };
    let outcome = tap(&without_records("6226001234567890D18052200000000000"), &settings);
    assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::OnlineRequest, Reason::OnlineRequested));
    assert_eq!(outcome.ride.unwrap().oda, Oda::NotPerformed);
    assert!(outcome.ui.is_empty());
    let outcome = tap(&without_records("6226001234567890D18042200000000000"), &settings);
    assert_eq!(outcome.reason, Reason::Expired);
    let outcome = tap(&without_records("6226001234567890D18F"), &settings);
    assert_eq!(outcome.reason, Reason::ExpiryMissing);
    let outcome = tap(&without_records("6226001234567890"), &settings);
    assert_eq!(outcome.reason, Reason::Invalid(0x57));
    assert_eq!(outcome.kind, OutcomeKind::EndApplication);
}

#[test]
fn a_phone_that_verified_its_holder() {
    let mut spec = Spec::default();
    set(&mut spec.gpo, 0x9F6C, Some("0080"));
    set(&mut spec.gpo, 0x9F69, Some("01C0C1C2C300800000"));
    let settings = Settings { cvm_limit: Some(100), ..Settings::default() };
    let outcome = tap(&spec, &settings);
    assert_eq!((outcome.kind, outcome.cvm), (OutcomeKind::Approved, Cvm::Device));
    set(&mut spec.gpo, 0x9F69, Some("01C0C1C2C300000000"));
    assert_eq!(tap(&spec, &settings).reason, Reason::CvmFailed);
}

#[test]
fn objects_twice_end_the_transaction() {
    let twice = |tag, value: &'static str| Spec {
        sent: Box::new(move |all: &mut Vec<Objects>| all[2].push((tag, hex(value)))),
        ..Spec::default()
    };
    for (tag, value) in [(0x5A, PAN), (0x57, "6226001234567890D3012F"), (0x9F26, "0102030405060708"), (0x8F, "07")] {
        let outcome = tap(&twice(tag, value), &Settings::default());
        assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::EndApplication, Reason::Duplicate(tag)));
    }
    for (tag, value) in [(0x5F34, "02"), (0x9F37, "00000000"), (0x9F02, "000000000001"), (0x5F2A, "0840")] {
        let outcome = tap(&twice(tag, value), &Settings::default());
        assert_eq!(outcome.kind, OutcomeKind::Approved, "{tag:x}");
        assert_eq!(outcome.ride.unwrap().psn, Some(1));
    }
}

#[test]
fn malformed_records_end_the_transaction() {
    for record in ["9000", "77009000", "7001829000", "700382FF009000", "7000009000"] {
        let (outcome, commands) = answering(4, Ok(hex(record)));
        let expected = (OutcomeKind::EndApplication, Reason::RecordMalformed);
        // A template with a zero after it is padded, not malformed: only its certificates are missing then.
        if record == "7000009000" {
            assert_eq!(outcome.kind, OutcomeKind::Declined);
        } else {
            assert_eq!((outcome.kind, outcome.reason), expected, "{record}");
            assert_eq!(commands.len(), 5);
        }
    }
}
