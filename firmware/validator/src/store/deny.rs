//! The deny list (exception file).
//!
//! There are two. One is in force. A download fills the other one, and one write puts it in force.
//!
//! A list is a hash table with open addressing. A card's entry lies among the [`PROBES`] places from its home on, so a look-up
//! reads as many bytes whether the list has one card or a million. All of them are looked at: a place that was never used
//! can't be told from one that rotted, and behind it may lie the entry that is wanted.

use kernel::Pan;

use crate::board::Board;
use crate::store::memory::Table;
use crate::store::{Store, StoreError};

/// In place of a sequence number: every card of the account.
const ANY: u8 = 0xFF;

/// Bytes of an entry.
const ENTRY: usize = 12;

/// Bytes of an account number.
const PAN: usize = 10;

/// Bytes of an entry that name the card. The one after them says where the entry comes from.
const CARD: usize = 11;

/// Last byte of an entry that the device itself made because the card's claim was refused. A download keeps it.
const OWN: u8 = 1;

/// Places in which an entry may lie. A table is filled to a half at most, except a small one that is looked through whole:
/// then the longest run of used places in a list of a million cards is about 75.
pub const PROBES: u32 = 128;

/// The first place of a card in a table of so many: FNV-1a, then the upper bits.
fn home(pan: &[u8], places: u32) -> u32 {
    let hash = pan
        .iter()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3));
    // Its upper bits depend on all bytes. The product has the right size, as `places` has 32 bits.
    (((hash >> 32) * u64::from(places)) >> 32) as u32
}

/// Where an entry is or could be.
enum Place {
    Found,
    Free(u32),
    None,
}

impl<B: Board> Store<'_, B> {
    /// Whether a card is on the deny list: whole account number, and the sequence number where the entry has one.
    /// A card without sequence number (`None`) meets every entry of its account.
    pub fn denied(&self, pan: &Pan, psn: Option<u8>) -> bool {
        self.is_denied(pan, psn, |_| true)
    }

    /// The same without the entries that the device itself made because a claim was refused.
    pub fn denied_by_list(&self, pan: &Pan, psn: Option<u8>) -> bool {
        self.is_denied(pan, psn, |origin| origin != OWN)
    }

    fn is_denied(&self, pan: &Pan, psn: Option<u8>, counts: impl Fn(u8) -> bool) -> bool {
        let wanted = pan.compressed();
        let (table, epoch) = self.deny_table(self.deny_list());
        let mut denied = false;
        self.probe(&table, &wanted, |index, record| {
            denied |= record[..PAN] == wanted
                && counts(record[CARD])
                && (record[PAN] == ANY || psn.is_none_or(|psn| psn == record[PAN]))
                && table.is_sound(epoch, index, record);
            !denied
        });
        denied
    }

    /// Cards that a deny list takes.
    pub fn deny_capacity(&self) -> u32 {
        self.layout.deny_cards
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

    /// Takes a card off the deny list that the device itself has put on it. An entry of the operator or of a download stays.
    ///
    /// # Errors
    /// [`StoreError::Memory`]; the list is as it was.
    pub(crate) fn undeny(&mut self, pan: &Pan, psn: Option<u8>) -> Result<(), StoreError> {
        let wanted = entry(pan, psn, OWN);
        let (table, epoch) = self.deny_table(self.deny_list());
        let mut place = None;
        self.probe(&table, &wanted[..PAN], |index, record| {
            if record[..ENTRY] == wanted && table.is_sound(epoch, index, record) {
                place = Some(index);
            }
            place.is_none()
        });
        let Some(index) = place else { return Ok(()) };
        self.unname()?;
        self.deny = self.deny.saturating_sub(1);
        // The count first: an entry more than it says is none that has rotted.
        self.count_deny()?;
        table.erase(self.board, index);
        Ok(())
    }

    fn add_denied(&mut self, entry: [u8; ENTRY]) -> Result<(), StoreError> {
        let (table, epoch) = self.deny_table(self.deny_list());
        match self.place(&table, epoch, &entry) {
            Place::Found => Ok(()),
            Place::Free(index) if self.deny < self.layout.deny_cards => {
                self.unname()?;
                if !table.write(self.board, epoch, index, &entry) {
                    return Err(StoreError::Memory);
                }
                self.deny += 1;
                self.count_deny()
            }
            Place::Free(_) | Place::None => Err(StoreError::Full),
        }
    }

    /// Looks at the places of a card until `look` says that it is enough.
    fn probe(&self, table: &Table, pan: &[u8], mut look: impl FnMut(u32, &[u8]) -> bool) {
        let places = table.capacity;
        let home = home(pan, places);
        let end = home + PROBES.min(places);
        // Behind the last place comes the first one.
        if table.look_at(self.board, home..end.min(places), &mut look) {
            table.look_at(self.board, 0..end.saturating_sub(places), &mut look);
        }
    }

    /// Where the entry is, or the first place that is free for it.
    fn place(&self, table: &Table, epoch: u32, entry: &[u8; ENTRY]) -> Place {
        let mut place = Place::None;
        self.probe(table, &entry[..PAN], |index, record| {
            let is_same = record[..CARD] == entry[..CARD];
            let wants_free = matches!(place, Place::None);
            if !is_same && !wants_free {
                return true;
            }
            match (table.is_sound(epoch, index, record), is_same) {
                (true, true) => place = Place::Found,
                (false, _) if wants_free => place = Place::Free(index),
                _ => {}
            }
            !matches!(place, Place::Found)
        });
        place
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
        match self.place(&table, epoch, entry) {
            Place::Found => Ok(()),
            Place::Free(index) if download.count < self.layout.deny_cards => {
                if !table.write(self.board, epoch, index, entry) {
                    return Err(StoreError::Memory);
                }
                download.count += 1;
                Ok(())
            }
            Place::Free(_) | Place::None => Err(StoreError::Full),
        }
    }

    /// Puts a list in force that is complete, in one write. Cards whose claims this device saw refused stay barred.
    ///
    /// # Errors
    /// [`StoreError`]; the old list stays in force.
    pub fn finish_deny(&mut self, mut download: DenyDownload, version: u32) -> Result<(), StoreError> {
        let (table, epoch) = self.deny_table(self.deny_list());
        let mut carried = Ok(());
        table.look_at(self.board, 0..table.capacity, |index, record| {
            if let Some(entry) = record.first_chunk::<ENTRY>()
                && entry[CARD] == OWN
                && table.is_sound(epoch, index, record)
            {
                carried = self.load_entry(&mut download, entry);
            }
            carried.is_ok()
        });
        carried?;
        self.swap_deny(download, version)?;
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
}

/// A deny list that is being filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenyDownload {
    pub(super) list: u8,
    pub(super) count: u32,
}

