//! Working keys: how a sign-on hands them out.
//!
//! Field 62 of the answer holds the keys, each encrypted under the terminal's master key and followed by its check value,
//! which is the first four bytes of eight zero bytes encrypted under the key.

use crate::mac::MacKey;
use des::cipher::{BlockCipherDecrypt as _, KeyInit as _};
use des::{Des, TdesEde2};

/// A terminal's master key, under which working keys travel: 16 bytes, or 8 for single DES.
pub type MasterKey = MacKey;

/// The working keys of a terminal, not encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingKeys {
    /// For PINs.
    pub pin: [u8; 16],
    /// For MACs. With 8 bytes, the second half of its slot in field 62 is zeros, and single DES makes its check value.
    pub mac: MacKey,
    /// For track data.
    pub track: [u8; 16],
}

/// Which keys a terminal asks for: 60.3 of its sign-on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySet {
    /// 001: single-length keys for PIN and MAC, 24 bytes.
    Des,
    /// 003: double-length keys for PIN and MAC, 40 bytes.
    TripleDes,
    /// 004: the same, and a key for track data, 60 bytes.
    TripleDesAndTrack,
}

impl KeySet {
    /// The key set of a network code (60.3).
    #[must_use]
    pub const fn of(code: u16) -> Option<Self> {
        match code {
            1 => Some(Self::Des),
            3 => Some(Self::TripleDes),
            4 => Some(Self::TripleDesAndTrack),
            _ => None,
        }
    }
}

/// Field 62 for these keys, and the key for MACs that the terminal uses from now on. In the set for single DES this is the
/// first half of a longer key.
#[must_use]
pub fn hand_out(keys: &WorkingKeys, set: KeySet, master: &MasterKey) -> (Vec<u8>, MacKey) {
    let mut field = Vec::new();
    let mut slot = |key: MacKey, zeros: usize| {
        field.extend(under(master, key.bytes(), true));
        field.extend(vec![0; zeros]);
        field.extend(check_value(&key));
    };
    let half = |key: &[u8]| MacKey::Single(std::array::from_fn(|at| key[at]));
    let mac = match set {
        KeySet::Des => half(keys.mac.bytes()),
        KeySet::TripleDes | KeySet::TripleDesAndTrack => keys.mac,
    };
    match set {
        KeySet::Des => {
            slot(half(&keys.pin), 0);
            slot(mac, 0);
        }
        KeySet::TripleDes | KeySet::TripleDesAndTrack => {
            slot(MacKey::Double(keys.pin), 0);
            slot(mac, 16 - mac.bytes().len());
            if set == KeySet::TripleDesAndTrack {
                slot(MacKey::Double(keys.track), 0);
            }
        }
    }
    (field, mac)
}

/// The check value of a key.
#[must_use]
pub fn check_value(key: &MacKey) -> [u8; 4] {
    let block = key.encrypt([0; 8]);
    std::array::from_fn(|at| block[at])
}

/// The key of a slot of field 62 as a terminal reads it. `length` is that of the key, 8 or 16 bytes.
///
/// # Errors
/// The slot has a wrong length, or the check value does not match.
pub fn take(slot: &[u8], master: &MasterKey, length: usize) -> Result<MacKey, String> {
    let (encrypted, check) = slot.split_at_checked(slot.len().saturating_sub(4)).unwrap_or((slot, &[]));
    let encrypted = encrypted.get(..length).ok_or("the slot is shorter than its key")?;
    let key = MacKey::new(&under(master, encrypted, false)).ok_or("a key has 8 or 16 bytes")?;
    if check_value(&key) == check { Ok(key) } else { Err("the check value does not match".into()) }
}

/// The blocks of a key, each encrypted or decrypted under another key.
fn under(master: &MasterKey, key: &[u8], encrypt: bool) -> Vec<u8> {
    let blocks = key.chunks_exact(8).map(|chunk| {
        let block: [u8; 8] = chunk.try_into().unwrap_or_default();
        if encrypt { master.encrypt(block) } else { decrypt(master, block) }
    });
    blocks.flatten().collect()
}

fn decrypt(key: &MacKey, block: [u8; 8]) -> [u8; 8] {
    let mut block = block.into();
    match key {
        MacKey::Single(key) => Des::new(key.into()).decrypt_block(&mut block),
        MacKey::Double(key) => TdesEde2::new(key.into()).decrypt_block(&mut block),
    }
    block.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn master() -> MasterKey {
        MacKey::new(b"\x01\x23\x45\x67\x89\xAB\xCD\xEF\xFE\xDC\xBA\x98\x76\x54\x32\x10").unwrap()
    }

    fn keys() -> WorkingKeys {
        let pin = std::array::from_fn(|at| if at < 8 { 0x11 } else { 0x22 });
        WorkingKeys { pin, mac: MacKey::Single([0x33; 8]), track: [0x44; 16] }
    }

    #[test]
    fn the_own_vector() {
        let (field, mac) = hand_out(&keys(), KeySet::TripleDes, &master());
        let hex: String = field.iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(hex, "9B3A7B883A100F73B4ABA2BB791C50E7D2B91CC55ADC39F46164960E0000000000000000ADC67D84");
        assert_eq!(mac, MacKey::Single([0x33; 8]));
    }

    #[test]
    fn each_set_has_its_length_and_its_keys_come_back() {
        for (set, code, length) in
            [(KeySet::Des, 1, 24), (KeySet::TripleDes, 3, 40), (KeySet::TripleDesAndTrack, 4, 60)]
        {
            assert_eq!(KeySet::of(code), Some(set));
            for mac in [MacKey::Single([0x33; 8]), MacKey::Double([0x55; 16])] {
                let keys = WorkingKeys { mac, ..keys() };
                let (field, used) = hand_out(&keys, set, &master());
                assert_eq!(field.len(), length);
                let slot = if set == KeySet::Des { 12 } else { 20 };
                let mac = take(&field[slot..2 * slot], &master(), used.bytes().len()).unwrap();
                assert_eq!(mac, used);
                let pin = take(&field[..slot], &master(), slot - 4).unwrap();
                assert_eq!(pin.bytes(), &keys.pin[..slot - 4]);
                if set == KeySet::TripleDesAndTrack {
                    assert_eq!(take(&field[40..], &master(), 16).unwrap().bytes(), keys.track);
                }
            }
        }
        assert_eq!(KeySet::of(2), None);
    }

    #[test]
    fn a_damaged_slot_is_refused() {
        let (mut field, _) = hand_out(&keys(), KeySet::TripleDes, &master());
        field[0] ^= 1;
        assert_eq!(take(&field[..20], &master(), 16).unwrap_err(), "the check value does not match");
        assert!(take(&field[..3], &master(), 16).is_err());
        assert!(take(&field[..20], &master(), 12).is_err());
    }

    proptest! {
        #[test]
        fn no_slot_panics(slot: Vec<u8>, length in 0usize..30) {
            let _ = take(&slot, &master(), length);
        }
    }
}
