//! The standard debit/credit flow (JR/T 0025.5, EMV Book 3): the card's signature and its cryptogram come after the records.

use crate::application::{Application, CryptogramType, Data, Signer};
use crate::certificate::SealError;
use crate::random::Random;
use crate::tlv::Node;
use taprig_model::card;
use taprig_model::card::change::Place;

impl Application {
    /// Whether the card takes this flow: it knows it, and the reader announces it (TTQ byte 1, 40).
    pub(crate) fn takes_standard(&self, input: &[u8]) -> bool {
        let mut at = 0;
        self.standard.is_some()
            && self.pdol.iter().any(|entry| {
                let value = input.get(at..at + entry.length).unwrap_or_default();
                at += entry.length;
                entry.tag == 0x9F66 && value.first().is_some_and(|first| first & 0x40 != 0)
            })
    }

    /// The answer to GET PROCESSING OPTIONS: interchange profile and file locator.
    pub(crate) fn begin_standard(&mut self) -> (Vec<Node>, Data) {
        let mut made = Data::new();
        made.insert(0x9F36, self.atc.to_be_bytes().to_vec());
        self.atc = self.atc.saturating_add(1);
        (vec![Node::template(0x77, self.pick(&[0x82, 0x94], &made))], made)
    }

    /// INTERNAL AUTHENTICATE. `None` if the card has no key.
    pub(crate) fn authenticate(&self, data: &[u8], random: &mut Random) -> Option<Result<Vec<Node>, SealError>> {
        let signer: &Signer = self.signer.as_ref()?;
        let number = random.bytes(signer.number_length);
        Some(signer.sign(&number, data).map(|signature| {
            let mut made = Data::from([(0x9F4B, signature)]);
            self.fix(&mut made, &[0x9F4B]);
            vec![Node::template(0x77, self.pick(&[0x9F4B], &made))]
        }))
    }

    /// GENERATE AC. `wanted` is what the reader asks for; the card gives that, or less.
    pub(crate) fn generate(&self, wanted: CryptogramType, data: &[u8], before: &Data) -> Vec<Node> {
        let Some(standard) = &self.standard else { return vec![] };
        let kind = match self.issuing.policy {
            card::Policy::Aac => CryptogramType::Aac,
            // A card that is to give a TC or an ARQC by itself still gives no more than was asked for.
            _ if wanted == CryptogramType::Aac => CryptogramType::Aac,
            card::Policy::Tc if wanted == CryptogramType::Tc => CryptogramType::Tc,
            _ => CryptogramType::Arqc,
        };
        let key = &self.issuing.card_key;
        let mut made = before.clone();
        made.insert(0x9F27, vec![kind as u8]);
        made.insert(0x9F10, self.issuer_application_data(kind, false, key));
        self.fix(&mut made, &[0x9F10, 0x9F27]);
        let atc = self.atc.saturating_sub(1);
        let of_reader = |tag: u32, wanted: usize| standard.of_reader(data, tag, wanted);
        made.insert(0x9F26, self.application_cryptogram(key, atc, &made, &of_reader).to_vec());
        self.fix(&mut made, &[0x9F26]);
        vec![Node::template(0x77, self.pick(&[0x9F27, 0x9F36, 0x9F26, 0x9F10], &made))]
    }

    /// Every response of this flow, with zeros for what a transaction makes anew.
    pub(crate) fn standard_samples(&self, sample: &Data) -> Vec<(Place, Vec<Node>)> {
        if self.standard.is_none() {
            return vec![];
        }
        let template = |tags: &[u32]| vec![Node::template(0x77, self.pick(tags, sample))];
        vec![
            (Place::Gpo, template(&[0x82, 0x94])),
            (Place::InternalAuthenticate, template(&[0x9F4B])),
            (Place::GenerateAc, template(&[0x9F27, 0x9F36, 0x9F26, 0x9F10])),
        ]
    }
}
