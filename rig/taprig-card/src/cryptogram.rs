//! Application cryptograms with triple DES (EMV Book 2, clause 8 and annex A1; JR/T 0025.7).

use des::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use des::{Des, TdesEde2};
use taprig_model::card::Session;

/// A cryptogram.
pub(crate) type Mac = [u8; 8];

/// Two DES keys.
pub(crate) type Key = [u8; 16];

fn triple_des(key: &Key, block: [u8; 8]) -> [u8; 8] {
    let mut block = block.into();
    TdesEde2::new(key.into()).encrypt_block(&mut block);
    block.into()
}

fn pair(left: [u8; 8], right: [u8; 8]) -> Key {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&left);
    key[8..].copy_from_slice(&right);
    key
}

/// The card's key, derived from the issuer's (annex A1.4.1, option A): the last 16 digits of PAN and sequence number,
/// and their complement, are enciphered. `pan` has digits only.
pub(crate) fn card_key(master: &Key, pan: &str, sequence: u8) -> Key {
    let digits = format!("{:0>16}", format!("{pan}{sequence:02}"));
    let last = &digits.as_bytes()[digits.len() - 16..];
    let mut block = [0; 8];
    for (byte, pair) in block.iter_mut().zip(last.chunks(2)) {
        *byte = (pair[0] & 0x0F) << 4 | pair[1] & 0x0F;
    }
    pair(triple_des(master, block), triple_des(master, block.map(|byte| !byte)))
}

/// The session key of one transaction.
pub(crate) fn session_key(card: &Key, atc: u16, session: Session) -> Key {
    let [high, low] = atc.to_be_bytes();
    match session {
        Session::Pboc => {
            pair(triple_des(card, [0, 0, 0, 0, 0, 0, high, low]), triple_des(card, [0, 0, 0, 0, 0, 0, !high, !low]))
        }
        Session::Emv => {
            pair(triple_des(card, [high, low, 0xF0, 0, 0, 0, 0, 0]), triple_des(card, [high, low, 0x0F, 0, 0, 0, 0, 0]))
        }
    }
}

/// MAC over `data`, padded with 80 and zeros (ISO/IEC 9797-1, algorithm 3, padding method 2).
pub(crate) fn mac(key: &Key, data: &[u8]) -> Mac {
    let mut left_half = [0; 8];
    let mut right_half = [0; 8];
    left_half.copy_from_slice(&key[..8]);
    right_half.copy_from_slice(&key[8..]);
    let left = Des::new(&left_half.into());
    let right = Des::new(&right_half.into());
    let mut padded = data.to_vec();
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(8), 0);
    let mut state = [0u8; 8].into();
    for block in padded.chunks(8) {
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
    fn without_parity(key: Key) -> Key {
        key.map(|byte| byte & 0xFE)
    }

    proptest! {
        #[test]
        fn another_implementation_agrees(
            master in any::<Key>(), pan in "[0-9]{12,19}", sequence in 0u8..100, data in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let even = pan.len().next_multiple_of(2);
            let padded = format!("{pan:F<even$}");
            let bytes: Vec<u8> =
                (0..even).step_by(2).map(|at| u8::from_str_radix(&padded[at..at + 2], 16).unwrap()).collect();
            let bcd = sequence / 10 * 16 + sequence % 10;
            let theirs = derive_master_key_option_a(&master, &bytes, Some(bcd)).unwrap();
            let ours = card_key(&master, &pan, sequence);
            prop_assert_eq!(without_parity(ours), without_parity(theirs));
            prop_assert_eq!(mac(&ours, &data), application_cryptogram(&ours, &data));
        }
    }

    #[test]
    fn session_keys_differ_by_counter_and_kind() {
        let card = [0x57; 16];
        let key = session_key(&card, 0x0102, Session::Pboc);
        assert_eq!(key[..8], triple_des(&card, [0, 0, 0, 0, 0, 0, 1, 2]));
        assert_eq!(key[8..], triple_des(&card, [0, 0, 0, 0, 0, 0, 0xFE, 0xFD]));
        assert_ne!(session_key(&card, 0x0103, Session::Pboc), key);
        assert_ne!(session_key(&card, 0x0102, Session::Emv), key);
    }
}
