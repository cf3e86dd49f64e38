//! SM2: a card whose every byte can be altered, and a published certificate.

use std::{boxed::Box, format, vec, vec::Vec};

use sm2::dsa::{Signature, SigningKey, signature::Signer};

use super::card::{AUTHENTICATION_DATA, Bytes, Device, Objects, PDOL, Spec, TRANSACTION, hex, join, set, tlv};
use super::keys::{TEST_AUTHORITY_57, TEST_CERTIFICATE_57};
use crate::{
    CaKey, Card, LinkError, Mode, Oda, OdaFailure, Outcome, OutcomeKind, Reason, Settings, Transaction, aid::UNIONPAY,
    sm2::Key, tlv::Tag,
};

const AUTHORITY: [u8; 32] = [0x11; 32];
const STRANGER: [u8; 32] = [0x12; 32];
const ISSUER: [u8; 32] = [0x22; 32];
const CARD: [u8; 32] = [0x33; 32];

fn signing(private: [u8; 32]) -> SigningKey {
    SigningKey::from_slice("1234567812345678", &private).unwrap()
}

fn point(private: [u8; 32]) -> [u8; 64] {
    signing(private).verifying_key().as_affine().to_untagged()
}

trait Untagged {
    fn to_untagged(&self) -> [u8; 64];
}

impl Untagged for sm2::AffinePoint {
    fn to_untagged(&self) -> [u8; 64] {
        use sm2::elliptic_curve::sec1::ToSec1Point;
        self.to_sec1_point(false).as_bytes()[1..].try_into().unwrap()
    }
}

/// The message with the signature after it, which also covers `more`.
fn sealed(private: [u8; 32], message: &[u8], more: &[u8]) -> Bytes {
    let signature: Signature = signing(private).sign(&[message, more].concat());
    [message, &signature.to_bytes()].concat()
}

type Edit = Box<dyn Fn(&mut Bytes)>;
type SentEdit = Box<dyn Fn(&mut Vec<Objects>)>;

/// What the card is made from. Edits of messages come before the signature, `sent` after it.
struct Sm {
    gpo: Objects,
    record: Objects,
    pdol: Bytes,
    authority: [u8; 32],
    version: u8,
    issuer: Edit,
    card: Edit,
    dynamic: Edit,
    sent: SentEdit,
}

impl Default for Sm {
    fn default() -> Self {
        let Spec { gpo, mut records, .. } = Spec::default();
        Self {
            gpo,
            record: records.swap_remove(0),
            pdol: [&PDOL[..], &[0xDF, 0x69, 1]].concat(),
            authority: AUTHORITY,
            version: 1,
            issuer: Box::new(|_| {}),
            card: Box::new(|_| {}),
            dynamic: Box::new(|_| {}),
            sent: Box::new(|_| {}),
        }
    }
}

impl Sm {
    /// The response first, then the three records.
    fn objects(&self, pdol_data: &[u8]) -> Vec<Objects> {
        let mut issuer = [hex("12622600FF123000AB0104001140"), point(ISSUER).to_vec()].concat();
        (self.issuer)(&mut issuer);
        let mut card = [hex("146226001234567890FFFF1230000C0D04001140"), point(CARD).to_vec()].concat();
        (self.card)(&mut card);
        let mut dynamic = hex("150908A1A2A3A4A5A6A7A8");
        (self.dynamic)(&mut dynamic);
        let mut terminal = pdol_data[29..33].to_vec();
        if self.version == 1 {
            terminal.extend(&pdol_data[4..10]);
            terminal.extend(&pdol_data[23..25]);
            terminal.extend(self.gpo.iter().find(|(tag, _)| *tag == 0x9F69).map_or(&[][..], |(_, data)| data));
        }
        let profile = &self.gpo.iter().find(|(tag, _)| *tag == 0x82).unwrap().1;
        let static_data = [&join(&self.record)[..], profile].concat();
        let mut response = self.gpo.clone();
        response.push((0x94, hex("0801010110010200")));
        response.push((0x9F4B, sealed(CARD, &dynamic, &terminal)));
        let mut all = vec![
            response,
            self.record.clone(),
            vec![(0x8F, hex("57")), (0x90, sealed(self.authority, &issuer, &[]))],
            vec![(0x9F46, sealed(ISSUER, &card, &static_data))],
        ];
        (self.sent)(&mut all);
        all
    }

