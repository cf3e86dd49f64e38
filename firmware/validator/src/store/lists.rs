//! Deny list (exception file) and revoked issuer certificates.
//!
//! There are two deny lists. One is in force. A download fills the other one, and one write puts it in force.

use kernel::{Pan, Rid};

use crate::board::Board;
use crate::store::memory::{MAX_RECORD, Table};
use crate::store::{Store, StoreError};

/// In place of a sequence number: every card of the account.
const ANY: u8 = 0xFF;

/// Bytes of an entry of any list.
const ENTRY: usize = 12;

/// Bytes of an entry of a deny list that name the card. The one after them says where the entry comes from.
const CARD: usize = 11;

/// Last byte of an entry that the device itself made because the card's claim was refused. A download keeps it.
const OWN: u8 = 1;

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
        let (table, epoch) = self.deny_table(self.deny_list());
        self.any(&table, epoch, self.deny, |entry| {
            entry[..10] == wanted && (entry[10] == ANY || psn.is_none_or(|psn| psn == entry[10]))
        })
    }

    /// Puts a card, or with `psn` `None` every card of the account, on the deny list.
    ///
    /// # Errors
    /// [`StoreError`]; the list is as it was.
    pub fn deny(&mut self, pan: &Pan, psn: Option<u8>) -> Result<(), StoreError> {
        self.add_denied(entry(pan, psn, 0))
    }

    /// Puts a card on the deny list whose claim was refused. It stays there when another list is downloaded.
    ///
    /// # Errors
    /// [`StoreError`]; the list is as it was.
    pub fn deny_refused(&mut self, pan: &Pan, psn: Option<u8>) -> Result<(), StoreError> {
        self.add_denied(entry(pan, psn, OWN))
    }

    fn add_denied(&mut self, entry: [u8; ENTRY]) -> Result<(), StoreError> {
        let (table, epoch) = self.deny_table(self.deny_list());
        self.deny = self.append(&table, epoch, self.deny, &entry, CARD)?;
        Ok(())
    }

    /// A deny list and its epoch.
    pub(super) fn deny_table(&self, list: u8) -> (Table, u32) {
        let at = usize::from(list == 1);
        (self.layout.deny[at], self.epochs().deny[at])
    }

    /// Begins to fill the deny list that is not in force. What an earlier download left there is gone.
    ///
    /// # Errors
    /// [`StoreError::Memory`].
    pub fn begin_deny(&mut self) -> Result<DenyDownload, StoreError> {
        let list = self.deny_list() ^ 1;
        let at = usize::from(list == 1);
        self.renew(false, |epochs| epochs.deny[at] = epochs.deny[at].wrapping_add(1))?;
        Ok(DenyDownload { list, count: 0 })
    }

    /// Adds a card to a list that is being filled.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn load_deny(&mut self, download: &mut DenyDownload, pan: &Pan) -> Result<(), StoreError> {
        self.load_entry(download, &entry(pan, None, 0))
    }

    fn load_entry(&self, download: &mut DenyDownload, entry: &[u8; ENTRY]) -> Result<(), StoreError> {
        let (table, epoch) = self.deny_table(download.list);
        if download.count >= table.capacity {
            return Err(StoreError::Full);
        }
        if !table.write(self.board, epoch, download.count, entry) {
            return Err(StoreError::Memory);
        }
        download.count += 1;
        Ok(())
    }

    /// Puts a list in force that is complete, in one write. Cards whose claims this device saw refused stay barred.
    ///
    /// # Errors
    /// [`StoreError`]; the old list stays in force.
    pub fn finish_deny(&mut self, mut download: DenyDownload, version: u32) -> Result<(), StoreError> {
        let (table, epoch) = self.deny_table(self.deny_list());
        let mut buffer = [0; MAX_RECORD];
        for at in 0..self.deny {
            let entry = table.read(self.board, epoch, at, &mut buffer).and_then(|body| body.first_chunk::<ENTRY>());
            if let Some(entry) = entry.filter(|entry| entry[CARD] == OWN) {
                self.load_entry(&mut download, entry)?;
            }
        }
        self.swap_deny(download.list, version)?;
        self.deny = download.count;
        Ok(())
    }

    /// Empties the deny list.
    ///
    /// # Errors
    /// [`StoreError::Memory`]; the list stays.
    pub fn clear_deny(&mut self) -> Result<(), StoreError> {
        self.empty_deny()?;
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
        self.revoked = self.append(&table, epoch, self.revoked, &revocation(rid, index, serial), ENTRY)?;
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

    /// Adds an entry unless one with the same first `of` bytes is there; the new number of entries.
    fn append(
        &mut self,
        table: &Table,
        epoch: u32,
        count: u32,
        entry: &[u8; ENTRY],
        of: usize,
    ) -> Result<u32, StoreError> {
        if self.any(table, epoch, count, |other| other[..of] == entry[..of]) {
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

/// A deny list that is being filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenyDownload {
    list: u8,
    count: u32,
}

fn entry(pan: &Pan, psn: Option<u8>, origin: u8) -> [u8; ENTRY] {
    let mut entry = [0; ENTRY];
    entry[..10].copy_from_slice(&pan.compressed());
    entry[10] = psn.unwrap_or(ANY);
    entry[CARD] = origin;
    entry
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
