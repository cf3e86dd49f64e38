//! One application of the card: its data, and how it processes a transaction.

use crate::certificate::{self, FieldEdit, SealError};
use crate::cryptogram;
use crate::keyring::Pair;
use crate::purse::{self, Purse};
use crate::random::Random;
use crate::sm;
use crate::sm2::SIGNATURE;
use crate::standard::Standard;
use crate::tlv::{DolEntry, Node};
use std::collections::BTreeMap;
use taprig_model::card::{Family, Fdda, Policy, Session, Timing};

/// Data objects by tag.
pub(crate) type Data = BTreeMap<u32, Vec<u8>>;

/// An application after personalisation.
#[derive(Debug, Clone)]
pub(crate) struct Application {
    pub(crate) aid: Vec<u8>,
    pub(crate) fci: Vec<Node>,
    pub(crate) pdol: Vec<DolEntry>,
    pub(crate) records: Vec<Record>,
    /// Data that stay the same: the account, the certificates, 82, 94 and the image's own objects.
    pub(crate) data: Data,
    /// Fixed values, from the image or a case, of objects that each transaction otherwise makes anew: 9F10, 9F26, 9F27,
    /// 9F4B, 9F69.
    pub(crate) fixed: Data,
    pub(crate) issuing: Issuing,
    pub(crate) purse: Option<Purse>,
    pub(crate) standard: Option<Standard>,
    pub(crate) signer: Option<Signer>,
    /// The keys of the following transactions, with the objects that differ: 9F46, 9F47, 9F48.
    pub(crate) next: Vec<(Signer, Data)>,
    /// Number of transactions so far.
    pub(crate) turn: usize,
    pub(crate) sm: Option<SmSide>,
    pub(crate) ctq: Option<Vec<u8>>,
    pub(crate) ctq_when_cvm_required: Option<Vec<u8>>,
    pub(crate) atc: u16,
    pub(crate) lists: Lists,
    pub(crate) locked: u8,
    pub(crate) locked_when_cvm_required: bool,
    pub(crate) timing: Timing,
}

/// A record: the tags of the objects that it contains.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) sfi: u8,
    pub(crate) number: u8,
    pub(crate) signed: bool,
    pub(crate) only: Option<Family>,
    pub(crate) holds: Vec<u32>,
}

impl Record {
    /// Whether a transaction with this family of algorithms reads the record.
    pub(crate) fn is_of(&self, family: Family) -> bool {
        self.only.is_none_or(|only| only == family)
    }
}

/// The tags of the objects that the response to GET PROCESSING OPTIONS contains.
#[derive(Debug, Clone)]
pub(crate) struct Lists {
    pub(crate) tc: Vec<u32>,
    pub(crate) arqc_with_oda: Vec<u32>,
    pub(crate) arqc: Vec<u32>,
    pub(crate) aac: Vec<u32>,
}

/// The key and parameters of cryptograms.
#[derive(Debug, Clone)]
pub(crate) struct Issuing {
    pub(crate) card_key: cryptogram::Key,
    pub(crate) session: Session,
    pub(crate) policy: Policy,
    pub(crate) offline: bool,
    pub(crate) key_index: u8,
    pub(crate) version: u8,
    pub(crate) discretionary: Option<Vec<u8>>,
}

/// The key and parameters of dynamic signatures.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    pub(crate) key: Pair,
    pub(crate) fdda: Fdda,
    pub(crate) number_length: usize,
    pub(crate) edits: Vec<FieldEdit>,
}

/// What the card uses if the reader asks for SM algorithms.
#[derive(Debug, Clone)]
pub(crate) struct SmSide {
    pub(crate) signer: Signer,
    pub(crate) card_key: cryptogram::Key,
    /// The objects that differ: 8F, 90, 94, 9F46.
    pub(crate) data: Data,
}

impl Signer {
    /// Signed dynamic application data (9F4B).
    pub(crate) fn sign(&self, number: &[u8], input: &[u8]) -> Result<Vec<u8>, SealError> {
        match &self.key {
            Pair::Rsa(key) => certificate::dynamic(key, number, input, &self.edits),
            Pair::Sm2(key) => sm::dynamic(key, number, input, &self.edits),
        }
    }

