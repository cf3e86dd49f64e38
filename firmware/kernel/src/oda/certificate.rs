//! RSA: the certificates of issuer and card, with their keys inside (EMV Book 2, 6.3 and 6.4).

use heapless::Vec;
use sha1::{Digest, Sha1};

use super::{HASH_AND_TRAILER, OdaFailure, Proof, PublicKey, rsa};
use crate::{
    Date, Pan,
    environment::{CaRsaKey, MIN_MODULUS, parse_exponent},
    tag,
};

pub(super) const HEADER: u8 = 0x6A;
pub(super) const TRAILER: u8 = 0xBC;
/// Hash algorithm indicator.
pub(super) const SHA_1: u8 = 0x01;
/// Public key algorithm indicator.
const RSA: u8 = 0x01;

/// Bytes before the modulus: header, format, identifier 4, date 2, serial 3, algorithms 2, lengths 2.
const ISSUER_HEAD: usize = 15;
/// The same with ten bytes of account number in the identifier's place.
const CARD_HEAD: usize = 21;

/// What a key is put together from: the recovered certificate and the objects beside it.
struct Parts<'a> {
    plain: &'a [u8],
    head: usize,
    remainder: &'a [u8],
    exponent: &'a [u8],
    /// Key of the certificate's signer, in bytes: the key inside is not longer.
    longest: usize,
}

impl Parts<'_> {
    /// The hash over all from the format byte on, the remainder, the exponent and what follows it.
    fn hash_is_good<'b>(&self, rest: impl Iterator<Item = &'b [u8]>) -> bool {
        let hash = self.plain.len() - HASH_AND_TRAILER;
        let mut sha = Sha1::new();
        sha.update(&self.plain[1..hash]);
        sha.update(self.remainder);
        sha.update(self.exponent);
        rest.for_each(|part| sha.update(part));
        sha.finalize()[..] == self.plain[hash..hash + 20]
    }

    /// The key: its length and its exponent's are the last two bytes before the modulus. Nothing when they
    /// contradict what there is, or the remainder is needed and missing.
    fn key(&self) -> Option<PublicKey> {
        let (length, exponent_length) =
            (usize::from(self.plain[self.head - 2]), usize::from(self.plain[self.head - 1]));
        let inside = &self.plain[self.head..self.plain.len() - HASH_AND_TRAILER];
        if !(MIN_MODULUS..=self.longest).contains(&length) || exponent_length != self.exponent.len() {
            return None;
        }
        let mut modulus = Vec::from_slice(&inside[..length.min(inside.len())]).ok()?;
        if length > inside.len() {
            if self.remainder.len() != length - inside.len() {
                return None;
            }
            modulus.extend_from_slice(self.remainder).ok()?;
        }
        let exponent = parse_exponent(self.exponent)?;
        Some(PublicKey { modulus, exponent })
    }
}

/// Good to the end of that month and year; what is no date has expired.
pub(super) fn expired(month: u8, year: u8, today: Date) -> bool {
    Date::end_of_month(year, month).is_none_or(|end| end < today)
}

/// Whether the identifier, 3 to 8 digits with F after them, is the beginning of an account number.
pub(super) fn identifies(identifier: &[u8], pan: &Pan) -> bool {
    Pan::from_compressed(identifier).is_some_and(|digits| {
        let digits = digits.as_str();
        digits.len() >= 3 && pan.as_str().starts_with(digits)
    })
}

