//! The standard debit/credit flow of old cards: INTERNAL AUTHENTICATE and GENERATE AC.

use std::{vec, vec::Vec};

use super::card::{Bytes, Device, Objects, Spec, TRANSACTION, hex, join, set, tlv};
use crate::{Card, LinkError, Oda, OdaFailure, Outcome, OutcomeKind, Reason, Settings, run};

/// CDOL1: amount, country, TVR, currency, date, type, unpredictable number.
const CDOL1: &str = "9F02069F1A0295055F2A029A039C019F3704";

/// What the card answers beside the records.
struct Answers {
    options: Bytes,
    /// The signature is made over this much of the data of INTERNAL AUTHENTICATE, from its end.
    signed: usize,
    signature: Option<Bytes>,
    cryptogram: Bytes,
}

fn format_1() -> Answers {
    Answers {
        options: tlv(0x80, &hex("7C000801010110010300")),
        signed: 4,
        signature: None,
        cryptogram: tlv(0x80, &hex("80002A A1A2A3A4A5A6A7A8 07010103A0000001".replace(' ', "").as_str())),
    }
}

fn format_2() -> Answers {
    let cryptogram: Objects = vec![
        (0x9F27, hex("80")),
        (0x9F36, hex("002A")),
        (0x9F26, hex("A1A2A3A4A5A6A7A8")),
        (0x9F10, hex("07010103A0000001")),
    ];
    let options: Objects = vec![(0x82, hex("7C00")), (0x94, hex("0801010110010300"))];
    Answers { options: tlv(0x77, &join(&options)), cryptogram: tlv(0x77, &join(&cryptogram)), ..format_1() }
}

/// An old card: no bit 7 in DF61, signs without 9F69.
fn old() -> Spec {
    let mut spec = Spec { df61: 0, version: 0, ..Spec::default() };
    set(&mut spec.gpo, 0x9F69, None);
    spec.sent = std::boxed::Box::new(|all| {
        if let Some(keys) = all.get_mut(2) {
            keys.push((0x8C, hex(CDOL1)));
        }
        // Track 2 and the qualifiers come with a record, as nothing comes with the answer to GPO.
        if let Some(keys) = all.get_mut(3) {
            keys.push((0x57, hex("6226001234567890D30122200000000000")));
        }
    });
    spec
}

struct Standard<'a> {
    card: super::card::TestCard<'a>,
    answers: Answers,
    broken: Option<u8>,
}

impl Card for Standard<'_> {
    fn transmit(&mut self, command: &[u8], response: &mut wire::Response) -> Result<(), LinkError> {
        self.card.commands.push(command.to_vec());
        if self.broken == Some(command[1]) {
            return Err(LinkError::Timeout);
        }
        let ok = |body: Bytes| [body, hex("9000")].concat();
        let whole = |body: &Bytes| if body.len() == 2 { body.clone() } else { ok(body.clone()) };
        let answer = match command {
            [0x80, 0xA8, ..] => whole(&self.answers.options),
            [0x00, 0x88, 0, 0, _, data @ .., 0] => match &self.answers.signature {
                Some(signature) => whole(signature),
                None => {
                    let mut pdol_data = vec![0; 29];
                    pdol_data.extend(&data[data.len() - self.answers.signed..]);
                    ok(tlv(0x80, &self.card.dynamic_signature(&pdol_data)))
                }
            },
            [0x80, 0xAE, 0x80, 0, ..] => whole(&self.answers.cryptogram),
            other => self.card.answer(other),
        };
        response.clear();
        response.extend_from_slice(&answer).map_err(|_| LinkError::Protocol)
    }
}

fn tap(spec: &Spec, answers: Answers) -> (Outcome, Vec<Bytes>) {
    tap_broken(spec, answers, None)
}

fn tap_broken(spec: &Spec, answers: Answers, broken: Option<u8>) -> (Outcome, Vec<Bytes>) {
    let mut card = Standard { card: spec.personalise(), answers, broken };
    let outcome = run(&mut card, &mut Device::for_spec(spec), &Settings::default(), &TRANSACTION);
    (outcome, card.card.commands)
}

fn heads(commands: &[Bytes]) -> Vec<Bytes> {
    commands.iter().map(|command| command[..2].to_vec()).collect()
}

#[test]
fn an_old_card_signs_and_gives_its_cryptogram_after_its_records() {
    for answers in [format_1(), format_2()] {
        let spec = old();
        let (outcome, commands) = tap(&spec, answers);
        assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::Approved, Reason::OdaApproved));
        let expected = ["00A4", "00A4", "80A8", "00B2", "00B2", "00B2", "00B2", "0088", "80AE"];
        assert_eq!(heads(&commands), expected.map(hex));
        assert_eq!(commands[2][7..11], hex("61000080")[..]);
        assert_eq!(commands[7], hex("0088000004DEADBEEF00"));
        assert_eq!(
            commands[8],
            hex("80AE800017000000000100015600000000000156180521 00DEADBEEF00".replace(' ', "").as_str())
        );
        let ride = outcome.ride.expect("a ride");
        assert_eq!((ride.atc, ride.cryptogram[0], ride.cid, ride.oda), (42, 0xA1, 0x80, Oda::Passed));
        assert_eq!((ride.iad.as_slice(), ride.tvr), (&hex("07010103A0000001")[..], [0; 5]));
    }
}

