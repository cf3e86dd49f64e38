//! The private operation of RSA, as a smart card does it: no padding, whole blocks (EMV Book 2, annex B2.1).

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use std::fmt;

/// A key pair.
#[derive(Clone)]
pub(crate) struct PrivateKey {
    /// Big-endian, first byte not zero.
    pub(crate) modulus: Vec<u8>,
    /// Big-endian, as 9F32 and 9F47 carry it.
    pub(crate) exponent: Vec<u8>,
    private: BoxedUint,
    params: BoxedMontyParams,
}

/// Why a block was not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignError {
    /// Not as long as the modulus.
    #[error("the data to sign are {got} bytes, the modulus is {modulus}")]
    Length { got: usize, modulus: usize },
    /// Not below the modulus, so that nobody could recover it.
    #[error("the data to sign are not below the modulus, so no reader could recover them: choose a smaller header")]
    Range,
    /// Private and public exponent do not belong together.
    #[error("the private exponent does not belong to the public key")]
    Mismatch,
}

fn number(bytes: &[u8], bits: u32) -> Option<BoxedUint> {
    BoxedUint::from_be_slice(bytes, bits).ok()
}

impl PrivateKey {
    /// `None` when modulus or exponents are no RSA key.
    pub(crate) fn new(modulus: &[u8], exponent: &[u8], private: &[u8]) -> Option<Self> {
        let bits = u32::try_from(modulus.len()).ok()?.checked_mul(8)?;
        if modulus.first().is_none_or(|byte| *byte == 0) || exponent.is_empty() || private.len() > modulus.len() {
            return None;
        }
        let n = Option::<Odd<BoxedUint>>::from(Odd::new(number(modulus, bits)?))?;
        Some(Self {
            modulus: modulus.to_vec(),
            exponent: exponent.to_vec(),
            private: number(private, bits)?,
            params: BoxedMontyParams::new_vartime(n),
        })
    }

    /// The block raised to the private exponent.
    pub(crate) fn sign(&self, block: &[u8]) -> Result<Vec<u8>, SignError> {
        if block.len() != self.modulus.len() {
            return Err(SignError::Length { got: block.len(), modulus: self.modulus.len() });
        }
        if block >= self.modulus.as_slice() {
            return Err(SignError::Range);
        }
        let bits = self.params.bits_precision();
        let block = number(block, bits).ok_or(SignError::Mismatch)?;
        let signature = BoxedMontyForm::new(block.clone(), &self.params).pow(&self.private);
        let exponent_bits = u32::try_from(self.exponent.len() * 8).map_err(|_| SignError::Mismatch)?;
        let exponent = number(&self.exponent, bits).ok_or(SignError::Mismatch)?;
        // Costs little and finds a key file with mixed-up numbers before a device is blamed.
        if signature.pow_bounded_exp(&exponent, exponent_bits).retrieve() != block {
            return Err(SignError::Mismatch);
        }
        let bytes = signature.retrieve().to_be_bytes();
        Ok(bytes[bytes.len() - self.modulus.len()..].to_vec())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({} bits)", self.modulus.len() * 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_key_signs_as_arithmetic_says() {
        // p = 251, q = 239, n = 59989, phi = 59500, e = 3, d = 39667.
        let key = PrivateKey::new(&[0xEA, 0x55], &[3], &[0x9A, 0xF3]).unwrap();
        let signature = key.sign(&[0x12, 0x34]).unwrap();
        let s = u64::from(u16::from_be_bytes([signature[0], signature[1]]));
        assert_eq!(s * s % 59989 * s % 59989, 0x1234);
        assert_eq!(key.sign(&[0xEA, 0x55]), Err(SignError::Range));
        assert_eq!(key.sign(&[1]), Err(SignError::Length { got: 1, modulus: 2 }));
        let mixed_up = PrivateKey::new(&[0xEA, 0x55], &[3], &[0x9A, 0xF1]).unwrap();
        assert_eq!(mixed_up.sign(&[0x12, 0x34]), Err(SignError::Mismatch));
        assert!(PrivateKey::new(&[0xEA, 0x54], &[3], &[1]).is_none(), "even");
    }
}