impl Proof<'_> {
    /// The issuer's key, out of certificate 90: `6A 02 IIN4 MMYY SN3 01 01 len explen modulus hash20 BC`.
    pub(super) fn issuer_key(
        &self,
        authority: &CaRsaKey,
        revoked: impl Fn(&[u8; 3]) -> bool,
    ) -> Result<PublicKey, OdaFailure> {
        let certificate = self.object(tag::ISSUER_CERTIFICATE)?;
        if certificate.len() != authority.modulus.len() {
            return Err(OdaFailure::IssuerLength);
        }
        // What is not below the modulus recovers to nothing, so not to the trailer either.
        let plain = rsa::recover(&authority.modulus, authority.exponent, certificate);
        let plain = plain.ok_or(OdaFailure::IssuerTrailer)?;
        let parts = Parts {
            plain: &plain,
            head: ISSUER_HEAD,
            remainder: self.data.get(tag::ISSUER_REMAINDER).unwrap_or_default(),
            exponent: self.object(tag::ISSUER_EXPONENT)?,
            longest: plain.len(),
        };
        if plain[plain.len() - 1] != TRAILER {
            return Err(OdaFailure::IssuerTrailer);
        }
        if plain[0] != HEADER {
            return Err(OdaFailure::IssuerHeader);
        }
        if plain[1] != 0x02 {
            return Err(OdaFailure::IssuerFormat);
        }
        if plain[11] != SHA_1 {
            return Err(OdaFailure::IssuerHashAlgorithm);
        }
        if !parts.hash_is_good(core::iter::empty()) {
            return Err(OdaFailure::IssuerHash);
        }
        if !self.pans.iter().all(|pan| identifies(&plain[2..6], pan)) {
            return Err(OdaFailure::IssuerIdentifier);
        }
        if expired(plain[6], plain[7], self.today()) {
            return Err(OdaFailure::IssuerExpired);
        }
        if revoked(&[plain[8], plain[9], plain[10]]) {
            return Err(OdaFailure::IssuerRevoked);
        }
        if plain[12] != RSA {
            return Err(OdaFailure::IssuerKeyAlgorithm);
        }
        parts.key().ok_or(OdaFailure::IssuerKey)
    }

    /// The card's key, out of certificate 9F46: `6A 04 PAN10 MMYY SN3 01 01 len explen modulus hash20 BC`. The hash also
    /// covers the static data and, where 9F4A names it, the interchange profile.
    pub(super) fn card_key(&self, issuer: &PublicKey) -> Result<PublicKey, OdaFailure> {
        let certificate = self.object(tag::CARD_CERTIFICATE)?;
        if certificate.len() != issuer.modulus.len() {
            return Err(OdaFailure::CardLength);
        }
        let plain = rsa::recover(&issuer.modulus, issuer.exponent, certificate).ok_or(OdaFailure::CardTrailer)?;
        let parts = Parts {
            plain: &plain,
            head: CARD_HEAD,
            remainder: self.data.get(tag::CARD_REMAINDER).unwrap_or_default(),
            exponent: self.object(tag::CARD_EXPONENT)?,
            longest: plain.len(),
        };
        if plain[plain.len() - 1] != TRAILER {
            return Err(OdaFailure::CardTrailer);
        }
        if plain[0] != HEADER {
            return Err(OdaFailure::CardHeader);
        }
        if plain[1] != 0x04 {
            return Err(OdaFailure::CardFormat);
        }
        if plain[17] != SHA_1 {
            return Err(OdaFailure::CardHashAlgorithm);
        }
        let profile = self.data.get(tag::SDA_TAG_LIST).map(|_| &self.aip[..]);
        if !parts.hash_is_good(self.data.signed_parts().chain(profile)) {
            return Err(OdaFailure::CardHash);
        }
        if !self.pans.iter().all(|pan| plain[2..12] == pan.compressed()) {
            return Err(OdaFailure::CardPan);
        }
        if expired(plain[12], plain[13], self.today()) {
            return Err(OdaFailure::CardExpired);
        }
        if plain[18] != RSA {
            return Err(OdaFailure::CardKeyAlgorithm);
        }
        parts.key().ok_or(OdaFailure::CardKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_three_to_eight_digits() {
        let pan = Pan::from_digits("6226001234567890").unwrap();
        for good in [[0x62, 0x26, 0x00, 0x12], [0x62, 0x2F, 0xFF, 0xFF], [0x62, 0x26, 0x00, 0xFF]] {
            assert!(identifies(&good, &pan), "{good:x?}");
        }
        for bad in [[0x62, 0xFF, 0xFF, 0xFF], [0x62, 0x27, 0xFF, 0xFF], [0xFF; 4], [0x62, 0xF6, 0xFF, 0xFF]] {
            assert!(!identifies(&bad, &pan), "{bad:x?}");
        }
    }
}