    fn tap(&self, settings: &Settings) -> Outcome {
        self.tap_on(&mut Device::with(CaKey::sm2(UNIONPAY, 0x57, &point(AUTHORITY)).unwrap()), settings)
    }

    fn tap_on(&self, device: &mut Device, settings: &Settings) -> Outcome {
        crate::run(&mut Tapped { sm: self, objects: vec![], asked: None }, device, settings, &TRANSACTION)
    }
}

struct Tapped<'a> {
    sm: &'a Sm,
    objects: Vec<Objects>,
    /// The value of DF69.
    asked: Option<u8>,
}

impl Card for Tapped<'_> {
    fn transmit(&mut self, command: &[u8], response: &mut wire::Response) -> Result<(), LinkError> {
        let body = match command {
            [0x00, 0xA4, 0x04, 0x00, 0x0E, ..] => {
                let entry = tlv(0x61, &tlv(0x4F, &hex("A000000333010102")));
                tlv(0x6F, &[tlv(0x84, b"2PAY.SYS.DDF01"), tlv(0xA5, &tlv(0xBF0C, &entry))].concat())
            }
            [0x00, 0xA4, ..] => {
                let a5 = [tlv(0x9F38, &self.sm.pdol), tlv(0xBF0C, &tlv(0xDF61, &[0x40]))].concat();
                tlv(0x6F, &[tlv(0x84, &hex("A000000333010102")), tlv(0xA5, &a5)].concat())
            }
            [0x80, 0xA8, 0, 0, _, 0x83, _, data @ ..] => {
                // The command ends with Le.
                self.asked = (data.len() == 36).then(|| data[34]);
                self.objects = self.sm.objects(data);
                tlv(0x77, &join(&self.objects[0]))
            }
            [0x00, 0xB2, number, p2, 0] => {
                let at = if p2 >> 3 == 1 { *number } else { *number + 1 };
                tlv(0x70, &join(&self.objects[usize::from(at)]))
            }
            _ => return Err(LinkError::Protocol),
        };
        response.clear();
        response.extend_from_slice(&[body, hex("9000")].concat()).map_err(|_| LinkError::Protocol)
    }
}

#[track_caller]
fn approved(outcome: &Outcome) {
    assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::Approved, Reason::OdaApproved));
    assert_eq!(outcome.ride.as_ref().unwrap().oda, Oda::Passed);
}

#[track_caller]
fn fails(sm: &Sm, failure: OdaFailure) {
    assert_eq!(sm.tap(&Settings::default()).reason, Reason::Oda(failure));
}

fn put(at: usize, byte: u8) -> Edit {
    Box::new(move |message| message[at] = byte)
}

fn sent(at: usize, edit: impl Fn(&mut Objects) + 'static) -> Sm {
    Sm { sent: Box::new(move |all| edit(&mut all[at])), ..Sm::default() }
}

/// The two examples of GB/T 32905, annex A. The crate `sm2` digests with this version of `sm3`.
#[test]
fn sm3_is_that_of_the_standard() {
    use sm3::Digest;
    let abc = hex("66C7F0F462EEEDD9D1F2D46BDC10E4E24167C4875CF2F7A2297DA02B8F4BA8E0");
    assert_eq!(sm3::Sm3::digest(b"abc").to_vec(), abc);
    let repeated = hex("DEBE9FF92275B8A138604889C18E5A4D6FDB70E5387E5765293DCBA39C0C5732");
    assert_eq!(sm3::Sm3::digest(b"abcd".repeat(16)).to_vec(), repeated);
}