#[test]
fn a_card_that_does_not_prove_itself_is_not_asked_for_a_cryptogram() {
    let spec = old();
    let refused = |answers: Answers| {
        let (outcome, commands) = tap(&spec, answers);
        assert_eq!(outcome.kind, OutcomeKind::Declined);
        assert!(!heads(&commands).contains(&hex("80AE")));
        outcome.reason
    };
    let missing = Reason::Oda(OdaFailure::Missing(0x9F4B));
    for signature in [hex("6985"), tlv(0x77, &tlv(0x9F26, &[1; 8])), tlv(0x70, &[0; 128])] {
        assert_eq!(refused(Answers { signature: Some(signature), ..format_1() }), missing);
    }
    let short = Answers { signature: Some(tlv(0x80, &[7; 127])), ..format_1() };
    assert_eq!(refused(short), Reason::Oda(OdaFailure::SignatureLength));
    let mut other = old();
    other.dynamic_hashed = std::boxed::Box::new(|plain| plain[30] ^= 1);
    assert_eq!(tap(&other, format_1()).0.reason, Reason::Oda(OdaFailure::SignatureHash));
}

#[test]
fn the_card_decides_what_it_signs_but_the_random_number_is_part_of_it() {
    let with = |list: &'static str| {
        let mut spec = old();
        spec.sent = std::boxed::Box::new(move |all| {
            if let Some(keys) = all.get_mut(2) {
                keys.push((0x8C, hex(CDOL1)));
                keys.push((0x9F49, hex(list)));
            }
            if let Some(keys) = all.get_mut(3) {
                keys.push((0x57, hex("6226001234567890D30122200000000000")));
            }
        });
        spec
    };
    assert_eq!(tap(&with("9F3704"), format_1()).0.reason, Reason::OdaApproved);
    let (outcome, commands) = tap(&with("9F02069F3704"), format_1());
    assert_eq!(commands[7], hex("008800000A000000000100DEADBEEF00"));
    assert_eq!(outcome.reason, Reason::Oda(OdaFailure::SignatureHash), "the test card signs only four bytes");
    for list in ["9F0206", "9F37", "9F37009F0204", "9F37039C01"] {
        let (outcome, commands) = tap(&with(list), format_1());
        assert_eq!(outcome.reason, Reason::Oda(OdaFailure::Missing(0x9F37)), "{list}");
        assert!(!heads(&commands).contains(&hex("0088")));
    }
}

#[test]
fn what_is_wrong_with_the_cryptogram_ends_the_transaction() {
    let spec = old();
    let reason = |cryptogram: Bytes| tap(&spec, Answers { cryptogram, ..format_1() }).0.reason;
    assert_eq!(reason(hex("6985")), Reason::CryptogramStatus(0x6985));
    assert_eq!(reason(tlv(0x80, &hex("00002AA1A2A3A4A5A6A7A807010103A0000001"))), Reason::CardDeclined);
    assert_eq!(reason(tlv(0x80, &hex("40002AA1A2A3A4A5A6A7A807010103A0000001"))), Reason::NotArqc);
    assert_eq!(reason(tlv(0x80, &hex("C0002AA1A2A3A4A5A6A7A807010103A0000001"))), Reason::Invalid(0x9F27));
    assert_eq!(reason(tlv(0x80, &hex("800000A1A2A3A4A5A6A7A807010103A0000001"))), Reason::NeverOnline);
    assert_eq!(reason(tlv(0x80, &hex("80002AA1A2A3"))), Reason::Missing(0x9F26));
    assert_eq!(reason(tlv(0x77, &tlv(0x9F27, &[0x80]))), Reason::Missing(0x9F36));
    assert_eq!(reason(tlv(0x70, &[0; 20])), Reason::GpoMalformed);
    let mut without = old();
    without.sent = std::boxed::Box::new(|all| {
        if let Some(keys) = all.get_mut(3) {
            keys.push((0x57, hex("6226001234567890D30122200000000000")));
        }
    });
    assert_eq!(tap(&without, format_1()).0.reason, Reason::Missing(0x8C));
}

#[test]
fn a_broken_link_asks_for_the_card_again() {
    let spec = old();
    for instruction in [0x88, 0xAE] {
        let (outcome, commands) = tap_broken(&spec, format_1(), Some(instruction));
        assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::TryAgain, Reason::LinkStandard(LinkError::Timeout)));
        assert_eq!(commands.last().map(|command| command[1]), Some(instruction));
    }
}

#[test]
fn the_flow_is_for_cards_to_which_it_was_announced() {
    // A new card got qualifiers without bit 7.
    let new = Spec { df61: 0x40, ..old() };
    assert_eq!(tap(&new, format_1()).0.reason, Reason::GpoMalformed);
    assert_eq!(tap(&new, format_2()).0.reason, Reason::Missing(0x9F10));
    // An old card may answer the other way, too.
    let spec = old();
    let mut card = spec.personalise();
    let outcome = run(&mut card, &mut Device::for_spec(&spec), &Settings::default(), &TRANSACTION);
    assert_ne!(outcome.reason, Reason::GpoMalformed);
    for options in [tlv(0x80, &[0x7C]), tlv(0x80, &hex("7C00080101"))] {
        let reason = tap(&spec, Answers { options, ..format_1() }).0.reason;
        assert!(matches!(reason, Reason::Invalid(0x82 | 0x94)), "{reason:?}");
    }
}
