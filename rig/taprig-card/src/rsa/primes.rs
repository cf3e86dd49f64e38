//! The private operation with the primes of the modulus. It takes a quarter of the time: two exponentiations of half
//! the length are combined by the Chinese remainder theorem.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, ConcatenatingMul as _, Gcd as _, NonZero, Resize as _};

/// Number of bases to try, from 2 on. Each base finds the primes with a probability of at least one half.
const BASES: u64 = 64;

/// Both primes of a key.
pub(super) struct Primes {
    p: Half,
    q: Half,
    /// The inverse of q modulo p.
    inverse: BoxedUint,
}

struct Half {
    prime: NonZero<BoxedUint>,
    params: BoxedMontyParams,
    /// The private exponent modulo the prime minus one.
    private: BoxedUint,
}

impl Primes {
    /// Finds the primes of the modulus of `params` from its two exponents. The product of the exponents minus one is a
    /// multiple of the order of every base. Halving it repeatedly therefore leads to square roots of one. A root that
    /// is neither one nor minus one has a prime in common with the modulus.
    pub(super) fn find(params: &BoxedMontyParams, exponent: &BoxedUint, private: &BoxedUint) -> Option<Self> {
        let modulus = params.modulus().as_ref();
        let bits = params.bits_precision();
        let product = exponent.concatenating_mul(private);
        let multiple = product.wrapping_sub(BoxedUint::one_with_precision(product.bits_precision()));
        if bool::from(multiple.is_zero()) {
            return None;
        }
        let halvings = multiple.trailing_zeros_vartime();
        let odd = multiple.shr_vartime(halvings)?;
        let one = BoxedMontyForm::one(params);
        let minus_one = one.neg();
        (2..2 + BASES).find_map(|base| {
            let mut root = BoxedMontyForm::new(BoxedUint::from(base).resize(bits), params).pow(&odd);
            for _ in 0..halvings {
                let square = root.square();
                if square == one && root != one && root != minus_one {
                    let p = root.retrieve().wrapping_sub(BoxedUint::one_with_precision(bits)).gcd(modulus);
                    return Self::of(&p, modulus, private);
                }
                root = square;
            }
            None
        })
    }

    fn of(p: &BoxedUint, modulus: &BoxedUint, private: &BoxedUint) -> Option<Self> {
        let (q, rest) = modulus.div_rem_vartime(&nonzero(p.clone())?);
        if !bool::from(rest.is_zero()) {
            return None;
        }
        let (p, q) = (Half::new(p, private)?, Half::new(&q, private)?);
        let residue = q.prime.as_ref().rem_vartime(&p.prime);
        let inverse = Option::from(residue.invert_odd_mod(p.params.modulus()))?;
        Some(Self { p, q, inverse })
    }

    /// The block raised to the private exponent, as a number with the given number of bits.
    pub(super) fn sign(&self, block: &BoxedUint, bits: u32) -> BoxedUint {
        let (by_p, by_q) = (self.p.sign(block), self.q.sign(block));
        let p = self.p.prime.as_ref();
        let subtrahend = by_q.rem_vartime(&self.p.prime);
        let difference = if by_p >= subtrahend {
            by_p.wrapping_sub(&subtrahend)
        } else {
            by_p.wrapping_add(p).wrapping_sub(&subtrahend)
        };
        let factor = difference.concatenating_mul(&self.inverse).rem_vartime(&self.p.prime);
        let signed = factor.concatenating_mul(self.q.prime.as_ref()).wrapping_add(&by_q);
        signed.resize(bits)
    }
}

impl Half {
    fn new(prime: &BoxedUint, private: &BoxedUint) -> Option<Self> {
        let prime = prime.resize(prime.bit_width_vartime().max(1));
        let less = prime.wrapping_sub(BoxedUint::one_with_precision(prime.bits_precision()));
        let private = private.rem_vartime(&nonzero(less)?);
        let params = BoxedMontyParams::new_vartime(Option::from(prime.to_odd())?);
        Some(Self { prime: nonzero(prime)?, params, private })
    }

    fn sign(&self, block: &BoxedUint) -> BoxedUint {
        BoxedMontyForm::new(block.rem_vartime(&self.prime), &self.params).pow(&self.private).retrieve()
    }
}

fn nonzero(number: BoxedUint) -> Option<NonZero<BoxedUint>> {
    number.into_nz().into()
}
