//! Revoked issuer certificates.

use kernel::Rid;

use crate::board::Board;
use crate::store::memory::{MAX_RECORD, Table};
use crate::store::{Store, StoreError};

/// Bytes of an entry.
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
    use super::*;
    use crate::testboard::TestBoard;

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