#[test]
fn a_published_certificate_verifies_under_the_published_key() {
    let key = Key::new(&TEST_AUTHORITY_57).unwrap();
    let (message, signature) = TEST_CERTIFICATE_57.split_first_chunk::<78>().unwrap();
    let signature: &[u8; 64] = signature.try_into().unwrap();
    assert!(key.signed(&[message], signature));
    assert!(key.signed(&[&message[..20], &[], &message[20..]], signature), "in parts");
    for at in 0..142 {
        let mut altered = TEST_CERTIFICATE_57;
        altered[at] ^= 0x01;
        let (message, signature) = altered.split_first_chunk::<78>().unwrap();
        assert!(!key.signed(&[message], signature.try_into().unwrap()), "byte {at}");
    }
}

#[test]
fn numbers_that_are_no_signature_are_refused() {
    let order = hex("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123");
    let key = Key::new(&TEST_AUTHORITY_57).unwrap();
    let good = &TEST_CERTIFICATE_57[78..];
    for half in [vec![0; 32], order, vec![0xFF; 32]] {
        for signature in [[&half, &good[32..]].concat(), [&good[..32], &half].concat(), [&half[..], &half].concat()] {
            assert!(!key.signed(&[&TEST_CERTIFICATE_57[..78]], signature.as_slice().try_into().unwrap()));
        }
    }
}

#[test]
fn good_cards_pass_in_both_versions_and_modes() {
    approved(&Sm::default().tap(&Settings::default()));
    let mut zero = Sm { version: 0, ..Sm::default() };
    set(&mut zero.gpo, 0x9F69, None);
    set(&mut zero.record, 0x9F08, Some("0020"));
    approved(&zero.tap(&Settings::default()));
    set(&mut zero.gpo, 0x9F27, Some("40"));
    let outcome = zero.tap(&Settings { mode: Mode::Offline, ..Settings::default() });
    assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::Approved, Reason::OfflineApproved));
}

#[test]
fn the_reader_asks_for_sm2_where_it_has_a_key_for_it() {
    let asked = |device: &mut Device, pdol: &[u8]| {
        let sm = Sm { pdol: pdol.to_vec(), ..Sm::default() };
        let mut card = Tapped { sm: &sm, objects: vec![], asked: None };
        crate::run(&mut card, device, &Settings::default(), &TRANSACTION);
        card.asked
    };
    let pdol = Sm::default().pdol;
    let key = |rid| CaKey::sm2(rid, 0x57, &point(AUTHORITY)).unwrap();
    assert_eq!(asked(&mut Device::with(key(UNIONPAY)), &pdol), Some(1));
    assert_eq!(asked(&mut Device::with(key([0xA0, 0, 0, 0, 3])), &pdol), Some(0), "of another provider");
    assert_eq!(asked(&mut Device::for_spec(&Spec::default()), &pdol), Some(0), "only RSA");
    assert_eq!(asked(&mut Device::with(key(UNIONPAY)), &PDOL), None);
}

