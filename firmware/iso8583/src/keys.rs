//! The working keys that a sign-on brings in field 62.

use core::fmt;

use crate::mac::{Key, MacKey};

/// Which keys a sign-on asks for, as field 60.3 says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySet {
    /// 001: keys of 8 bytes for PINs and MACs.
    Des,
    /// 003: a key of 16 bytes for PINs, and one for MACs in a slot of 16 bytes.
    TripleDes,
    /// 004: the same and a key of 16 bytes for track data.
    TripleDesWithTrack,
}

impl KeySet {
    /// The value of field 60.3.
    #[must_use]
    pub fn network(self) -> u16 {
        match self {
            Self::Des => 1,
            Self::TripleDes => 3,
            Self::TripleDesWithTrack => 4,
        }
    }

    /// The set that field 60.3 names; `None` for every other value than 1, 3 and 4.
    #[must_use]
    pub fn of(network: u16) -> Option<Self> {
        [Self::Des, Self::TripleDes, Self::TripleDesWithTrack].into_iter().find(|set| set.network() == network)
    }

    /// The number of bytes of field 62.
    #[must_use]
    pub fn field_len(self) -> usize {
        match self {
            Self::Des => 24,
            Self::TripleDes => 40,
            Self::TripleDesWithTrack => 60,
        }
    }
}

/// How long the key for MACs is that this deployment uses. The message does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacKeyLength {
    /// 8 bytes: the MAC is made by single DES. Only the first 8 bytes of a slot of 16 count.
    Eight,
    /// 16 bytes: the MAC is made by triple DES, except with the keys of [`KeySet::Des`], which have 8 bytes.
    Sixteen,
}

/// A place for a key in field 62.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The key for PINs.
    Pin,
    /// The key for MACs.
    Mac,
    /// The key for track data.
    Track,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pin => "PINs",
            Self::Mac => "MACs",
            Self::Track => "track data",
        })
    }
}

/// Why the keys of a sign-on can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// Field 62 has another number of bytes than the set of keys.
    Length {
        /// The number of bytes that the set of keys has.
        wanted: usize,
        /// The number of bytes of field 62.
        found: usize,
    },
    /// The check value of this key is not that of the decrypted key. The master key is another one, or the key for MACs has
    /// another length than this deployment's.
    CheckValue(Slot),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { wanted, found } => write!(f, "field 62 has {found} bytes and not {wanted}"),
            Self::CheckValue(slot) => write!(f, "the check value of the key for {slot} is wrong"),
        }
    }
}

impl core::error::Error for KeyError {}

/// The keys of a sign-on, decrypted and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkingKeys {
    /// The key for PINs, 8 bytes with [`KeySet::Des`] and otherwise 16.
    pub pin: Key,
    /// The key for MACs.
    pub mac: MacKey,
    /// The key for track data, 16 bytes. Only [`KeySet::TripleDesWithTrack`] has one.
    pub track: Option<Key>,
}

impl WorkingKeys {
    /// Decrypts field 62 of a sign-on's answer under the terminal's master key, and checks the check value of each key.
    ///
    /// The second half of a slot for a key for MACs of 8 bytes is not read: hosts are known to ignore it.
    ///
    /// # Errors
    /// The number of bytes or a check value is wrong. No key can be used then.
    pub fn open(
        master: &[u8; 16],
        set: KeySet,
        field62: &[u8],
        mac_key_length: MacKeyLength,
    ) -> Result<Self, KeyError> {
        let wrong = KeyError::Length { wanted: set.field_len(), found: field62.len() };
        if field62.len() != set.field_len() {
            return Err(wrong);
        }
        let slot = if set == KeySet::Des { 8 } else { 16 };
        let mac = if mac_key_length == MacKeyLength::Eight { 8 } else { slot };
        let master = Key::new(master).ok_or(wrong)?;
        let mut slots = field62.chunks_exact(slot + 4);
        let mut open = |name, len| {
            let (key, check) = slots.next().and_then(|slot_bytes| slot_bytes.split_at_checked(slot)).ok_or(wrong)?;
            let key = decrypt(&master, &key[..len]).ok_or(wrong)?;
            if key.check_value() == check { Ok(key) } else { Err(KeyError::CheckValue(name)) }
        };
        Ok(Self {
            pin: open(Slot::Pin, slot)?,
            mac: MacKey(open(Slot::Mac, mac)?),
            track: if set == KeySet::TripleDesWithTrack { Some(open(Slot::Track, slot)?) } else { None },
        })
    }
}

