//! A card whose every part can be altered, before or after it is signed, and the device around the kernel.

use std::{boxed::Box, cell::RefCell, collections::BTreeMap, format, string::String, sync::Mutex, vec, vec::Vec};

use crypto_bigint::{
    Limb, Odd, Uint,
    modular::{FixedMontyForm, FixedMontyParams},
};
use sha1::{Digest, Sha1};

use super::keys::{CA_A, CA_B, CARD_A, CARD_B, ISSUER_A, ISSUER_B, Key};
use crate::{
    CaKey, CaPublicKey, Card, Date, DateTime, Environment, LinkError, Outcome, Pan, Rid, Ride, Settings, Transaction,
    UiRequest, aid::UNIONPAY, tlv::Tag,
};

pub(super) type Bytes = Vec<u8>;
pub(super) type Objects = Vec<(Tag, Bytes)>;

pub(super) fn hex(text: &str) -> Bytes {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

pub(super) fn tlv(tag: Tag, value: &[u8]) -> Bytes {
    let mut out = heapless::Vec::<u8, 2048>::new();
    crate::tlv::write(tag, value, &mut out).unwrap();
    out.to_vec()
}

pub(super) fn join(objects: &[(Tag, Bytes)]) -> Bytes {
    objects.iter().flat_map(|(tag, value)| tlv(*tag, value)).collect()
}

/// The private operation, done once for the same text: most tests share their certificates.
fn sign(key: &Key, plain: &[u8]) -> Bytes {
    static DONE: Mutex<BTreeMap<Bytes, Bytes>> = Mutex::new(BTreeMap::new());
    let name = [key.modulus.as_bytes(), plain].concat();
    if let Some(done) = DONE.lock().unwrap().get(&name) {
        return done.clone();
    }
    let signature = power(key, plain);
    DONE.lock().unwrap().insert(name, signature.clone());
    signature
}

fn power(key: &Key, plain: &[u8]) -> Bytes {
    const LIMBS: usize = 1984 / Limb::BITS as usize;
    let number = |bytes: &[u8]| {
        let mut padded = [0; 248];
        padded[248 - bytes.len()..].copy_from_slice(bytes);
        Uint::<LIMBS>::from_be_slice(&padded)
    };
    let modulus = hex(key.modulus);
    let parameters = FixedMontyParams::new_vartime(Odd::new(number(&modulus)).unwrap());
    let signed = FixedMontyForm::new(&number(plain), &parameters).pow_vartime(&number(&hex(key.private))).retrieve();
    let bytes: Bytes = signed.as_limbs().iter().rev().flat_map(|limb| limb.0.to_be_bytes()).collect();
    bytes[248 - modulus.len()..].to_vec()
}

/// Where a part of the chain can be altered.
type Edit<T> = Box<dyn Fn(&mut T)>;

fn nothing<T>() -> Edit<T> {
    Box::new(|_| {})
}

/// What a card is made from. Every edit is of one stage: before the hash (a forger with the key), between hash and
/// signature, or of the objects as they are sent.
pub(super) struct Spec {
    pub(super) keys: [&'static Key; 3],
    pub(super) aid: Bytes,
    pub(super) df61: u8,
    pub(super) gpo: Objects,
    pub(super) records: Vec<Objects>,
    pub(super) afl: Bytes,
    /// fDDA version of the signature, whatever 9F69 says.
    pub(super) version: u8,
    pub(super) issuer_head: Edit<Bytes>,
    pub(super) issuer_hashed: Edit<Bytes>,
    pub(super) card_head: Edit<Bytes>,
    pub(super) card_hashed: Edit<Bytes>,
    pub(super) dynamic_head: Edit<Bytes>,
    pub(super) dynamic_hashed: Edit<Bytes>,
    /// All objects, as they are sent: those of the response first, then each record's.
    pub(super) sent: Edit<Vec<Objects>>,
}

pub(super) const PAN: &str = "6226001234567890";

pub(super) const PDOL: [u8; 27] = [
    0x9F, 0x66, 4, 0x9F, 0x02, 6, 0x9F, 0x03, 6, 0x9F, 0x1A, 2, 0x95, 5, 0x5F, 0x2A, 2, 0x9A, 3, 0x9C, 1, 0x9F, 0x37,
    4, 0xDF, 0x60, 1,
];

pub(super) const AUTHENTICATION_DATA: [u8; 8] = [1, 0xC0, 0xC1, 0xC2, 0xC3, 0, 0, 0];

impl Default for Spec {
    /// A new credit card that answers with an ARQC and signs as version 01.
    fn default() -> Self {
        Self {
            keys: [&CA_A, &ISSUER_A, &CARD_A],
            aid: hex("A000000333010102"),
            df61: 0x40,
            gpo: vec![
                (0x82, hex("7C00")),
                (0x9F36, hex("0017")),
                (0x57, hex("6226001234567890D30122200000000000")),
                (0x9F10, hex("07010103A00000010A")),
                (0x9F26, hex("0102030405060708")),
                (0x9F27, hex("80")),
                (0x9F6C, hex("0000")),
                (0x9F69, AUTHENTICATION_DATA.to_vec()),
            ],
            records: vec![vec![
                (0x5A, hex(PAN)),
                (0x5F24, hex("301231")),
                (0x5F34, hex("01")),
                (0x9F08, hex("0030")),
                (0x9F4A, hex("82")),
            ]],
            afl: hex("0801010110010300"),
            version: 1,
            issuer_head: nothing(),
            issuer_hashed: nothing(),
            card_head: nothing(),
            card_hashed: nothing(),
            dynamic_head: nothing(),
            dynamic_hashed: nothing(),
            sent: nothing(),
        }
    }
}

/// Puts an object in place of the one of that tag, or at the end; takes it away for `None`.
pub(super) fn set(objects: &mut Objects, tag: Tag, value: Option<&str>) {
    let at = objects.iter().position(|(known, _)| *known == tag);
    match (at, value) {
        (Some(at), Some(value)) => objects[at].1 = hex(value),
        (Some(at), None) => drop(objects.remove(at)),
        (None, Some(value)) => objects.push((tag, hex(value))),
        (None, None) => {}
    }
}

impl Spec {
    /// A card that approves offline, version 00.
    pub(super) fn offline() -> Self {
        let mut spec = Self { version: 0, ..Self::default() };
        set(&mut spec.gpo, 0x9F27, Some("40"));
        set(&mut spec.gpo, 0x9F69, None);
        spec
    }

    /// The largest keys, exponent 65537, no remainder of the issuer's key.
    pub(super) fn large() -> Self {
        Self { keys: [&CA_B, &ISSUER_B, &CARD_B], ..Self::default() }
    }

    fn certificate(
        signer: &Key,
        subject: &Key,
        head: Bytes,
        rest: &[u8],
        edits: (&Edit<Bytes>, &Edit<Bytes>),
    ) -> (Bytes, Bytes) {
        let (length, modulus) = (hex(signer.modulus).len(), hex(subject.modulus));
        let room = length - head.len() - 22;
        let mut plain = [&[0x6A][..], &head].concat();
        plain.extend(&modulus[..room.min(modulus.len())]);
        plain.resize(length - 21, 0xBB);
        edits.0(&mut plain);
        let remainder = modulus[room.min(modulus.len())..].to_vec();
        let signed = [&plain[1..], &remainder, subject.exponent, rest].concat();
        plain.extend(Sha1::digest(&signed));
        plain.push(0xBC);
        edits.1(&mut plain);
        (sign(signer, &plain), remainder)
    }

    /// Certificates and records; the dynamic signature is made when the card is asked.
    pub(super) fn personalise(&self) -> TestCard<'_> {
        let [ca, issuer, card] = self.keys;
        let length = |key: &Key| (key.modulus.len() / 2) as u8;
        let issuer_head =
            [&hex("02622600FF123000AB010101")[..], &[length(issuer), issuer.exponent.len() as u8]].concat();
        let edits = (&self.issuer_head, &self.issuer_hashed);
        let (issuer_certificate, issuer_remainder) = Self::certificate(ca, issuer, fix(issuer_head), &[], edits);
        let pan = format!("04{PAN}FFFF1230000C0D0101");
        let card_head = [&hex(&pan)[..], &[length(card), card.exponent.len() as u8]].concat();
        let static_data = [join(&self.records[0]), hex("7C00")].concat();
        let edits = (&self.card_head, &self.card_hashed);
        let (card_certificate, card_remainder) = Self::certificate(issuer, card, fix(card_head), &static_data, edits);
        let mut records = self.records.clone();
        let mut keys = vec![
            (0x8F, hex("07")),
            (0x9F32, issuer.exponent.to_vec()),
            (0x9F47, card.exponent.to_vec()),
            (0x9F48, card_remainder),
        ];
        if !issuer_remainder.is_empty() {
            keys.push((0x92, issuer_remainder));
        }
        records.push(keys);
        records.push(vec![(0x90, issuer_certificate)]);
        records.push(vec![(0x9F46, card_certificate)]);
        TestCard { spec: self, records, commands: vec![] }
    }
}

/// The heads above are written for reading; lengths are certain here.
fn fix(head: Bytes) -> Bytes {
    assert!(head.len() == 14 || head.len() == 20, "{}", head.len());
    head
}

/// A card with its certificates made.
pub(super) struct TestCard<'a> {
    spec: &'a Spec,
    records: Vec<Objects>,
    pub(super) commands: Vec<Bytes>,
}