    /// The length of what [`Signer::sign`] returns.
    fn length(&self) -> usize {
        match &self.key {
            Pair::Rsa(key) => key.modulus.len(),
            Pair::Sm2(_) => 3 + self.number_length + SIGNATURE,
        }
    }
}

/// Cryptogram types. The number is that of 9F27 (EMV Book 3, table 15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CryptogramType {
    Aac = 0x00,
    Tc = 0x40,
    Arqc = 0x80,
}

impl Application {
    /// The values that the reader sends for the PDOL.
    pub(crate) fn pdol_length(&self) -> usize {
        self.pdol.iter().map(|entry| entry.length).sum()
    }

    /// The objects of a list, from the fixed data and from `transaction`. Objects that the card does not have are left
    /// out.
    pub(crate) fn pick(&self, tags: &[u32], transaction: &Data) -> Vec<Node> {
        tags.iter()
            .filter_map(|tag| Some(Node::value(*tag, transaction.get(tag).or_else(|| self.data.get(tag))?.clone())))
            .collect()
    }

    /// A record as a template 70.
    pub(crate) fn record(&self, record: &Record, transaction: &Data) -> Vec<Node> {
        vec![Node::template(0x70, self.pick(&record.holds, transaction))]
    }

    /// The signers of both families of algorithms.
    pub(crate) fn signers(&self) -> impl Iterator<Item = &Signer> {
        self.signer
            .iter()
            .chain(self.next.iter().map(|(signer, _)| signer))
            .chain(self.sm.as_ref().map(|sm| &sm.signer))
    }

    /// The type of the cryptogram for an amount in fen. `None` stands for an amount that is not digits.
    fn cryptogram_type(&self, ttq: [u8; 4], amount: Option<u64>) -> CryptogramType {
        let online_required = ttq[1] & 0x80 != 0;
        let offline_only = ttq[0] & 0x08 != 0;
        let offline = self.issuing.offline && !online_required && self.can_pay(amount, !offline_only);
        match self.issuing.policy {
            Policy::Tc => CryptogramType::Tc,
            Policy::Arqc => CryptogramType::Arqc,
            Policy::Aac => CryptogramType::Aac,
            Policy::ByTtq if offline => CryptogramType::Tc,
            Policy::ByTtq if offline_only => CryptogramType::Aac,
            Policy::ByTtq => CryptogramType::Arqc,
        }
    }

    /// Whether the purse has room for a payment. A card without a purse has room for any.
    fn can_pay(&self, amount: Option<u64>, online_possible: bool) -> bool {
        let purse = self.purse.as_ref();
        purse.is_none_or(|purse| amount.is_some_and(|amount| purse.approves(amount, online_possible)))
    }

    /// Whether this is the record that the file locator of the transaction names last.
    pub(crate) fn is_last(&self, record: &Record, transaction: &Data) -> bool {
        let locator = transaction.get(&0x94).or_else(|| self.data.get(&0x94));
        let last = locator.and_then(|locator| locator.last_chunk::<4>());
        last.is_some_and(|[sfi, _, last, _]| (sfi >> 3, *last) == (record.sfi, record.number))
    }

    /// Issuer application data (9F10): length, key index, cryptogram version, card verification results, algorithm,
    /// discretionary data. In byte 2 of the card verification results, bits 6-5 give the cryptogram type, and bits 8-7
    /// say that there is no second cryptogram. Bit 6 of byte 3 says that the purse has no room for the payment.
    pub(crate) fn issuer_application_data(
        &self,
        kind: CryptogramType,
        exceeded: bool,
        key: &cryptogram::Key,
    ) -> Vec<u8> {
        let results = 0x80 | kind as u8 >> 2;
        let (limits, algorithm) = (if exceeded { 0x20 } else { 0x00 }, key.algorithm());
        let mut data = vec![0x07, self.issuing.key_index, self.issuing.version, 0x03, results, limits, 0x00, algorithm];
        if let Some(discretionary) = &self.issuing.discretionary {
            data.push(discretionary.len().to_le_bytes()[0]);
            data.extend(discretionary);
        }
        data
    }

    /// Whether the holder has to unlock the device first.
    pub(crate) fn is_locked(&self, input: &[u8]) -> bool {
        let mut at = 0;
        let cvm_required = self.pdol.iter().any(|entry| {
            let value = input.get(at..at + entry.length).unwrap_or_default();
            at += entry.length;
            entry.tag == 0x9F66 && value.get(1).is_some_and(|second| second & 0x40 != 0)
        });
        self.locked > 0 && (cvm_required || !self.locked_when_cvm_required)
    }

