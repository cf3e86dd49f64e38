//! What the kernel asks of the device around it.

use heapless::Vec;
use sha1::{Digest, Sha1};

pub use crate::sm2::SM2_POINT;
use crate::{Pan, Rid, Ride, UiRequest, sm2};

/// Longest modulus of a certification authority's key: 1984 bits.
pub const MAX_MODULUS: usize = 248;

/// Shortest modulus of any key here: 1024 bits.
pub const MIN_MODULUS: usize = 128;

/// Keys, lists and display of the device.
pub trait Environment {
    /// The certification authority's public key of that provider and index.
    fn ca_key(&self, rid: &Rid, index: u8) -> Option<CaKey>;

    /// Whether the device holds an SM2 key of that provider. Only then does the reader ask a card for SM2 (DF69 = 01).
    fn has_sm2_key(&self, rid: &Rid) -> bool;

    /// Whether the issuer certificate of that serial number, under that key of the provider, is revoked.
    fn revoked(&self, rid: &Rid, index: u8, serial: &[u8; 3]) -> bool;

    /// Whether the card is on the deny list (exception file). An entry without a sequence number means every card
    /// of the account. `psn` is the number from tag 5F34 (BCD as decimal); with `None` (the card has none) every
    /// entry of the account matches, whatever its number.
    fn denied(&self, pan: &Pan, psn: Option<u8>) -> bool;

    /// Whether this card has paid for a ride so short a time ago that it is not charged again (the device's re-tap
    /// time). `psn` is the number from tag 5F34: another card of the same account is another card.
    fn rode(&self, pan: &Pan, psn: Option<u8>) -> bool;

    /// What this card held, in fen, before a payment whose end was lost: its last READ RECORD was sent, and its ride was not
    /// recorded. Nothing when there is no such payment.
    fn torn(&self, pan: &Pan, psn: Option<u8>) -> Option<u64>;

    /// The next command lets the card pay for this ride; it holds `balance` fen now. The device remembers both until the ride is
    /// recorded, or until the same card pays for another one. False when it can't: then the card is not asked to pay.
    fn about_to_pay(&mut self, ride: &Ride, balance: u64) -> bool;
    /// Whether the transaction has the amount that this card has to pay, asked when its records are read and it is known who it
    /// is. If not, the transaction ends without a decision ([`Reason::FareDiffers`](crate::Reason::FareDiffers)), and the device
    /// begins another one with the right amount.
    fn fare_stands(&mut self, _ride: &Ride) -> bool {
        true
    }

    /// Whether the journal has room for one more ride. False also when it is nearly full, by the device's rule.
    fn journal_has_room(&self) -> bool;

    /// Something to be shown or sounded at once, in the middle of the transaction.
    fn ui(&mut self, request: &UiRequest);
}

/// A certification authority's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaKey {
    /// Provider.
    rid: Rid,
    /// Index, as in tag 8F.
    index: u8,
    /// The key itself.
    key: CaPublicKey,
}

/// The key itself. Its algorithm is that of the whole chain, down to the card's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaPublicKey {
    /// RSA.
    Rsa(CaRsaKey),
    /// SM2: X and Y, most significant byte first.
    Sm2([u8; SM2_POINT]),
}

/// An RSA key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaRsaKey {
    /// Modulus, most significant byte first, no leading zero.
    pub modulus: Vec<u8, MAX_MODULUS>,
    /// Public exponent.
    pub exponent: u32,
}

/// Why a key was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// The modulus is not 128 to 248 bytes, begins with a zero byte, or is even.
    Modulus,
    /// The exponent is not 1 to 4 bytes, or not an odd number above 1.
    Exponent,
    /// The SHA-1 check sum is another one.
    CheckSum,
    /// X and Y are no point of the SM2 curve.
    Point,
}

impl CaKey {
    /// Checks an RSA key: 1024 to 1984 bits, odd exponent. With `check_sum`, compares it to SHA-1 over RID, index,
    /// modulus and exponent (EMV Book 2, 11.2.2).
    ///
    /// # Errors
    /// [`KeyError`] names the part that is wrong.
    pub fn new(
        rid: Rid,
        index: u8,
        modulus: &[u8],
        exponent: &[u8],
        check_sum: Option<&[u8; 20]>,
    ) -> Result<Self, KeyError> {
        let key = CaRsaKey {
            modulus: Vec::from_slice(modulus).map_err(|_| KeyError::Modulus)?,
            exponent: parse_exponent(exponent).ok_or(KeyError::Exponent)?,
        };
        let even = modulus.last().is_none_or(|byte| byte & 1 == 0);
        if modulus.len() < MIN_MODULUS || modulus.first() == Some(&0) || even {
            return Err(KeyError::Modulus);
        }
        if check_sum.is_some_and(|sum| *sum != key.check_sum(&rid, index)) {
            return Err(KeyError::CheckSum);
        }
        Ok(Self { rid, index, key: CaPublicKey::Rsa(key) })
    }