impl TestCard<'_> {
    pub(super) fn dynamic_signature(&self, pdol_data: &[u8]) -> Bytes {
        let key = self.spec.keys[2];
        let length = key.modulus.len() / 2;
        let mut plain = hex("6A05010908A1A2A3A4A5A6A7A8");
        plain.resize(length - 21, 0xBB);
        (self.spec.dynamic_head)(&mut plain);
        let mut signed = plain[1..].to_vec();
        signed.extend(&pdol_data[29..33]);
        if self.spec.version == 1 {
            signed.extend(&pdol_data[4..10]);
            signed.extend(&pdol_data[23..25]);
            let data = self.spec.gpo.iter().find(|(tag, _)| *tag == 0x9F69).unwrap();
            signed.extend(&data.1);
        }
        plain.extend(Sha1::digest(&signed));
        plain.push(0xBC);
        (self.spec.dynamic_hashed)(&mut plain);
        sign(key, &plain)
    }

    fn objects(&self, pdol_data: Option<&[u8]>) -> Vec<Objects> {
        let mut response = self.spec.gpo.clone();
        response.push((0x94, self.spec.afl.clone()));
        if let Some(data) = pdol_data {
            response.push((0x9F4B, self.dynamic_signature(data)));
        }
        let mut all = vec![response];
        all.extend(self.records.iter().cloned());
        (self.spec.sent)(&mut all);
        all
    }

    pub(super) fn answer(&self, command: &[u8]) -> Bytes {
        let ok = |body: Bytes| [body, hex("9000")].concat();
        match command {
            [0x00, 0xA4, 0x04, 0x00, 0x0E, ..] => {
                let entry = tlv(0x61, &tlv(0x4F, &self.spec.aid));
                ok(tlv(0x6F, &[tlv(0x84, b"2PAY.SYS.DDF01"), tlv(0xA5, &tlv(0xBF0C, &entry))].concat()))
            }
            [0x00, 0xA4, ..] => {
                let a5 = [tlv(0x9F38, &PDOL), tlv(0xBF0C, &tlv(0xDF61, &[self.spec.df61]))].concat();
                ok(tlv(0x6F, &[tlv(0x84, &self.spec.aid), tlv(0xA5, &a5)].concat()))
            }
            [0x80, 0xA8, 0, 0, _, 0x83, _, data @ ..] => ok(tlv(0x77, &join(&self.objects(Some(data))[0]))),
            [0x00, 0xB2, number, p2, 0] => {
                let at = if p2 >> 3 == 1 { *number } else { *number + 1 };
                match self.objects(None).get(usize::from(at)) {
                    Some(record) => ok(tlv(0x70, &join(record))),
                    None => hex("6A83"),
                }
            }
            _ => hex("6D00"),
        }
    }
}