    /// Processes GET PROCESSING OPTIONS. Returns the response and the data that records may contain from now on.
    /// `input` has the length of [`Application::pdol_length`].
    pub(crate) fn transact(&mut self, input: &[u8], random: &mut Random) -> Result<(Vec<Node>, Data), SealError> {
        let mut rest = input;
        let mut reader = Data::new();
        for entry in &self.pdol {
            let (value, after) = rest.split_at(entry.length.min(rest.len()));
            reader.insert(entry.tag, value.to_vec());
            rest = after;
        }
        let of_reader = |tag: u32, length: usize| {
            let mut value = reader.get(&tag).cloned().unwrap_or_default();
            value.resize(length, 0);
            value
        };
        let ttq: [u8; 4] = std::array::from_fn(|at| of_reader(0x9F66, 4)[at]);
        let amount = purse::amount(&of_reader(0x9F02, 6));
        let kind = self.cryptogram_type(ttq, amount);
        let exceeded = !self.can_pay(amount, ttq[0] & 0x08 == 0);
        let atc = self.atc;
        self.atc = self.atc.saturating_add(1);
        let sm = self.sm.as_ref().filter(|_| of_reader(0xDF69, 1) == [0x01]);
        let card_key = sm.map_or(&self.issuing.card_key, |sm| &sm.card_key);
        // The first key, the others, and the first one again.
        let next = (self.turn % (1 + self.next.len())).checked_sub(1).and_then(|at| self.next.get(at));
        self.turn += 1;
        let own = next.map(|(signer, _)| signer).or(self.signer.as_ref());
        let signer = sm.map(|sm| &sm.signer).or(own);

        let differing = sm.map(|sm| &sm.data).or(next.map(|(_, data)| data));
        let mut made = differing.cloned().unwrap_or_default();
        made.insert(0x9F36, atc.to_be_bytes().to_vec());
        made.insert(0x9F27, vec![kind as u8]);
        let cvm_required = ttq[1] & 0x40 != 0;
        let ctq = self.ctq_when_cvm_required.as_ref().filter(|_| cvm_required).or(self.ctq.as_ref());
        if let Some(ctq) = ctq {
            made.insert(0x9F6C, ctq.clone());
        }
        made.insert(0x9F10, self.issuer_application_data(kind, exceeded, card_key));
        self.fix(&mut made, &[0x9F10, 0x9F27]);
        made.insert(0x9F26, self.application_cryptogram(card_key, atc, &made, &of_reader).to_vec());
        self.fix(&mut made, &[0x9F26]);

        let oda_wanted = ttq[0] & 0x01 != 0;
        let with_oda = signer.is_some() && (kind == CryptogramType::Tc || oda_wanted);
        if let Some(signer) = signer.filter(|signer| signer.fdda != Fdda::None && kind != CryptogramType::Aac)
            && with_oda
        {
            let mut hashed = of_reader(0x9F37, 4);
            let reader_knows_01 = ttq[3] & 0x80 != 0;
            // The random numbers are always drawn, so that a change of version does not alter those that follow.
            let own_number = random.bytes(4);
            if signer.fdda == Fdda::V01 && reader_knows_01 {
                // The card authentication related data are the version, the card's number, the CTQ, and one byte for
                // future use.
                let mut related = vec![0x01];
                related.extend(own_number);
                related.extend(made.get(&0x9F6C).cloned().unwrap_or(vec![0, 0]));
                related.push(0x00);
                made.insert(0x9F69, related);
                self.fix(&mut made, &[0x9F69]);
                hashed.extend(of_reader(0x9F02, 6));
                hashed.extend(of_reader(0x5F2A, 2));
                hashed.extend(&made[&0x9F69]);
            }
            let number = random.bytes(signer.number_length);
            made.insert(0x9F4B, signer.sign(&number, &hashed)?);
            self.fix(&mut made, &[0x9F4B]);
        }
        let list = match kind {
            CryptogramType::Tc => &self.lists.tc,
            CryptogramType::Arqc if with_oda => &self.lists.arqc_with_oda,
            CryptogramType::Arqc => &self.lists.arqc,
            CryptogramType::Aac => &self.lists.aac,
        };
        if let Some(purse) = &mut self.purse {
            let available = purse.begin(amount.filter(|_| kind == CryptogramType::Tc));
            made.insert(purse::AVAILABLE, purse::bcd(available).to_vec());
            self.fix(&mut made, &[purse::AVAILABLE]);
        }
        Ok((vec![Node::template(0x77, self.pick(list, &made))], made))
    }