/// A key of 8 or 16 bytes that was encrypted in blocks.
fn decrypt(master: &Key, encrypted: &[u8]) -> Option<Key> {
    let mut clear = zeroize::Zeroizing::new([0; 16]);
    let (blocks, _) = encrypted.as_chunks::<8>();
    for (to, block) in clear.chunks_exact_mut(8).zip(blocks) {
        to.copy_from_slice(&master.decrypt(*block));
    }
    Key::new(clear.get(..encrypted.len())?)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::tests::hex;

    /// The master key and the keys of the document's default keys file.
    const MASTER: [u8; 16] =
        [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10];
    const FIELD: &str = "9B3A7B883A100F73B4ABA2BB791C50E7D2B91CC55ADC39F46164960E0000000000000000ADC67D84";

    /// A slot: the key encrypted under the master key, zeros up to its width, and the check value.
    fn slot(key: &[u8], width: usize) -> Vec<u8> {
        let master = Key::new(&MASTER).unwrap();
        let mut slot: Vec<u8> = key.chunks(8).flat_map(|block| master.encrypt(block.try_into().unwrap())).collect();
        slot.resize(width, 0);
        slot.extend(Key::new(key).unwrap().check_value());
        slot
    }

    fn pin() -> Vec<u8> {
        [[0x11; 8], [0x22; 8]].concat()
    }

    #[test]
    fn the_example_of_the_document() {
        let keys = WorkingKeys::open(&MASTER, KeySet::TripleDes, &hex(FIELD), MacKeyLength::Eight).unwrap();
        assert_eq!((keys.pin.bytes(), keys.mac.0.bytes(), keys.track), (&pin()[..], &[0x33; 8][..], None));
        assert_eq!(hex(FIELD), [slot(&pin(), 16), slot(&[0x33; 8], 16)].concat());
        // The second half of a short key's slot is not read.
        let mut other = hex(FIELD);
        other[28] = 0xFF;
        assert!(WorkingKeys::open(&MASTER, KeySet::TripleDes, &other, MacKeyLength::Eight).is_ok());
        // A deployment with long keys finds that this is not one.
        let wrong = WorkingKeys::open(&MASTER, KeySet::TripleDes, &hex(FIELD), MacKeyLength::Sixteen);
        assert_eq!(wrong, Err(KeyError::CheckValue(Slot::Mac)));
    }

    #[test]
    fn each_set_of_keys_has_its_slots() {
        let (mac, track) = ([[0x55; 8], [0x66; 8]].concat(), [[0x44; 8], [0x55; 8]].concat());
        let short = [slot(&[0x11; 8], 8), slot(&[0x33; 8], 8)].concat();
        for length in [MacKeyLength::Eight, MacKeyLength::Sixteen] {
            let keys = WorkingKeys::open(&MASTER, KeySet::Des, &short, length).unwrap();
            assert_eq!((keys.pin.bytes(), keys.mac.0.bytes(), keys.track), (&[0x11; 8][..], &[0x33; 8][..], None));
        }
        let long = [slot(&pin(), 16), slot(&mac, 16), slot(&track, 16)].concat();
        let open = |length| WorkingKeys::open(&MASTER, KeySet::TripleDesWithTrack, &long, length);
        let keys = open(MacKeyLength::Sixteen).unwrap();
        assert_eq!((keys.mac.0.bytes(), keys.track.as_ref().map(Key::bytes)), (&mac[..], Some(&track[..])));
        assert_eq!(open(MacKeyLength::Eight), Err(KeyError::CheckValue(Slot::Mac)));
    }

    #[test]
    fn no_key_is_taken_if_one_is_wrong() {
        let long = [slot(&pin(), 16), slot(&[0x35; 16], 16), slot(&[0x44; 16], 16)].concat();
        for at in 0..60 {
            let mut altered = long.clone();
            altered[at] ^= 1;
            let name = [Slot::Pin, Slot::Mac, Slot::Track][at / 20];
            let open = WorkingKeys::open(&MASTER, KeySet::TripleDesWithTrack, &altered, MacKeyLength::Sixteen);
            assert_eq!(open, Err(KeyError::CheckValue(name)), "byte {at}");
        }
        let other = WorkingKeys::open(&[0x77; 16], KeySet::TripleDes, &hex(FIELD), MacKeyLength::Eight);
        assert_eq!(other, Err(KeyError::CheckValue(Slot::Pin)));
    }

    #[test]
    fn field_62_has_the_length_of_its_set() {
        for set in [KeySet::Des, KeySet::TripleDes, KeySet::TripleDesWithTrack] {
            assert_eq!(KeySet::of(set.network()), Some(set));
            for found in (0..80).filter(|len| *len != set.field_len()) {
                let open = WorkingKeys::open(&MASTER, set, &[0; 80][..found], MacKeyLength::Eight);
                assert_eq!(open, Err(KeyError::Length { wanted: set.field_len(), found }));
            }
        }
        assert_eq!([0, 2, 5, 570].map(KeySet::of), [None; 4]);
    }
}
