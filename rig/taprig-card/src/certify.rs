//! Offline data authentication of a card: both certificates, and what signs the transactions.

use crate::application::{Data, Signer};
use crate::certificate::{self, FieldEdit, Subject, remainder};
use crate::draft::{Draft, month_year};
use crate::error::PersonaliseError;
use crate::keyring::{KeyRing, Pair};
use crate::rsa::PrivateKey;
use crate::sm;
use crate::sm2::Sm2Key;
use crate::tlv::{Node, encode};
use taprig_model::card::change::Signed;
use taprig_model::card::{Family, Oda};

/// Makes the signer, and the objects that offline data authentication needs: 8F, 90, 9F46, and by RSA also 92, 9F32, 9F47
/// and 9F48. Objects in `set` stay, and the certificates cover them.
pub(crate) fn certify(
    oda: &Oda,
    draft: &Draft,
    set: &Data,
    family: Family,
    keys: &KeyRing,
    edits: &[FieldEdit],
) -> Result<(Signer, Data), PersonaliseError> {
    let (index, authority) = keys.authority(&oda.authority)?;
    let (issuer, key) = (keys.pair(&oda.issuer)?, keys.pair(&oda.card)?);
    let sized = |name: &'static str, bytes: &[u8], length: usize| {
        if bytes.len() == length {
            return Ok(());
        }
        Err(PersonaliseError::value(name, format!("{} bytes instead of {length}", bytes.len())))
    };
    sized("issuer-certificate.serial", &oda.issuer_certificate.serial.0, 3)?;
    sized("card-certificate.serial", &oda.card_certificate.serial.0, 3)?;
    let iin = match &oda.issuer_certificate.iin {
        Some(iin) => iin.0.clone(),
        None => {
            let mut iin = draft.padded_pan(3);
            iin.push(0xFF);
            iin
        }
    };
    sized("issuer-certificate.iin", &iin, 4)?;
    let chain = Chain { oda, iin: &iin, draft, family, set, edits };
    let index = Data::from([(0x8F, vec![index])]);
    let mut made = match (authority, issuer, key) {
        (Pair::Rsa(authority), Pair::Rsa(issuer), Pair::Rsa(key)) => chain.by_rsa([authority, issuer, key], index)?,
        (Pair::Sm2(authority), Pair::Sm2(issuer), Pair::Sm2(key)) => chain.by_sm2([authority, issuer, key], index)?,
        _ => {
            let problem = format!(
                "`{}` has a key for {}, `{}` for {}, and `{}` for {}: a chain has one algorithm",
                oda.authority,
                authority.algorithm(),
                oda.issuer,
                issuer.algorithm(),
                oda.card,
                key.algorithm()
            );
            return Err(PersonaliseError::value("oda", problem));
        }
    };
    made.retain(|tag, _| !set.contains_key(tag));

    let number_length = usize::from(oda.dynamic_number);
    if number_length > 64 {
        return Err(PersonaliseError::value("oda.dynamic-number", "at most 64 bytes; EMV allows 2 to 8"));
    }
    let edits: Vec<_> = edits.iter().filter(|edit| edit.signed == Signed::DynamicSignature).cloned().collect();
    let signer = Signer { key: key.clone(), fdda: oda.fdda, number_length, edits };
    if !signer.edits.is_empty() {
        // This is a trial, so that a change that does not fit is reported here.
        signer.sign(&vec![0; number_length], &[]).map_err(PersonaliseError::sealing("dynamic signature (9F4B)"))?;
    }
    Ok((signer, made))
}

/// What the certificates name and cover, apart from keys.
struct Chain<'a> {
    oda: &'a Oda,
    iin: &'a [u8],
    draft: &'a Draft,
    family: Family,
    set: &'a Data,
    edits: &'a [FieldEdit],
}

const ISSUER: &str = "issuer's certificate (90)";
const CARD: &str = "card's certificate (9F46)";

