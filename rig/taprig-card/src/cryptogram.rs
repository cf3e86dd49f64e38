//! Application cryptograms: with triple DES (EMV Book 2, clause 8 and annex A1; JR/T 0025.7), and with SM4 (JR/T 0025.17).
//!
//! What is here of SM4 is our own knowledge of JR/T 0025.17, for which we have no public source: the derivations are those of
//! JR/T 0025.7 with both halves in one block, and the MAC is the left half of a CBC-MAC. No acquirer verifies it yet.

use des::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use des::{Des, TdesEde2};
use sm4::Sm4;
use taprig_model::card::Session;

/// A cryptogram.
pub(crate) type Mac = [u8; 8];

/// An issuer's master key.
#[derive(Debug, Clone)]
pub(crate) enum Master {
    TripleDes([u8; 16]),
    Sm4([u8; 16]),
}

/// The key of a card or of one transaction, by its algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// Two DES keys.
    TripleDes([u8; 16]),
    Sm4([u8; 16]),
}

fn triple_des(key: &[u8; 16], block: [u8; 8]) -> [u8; 8] {
    let mut block = block.into();
    TdesEde2::new(key.into()).encrypt_block(&mut block);
    block.into()
}

fn sm4(key: &[u8; 16], block: [u8; 16]) -> [u8; 16] {
    let mut block = block.into();
    Sm4::new(key.into()).encrypt_block(&mut block);
    block.into()
}

fn pair(left: [u8; 8], right: [u8; 8]) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&left);
    key[8..].copy_from_slice(&right);
    key
}

impl Master {
    /// The card's key (annex A1.4.1, option A): the last 16 digits of PAN and sequence number, and their complement, are
    /// enciphered. `pan` has digits only.
    pub(crate) fn card_key(&self, pan: &str, sequence: u8) -> Key {
        let digits = format!("{:0>16}", format!("{pan}{sequence:02}"));
        let last = &digits.as_bytes()[digits.len() - 16..];
        let mut block = [0; 8];
        for (byte, pair) in block.iter_mut().zip(last.chunks(2)) {
            *byte = (pair[0] & 0x0F) << 4 | pair[1] & 0x0F;
        }
        let complement = block.map(|byte| !byte);
        match self {
            Self::TripleDes(key) => Key::TripleDes(pair(triple_des(key, block), triple_des(key, complement))),
            Self::Sm4(key) => Key::Sm4(sm4(key, pair(block, complement))),
        }
    }
}

impl Key {
    /// The code of the algorithm in 9F10.
    pub(crate) fn algorithm(&self) -> u8 {
        match self {
            Self::TripleDes(_) => 0x01,
            Self::Sm4(_) => 0x04,
        }
    }

    /// The session key of one transaction.
    pub(crate) fn session(&self, atc: u16, session: Session) -> Self {
        let [high, low] = atc.to_be_bytes();
        let (left, right) = match session {
            Session::Pboc => ([0, 0, 0, 0, 0, 0, high, low], [0, 0, 0, 0, 0, 0, !high, !low]),
            Session::Emv => ([high, low, 0xF0, 0, 0, 0, 0, 0], [high, low, 0x0F, 0, 0, 0, 0, 0]),
        };
        match self {
            Self::TripleDes(key) => Self::TripleDes(pair(triple_des(key, left), triple_des(key, right))),
            Self::Sm4(key) => Self::Sm4(sm4(key, pair(left, right))),
        }
    }

    /// MAC over `data`, padded with 80 and zeros to whole blocks (ISO/IEC 9797-1, padding method 2): algorithm 3 with triple
    /// DES, and algorithm 1 with SM4, of which the left half counts.
    pub(crate) fn mac(&self, data: &[u8]) -> Mac {
        match self {
            Self::TripleDes(key) => mac_by_des(key, data),
            Self::Sm4(key) => {
                let state = padded::<16>(data)
                    .as_chunks::<16>()
                    .0
                    .iter()
                    .fold([0; 16], |state, block| sm4(key, std::array::from_fn(|at| state[at] ^ block[at])));
                std::array::from_fn(|at| state[at])
            }
        }
    }
}

fn padded<const BLOCK: usize>(data: &[u8]) -> Vec<u8> {
    let mut padded = data.to_vec();
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(BLOCK), 0);
    padded
}