    pub(crate) fn fix(&self, made: &mut Data, tags: &[u32]) {
        for tag in tags {
            if let Some(fixed) = self.fixed.get(tag) {
                made.insert(*tag, fixed.clone());
            }
        }
    }

    /// Application cryptogram (9F26), cryptogram version 01 (JR/T 0025.7). It covers the data from the reader, 82, the
    /// ATC and the card verification results. There is only one source for this list of data, and no acquirer verifies
    /// the cryptogram yet.
    pub(crate) fn application_cryptogram(
        &self,
        key: &cryptogram::Key,
        atc: u16,
        made: &Data,
        of_reader: &impl Fn(u32, usize) -> Vec<u8>,
    ) -> cryptogram::Mac {
        const FROM_READER: [(u32, usize); 8] =
            [(0x9F02, 6), (0x9F03, 6), (0x9F1A, 2), (0x95, 5), (0x5F2A, 2), (0x9A, 3), (0x9C, 1), (0x9F37, 4)];
        let mut data: Vec<u8> = FROM_READER.iter().flat_map(|(tag, length)| of_reader(*tag, *length)).collect();
        data.extend(self.data.get(&0x82).map_or(&[][..], Vec::as_slice));
        data.extend(atc.to_be_bytes());
        let results = made.get(&0x9F10).and_then(|data| data.get(3..7));
        data.extend(results.unwrap_or_default());
        key.session(atc, self.issuing.session).mac(&data)
    }

    /// Every response that the application can give, with zeros for the values of a transaction. It shows before a run
    /// whether a change fits.
    pub(crate) fn samples(&self) -> Vec<(taprig_model::card::change::Place, Vec<Node>)> {
        use taprig_model::card::change::Place;
        let mut samples = vec![(Place::Fci, self.fci.clone())];
        let own = self.sample(self.signer.as_ref(), &self.issuing.card_key, Data::new());
        let sm = self.sm.as_ref().map(|sm| self.sample(Some(&sm.signer), &sm.card_key, sm.data.clone()));
        let Lists { tc, arqc_with_oda, arqc, aac } = &self.lists;
        for made in std::iter::once(&own).chain(&sm) {
            for list in [tc, arqc_with_oda, arqc, aac] {
                samples.push((Place::Gpo, vec![Node::template(0x77, self.pick(list, made))]));
            }
        }
        samples.extend(self.standard_samples(&own));
        for record in &self.records {
            let place = Place::Record { sfi: record.sfi, number: record.number };
            let families = [(Family::International, Some(&own)), (Family::Sm, sm.as_ref())];
            for (_, made) in families.into_iter().filter(|(family, _)| record.is_of(*family)) {
                samples.extend(made.map(|made| (place, self.record(record, made))));
            }
        }
        samples
    }

    /// The data of a transaction, with zeros for what it makes anew.
    fn sample(&self, signer: Option<&Signer>, key: &cryptogram::Key, mut made: Data) -> Data {
        made.insert(0x9F36, vec![0; 2]);
        made.insert(0x9F27, vec![0]);
        if let Some(ctq) = &self.ctq {
            made.insert(0x9F6C, ctq.clone());
        }
        made.insert(0x9F10, self.issuer_application_data(CryptogramType::Arqc, false, key));
        if self.purse.is_some() {
            made.insert(purse::AVAILABLE, vec![0; 6]);
        }
        made.insert(0x9F26, vec![0; 8]);
        if let Some(signer) = signer.filter(|signer| signer.fdda != Fdda::None) {
            made.insert(0x9F4B, vec![0; signer.length()]);
            if signer.fdda == Fdda::V01 {
                made.insert(0x9F69, vec![0; 8]);
            }
        }
        self.fix(&mut made, &[0x9F10, 0x9F26, 0x9F27, 0x9F4B, 0x9F69, purse::AVAILABLE]);
        made
    }
}
