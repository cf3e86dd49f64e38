//! SM2 with a public key: whether a signature over a message is good (GB/T 32918.2; the messages' digest is SM3).

use sm2::dsa::{Signature, VerifyingKey, signature::MultipartVerifier};

/// A point of the SM2 curve: X and Y, 32 bytes each.
pub const SM2_POINT: usize = 64;

/// A signature: r and s, 32 bytes each.
pub(crate) const SIGNATURE: usize = 64;

/// Who signs: the identifier that the standard names for signers without one of their own. It goes into the digest.
const SIGNER: &str = "1234567812345678";

/// A public key, checked to be a point of the curve.
pub(crate) struct Key(VerifyingKey);

impl Key {
    /// The key at X and Y. Nothing if they are no point of the curve.
    pub(crate) fn new(point: &[u8; SM2_POINT]) -> Option<Self> {
        let point = sm2::Sec1Point::from_untagged_bytes(point.into());
        VerifyingKey::from_sec1_bytes(SIGNER, point.as_bytes()).ok().map(Self)
    }

    /// Whether this key's owner signed the message, which is given in parts.
    pub(crate) fn signed(&self, message: &[&[u8]], signature: &[u8; SIGNATURE]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.0.multipart_verify(message, &signature).is_ok())
    }
}