#[test]
fn certificates_and_signature_before_they_are_signed() {
    use OdaFailure as F;
    for (at, byte, failure) in [
        (0, 0x02, F::IssuerFormat),
        (3, 0x01, F::IssuerIdentifier),
        (2, 0xFF, F::IssuerIdentifier),
        (5, 0x13, F::IssuerExpired),
        (6, 0x17, F::IssuerExpired),
        (10, 0x01, F::IssuerKeyAlgorithm),
        (12, 0x01, F::IssuerKey),
        (13, 0x3F, F::IssuerKey),
        (13, 0x41, F::IssuerKey),
        (14, 0x55, F::IssuerKey),
        (77, 0x55, F::IssuerKey),
    ] {
        fails(&Sm { issuer: put(at, byte), ..Sm::default() }, failure);
    }
    for (at, byte, failure) in [
        (0, 0x04, F::CardFormat),
        (1, 0x63, F::CardPan),
        (9, 0x1F, F::CardPan),
        (11, 0x00, F::CardExpired),
        (12, 0x17, F::CardExpired),
        (16, 0x01, F::CardKeyAlgorithm),
        (18, 0x01, F::CardKey),
        (19, 0x20, F::CardKey),
        (20, 0x55, F::CardKey),
    ] {
        fails(&Sm { card: put(at, byte), ..Sm::default() }, failure);
    }
    for (at, byte, failure) in [
        (0, 0x05, F::SignatureFormat),
        (1, 0x08, F::SignatureLength),
        (1, 0xFF, F::SignatureLength),
        (2, 1, F::SignatureDynamicData),
        (2, 9, F::SignatureDynamicData),
    ] {
        fails(&Sm { dynamic: put(at, byte), ..Sm::default() }, failure);
    }
    fails(&Sm { dynamic: Box::new(|message| *message = hex("1500")), ..Sm::default() }, F::SignatureDynamicData);
    fails(&Sm { dynamic: Box::new(|message| *message = hex("15020801")), ..Sm::default() }, F::SignatureDynamicData);
    // The algorithm for enciphering is nobody's affair here; more dynamic data than the number are the card's.
    approved(&Sm { issuer: put(11, 1), card: put(17, 1), ..Sm::default() }.tap(&Settings::default()));
    approved(
        &Sm { dynamic: Box::new(|message| *message = hex("1505021122FFFF")), ..Sm::default() }
            .tap(&Settings::default()),
    );
    // Another issuer's key, rightly certified.
    let other = point(STRANGER);
    let issuer: Edit = Box::new(move |message| message[14..].copy_from_slice(&other));
    fails(&Sm { issuer, ..Sm::default() }, F::CardSignature);
    let card: Edit = Box::new(move |message| message[20..].copy_from_slice(&other));
    fails(&Sm { card, ..Sm::default() }, F::SignatureWrong);
    fails(&Sm { authority: STRANGER, ..Sm::default() }, F::IssuerSignature);
}

/// Every byte of an object, altered where it is sent.
fn every_byte(at: usize, tag: Tag, length: usize, expected: impl Fn(usize) -> OdaFailure) {
    for byte in 0..length {
        let sm = sent(at, move |objects| {
            let (_, value) = objects.iter_mut().find(|(known, _)| *known == tag).unwrap();
            assert_eq!(value.len(), length, "{tag:X}");
            value[byte] ^= 0x01;
        });
        let reason = sm.tap(&Settings::default()).reason;
        assert_eq!(reason, Reason::Oda(expected(byte)), "byte {byte} of {tag:X}");
    }
}

#[test]
fn every_byte_altered_after_signing() {
    use OdaFailure as F;
    every_byte(2, 0x90, 142, |byte| if byte == 0 { F::IssuerFormat } else { F::IssuerSignature });
    every_byte(3, 0x9F46, 148, |byte| if byte == 0 { F::CardFormat } else { F::CardSignature });
    every_byte(0, 0x9F4B, 75, |byte| match byte {
        0 => F::SignatureFormat,
        1 => F::SignatureLength,
        2 => F::SignatureDynamicData,
        _ => F::SignatureWrong,
    });
    every_byte(0, 0x9F69, 8, |byte| if byte == 0 { F::Version } else { F::SignatureWrong });
    every_byte(1, 0x5F24, 3, |_| F::CardSignature);
    every_byte(0, 0x82, 2, |_| F::CardSignature);
    every_byte(2, 0x8F, 1, |_| F::CaKey);
    fails(&sent(1, |objects| set(objects, 0x9F4A, Some("8295"))), F::TagList);
    fails(&sent(1, |objects| set(objects, 0x9F4A, None)), F::CardSignature);
    fails(&sent(0, |objects| set(objects, 0x57, Some("6226009876543210D30122200000000000"))), F::CardPan);
}

#[test]
fn lengths_and_what_is_missing() {
    use OdaFailure as F;
    for (at, tag, failure) in [(2, 0x90, F::IssuerLength), (3, 0x9F46, F::CardLength), (0, 0x9F4B, F::SignatureLength)]
    {
        fails(&sent(at, move |objects| set(objects, tag, None)), F::Missing(tag));
        fails(&sent(at, move |objects| set(objects, tag, Some(""))), failure);
        for change in [
            (|value: &mut Bytes| value.truncate(value.len() - 1)) as fn(&mut Bytes),
            |value| value.push(0),
            |value| value.truncate(64),
            |value| value.resize(150, 0),
        ] {
            let edit = move |objects: &mut Objects| {
                change(&mut objects.iter_mut().find(|(known, _)| *known == tag).unwrap().1);
            };
            fails(&sent(at, edit), failure);
        }
    }
    fails(&sent(2, |objects| set(objects, 0x8F, None)), F::Missing(0x8F));
    // An exponent proves nothing here and harms nothing.
    approved(&sent(2, |objects| set(objects, 0x9F32, Some("03"))).tap(&Settings::default()));
}

