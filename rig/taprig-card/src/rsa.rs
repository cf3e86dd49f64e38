//! The private operation of RSA as a smart card performs it: whole blocks without padding (EMV Book 2, annex B2.1).

mod primes;

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use primes::Primes;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A key pair.
#[derive(Clone)]
pub(crate) struct PrivateKey {
    /// The modulus, big-endian. Its first byte is not zero.
    pub(crate) modulus: Vec<u8>,
    /// The public exponent, big-endian, as 9F32 and 9F47 carry it.
    pub(crate) exponent: Vec<u8>,
    private: BoxedUint,
    params: BoxedMontyParams,
    /// The primes. They are computed when they are first needed, because most keys of a run sign nothing. `None` means
    /// that the modulus is not a product of two primes that match the exponents.
    primes: Arc<OnceLock<Option<Primes>>>,
}

/// Why signing a block failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignError {
    /// The block is not as long as the modulus.
    #[error("the data to sign are {got} bytes, the modulus is {modulus}")]
    Length { got: usize, modulus: usize },
    /// The block is not below the modulus, so nobody could recover it.
    #[error("the data to sign are not below the modulus, so no reader could recover them: choose a smaller header")]
    Range,
    /// The private and the public exponent do not belong together.
    #[error("the private exponent does not belong to the public key")]
    Mismatch,
}

fn number(bytes: &[u8], bits: u32) -> Option<BoxedUint> {
    BoxedUint::from_be_slice(bytes, bits).ok()
}

impl PrivateKey {
    /// Returns `None` if modulus and exponents are not an RSA key.
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
            primes: Arc::default(),
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
        let exponent_bits = u32::try_from(self.exponent.len() * 8).map_err(|_| SignError::Mismatch)?;
        let exponent = number(&self.exponent, bits).ok_or(SignError::Mismatch)?;
        let primes = self.primes.get_or_init(|| Primes::find(&self.params, &exponent, &self.private));
        let signature = match primes {
            Some(primes) => BoxedMontyForm::new(primes.sign(&block, bits), &self.params),
            None => BoxedMontyForm::new(block.clone(), &self.params).pow(&self.private),
        };
        // This check costs little. It finds a key file with mixed-up numbers before a device is blamed.
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
    use crypto_bigint::{ConcatenatingMul as _, Resize as _};

    /// p = 2^61 - 1, q = 2^89 - 1, e = 65537: the primes differ in length.
    #[test]
    fn the_primes_give_what_the_exponent_gives() {
        let (p, q) = ((1_u128 << 61) - 1, (1_u128 << 89) - 1);
        let wide = |number: u128| number_of(&number.to_be_bytes());
        let modulus = wide(p).concatenating_mul(wide(q));
        let totient =
            Option::<crypto_bigint::NonZero<BoxedUint>>::from(wide(p - 1).concatenating_mul(wide(q - 1)).into_nz())
                .unwrap();
        let exponent = wide(65537).resize(256);
        let private = Option::<BoxedUint>::from(exponent.invert_mod(&totient)).unwrap();
        let bytes = |number: &BoxedUint| number.to_be_bytes()[13..].to_vec();
        let key = PrivateKey::new(&bytes(&modulus), &[1, 0, 1], &bytes(&private)).unwrap();
        let primes = Primes::find(&key.params, &number(&[1, 0, 1], 152).unwrap(), &key.private).expect("two primes");
        for seed in 1..20_u8 {
            let mut block = [seed; 19];
            block[0] = 0;
            let block = number(&block, 152).unwrap();
            let whole = BoxedMontyForm::new(block.clone(), &key.params).pow(&key.private).retrieve();
            assert_eq!(primes.sign(&block, key.params.bits_precision()), whole);
        }
        assert!(Primes::find(&key.params, &number(&[1, 0, 2], 152).unwrap(), &key.private).is_none());
    }

    fn number_of(bytes: &[u8]) -> BoxedUint {
        number(bytes, 128).unwrap()
    }

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