fn mac_by_des(key: &[u8; 16], data: &[u8]) -> Mac {
    let mut left_half = [0; 8];
    let mut right_half = [0; 8];
    left_half.copy_from_slice(&key[..8]);
    right_half.copy_from_slice(&key[8..]);
    let left = Des::new(&left_half.into());
    let right = Des::new(&right_half.into());
    let mut state = [0u8; 8].into();
    for block in padded::<8>(data).chunks(8) {
        for (byte, new) in AsMut::<[u8]>::as_mut(&mut state).iter_mut().zip(block) {
            *byte ^= new;
        }
        left.encrypt_block(&mut state);
    }
    right.decrypt_block(&mut state);
    left.encrypt_block(&mut state);
    state.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use emv::core::application_cryptogram::application_cryptogram;
    use emv::core::master_key_derivation::derive_master_key_option_a;
    use proptest::prelude::*;

    /// DES ignores the lowest bit of each byte. Other implementations set it to odd parity.
    fn without_parity(key: [u8; 16]) -> [u8; 16] {
        key.map(|byte| byte & 0xFE)
    }

    proptest! {
        #[test]
        fn another_implementation_agrees(
            master in any::<[u8; 16]>(), pan in "[0-9]{12,19}", sequence in 0u8..100,
            data in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let even = pan.len().next_multiple_of(2);
            let padded = format!("{pan:F<even$}");
            let bytes: Vec<u8> =
                (0..even).step_by(2).map(|at| u8::from_str_radix(&padded[at..at + 2], 16).unwrap()).collect();
            let bcd = sequence / 10 * 16 + sequence % 10;
            let theirs = derive_master_key_option_a(&master, &bytes, Some(bcd)).unwrap();
            let Key::TripleDes(ours) = Master::TripleDes(master).card_key(&pan, sequence) else { panic!() };
            prop_assert_eq!(without_parity(ours), without_parity(theirs));
            prop_assert_eq!(Key::TripleDes(ours).mac(&data), application_cryptogram(&ours, &data));
        }
    }

    #[test]
    fn session_keys_differ_by_counter_and_kind() {
        let card = [0x57; 16];
        let key = |atc, session| match Key::TripleDes(card).session(atc, session) {
            Key::TripleDes(key) => key,
            Key::Sm4(_) => panic!(),
        };
        let pboc = key(0x0102, Session::Pboc);
        assert_eq!(pboc[..8], triple_des(&card, [0, 0, 0, 0, 0, 0, 1, 2]));
        assert_eq!(pboc[8..], triple_des(&card, [0, 0, 0, 0, 0, 0, 0xFE, 0xFD]));
        assert_ne!(key(0x0103, Session::Pboc), pboc);
        assert_ne!(key(0x0102, Session::Emv), pboc);
    }

    /// All values by OpenSSL 3.0 (`openssl enc -sm4-ecb -nopad`), except the first, which is the example of GB/T 32907.
    #[test]
    fn sm4_is_that_of_the_standard() {
        let key = [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10];
        let first = [0x68, 0x1E, 0xDF, 0x34, 0xD2, 0x06, 0x96, 0x5E, 0x86, 0xB3, 0xE9, 0x4F, 0x53, 0x6E, 0x42, 0x46];
        assert_eq!(sm4(&key, key), first);
        let master = [0x0E, 0xF9, 0xF6, 0xDF, 0x17, 0x01, 0x64, 0x02, 0x12, 0xEE, 0xA6, 0x51, 0x81, 0xB8, 0x72, 0x54];
        let card = Master::Sm4(master).card_key("6229900180000021", 1);
        assert_eq!(
            card,
            Key::Sm4([0x5F, 0x8B, 0x2E, 0xD5, 0x0B, 0xE8, 0x3F, 0x0F, 0xFB, 0xF5, 0x70, 0x23, 0x3A, 0x40, 0x54, 0x5A])
        );
        let session = card.session(0x0017, Session::Pboc);
        assert_eq!(
            session,
            Key::Sm4([0xD7, 0xCD, 0xEC, 0xD2, 0x43, 0xBE, 0x44, 0x46, 0x57, 0xAF, 0x5A, 0x8C, 0x89, 0x5C, 0xAA, 0x3D])
        );
        let data: Vec<u8> = (0..37).collect();
        assert_eq!(session.mac(&data[..0]), [0x4C, 0x30, 0x9B, 0x74, 0xA2, 0x52, 0xEA, 0xFA]);
        assert_eq!(session.mac(&data[..16]), [0x0C, 0x35, 0x66, 0x1B, 0x94, 0x27, 0xD0, 0x91]);
        assert_eq!(session.mac(&data), [0x15, 0x8B, 0x35, 0x23, 0x42, 0x00, 0x30, 0xD9]);
    }
}