#[test]
fn the_signature_is_checked_as_the_version_it_claims() {
    fails(&Sm { version: 0, ..Sm::default() }, OdaFailure::SignatureWrong);
    let mut old = Sm { version: 0, ..Sm::default() };
    set(&mut old.gpo, 0x9F69, None);
    fails(&old, OdaFailure::Version);
    let mut short = Sm::default();
    set(&mut short.gpo, 0x9F69, Some(&format!("{}0000", "01".repeat(5))));
    fails(&short, OdaFailure::AuthenticationData);
    assert_eq!(AUTHENTICATION_DATA.len(), 8);
}

#[test]
fn another_transaction_s_signature_is_no_good() {
    let sm = Sm::default();
    let mut card = Tapped { sm: &sm, objects: vec![], asked: None };
    let mut device = Device::with(CaKey::sm2(UNIONPAY, 0x57, &point(AUTHORITY)).unwrap());
    approved(&crate::run(&mut card, &mut device, &Settings::default(), &TRANSACTION));
    let recorded = card.objects[0].iter().find(|(tag, _)| *tag == 0x9F4B).unwrap().1.clone();
    let replay = Sm {
        sent: Box::new(move |all| {
            let sdad = all[0].iter_mut().find(|(tag, _)| *tag == 0x9F4B).unwrap();
            sdad.1.clone_from(&recorded);
        }),
        ..Sm::default()
    };
    approved(&replay.tap(&Settings::default()));
    for transaction in
        [Transaction { unpredictable_number: [0, 0, 0, 1], ..TRANSACTION }, Transaction { amount: 101, ..TRANSACTION }]
    {
        let mut card = Tapped { sm: &replay, objects: vec![], asked: None };
        let outcome = crate::run(&mut card, &mut device, &Settings::default(), &transaction);
        assert_eq!(outcome.reason, Reason::Oda(OdaFailure::SignatureWrong));
    }
}

#[test]
fn revoked_unknown_and_of_the_other_algorithm() {
    let sm = Sm::default();
    let mut device = Device::with(CaKey::sm2(UNIONPAY, 7, &point(AUTHORITY)).unwrap());
    let reason = |device: &mut Device, sm: &Sm| sm.tap_on(device, &Settings::default()).reason;
    assert_eq!(reason(&mut device, &sm), Reason::Oda(OdaFailure::CaKey), "another index");
    let seven = sent(2, |objects| set(objects, 0x8F, Some("07")));
    assert_eq!(reason(&mut device, &seven), Reason::OdaApproved);
    device.revoked = Some([0x00, 0xAB, 0x01]);
    assert_eq!(reason(&mut device, &seven), Reason::Oda(OdaFailure::IssuerRevoked));
    // The same index, but the key under it is RSA: the card has no exponents, or a certificate of another length.
    let mut rsa = Device::for_spec(&Spec::default());
    assert_eq!(reason(&mut rsa, &seven), Reason::Oda(OdaFailure::Missing(0x9F32)));
    let with_exponents = sent(2, |objects| {
        set(objects, 0x8F, Some("07"));
        set(objects, 0x9F32, Some("03"));
        set(objects, 0x9F47, Some("03"));
    });
    assert_eq!(reason(&mut rsa, &with_exponents), Reason::Oda(OdaFailure::IssuerLength));
    // And an RSA card under an index of SM2.
    let spec = Spec::default();
    let mut device = Device::with(CaKey::sm2(UNIONPAY, 7, &point(AUTHORITY)).unwrap());
    let outcome = crate::run(&mut spec.personalise(), &mut device, &Settings::default(), &TRANSACTION);
    assert_eq!(outcome.reason, Reason::Oda(OdaFailure::IssuerLength));
}
