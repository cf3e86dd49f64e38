//! Deny list (exception file) and revoked issuer certificates.

use kernel::{Pan, Rid};

use crate::board::Board;
use crate::store::memory::{MAX_RECORD, Table};
use crate::store::{Store, StoreError};

/// In place of a sequence number: every card of the account.
const ANY: u8 = 0xFF;

/// Bytes of an entry of either list.
const ENTRY: usize = 12;

impl<B: Board> Store<'_, B> {
    fn any(&self, table: &Table, epoch: u32, count: u32, matches: impl Fn(&[u8; ENTRY]) -> bool) -> bool {
        let mut buffer = [0; MAX_RECORD];
        (0..count).any(|at| match table.read(self.board, epoch, at, &mut buffer).and_then(|body| body.first_chunk()) {
            Some(entry) => matches(entry),
            // An entry that rotted: whom it named is unknown, so it stops nobody.
            None => false,
        })
    }

    /// Whether a card is on the deny list: whole account number, and the sequence number where the entry has one.
    /// A card without sequence number (`None`) meets every entry of its account.
    pub fn denied(&self, pan: &Pan, psn: Option<u8>) -> bool {
        let wanted = pan.compressed();
        self.any(&self.layout.deny, self.epochs().deny, self.deny, |entry| {
            entry[..10] == wanted && (entry[10] == ANY || psn.is_none_or(|psn| psn == entry[10]))
        })
    }

    /// Puts a card, or with `psn` `None` every card of the account, on the deny list.
    ///
    /// # Errors
    /// [`StoreError`]; the list is as it was.
    pub fn deny(&mut self, pan: &Pan, psn: Option<u8>) -> Result<(), StoreError> {
        let mut entry = [0; ENTRY];
        entry[..10].copy_from_slice(&pan.compressed());
        entry[10] = psn.unwrap_or(ANY);
        let (table, epoch) = (self.layout.deny, self.epochs().deny);
        self.deny = self.append(&table, epoch, self.deny, &entry)?;
        Ok(())
    }

    /// Empties the deny list.
    ///
    /// # Errors
    /// [`StoreError::Memory`]; the list stays.
    pub fn clear_deny(&mut self) -> Result<(), StoreError> {
        self.renew(true, |epochs| epochs.deny = epochs.deny.wrapping_add(1))?;
        self.deny = 0;
        Ok(())
    }

    /// Whether an issuer certificate is revoked.
    pub fn revoked(&self, rid: &Rid, index: u8, serial: &[u8; 3]) -> bool {
        let wanted = revocation(rid, index, serial);
        self.any(&self.layout.revoked, self.epochs().revoked, self.revoked, |entry| *entry == wanted)
    }

    /// Revokes an issuer certificate.
    ///
    /// # Errors
    /// [`StoreError`]; the list is as it was.
    pub fn revoke(&mut self, rid: &Rid, index: u8, serial: &[u8; 3]) -> Result<(), StoreError> {
        let (table, epoch) = (self.layout.revoked, self.epochs().revoked);
        self.revoked = self.append(&table, epoch, self.revoked, &revocation(rid, index, serial))?;
        Ok(())
    }

    /// Empties the list of revoked certificates.
    ///
    /// # Errors
    /// [`StoreError::Memory`]; the list stays.
    pub fn clear_revoked(&mut self) -> Result<(), StoreError> {
        self.renew(true, |epochs| epochs.revoked = epochs.revoked.wrapping_add(1))?;
        self.revoked = 0;
        Ok(())
    }

    /// Adds an entry unless it is there; the new number of entries.
    fn append(&mut self, table: &Table, epoch: u32, count: u32, entry: &[u8; ENTRY]) -> Result<u32, StoreError> {
        if self.any(table, epoch, count, |other| other == entry) {
            return Ok(count);
        }
        if count >= table.capacity {
            return Err(StoreError::Full);
        }
        self.unname()?;
        if !table.write(self.board, epoch, count, entry) {
            return Err(StoreError::Memory);
        }
        Ok(count + 1)
    }
}

fn revocation(rid: &Rid, index: u8, serial: &[u8; 3]) -> [u8; ENTRY] {
    let [r, i, d, x, y] = *rid;
    let [a, b, c] = *serial;
    [r, i, d, x, y, index, a, b, c, 0, 0, 0]
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::testboard::TestBoard;

    fn pan(text: &str) -> Pan {
        Pan::from_digits(text).expect("digits")
    }

    #[test]
    fn the_whole_number_is_compared() {
        let board = TestBoard::new(262_144);
        let (mut store, _) = Store::open(&board);
        store.deny(&pan("6226001234567890"), None).expect("room");
        let (store, _) = Store::open(&board);
        assert!(store.denied(&pan("6226001234567890"), None));
        assert!(store.denied(&pan("6226001234567890"), Some(1)));
        assert!(!store.denied(&pan("6226001234567891"), None));
        assert!(!store.denied(&pan("62260012345678900"), None), "longer");
        assert!(!store.denied(&pan("622600123456789"), None), "shorter");
    }

    #[test]
    fn a_sequence_number_narrows_the_entry_but_not_for_a_card_without() {
        let board = TestBoard::new(262_144);
        let (mut store, _) = Store::open(&board);
        store.deny(&pan("6226001234567890"), Some(2)).expect("room");
        assert!(store.denied(&pan("6226001234567890"), Some(2)));
        assert!(!store.denied(&pan("6226001234567890"), Some(1)));
        assert!(store.denied(&pan("6226001234567890"), None));
    }

    #[test]
    fn five_hundred_and_twelve_entries_and_no_more() {
        let board = TestBoard::new(262_144);
        let (mut store, _) = Store::open(&board);
        let number = |n: u32| pan(&std::format!("62260000{n:08}"));
        for n in 0..512 {
            store.deny(&number(n), None).expect("room");
        }
        assert_eq!(store.deny(&number(0), None), Ok(()), "already there");
        assert_eq!(store.deny(&number(512), None), Err(StoreError::Full));
        let (mut store, _) = Store::open(&board);
        assert!(store.denied(&number(511), Some(1)) && !store.denied(&number(512), Some(1)));
        store.clear_deny().expect("kept");
        assert!(!store.denied(&number(511), Some(1)));
        store.deny(&number(7), None).expect("room");
        let (store, _) = Store::open(&board);
        assert!(store.denied(&number(7), None) && !store.denied(&number(1), None), "old entries stay gone");
    }

    #[test]
    fn a_revocation_names_key_and_serial() {
        let board = TestBoard::new(4096);
        let (mut store, _) = Store::open(&board);
        let rid = kernel::aid::UNIONPAY;
        store.revoke(&rid, 0xC1, &[1, 2, 3]).expect("room");
        let (mut store, _) = Store::open(&board);
        assert!(store.revoked(&rid, 0xC1, &[1, 2, 3]));
        assert!(!store.revoked(&rid, 0xC2, &[1, 2, 3]));
        assert!(!store.revoked(&rid, 0xC1, &[1, 2, 4]));
        store.clear_revoked().expect("kept");
        assert!(!store.revoked(&rid, 0xC1, &[1, 2, 3]));
    }
}