fn entry(pan: &Pan, psn: Option<u8>, origin: u8) -> [u8; ENTRY] {
    let mut entry = [0; ENTRY];
    entry[..10].copy_from_slice(&pan.compressed());
    entry[10] = psn.unwrap_or(ANY);
    entry[CARD] = origin;
    entry
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::store::memory::Layout;
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

    /// A board with so many cards on its list.
    fn board_with(size: usize, cards: u32) -> TestBoard {
        let board = TestBoard::new(size);
        let (mut store, _) = Store::open(&board);
        let mut download = store.begin_deny().expect("kept");
        for n in 0..cards {
            store.load_deny(&mut download, &numbered(n)).expect("room");
        }
        store.finish_deny(download, 1).expect("kept");
        board
    }

    fn numbered(n: u32) -> Pan {
        pan(&std::format!("62260000{n:08}"))
    }

    #[test]
    fn a_long_list_is_exact_and_a_full_one_takes_no_more() {
        let board = board_with(1 << 21, 16_384);
        let (mut store, _) = Store::open(&board);
        assert_eq!((store.deny, store.damaged), (16_384, 0));
        for n in 0..16_384 {
            assert!(store.denied(&numbered(n), Some(1)), "{n}");
            assert!(!store.denied(&numbered(n + 1_000_000), Some(1)), "{n}");
        }
        assert_eq!(store.deny(&numbered(16_384), None), Err(StoreError::Full));
    }

    #[test]
    fn a_look_up_reads_as_much_of_a_full_list_as_of_a_short_one() {
        let most = |cards| {
            let board = board_with(1 << 21, cards);
            let (store, _) = Store::open(&board);
            let look_ups = (0..20_000).map(|n| {
                let before = board.nvm_read.get();
                store.denied(&numbered(n), Some(1));
                board.nvm_read.get() - before
            });
            look_ups.max().expect("cards")
        };
        let slot = Layout::new(1 << 21).deny[0].slot;
        let bound = PROBES as usize * slot;
        assert_eq!((most(10), most(16_384)), (bound, bound), "each place from the card's home on, and nothing else");
    }

    #[test]
    fn an_entry_that_rots_hides_no_other_and_is_missed() {
        let board = board_with(262_144, 512);
        let table = Layout::new(262_144).deny[1];
        // One place after the other.
        for index in (0..table.capacity).step_by(7) {
            let at = table.offset + index as usize * table.slot;
            let kept = core::mem::replace(&mut board.nvm.borrow_mut()[at], 0x55);
            let (store, _) = Store::open(&board);
            let found = (0..512).filter(|n| store.denied(&numbered(*n), Some(1))).count();
            assert_eq!(found as u32 + store.damaged, 512, "{index}");
            assert!(store.damaged <= 1, "{index}");
            board.nvm.borrow_mut()[at] = kept;
        }
    }

    #[test]
    fn homes_are_spread_over_the_whole_table() {
        let mut used = [0; 16];
        for n in 0..1600 {
            used[home(&numbered(n).compressed(), 16) as usize] += 1;
        }
        assert!(used.iter().all(|count| (50..150).contains(count)), "{used:?}");
    }
}
