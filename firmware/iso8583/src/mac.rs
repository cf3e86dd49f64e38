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
