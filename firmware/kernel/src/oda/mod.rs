//! Offline data authentication: the chain from the certification authority to the card, and fDDA, by RSA (EMV Book 2
//! chapters 5 and 6, Book C-7 for fDDA) or by SM2 (JR/T 0025.17). The authority's key decides which.

mod certificate;
mod failure;
mod rsa;
mod sm;

use heapless::Vec;
use sha1::{Digest, Sha1};

pub use failure::OdaFailure;

use crate::environment::CaPublicKey;
use crate::{
    Date, Environment, Pan, Rid, Transaction, Ttq,
    data::CardData,
    environment::MAX_MODULUS,
    gpo::{amount_bcd, code_bcd},
    tag,
    tlv::Tag,
};

/// Result of offline data authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Oda {
    /// Not asked for in this transaction, or not reached.
    #[default]
    NotPerformed,
    /// The card's signature over this transaction is good.
    Passed,
    /// It is not, and this is the first check that failed.
    Failed(OdaFailure),
}

/// What a card signed in the standard flow (INTERNAL AUTHENTICATE).
pub(crate) struct Signed {
    /// Its signature.
    pub(crate) sdad: Vec<u8, MAX_MODULUS>,
    /// The reader's data under it.
    pub(crate) input: Vec<u8, 252>,
}

/// What the card's proof is judged by.
pub(crate) struct Proof<'a> {
    /// Everything the card sent.
    pub(crate) data: &'a CardData,
    /// Provider of the application.
    pub(crate) rid: Rid,
    /// Every account number that the card sent: its certificate must name each of them.
    pub(crate) pans: &'a [Pan],
    /// Interchange profile.
    pub(crate) aip: [u8; 2],
    /// Qualifiers as sent.
    pub(crate) ttq: Ttq,
    /// The transaction that is signed.
    pub(crate) transaction: &'a Transaction,
    /// Currency as sent.
    pub(crate) currency: u16,
    /// The signature of the standard flow, in place of fast DDA's.
    pub(crate) signed: Option<&'a Signed>,
}

/// An RSA key out of a certificate.
struct PublicKey {
    modulus: Vec<u8, MAX_MODULUS>,
    exponent: u32,
}

/// AIP B1b6: dynamic data authentication.
const DDA_SUPPORTED: u8 = 0x20;

/// Application version (9F08) from which a card signs as fDDA version 01. One public source says so.
const VERSION_WITH_V01: u16 = 0x0030;

/// Length of a SHA-1 hash and the trailer after it.
const HASH_AND_TRAILER: usize = 21;