    /// Checks an SM2 key. The curve's equation is its check sum: what is mistyped is no point of the curve.
    ///
    /// # Errors
    /// [`KeyError::Point`].
    pub fn sm2(rid: Rid, index: u8, point: &[u8; SM2_POINT]) -> Result<Self, KeyError> {
        sm2::Key::new(point).ok_or(KeyError::Point)?;
        Ok(Self { rid, index, key: CaPublicKey::Sm2(*point) })
    }

    /// Provider.
    #[must_use]
    pub fn rid(&self) -> &Rid {
        &self.rid
    }

    /// Index, as in tag 8F.
    #[must_use]
    pub fn index(&self) -> u8 {
        self.index
    }

    /// The key itself.
    #[must_use]
    pub const fn key(&self) -> &CaPublicKey {
        &self.key
    }

    /// The key itself, without provider and index.
    #[must_use]
    pub fn into_key(self) -> CaPublicKey {
        self.key
    }
}

impl CaRsaKey {
    /// SHA-1 over RID, index, modulus and the exponent without leading zeros.
    fn check_sum(&self, rid: &Rid, index: u8) -> [u8; 20] {
        let exponent = self.exponent.to_be_bytes();
        let start = exponent.iter().position(|byte| *byte != 0).unwrap_or(0);
        let sha = Sha1::new().chain_update(rid).chain_update([index]);
        sha.chain_update(&self.modulus).chain_update(&exponent[start..]).finalize().into()
    }
}

/// An RSA public exponent of 1 to 4 bytes: odd and above 1.
pub(crate) fn parse_exponent(bytes: &[u8]) -> Option<u32> {
    if bytes.is_empty() || bytes.len() > 4 {
        return None;
    }
    let exponent = bytes.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte));
    (exponent > 1 && exponent & 1 == 1).then_some(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aid::UNIONPAY;

    #[test]
    fn the_check_sum_is_over_rid_index_modulus_exponent() {
        let mut bytes = UNIONPAY.to_vec();
        bytes.push(9);
        bytes.extend([0xC1; 176]);
        bytes.push(3);
        let sum: [u8; 20] = Sha1::digest(&bytes).into();
        assert!(CaKey::new(UNIONPAY, 9, &[0xC1; 176], &[3], Some(&sum)).is_ok());
        assert_eq!(CaKey::new(UNIONPAY, 8, &[0xC1; 176], &[3], Some(&sum)), Err(KeyError::CheckSum));
    }

    #[test]
    fn sizes_and_exponents_have_bounds() {
        let key = |modulus: &[u8], exponent: &[u8]| CaKey::new(UNIONPAY, 1, modulus, exponent, None).map(|_| ());
        assert_eq!(key(&[0xC1; 128], &[3]), Ok(()));
        assert_eq!(key(&[0xC1; 248], &[1, 0, 1]), Ok(()));
        assert_eq!(key(&[0xC1; 127], &[3]), Err(KeyError::Modulus));
        assert_eq!(key(&[0xC1; 249], &[3]), Err(KeyError::Modulus));
        assert_eq!(key(&[0xC0; 128], &[3]), Err(KeyError::Modulus));
        assert_eq!(key(&[0xC1; 128], &[1]), Err(KeyError::Exponent));
        assert_eq!(key(&[0xC1; 128], &[4]), Err(KeyError::Exponent));
        assert_eq!(key(&[0xC1; 128], &[]), Err(KeyError::Exponent));
    }

    #[test]
    fn an_sm2_key_is_a_point_of_the_curve() {
        let point = crate::tests::keys::TEST_AUTHORITY_57;
        let key = CaKey::sm2(UNIONPAY, 0x57, &point).unwrap();
        assert_eq!((key.rid(), key.index(), key.key()), (&UNIONPAY, 0x57, &CaPublicKey::Sm2(point)));
        for at in [0, 31, 32, 63] {
            let mut wrong = point;
            wrong[at] ^= 1;
            assert_eq!(CaKey::sm2(UNIONPAY, 0x57, &wrong), Err(KeyError::Point), "{at}");
        }
        assert_eq!(CaKey::sm2(UNIONPAY, 0x57, &[0; 64]), Err(KeyError::Point));
        assert_eq!(CaKey::sm2(UNIONPAY, 0x57, &[0xFF; 64]), Err(KeyError::Point));
    }
}