impl Chain<'_> {
    fn by_rsa(&self, keys: [&PrivateKey; 3], mut made: Data) -> Result<Data, PersonaliseError> {
        let ([authority, issuer, key], set, edits) = (keys, self.set, self.edits);
        let beside: [(u32, Option<Vec<u8>>); 4] = [
            (0x9F32, Some(issuer.exponent.clone())),
            (0x92, remainder(&issuer.modulus, authority, 36)),
            (0x9F47, Some(key.exponent.clone())),
            (0x9F48, remainder(&key.modulus, issuer, 42)),
        ];
        made.extend(beside.into_iter().filter_map(|(tag, value)| Some((tag, value?))));
        let static_data = self.static_data(&made)?;
        let sent = |tag: u32| set.get(&tag).or_else(|| made.get(&tag)).map_or(&[][..], Vec::as_slice);
        let Oda { issuer_certificate, card_certificate, .. } = self.oda;
        let subject = Subject {
            modulus: &issuer.modulus,
            exponent: sent(0x9F32),
            remainder: Some(sent(0x92)),
            expiry: month_year(issuer_certificate.expires),
            serial: &issuer_certificate.serial.0,
        };
        let of_issuer =
            certificate::issuer(authority, self.iin, &subject, edits).map_err(PersonaliseError::sealing(ISSUER))?;
        let subject = Subject {
            modulus: &key.modulus,
            exponent: sent(0x9F47),
            remainder: Some(sent(0x9F48)),
            expiry: month_year(card_certificate.expires),
            serial: &card_certificate.serial.0,
        };
        let of_card = certificate::card(issuer, &self.draft.padded_pan(10), &subject, &static_data, edits)
            .map_err(PersonaliseError::sealing(CARD))?;
        made.extend([(0x90, of_issuer), (0x9F46, of_card)]);
        Ok(made)
    }

    fn by_sm2(&self, keys: [&Sm2Key; 3], mut made: Data) -> Result<Data, PersonaliseError> {
        let ([authority, issuer, key], edits) = (keys, self.edits);
        let static_data = self.static_data(&made)?;
        let terms = &self.oda.issuer_certificate;
        let subject = sm::Subject { point: issuer.point(), expiry: month_year(terms.expires), serial: &terms.serial.0 };
        let of_issuer = sm::issuer(authority, self.iin, &subject, edits).map_err(PersonaliseError::sealing(ISSUER))?;
        let terms = &self.oda.card_certificate;
        let subject = sm::Subject { point: key.point(), expiry: month_year(terms.expires), serial: &terms.serial.0 };
        let of_card = sm::card(issuer, &self.draft.padded_pan(10), &subject, &static_data, edits)
            .map_err(PersonaliseError::sealing(CARD))?;
        made.extend([(0x90, of_issuer), (0x9F46, of_card)]);
        Ok(made)
    }

    /// Static data to be authenticated (EMV Book 3, clause 10.3): the signed records, where those of files 1 to 10 come
    /// without their template 70. Then 82 follows if 9F4A says so. `made` are objects that the draft does not have yet.
    fn static_data(&self, made: &Data) -> Result<Vec<u8>, PersonaliseError> {
        let object = |tag: &u32| self.set.get(tag).or_else(|| made.get(tag)).or_else(|| self.draft.data.get(tag));
        let mut data = Vec::new();
        for record in self.draft.records.iter().filter(|record| record.signed && record.is_of(self.family)) {
            if let Some(tag) = record.holds.iter().find(|tag| matches!(tag, 0x9F46 | 0x9F4B | 0x9F69 | 0x9F26 | 0x9F36))
            {
                return Err(PersonaliseError::value(
                    format!("record {}.{}", record.sfi, record.number),
                    format!("{tag:02X} is made after signing, so a signed record can't hold it"),
                ));
            }
            let nodes: Vec<_> =
                record.holds.iter().filter_map(|tag| Some(Node::value(*tag, object(tag)?.clone()))).collect();
            match record.sfi {
                ..=10 => data.extend(encode(&nodes)),
                _ => data.extend(encode(&[Node::template(0x70, nodes)])),
            }
        }
        if object(&0x9F4A).is_some_and(|list| list == &[0x82]) {
            data.extend(object(&0x82).map_or(&[][..], Vec::as_slice));
        }
        Ok(data)
    }
}