impl Card for TestCard<'_> {
    fn transmit(&mut self, command: &[u8], response: &mut wire::Response) -> Result<(), LinkError> {
        self.commands.push(command.to_vec());
        response.clear();
        response.extend_from_slice(&self.answer(command)).map_err(|_| LinkError::Protocol)
    }
}

/// The device around the kernel.
pub(super) struct Device {
    pub(super) ca: Option<CaKey>,
    pub(super) revoked: Option<[u8; 3]>,
    pub(super) denied: Option<String>,
    pub(super) journal: bool,
    pub(super) shown: Vec<u8>,
    /// The card that has just paid.
    pub(super) rode: Option<(String, Option<u8>)>,
    /// The card whose payment was torn, and what it held before.
    pub(super) torn: Option<(String, Option<u8>, u64)>,
    /// What the card held when it was about to pay; whether the device can note that.
    pub(super) about_to_pay: Vec<u64>,
    pub(super) notes: bool,
    /// What the deny list was asked for.
    pub(super) asked: RefCell<Vec<(String, Option<u8>)>>,
}

impl Device {
    pub(super) fn for_spec(spec: &Spec) -> Self {
        let key = spec.keys[0];
        Self::with(CaKey::new(UNIONPAY, 7, &hex(key.modulus), key.exponent, None).unwrap())
    }

