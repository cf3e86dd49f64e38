//! RSA with a public key: `data ^ exponent mod modulus`, for moduli of 1024 to 1984 bits.

use crypto_bigint::{
    Limb, Odd, Uint,
    modular::{FixedMontyForm, FixedMontyParams},
};
use heapless::Vec;

use crate::environment::MAX_MODULUS;

/// Limbs of a number of that many bits.
const fn limbs(bits: u32) -> usize {
    bits.div_ceil(Limb::BITS) as usize
}

/// Recovers what was signed. Nothing when the data are not as long as the modulus, not below it, or the modulus is
/// even or too long.
///
/// Everything here is public, so that variable time is fine. The width is one of four, as every width is code of
/// its own: the sizes of cards' and issuers' keys in use, and the largest.
pub(super) fn recover(modulus: &[u8], exponent: u32, data: &[u8]) -> Option<Vec<u8, MAX_MODULUS>> {
    if data.len() != modulus.len() || data >= modulus || exponent == 0 {
        return None;
    }
    match modulus.len() {
        0..=128 => power::<{ limbs(1024) }>(modulus, exponent, data),
        129..=144 => power::<{ limbs(1152) }>(modulus, exponent, data),
        145..=176 => power::<{ limbs(1408) }>(modulus, exponent, data),
        177..=MAX_MODULUS => power::<{ limbs(1984) }>(modulus, exponent, data),
        _ => None,
    }
}

/// A number from big-endian bytes, which must not be longer than it.
fn number<const LIMBS: usize>(bytes: &[u8]) -> Uint<LIMBS> {
    let mut limbs = [Limb::ZERO; LIMBS];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.rchunks(Limb::BYTES)) {
        *limb = Limb(chunk.iter().fold(0, |word, byte| (word << 8) | crypto_bigint::Word::from(*byte)));
    }
    Uint::new(limbs)
}

#[inline(never)]
fn power<const LIMBS: usize>(modulus: &[u8], exponent: u32, data: &[u8]) -> Option<Vec<u8, MAX_MODULUS>> {
    let odd = Odd::new(number::<LIMBS>(modulus)).into_option()?;
    let parameters = FixedMontyParams::new_vartime(odd);
    let base = FixedMontyForm::new(&number::<LIMBS>(data), &parameters);
    let mut result = base;
    // Square and multiply, from below the highest bit: two multiplications for 3, seventeen for 65537.
    for bit in (0..31 - exponent.leading_zeros()).rev() {
        result = result.square();
        if exponent >> bit & 1 == 1 {
            result = result.mul(&base);
        }
    }
    let result = result.retrieve();
    let mut bytes = Vec::new();
    bytes.resize(modulus.len(), 0).ok()?;
    for (chunk, limb) in bytes.rchunks_mut(Limb::BYTES).zip(result.as_limbs()) {
        let word = limb.0.to_be_bytes();
        let length = chunk.len();
        chunk.copy_from_slice(&word[word.len() - length..]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_powers_of_two() {
        // 2^8 cubed is 2^24, whatever the modulus above it.
        for length in [128, 129, 131, 144, 176, 200, 248] {
            let mut modulus = std::vec![0xFF; length];
            modulus[0] = 0x81;
            let mut data = std::vec![0; length];
            data[length - 2] = 1;
            let recovered = recover(&modulus, 3, &data).unwrap();
            let mut expected = std::vec![0; length];
            expected[length - 4] = 1;
            assert_eq!(recovered.as_slice(), expected);
        }
    }

    #[test]
    fn minus_one_to_an_odd_power_is_minus_one() {
        for (length, exponent) in [(128, 3), (144, 65537), (176, 65537), (247, 17), (248, 3), (248, u32::MAX)] {
            let mut modulus = std::vec![0xA7; length];
            modulus[length - 1] = 0x01;
            let mut data = modulus.clone();
            data[length - 1] = 0x00;
            assert_eq!(recover(&modulus, exponent, &data).unwrap().as_slice(), data);
        }
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let modulus = [0xFF; 128];
        assert!(recover(&modulus, 3, &modulus).is_none(), "not below the modulus");
        assert!(recover(&modulus, 3, &[1; 127]).is_none());
        assert!(recover(&[0xFE; 128], 3, &[1; 128]).is_none(), "even");
        assert!(recover(&[0xFF; 249], 3, &[1; 249]).is_none());
        assert!(recover(&[], 3, &[]).is_none());
    }
}
