//! Public keys of certification authorities.

use kernel::{CaKey, CaPublicKey, Rid};

use crate::board::Board;
use crate::store::memory::MAX_RECORD;
use crate::store::{Store, StoreError};

/// RID, index, exponent, length of the modulus, before the modulus itself. An SM2 key has exponent 0 and its point in place
/// of the modulus: no RSA key has that exponent.
const HEADER: usize = 5 + 1 + 4 + 1;

impl<B: Board> Store<'_, B> {
    /// The key of that provider and index: the one added last.
    pub fn ca_key(&self, rid: &Rid, index: u8) -> Option<CaKey> {
        (0..self.keys).rev().find_map(|at| self.key_at(at).filter(|key| key.rid() == rid && key.index() == index))
    }

    fn key_at(&self, at: u32) -> Option<CaKey> {
        let mut buffer = [0; MAX_RECORD];
        let body = self.layout.keys.read(self.board, self.epochs().keys, at, &mut buffer)?;
        let (header, modulus) = body.split_first_chunk::<HEADER>()?;
        let [r, i, d, x, y, index, e1, e2, e3, e4, length] = *header;
        let rid = [r, i, d, x, y];
        let modulus = modulus.get(..usize::from(length))?;
        match [e1, e2, e3, e4] {
            [0, 0, 0, 0] => CaKey::sm2(rid, index, modulus.try_into().ok()?).ok(),
            exponent => CaKey::new(rid, index, modulus, &exponent, None).ok(),
        }
    }

    /// Whether an SM2 key of that provider is there, and no later key in its place.
    pub fn has_sm2_key(&self, rid: &Rid) -> bool {
        let sm2 = |key: &CaKey| matches!(key.key(), CaPublicKey::Sm2(_));
        (0..self.keys).filter_map(|at| self.key_at(at)).any(|key| {
            key.rid() == rid && sm2(&key) && self.ca_key(rid, key.index()).is_some_and(|counts| sm2(&counts))
        })
    }

    /// Adds a key, in place of an older one of the same provider and index.
    ///
    /// # Errors
    /// [`StoreError`]; nothing has changed then but that the settings may have lost their name.
    pub fn add_key(&mut self, key: &CaKey) -> Result<(), StoreError> {
        if self.ca_key(key.rid(), key.index()).as_ref() == Some(key) {
            return Ok(());
        }
        if self.keys >= self.layout.keys.capacity {
            return Err(StoreError::Full);
        }
        let mut body = heapless::Vec::<u8, MAX_RECORD>::new();
        let (exponent, modulus) = match key.key() {
            CaPublicKey::Rsa(key) => (key.exponent, &key.modulus[..]),
            CaPublicKey::Sm2(point) => (0, &point[..]),
        };
        let length = u8::try_from(modulus.len()).map_err(|_| StoreError::Memory)?;
        for part in [&key.rid()[..], &[key.index()], &exponent.to_be_bytes(), &[length], modulus] {
            body.extend_from_slice(part).map_err(|_| StoreError::Memory)?;
        }
        self.unname()?;
        if !self.layout.keys.write(self.board, self.epochs().keys, self.keys, &body) {
            return Err(StoreError::Memory);
        }
        self.keys += 1;
        Ok(())
    }

    /// Forgets all keys.
    ///
    /// # Errors
    /// [`StoreError::Memory`]; the keys stay.
    pub fn clear_keys(&mut self) -> Result<(), StoreError> {
        self.renew(true, |epochs| epochs.keys = epochs.keys.wrapping_add(1))?;
        self.keys = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testboard::TestBoard;

    fn key(index: u8, fill: u8) -> CaKey {
        CaKey::new(kernel::aid::UNIONPAY, index, &[fill | 1; 248], &[1, 0, 1], None).expect("good")
    }

    #[test]
    fn the_key_added_last_counts_and_outlives_power() {
        let board = TestBoard::new(262_144);
        let (mut store, _) = Store::open(&board);
        store.add_key(&key(1, 0xA1)).expect("room");
        store.add_key(&key(2, 0xA3)).expect("room");
        store.add_key(&key(1, 0xA5)).expect("room");
        store.add_key(&key(1, 0xA5)).expect("the same again");
        let (again, _) = Store::open(&board);
        assert_eq!(again.keys, 3);
        assert_eq!(again.ca_key(&kernel::aid::UNIONPAY, 1), Some(key(1, 0xA5)));
        assert_eq!(again.ca_key(&kernel::aid::UNIONPAY, 2), Some(key(2, 0xA3)));
        assert_eq!(again.ca_key(&kernel::aid::UNIONPAY, 3), None);
        assert_eq!(again.ca_key(&[0; 5], 1), None);
    }

    /// The base point of the curve, and the same with its Y mirrored.
    const POINTS: [[u8; 64]; 2] = {
        const BASE: [u8; 64] = [
            0x32, 0xC4, 0xAE, 0x2C, 0x1F, 0x19, 0x81, 0x19, 0x5F, 0x99, 0x04, 0x46, 0x6A, 0x39, 0xC9, 0x94, 0x8F, 0xE3,
            0x0B, 0xBF, 0xF2, 0x66, 0x0B, 0xE1, 0x71, 0x5A, 0x45, 0x89, 0x33, 0x4C, 0x74, 0xC7, 0xBC, 0x37, 0x36, 0xA2,
            0xF4, 0xF6, 0x77, 0x9C, 0x59, 0xBD, 0xCE, 0xE3, 0x6B, 0x69, 0x21, 0x53, 0xD0, 0xA9, 0x87, 0x7C, 0xC6, 0x2A,
            0x47, 0x40, 0x02, 0xDF, 0x32, 0xE5, 0x21, 0x39, 0xF0, 0xA0,
        ];
        const MIRRORED: [u8; 32] = [
            0x43, 0xC8, 0xC9, 0x5C, 0x0B, 0x09, 0x88, 0x63, 0xA6, 0x42, 0x31, 0x1C, 0x94, 0x96, 0xDE, 0xAC, 0x2F, 0x56,
            0x78, 0x82, 0x39, 0xD5, 0xB8, 0xC0, 0xFD, 0x20, 0xCD, 0x1A, 0xDE, 0xC6, 0x0F, 0x5F,
        ];
        let mut other = BASE;
        let mut at = 0;
        while at < 32 {
            other[32 + at] = MIRRORED[at];
            at += 1;
        }
        [BASE, other]
    };

    #[test]
    fn sm2_keys_lie_beside_the_others() {
        let rid = kernel::aid::UNIONPAY;
        let sm2 = |index, at: usize| CaKey::sm2(rid, index, &POINTS[at]).expect("on the curve");
        let board = TestBoard::new(4096);
        let (mut store, _) = Store::open(&board);
        store.add_key(&key(1, 0xA1)).expect("room");
        assert!(!store.has_sm2_key(&rid));
        store.add_key(&sm2(2, 0)).expect("room");
        store.add_key(&sm2(2, 1)).expect("room");
        let (mut again, _) = Store::open(&board);
        assert_eq!(again.ca_key(&rid, 1), Some(key(1, 0xA1)));
        assert_eq!(again.ca_key(&rid, 2), Some(sm2(2, 1)));
        assert!(again.has_sm2_key(&rid) && !again.has_sm2_key(&[0xA0, 0, 0, 0, 3]));
        again.add_key(&key(2, 0xA3)).expect("room");
        assert_eq!(again.ca_key(&rid, 2), Some(key(2, 0xA3)));
        assert!(!again.has_sm2_key(&rid), "a later key has taken its place");
        again.clear_keys().expect("kept");
        again.add_key(&sm2(9, 0)).expect("room");
        assert!(again.has_sm2_key(&rid));
        again.clear_keys().expect("kept");
        assert!(!again.has_sm2_key(&rid));
    }

    #[test]
    fn a_small_memory_takes_those_of_a_deployment_and_clearing_makes_room() {
        let board = TestBoard::new(4096);
        let (mut store, _) = Store::open(&board);
        for index in 1..=5 {
            store.add_key(&key(index, 1)).expect("room");
        }
        assert_eq!(store.add_key(&key(6, 1)), Err(StoreError::Full));
        store.clear_keys().expect("kept");
        assert_eq!(store.ca_key(&kernel::aid::UNIONPAY, 1), None);
        store.add_key(&key(3, 1)).expect("room");
        let (again, _) = Store::open(&board);
        assert_eq!((again.keys, again.ca_key(&kernel::aid::UNIONPAY, 2)), (1, None));
    }
}
