//! The MAC of a message: all blocks of 8 bytes are combined by exclusive or, the result is written as 16 hexadecimal
//! characters, and these are encrypted.

use des::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use des::{Des, TdesEde2};

/// A key for MACs. Its length decides the algorithm.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum MacKey {
    /// 8 bytes: single DES.
    Single([u8; 8]),
    /// 16 bytes: triple DES with two keys.
    Double([u8; 16]),
}

impl std::fmt::Debug for MacKey {
    /// The length alone: a key does not belong into a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MacKey({} bytes)", self.bytes().len())
    }
}

impl MacKey {
    /// The key of these bytes. `None` unless there are 8 or 16.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let single = || bytes.try_into().ok().map(Self::Single);
        bytes.try_into().ok().map(Self::Double).or_else(single)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Single(key) => key,
            Self::Double(key) => key,
        }
    }

    /// One block, encrypted.
    #[must_use]
    pub fn encrypt(&self, block: [u8; 8]) -> [u8; 8] {
        let mut block = block.into();
        match self {
            Self::Single(key) => Des::new(key.into()).encrypt_block(&mut block),
            Self::Double(key) => TdesEde2::new(key.into()).encrypt_block(&mut block),
        }
        block.into()
    }
}

/// The MAC of `data`, which is the message from its type to the field before the MAC: 8 upper-case hexadecimal
/// characters. Zeros fill the last block; a whole block gets none.
#[must_use]
pub fn mac(key: &MacKey, data: &[u8]) -> [u8; 8] {
    let folded = hex(fold(data));
    let (left, right) = folded.split_at(8);
    let block = |half: &[u8]| half.try_into().unwrap_or_default();
    let first = key.encrypt(block(left));
    let second = key.encrypt(combine(first, block(right)));
    block(&hex(second)[..8])
}

/// All blocks of `data`, combined.
fn fold(data: &[u8]) -> [u8; 8] {
    data.chunks(8).fold([0; 8], |mut sum, chunk| {
        sum.iter_mut().zip(chunk).for_each(|(sum, byte)| *sum ^= byte);
        sum
    })
}

fn combine(one: [u8; 8], other: [u8; 8]) -> [u8; 8] {
    std::array::from_fn(|at| one[at] ^ other[at])
}

fn hex(block: [u8; 8]) -> [u8; 16] {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    std::array::from_fn(|at| DIGITS[usize::from(if at % 2 == 0 { block[at / 2] >> 4 } else { block[at / 2] & 15 })])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::message::tests::ride;
    use proptest::prelude::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    fn key(hex: &str) -> MacKey {
        MacKey::new(&bytes(hex)).unwrap()
    }

    /// The message before its MAC.
    fn data() -> Vec<u8> {
        let mut data = ride().encode_with_mac(|_| [0; 8]).unwrap();
        data.truncate(data.len() - 8);
        data
    }

    const LONG: &str = "0123456789ABCDEFFEDCBA9876543210";

    #[test]
    fn the_published_example() {
        // CSDN 94665452: only the combined blocks are published, and they are a message of one block.
        let mac = mac(&key("55036372B17543ECB173730768B8D6C4"), &bytes("1212B04E1227809C"));
        assert_eq!(&mac, b"5FE058DB");
    }

    #[test]
    fn a_ride_under_keys_of_both_lengths() {
        assert_eq!(fold(&data()).to_vec(), bytes("E55DC772288223D5"));
        let first = key(LONG).encrypt(*b"E55DC772");
        assert_eq!(first.to_vec(), bytes("36A66A7E9AAB7818"));
        assert_eq!(key(LONG).encrypt(combine(first, *b"288223D5")).to_vec(), bytes("9C4EFF9B31F04AE5"));
        assert_eq!(&mac(&key(LONG), &data()), b"9C4EFF9B");
        assert_eq!(&mac(&key("0123456789ABCDEF"), &data()), b"7575A1CA");
        assert_eq!(&mac(&key(&"33".repeat(8)), &data()), b"FA77EEAB");
    }

    #[test]
    fn two_other_algorithms_give_other_values() {
        let data = data();
        let blocks = || data.chunks(8).map(|chunk| std::array::from_fn(|at| chunk.get(at).copied().unwrap_or(0)));
        let long = key(LONG);
        let cbc = blocks().fold([0; 8], |sum, block| long.encrypt(combine(sum, block)));
        let left = key(&LONG[..16]);
        let single = blocks().fold([0; 8], |sum, block| left.encrypt(combine(sum, block)));
        // ANSI X9.19: the last block gets triple DES.
        let all: Vec<[u8; 8]> = blocks().collect();
        let (last, before) = all.split_last().unwrap();
        let retail = long.encrypt(combine(before.iter().fold([0; 8], |sum, &b| left.encrypt(combine(sum, b))), *last));
        assert_eq!(retail.to_vec(), bytes("DB9E0D39485A6323"));
        let wrong = [cbc, single].map(|mac| mac.to_vec());
        assert!(wrong.contains(&bytes("4C9A5CAAC3435951")), "{wrong:02X?}");
        assert_ne!(&hex(retail)[..8], &mac(&long, &data));
    }

    #[test]
    fn a_key_has_8_or_16_bytes_and_is_not_shown() {
        for length in [0, 7, 9, 15, 17, 24] {
            assert_eq!(MacKey::new(&vec![0; length]), None, "{length}");
        }
        assert_eq!(format!("{:?}", key(LONG)), "MacKey(16 bytes)");
    }

    proptest! {
        #[test]
        fn a_changed_bit_changes_the_mac(at in 0usize..72, bit in 0u8..8) {
            let mut other = data();
            prop_assume!(at < other.len());
            other[at] ^= 1 << bit;
            prop_assert_ne!(mac(&key(LONG), &other), mac(&key(LONG), &data()));
        }

        #[test]
        fn a_double_key_of_equal_halves_is_a_single_key(half: [u8; 8], data: Vec<u8>) {
            let double = MacKey::new(&[half, half].concat()).unwrap();
            prop_assert_eq!(mac(&double, &data), mac(&MacKey::Single(half), &data));
        }
    }
}
