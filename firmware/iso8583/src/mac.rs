//! Keys for DES, and the MAC of field 64.

use core::fmt;

use des::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use des::{Des, TdesEde2};
use zeroize::Zeroize;

/// A key of 8 bytes for single DES, or of 16 bytes for triple DES. Its bytes are overwritten when it is dropped, and
/// `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    bytes: [u8; 16],
    double: bool,
}

impl Key {
    /// A key of 8 or 16 bytes; `None` if it has another length. The parity bits may have any value.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut key = Self { bytes: [0; 16], double: bytes.len() == 16 };
        key.bytes.get_mut(..bytes.len()).filter(|_| matches!(bytes.len(), 8 | 16))?.copy_from_slice(bytes);
        Some(key)
    }

    /// The bytes of the key, 8 or 16.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        if self.double { &self.bytes } else { &self.bytes[..8] }
    }

    /// One block, encrypted.
    #[must_use]
    pub fn encrypt(&self, mut block: [u8; 8]) -> [u8; 8] {
        if self.double {
            TdesEde2::new(&self.bytes.into()).encrypt_block((&mut block).into());
        } else {
            Des::new(&self.single().into()).encrypt_block((&mut block).into());
        }
        block
    }

    /// One block, decrypted.
    #[must_use]
    pub fn decrypt(&self, mut block: [u8; 8]) -> [u8; 8] {
        if self.double {
            TdesEde2::new(&self.bytes.into()).decrypt_block((&mut block).into());
        } else {
            Des::new(&self.single().into()).decrypt_block((&mut block).into());
        }
        block
    }

    /// The check value: the first 4 bytes of 8 zero bytes, encrypted.
    #[must_use]
    pub fn check_value(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.encrypt([0; 8]);
        [a, b, c, d]
    }

    fn single(&self) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = self.bytes;
        [a, b, c, d, e, f, g, h]
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bytes)", self.bytes().len())
    }
}

/// The key for MACs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacKey(pub Key);

impl MacKey {
    /// A key of 8 or 16 bytes; `None` if it has another length.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        Key::new(bytes).map(Self)
    }
}

/// The MAC over the parts, one after the other, as the 8 characters of field 64.
///
/// The parts are what field 64 covers: from the message type to the last field before field 64.
#[must_use]
pub fn mac(key: &MacKey, parts: &[&[u8]]) -> [u8; 8] {
    let mut combined = [0; 8];
    for (at, byte) in parts.iter().copied().flatten().enumerate() {
        combined[at % 8] ^= byte;
    }
    let [mut left, right] = hexadecimal(combined);
    left = key.0.encrypt(left);
    for (byte, other) in left.iter_mut().zip(right) {
        *byte ^= other;
    }
    let [characters, _] = hexadecimal(key.0.encrypt(left));
    characters
}

/// 8 bytes as 16 upper-case hexadecimal characters, in two halves.
fn hexadecimal(bytes: [u8; 8]) -> [[u8; 8]; 2] {
    let mut halves = [[0; 8]; 2];
    for (at, byte) in bytes.iter().enumerate() {
        for (offset, nibble) in [byte >> 4, byte & 0x0F].into_iter().enumerate() {
            halves[at / 4][at % 4 * 2 + offset] = if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 };
        }
    }
    halves
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;
    use crate::tests::{COVERED, hex};

    #[test]
    fn the_examples_of_the_document() {
        for (key, wanted) in [
            ("3333333333333333", b"FA77EEAB"),
            ("0123456789ABCDEF", b"7575A1CA"),
            ("0123456789ABCDEFFEDCBA9876543210", b"9C4EFF9B"),
        ] {
            let (key, bytes) = (MacKey::new(&hex(key)).unwrap(), hex(COVERED));
            assert_eq!(&mac(&key, &[&bytes]), wanted);
            // However the bytes are cut.
            for at in 0..bytes.len() {
                let (left, right) = bytes.split_at(at);
                assert_eq!(&mac(&key, &[left, &[], right]), wanted);
            }
            // Zeros to a multiple of 8 change nothing, as they are added anyway.
            assert_eq!(bytes.len() % 8, 7);
            assert_eq!(&mac(&key, &[&bytes, &[0]]), wanted);
            assert_ne!(&mac(&key, &[&[0], &bytes]), wanted);
        }
        let combined = hex("E55DC772288223D5");
        assert_eq!(&mac(&MacKey::new(&[0x33; 8]).unwrap(), &[&combined]), b"FA77EEAB");
    }

    #[test]
    fn a_published_example() {
        // CSDN article 94665452: the combined blocks, and the MAC under a key of 16 bytes.
        let key = MacKey::new(&hex("55036372B17543ECB173730768B8D6C4")).unwrap();
        assert_eq!(&mac(&key, &[&hex("1212B04E1227809C")]), b"5FE058DB");
    }

    #[test]
    fn keys_have_8_or_16_bytes_and_hide_them() {
        for len in 0..40 {
            assert_eq!(Key::new(&[0x33; 40][..len]).is_some(), len == 8 || len == 16, "{len} bytes");
        }
        let key = MacKey::new(&[0x33; 8]).unwrap();
        assert_eq!(key.0.bytes(), [0x33; 8]);
        assert_eq!(format!("{key:?}"), "MacKey(Key(8 bytes))");
        for key in
            [Key::new(&[1, 2, 3, 4, 5, 6, 7, 8]).unwrap(), Key::new(&hex("0123456789ABCDEFFEDCBA9876543210")).unwrap()]
        {
            assert_eq!(key.decrypt(key.encrypt(*b"12345678")), *b"12345678");
        }
        // A key of two equal halves is single DES, but it is not the same key.
        assert_eq!(Key::new(&[0x33; 16]).unwrap().check_value(), Key::new(&[0x33; 8]).unwrap().check_value());
        assert_ne!(Key::new(&[0; 16]), Key::new(&[0; 8]));
    }
}
