//! The private operation of SM2 (GB/T 32918.2), with SM3 as its digest.

use sm2::SecretKey;
use sm2::dsa::SigningKey;
use sm2::dsa::signature::Signer as _;
use sm2::elliptic_curve::sec1::ToSec1Point as _;
use std::fmt;

/// The identifier of a signer, as the standard names it for signers without one of their own.
const SIGNER: &str = "1234567812345678";

/// A signature has 64 bytes: r and s.
pub(crate) const SIGNATURE: usize = 64;

/// A key pair.
#[derive(Clone)]
pub(crate) struct Sm2Key {
    signing: SigningKey,
    point: [u8; 64],
}

impl Sm2Key {
    /// Returns `None` if these are no key pair: the public point must be that of the private key.
    pub(crate) fn new(x: &[u8], y: &[u8], private: &[u8]) -> Option<Self> {
        let secret = SecretKey::from_slice(private).ok()?;
        let point: [u8; 64] = secret.public_key().to_sec1_point(false).as_bytes().get(1..)?.try_into().ok()?;
        let signing = SigningKey::new(SIGNER, &secret).ok()?;
        ([x, y].concat() == point).then_some(Self { signing, point })
    }

    /// The public point: X and Y.
    pub(crate) fn point(&self) -> &[u8; 64] {
        &self.point
    }

    /// The signature over a message. The same message always gives the same signature (RFC 6979), so that a tap can be
    /// repeated byte for byte.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<[u8; SIGNATURE]> {
        Some(self.signing.try_sign(message).ok()?.to_bytes().into())
    }
}

/// Whether this is a point of the curve.
pub(crate) fn is_point(x: &[u8], y: &[u8]) -> bool {
    let whole = [&[0x04], x, y].concat();
    x.len() == 32 && sm2::PublicKey::from_sec1_bytes(&whole).is_ok()
}

impl fmt::Debug for Sm2Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sm2Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// d, and its point by OpenSSL 3.0.
    const PAIR: [&str; 3] = [
        "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8",
        "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020",
        "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13",
    ];

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn a_pair_belongs_together() {
        let [private, x, y] = PAIR.map(hex);
        let key = Sm2Key::new(&x, &y, &private).unwrap();
        assert_eq!(key.point().to_vec(), [x.clone(), y.clone()].concat());
        assert!(is_point(&x, &y));
        let mut other = y.clone();
        other[31] ^= 1;
        assert!(!is_point(&x, &other));
        assert!(Sm2Key::new(&x, &other, &private).is_none());
        assert!(Sm2Key::new(&y, &x, &private).is_none());
        assert!(Sm2Key::new(&x, &y, &[0; 32]).is_none(), "no private key");
        assert!(Sm2Key::new(&x, &y, &private[1..]).is_none());
    }

    #[test]
    fn a_signature_is_the_same_each_time_and_another_for_another_message() {
        let [private, x, y] = PAIR.map(hex);
        let key = Sm2Key::new(&x, &y, &private).unwrap();
        assert_eq!(key.sign(b"one"), key.sign(b"one"));
        assert_ne!(key.sign(b"one"), key.sign(b"two"));
    }
}
