//! Public keys of certification authorities.

use kernel::{CaKey, Rid};

use crate::board::Board;
use crate::store::memory::MAX_RECORD;
use crate::store::{Store, StoreError};

/// RID, index, exponent, length of the modulus, before the modulus itself.
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
        let modulus = modulus.get(..usize::from(length))?;
        CaKey::new([r, i, d, x, y], index, modulus, &[e1, e2, e3, e4], None).ok()
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
        let length = u8::try_from(key.modulus().len()).map_err(|_| StoreError::Memory)?;
        for part in [&key.rid()[..], &[key.index()], &key.exponent().to_be_bytes(), &[length], key.modulus()] {
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