impl Proof<'_> {
    /// Checks the whole chain.
    pub(crate) fn check<E: Environment>(&self, environment: &E) -> Oda {
        match self.verify(environment) {
            Ok(()) => Oda::Passed,
            Err(failure) => Oda::Failed(failure),
        }
    }

    fn object(&self, tag: Tag) -> Result<&[u8], OdaFailure> {
        self.data.get(tag).ok_or(OdaFailure::Missing(tag))
    }

    /// The dynamic signature.
    fn sdad(&self) -> Result<&[u8], OdaFailure> {
        match self.signed {
            Some(signed) => Ok(&signed.sdad),
            None => self.object(tag::SDAD),
        }
    }

    fn today(&self) -> Date {
        self.transaction.time.date
    }

    /// Whether 9F4A names anything but the interchange profile.
    fn tag_list_is_wrong(&self) -> bool {
        self.data.get(tag::SDA_TAG_LIST).is_some_and(|list| list != [tag::AIP as u8])
    }

    fn verify<E: Environment>(&self, environment: &E) -> Result<(), OdaFailure> {
        if self.aip[0] & DDA_SUPPORTED == 0 {
            return Err(OdaFailure::NotSupported);
        }
        let index = self.object(tag::CA_KEY_INDEX)?;
        let authority = match index {
            &[index] => environment.ca_key(&self.rid, index),
            _ => None,
        };
        // Only RSA keys have an exponent.
        let rsa = authority.as_ref().is_some_and(|key| matches!(key.key(), CaPublicKey::Rsa(_)));
        for needed in [tag::ISSUER_CERTIFICATE, tag::ISSUER_EXPONENT, tag::CARD_CERTIFICATE, tag::CARD_EXPONENT] {
            if rsa || ![tag::ISSUER_EXPONENT, tag::CARD_EXPONENT].contains(&needed) {
                self.object(needed)?;
            }
        }
        self.sdad()?;
        if self.pans.is_empty() {
            return Err(OdaFailure::Missing(tag::PAN));
        }
        let authority = authority.ok_or(OdaFailure::CaKey)?;
        if self.tag_list_is_wrong() {
            return Err(OdaFailure::TagList);
        }
        let index = authority.index();
        let authority = match authority.into_key() {
            CaPublicKey::Rsa(key) => key,
            CaPublicKey::Sm2(point) => return self.verify_sm2(&point, index, environment),
        };
        let revoked = |serial: &[u8; 3]| environment.revoked(&self.rid, index, serial);
        let issuer = self.issuer_key(&authority, revoked)?;
        let card = self.card_key(&issuer)?;
        self.signature(&card)
    }

    /// The fDDA version that the card signed with: first byte of 9F69, which is 8 to 16 bytes; 0 without it.
    fn version(&self) -> Result<u8, OdaFailure> {
        let version = match self.data.get(tag::AUTHENTICATION_DATA) {
            None => 0,
            Some(data) => match data {
                [version @ 0..=1, ..] if (8..=16).contains(&data.len()) => *version,
                _ => return Err(OdaFailure::AuthenticationData),
            },
        };
        let new = match self.data.get(tag::CARD_VERSION) {
            Some(&[high, low]) => u16::from_be_bytes([high, low]) >= VERSION_WITH_V01,
            _ => false,
        };
        // A card can only sign the way that the reader announced.
        if version == 0 && new && self.ttq.fdda_v01() { Err(OdaFailure::Version) } else { Ok(version) }
    }

    /// Checks the dynamic signature 9F4B: `6A 05 01 Ldd, dynamic data, BB.., hash, BC`. The hash is over all from 05
    /// on, then the unpredictable number and, for version 01, amount, currency and 9F69.
    fn signature(&self, card: &PublicKey) -> Result<(), OdaFailure> {
        let version = if self.signed.is_some() { 0 } else { self.version()? };
        let sdad = self.sdad()?;
        let length = card.modulus.len();
        if sdad.len() != length {
            return Err(OdaFailure::SignatureLength);
        }
        let plain = rsa::recover(&card.modulus, card.exponent, sdad).ok_or(OdaFailure::SignatureTrailer)?;
        if plain[length - 1] != certificate::TRAILER {
            return Err(OdaFailure::SignatureTrailer);
        }
        if plain[0] != certificate::HEADER {
            return Err(OdaFailure::SignatureHeader);
        }
        if plain[1] != 0x05 {
            return Err(OdaFailure::SignatureFormat);
        }
        if plain[2] != certificate::SHA_1 {
            return Err(OdaFailure::SignatureHashAlgorithm);
        }
        // Dynamic data: the length of the card's dynamic number, 2 to 8, then the number, then what the card likes.
        let dynamic = usize::from(plain[3]);
        let number = usize::from(plain[4]);
        if dynamic > length - 25 || !(2..=8).contains(&number) || dynamic < 1 + number {
            return Err(OdaFailure::SignatureDynamicData);
        }
        let mut sha = Sha1::new();
        sha.update(&plain[1..length - HASH_AND_TRAILER]);
        match self.signed {
            Some(signed) => sha.update(&signed.input),
            None => sha.update(self.transaction.unpredictable_number),
        }
        if version == 1 {
            sha.update(amount_bcd(self.transaction.amount));
            sha.update(code_bcd(self.currency));
            sha.update(self.object(tag::AUTHENTICATION_DATA)?);
        }
        let good = sha.finalize()[..] == plain[length - HASH_AND_TRAILER..length - 1];
        if good { Ok(()) } else { Err(OdaFailure::SignatureHash) }
    }
}
