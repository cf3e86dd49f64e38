//! SM2: the certificates of issuer and card, and the card's signature (JR/T 0025.17).
//!
//! Nothing is recovered from a signature here: each object begins with the plain message, and r and s follow.
//! We know the layouts from one public description, and from a published issuer certificate that verifies.

use heapless::Vec;

use super::{
    OdaFailure, Proof,
    certificate::{expired, identifies},
};
use crate::{
    Environment,
    data::SIGNED,
    environment::SM2_POINT,
    gpo::{amount_bcd, code_bcd},
    sm2::{Key, SIGNATURE},
    tag,
};

/// Public key algorithm: SM2 with SM3.
const SM2_WITH_SM3: u8 = 0x04;
/// The 256-bit curve that the standard recommends.
const CURVE: u8 = 0x11;

/// Bytes before the key: format, identifier 4, date 2, serial 3, algorithms 2, curve, length.
const ISSUER_HEAD: usize = 14;
/// The same with ten bytes of account number in the identifier's place.
const CARD_HEAD: usize = 20;

/// The parts of the longest message: a certificate, the signed records, the interchange profile.
type Message<'a> = Vec<&'a [u8], { SIGNED + 2 }>;

/// An object divided into message and signature. Nothing if it is not as long as that.
fn divide(object: &[u8], message: usize) -> Option<(&[u8], &[u8; SIGNATURE])> {
    object.split_last_chunk::<SIGNATURE>().filter(|(before, _)| before.len() == message)
}

/// The key in the message of a certificate, if it is one of the curve. The four bytes before it tell its algorithm, an
/// algorithm for enciphering, which no card uses, curve and length.
fn key(message: &[u8]) -> Option<Key> {
    let (head, point) = message.split_last_chunk::<SM2_POINT>()?;
    match head {
        [.., CURVE, length] if usize::from(*length) == SM2_POINT => Key::new(point),
        _ => None,
    }
}

impl Proof<'_> {
    /// Checks the whole chain under the authority's key.
    pub(super) fn verify_sm2<E: Environment>(
        &self,
        authority: &[u8; SM2_POINT],
        index: u8,
        environment: &E,
    ) -> Result<(), OdaFailure> {
        let authority = Key::new(authority).ok_or(OdaFailure::CaKey)?;
        let revoked = |serial: &[u8; 3]| environment.revoked(&self.rid, index, serial);
        let issuer = self.sm2_issuer_key(&authority, revoked)?;
        let card = self.sm2_card_key(&issuer)?;
        self.sm2_signature(&card)
    }

    /// The issuer's key, out of certificate 90: `12 IIN4 MMYY SN3 04 00 11 40 X32 Y32`, signature.
    fn sm2_issuer_key(&self, authority: &Key, revoked: impl Fn(&[u8; 3]) -> bool) -> Result<Key, OdaFailure> {
        let certificate = self.object(tag::ISSUER_CERTIFICATE)?;
        let (message, signature) = divide(certificate, ISSUER_HEAD + SM2_POINT).ok_or(OdaFailure::IssuerLength)?;
        if message[0] != 0x12 {
            return Err(OdaFailure::IssuerFormat);
        }
        if !authority.signed(&[message], signature) {
            return Err(OdaFailure::IssuerSignature);
        }
        if !self.pans.iter().all(|pan| identifies(&message[1..5], pan)) {
            return Err(OdaFailure::IssuerIdentifier);
        }
        if expired(message[5], message[6], self.today()) {
            return Err(OdaFailure::IssuerExpired);
        }
        if revoked(&[message[7], message[8], message[9]]) {
            return Err(OdaFailure::IssuerRevoked);
        }
        if message[10] != SM2_WITH_SM3 {
            return Err(OdaFailure::IssuerKeyAlgorithm);
        }
        key(message).ok_or(OdaFailure::IssuerKey)
    }

    /// The card's key, out of certificate 9F46: `14 PAN10 MMYY SN3 04 00 11 40 X32 Y32`, signature. The signature also
    /// covers the static data and, where 9F4A names it, the interchange profile.
    fn sm2_card_key(&self, issuer: &Key) -> Result<Key, OdaFailure> {
        let certificate = self.object(tag::CARD_CERTIFICATE)?;
        let (message, signature) = divide(certificate, CARD_HEAD + SM2_POINT).ok_or(OdaFailure::CardLength)?;
        if message[0] != 0x14 {
            return Err(OdaFailure::CardFormat);
        }
        let profile = self.data.get(tag::SDA_TAG_LIST).map(|_| &self.aip[..]);
        let parts: Message<'_> = core::iter::once(message).chain(self.data.signed_parts()).chain(profile).collect();
        if !issuer.signed(&parts, signature) {
            return Err(OdaFailure::CardSignature);
        }
        if !self.pans.iter().all(|pan| message[1..11] == pan.compressed()) {
            return Err(OdaFailure::CardPan);
        }
        if expired(message[11], message[12], self.today()) {
            return Err(OdaFailure::CardExpired);
        }
        if message[16] != SM2_WITH_SM3 {
            return Err(OdaFailure::CardKeyAlgorithm);
        }
        key(message).ok_or(OdaFailure::CardKey)
    }

    /// Checks the dynamic signature 9F4B: `15 Ldd, dynamic data`, signature. It also covers the unpredictable number and,
    /// for version 01, amount, currency and 9F69.
    fn sm2_signature(&self, card: &Key) -> Result<(), OdaFailure> {
        let version = self.version()?;
        let sdad = self.object(tag::SDAD)?;
        let (message, signature) = sdad.split_last_chunk::<SIGNATURE>().ok_or(OdaFailure::SignatureLength)?;
        let &[format, dynamic, ref data @ ..] = message else { return Err(OdaFailure::SignatureLength) };
        if format != 0x15 {
            return Err(OdaFailure::SignatureFormat);
        }
        if data.len() != usize::from(dynamic) {
            return Err(OdaFailure::SignatureLength);
        }
        // Dynamic data: the length of the card's dynamic number, 2 to 8, then the number, then what the card likes.
        match data {
            [number @ 2..=8, rest @ ..] if rest.len() >= usize::from(*number) => {}
            _ => return Err(OdaFailure::SignatureDynamicData),
        }
        let unpredictable = &self.transaction.unpredictable_number;
        let good = match version {
            1 => {
                let (amount, currency) = (amount_bcd(self.transaction.amount), code_bcd(self.currency));
                let related = self.object(tag::AUTHENTICATION_DATA)?;
                card.signed(&[message, unpredictable, &amount, &currency, related], signature)
            }
            _ => card.signed(&[message, unpredictable], signature),
        };
        if good { Ok(()) } else { Err(OdaFailure::SignatureWrong) }
    }
}