    pub(super) fn with(ca: CaKey) -> Self {
        let asked = RefCell::new(vec![]);
        Self {
            ca: Some(ca),
            revoked: None,
            denied: None,
            journal: true,
            rode: None,
            torn: None,
            about_to_pay: vec![],
            notes: true,
            shown: vec![],
            asked,
        }
    }
}

impl Environment for Device {
    fn ca_key(&self, rid: &Rid, index: u8) -> Option<CaKey> {
        self.ca.clone().filter(|key| key.rid() == rid && key.index() == index)
    }

    fn has_sm2_key(&self, rid: &Rid) -> bool {
        self.ca.as_ref().is_some_and(|key| key.rid() == rid && matches!(key.key(), CaPublicKey::Sm2(_)))
    }

    fn revoked(&self, rid: &Rid, index: u8, serial: &[u8; 3]) -> bool {
        *rid == UNIONPAY && index == 7 && self.revoked == Some(*serial)
    }

    fn denied(&self, pan: &Pan, psn: Option<u8>) -> bool {
        self.asked.borrow_mut().push((pan.as_str().into(), psn));
        self.denied.as_deref() == Some(pan.as_str())
    }

    fn rode(&self, pan: &Pan, psn: Option<u8>) -> bool {
        self.rode.as_ref().is_some_and(|(rode, with)| rode == pan.as_str() && *with == psn)
    }

    fn torn(&self, pan: &Pan, psn: Option<u8>) -> Option<u64> {
        let (torn, with, balance) = self.torn.as_ref()?;
        (torn == pan.as_str() && *with == psn).then_some(*balance)
    }

    fn about_to_pay(&mut self, _: &Ride, balance: u64) -> bool {
        self.about_to_pay.push(balance);
        self.notes
    }

    fn journal_has_room(&self) -> bool {
        self.journal
    }

    fn ui(&mut self, request: &UiRequest) {
        self.shown.push(request.message.id());
    }
}

pub(super) const TRANSACTION: Transaction = Transaction {
    amount: 100,
    time: DateTime { date: Date { year: 2018, month: 5, day: 21 }, hour: 8, minute: 0, second: 0 },
    unpredictable_number: [0xDE, 0xAD, 0xBE, 0xEF],
};

/// A tap with a card of that kind on a device that knows its authority.
pub(super) fn tap(spec: &Spec, settings: &Settings) -> Outcome {
    crate::run(&mut spec.personalise(), &mut Device::for_spec(spec), settings, &TRANSACTION)
}
