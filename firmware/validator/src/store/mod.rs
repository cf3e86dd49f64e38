//! What the device remembers without power: settings, keys, lists and journal, and how they change.

pub mod cards;
mod debts;
pub mod deny;
pub mod fares;
mod keys;
pub mod memory;
mod revoked;
pub mod settings;

use heapless::Vec;

use crate::board::Board;
use crate::fares::policy::Policy;
use crate::journal::Journal;
use crate::journal::claims::TRACES;
use crate::journal::payment::Payment;
use crate::store::deny::DenyDownload;
use crate::store::memory::{Layout, SETTINGS_SLOT};
use crate::store::settings::{Epochs, Saved, Settings};

/// How the memory was found at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// In order.
    Good,
    /// Never used, or the power was cut in the first write of all.
    Fresh,
    /// Both copies of the settings were damaged; the device is at factory state. The journal is kept.
    SettingsLost,
}

/// Why a change was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreError {
    /// No room for one more.
    Full,
    /// The memory did not keep what was written.
    Memory,
}

/// The memory with its contents.
pub struct Store<'b, B> {
    pub(crate) board: &'b B,
    pub(crate) layout: Layout,
    saved: Saved,
    /// The copy that holds `saved`.
    copy: usize,
    /// Records in each table.
    pub(crate) keys: u32,
    pub(crate) deny: u32,
    pub(crate) revoked: u32,
    pub(crate) journal: Journal,
    /// The last payment under way, and the epoch of its journal, where the memory has no room for it.
    pub(crate) payment: Option<(u32, Payment)>,
    /// Rules of the fare policy, in force or about to be.
    pub(crate) fare_rules: u32,
    /// The fare policy in force.
    policy: Policy,
    /// The highest number of a record of a card.
    card_order: u32,
    /// Keys and list entries that could not be read at start.
    pub(crate) damaged: u32,
}

fn read_copy<B: Board>(board: &B, offset: usize) -> Option<Saved> {
    let mut slot = [0; SETTINGS_SLOT];
    board.nvm_read(offset, &mut slot);
    Saved::decode(&slot)
}

fn is_blank<B: Board>(board: &B, offset: usize) -> bool {
    let mut start = [0; 16];
    board.nvm_read(offset, &mut start);
    start == [0; 16] || start == [0xFF; 16]
}

impl<'b, B: Board> Store<'b, B> {
    /// Reads the memory; makes it usable when it is new or damaged.
    pub fn open(board: &'b B) -> (Self, Found) {
        let layout = Layout::of(board.nvm_size(), board.has_uplink_port());
        let copies = layout.settings.map(|offset| read_copy(board, offset));
        // The first write of all goes to the first copy. As long as the second copy was never written, nothing was ever set,
        // even if a cut has torn that first write.
        let unused = is_blank(board, layout.settings[1]);
        let (saved, copy, found) = match copies {
            [Some(first), Some(second)] if second.sequence.wrapping_sub(first.sequence) == 1 => {
                (second, 1, Found::Good)
            }
            [Some(first), _] => (first, 0, Found::Good),
            [None, Some(second)] => (second, 1, Found::Good),
            [None, None] => {
                // Records of an older life must not come back: their epochs are most likely others.
                let epoch = || board.entropy() | 1;
                let journal = Journal::surviving_epoch(board, &layout)
                    .unwrap_or_else(|| Journal::unused_epoch(board, &layout, epoch()));
                let epochs = Epochs {
                    keys: epoch(),
                    deny: [epoch(), epoch()],
                    revoked: epoch(),
                    journal,
                    fares: if layout.has_fares() { epoch() } else { 0 },
                    cards: if layout.has_fares() { epoch() } else { 0 },
                };
                let traces = Journal::surviving_traces(board, &layout, journal).unwrap_or(if unused {
                    0
                } else {
                    // Traces of before are not known, and one that comes again would lose a ride.
                    board.entropy() % TRACES
                });
                let saved = Saved {
                    sequence: 0,
                    epochs,
                    deny_list: 0,
                    deny_version: 0,
                    deny_count: 0,
                    traces,
                    settled: 0,
                    fare_rules: 0,
                    settings: Settings::default(),
                };
                (saved, 1, if unused { Found::Fresh } else { Found::SettingsLost })
            }
        };
        let epochs = saved.epochs;
        // A cut may have come between the new epoch of a journal and the end of the old one.
        Journal::bury(board, &layout, epochs.journal);
        let (keys, bad_keys) = layout.keys.scan(board, epochs.keys);
        let list = usize::from(saved.deny_list == 1);
        let deny = layout.deny[list].count(board, epochs.deny[list]);
        // A cut may have come between an entry and its count.
        let bad_deny = saved.deny_count.saturating_sub(deny);
        let (revoked, bad_revoked) = layout.revoked.scan(board, epochs.revoked);
        let mut store = Self {
            board,
            layout,
            saved,
            copy,
            keys,
            deny,
            revoked,
            damaged: bad_keys + bad_deny + bad_revoked,
            journal: Journal::scan(board, &layout, epochs.journal),
            payment: None,
            fare_rules: 0,
            policy: Policy::default(),
            card_order: 0,
        };
        if !store.load_policy() {
            store.damaged += 1;
        }
        store.forget_unfinished();
        store.void_settled();
        if found != Found::Good {
            let saved = store.saved.clone();
            // A memory that does not keep this shows itself again at the first command that changes something.
            let _ = store.save(saved);
        }
        (store, found)
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.saved.settings
    }

    /// Epochs of the tables.
    pub(crate) fn epochs(&self) -> Epochs {
        self.saved.epochs
    }

    /// The deny list in force.
    pub(crate) fn deny_list(&self) -> u8 {
        self.saved.deny_list
    }

    /// Version of the deny list that was downloaded last; 0 when none was.
    pub fn deny_version(&self) -> u32 {
        self.saved.deny_version
    }

    /// Traces of all rides of journals that are gone.
    pub(crate) fn traces(&self) -> u32 {
        self.saved.traces
    }

    /// So many rides from the first on are settled.
    pub(crate) fn settled(&self) -> u32 {
        self.saved.settled
    }

    /// Whether the memory has room for a fare policy and for what is remembered of cards.
    pub fn has_fares(&self) -> bool {
        self.layout.has_fares()
    }

    /// Whether the memory has room for what an uplink needs.
    pub fn has_uplink(&self) -> bool {
        self.layout.has_uplink()
    }

    /// Records that the journal takes.
    pub fn capacity(&self) -> u32 {
        let room = self.layout.journal.capacity;
        self.settings().capacity.map_or(room, |capacity| capacity.min(room))
    }

    /// Replaces the settings.
    ///
    /// # Errors
    /// [`StoreError::Memory`]; the old settings stay.
    pub fn put(&mut self, settings: Settings) -> Result<(), StoreError> {
        if settings == self.saved.settings {
            return Ok(());
        }
        self.save(Saved { settings, ..self.saved.clone() })
    }

    /// Forgets the name of the settings, as keys or lists are about to change.
    pub(crate) fn unname(&mut self) -> Result<(), StoreError> {
        let mut settings = self.saved.settings.clone();
        settings.profile.clear();
        self.put(settings)
    }

    /// Everything to factory state, in one write.
    ///
    /// # Errors
    /// [`StoreError::Memory`]; everything stays.
    pub fn factory(&mut self) -> Result<(), StoreError> {
        let Epochs { keys, deny, revoked, journal, fares, cards } = self.saved.epochs;
        let next = |epoch: u32| epoch.wrapping_add(1);
        let epochs = Epochs {
            keys: next(keys),
            deny: deny.map(next),
            revoked: next(revoked),
            journal: next(journal),
            fares: fares.wrapping_add(u32::from(self.has_fares())),
            cards: cards.wrapping_add(u32::from(self.has_fares())),
        };
        self.save(Saved {
            sequence: self.saved.sequence,
            epochs,
            deny_list: 0,
            deny_version: 0,
            deny_count: 0,
            traces: self.traces_after_all(),
            settled: 0,
            fare_rules: 0,
            settings: Settings::default(),
        })?;
        (self.keys, self.deny, self.revoked, self.journal) = (0, 0, 0, Journal::default());
        (self.fare_rules, self.policy) = (0, Policy::default());
        Journal::bury(self.board, &self.layout, self.epochs().journal);
        Ok(())
    }

    /// New epochs, by `change`; with `unname` the settings lose their name too.
    pub(crate) fn renew(&mut self, unname: bool, change: impl FnOnce(&mut Epochs)) -> Result<(), StoreError> {
        let mut saved = self.saved.clone();
        change(&mut saved.epochs);
        if unname {
            saved.settings.profile.clear();
        }
        self.save(saved)
    }

    /// Puts the other deny list in force.
    fn swap_deny(&mut self, DenyDownload { list, count }: DenyDownload, version: u32) -> Result<(), StoreError> {
        let mut saved = Saved { deny_list: list, deny_version: version, deny_count: count, ..self.saved.clone() };
        saved.settings.profile.clear();
        self.save(saved)
    }

    /// Empties the deny list in force, which is none of any download then.
    fn empty_deny(&mut self) -> Result<(), StoreError> {
        let mut saved = Saved { deny_version: 0, deny_count: 0, ..self.saved.clone() };
        let at = usize::from(saved.deny_list == 1);
        saved.epochs.deny[at] = saved.epochs.deny[at].wrapping_add(1);
        saved.settings.profile.clear();
        self.save(saved)
    }

    /// Notes how many entries the deny list in force has, so that one that rots is missed.
    fn count_deny(&mut self) -> Result<(), StoreError> {
        self.save(Saved { deny_count: self.deny, ..self.saved.clone() })
    }

    /// A new journal: the rides of the old one are gone, and their traces never come again. With `forget`, nothing is remembered
    /// of any card either.
    pub(crate) fn renew_journal(&mut self, forget: bool) -> Result<(), StoreError> {
        let mut saved = Saved { traces: self.traces_after_all(), settled: 0, ..self.saved.clone() };
        saved.epochs.cards = saved.epochs.cards.wrapping_add(u32::from(forget && self.has_fares()));
        saved.epochs.journal = saved.epochs.journal.wrapping_add(1);
        self.save(saved)
    }

    /// Notes that the rides up to this number are settled.
    pub(crate) fn note_settled(&mut self, settled: u32) -> Result<(), StoreError> {
        self.save(Saved { settled, ..self.saved.clone() })
    }

    fn traces_after_all(&self) -> u32 {
        (self.saved.traces + self.journal.count) % TRACES
    }

    /// Writes the older copy, so that a cut in the middle leaves the newer one.
    fn save(&mut self, mut saved: Saved) -> Result<(), StoreError> {
        saved.sequence = self.saved.sequence.wrapping_add(1);
        let copy = self.copy ^ 1;
        let bytes: Vec<u8, SETTINGS_SLOT> = saved.encode().ok_or(StoreError::Memory)?;
        self.board.nvm_write(self.layout.settings[copy], &bytes);
        if read_copy(self.board, self.layout.settings[copy]).as_ref() != Some(&saved) {
            return Err(StoreError::Memory);
        }
        (self.saved, self.copy) = (saved, copy);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testboard::TestBoard;

    fn with_fare(store: &Store<'_, TestBoard>, fare: u32) -> Settings {
        Settings { fare, ..store.settings().clone() }
    }

    #[test]
    fn settings_outlive_power() {
        let board = TestBoard::new(4096);
        let (mut store, found) = Store::open(&board);
        assert_eq!(found, Found::Fresh);
        for fare in 1..10 {
            store.put(with_fare(&store, fare)).expect("kept");
            let (again, found) = Store::open(&board);
            assert_eq!((again.settings().fare, found), (fare, Found::Good));
        }
    }

    #[test]
    fn a_cut_at_any_byte_keeps_the_old_or_the_new() {
        for cut in 0..SETTINGS_SLOT {
            let board = TestBoard::new(4096);
            let (mut store, _) = Store::open(&board);
            store.put(with_fare(&store, 200)).expect("kept");
            board.power_cut_after(cut);
            let result = store.put(with_fare(&store, 300));
            let board = board.restarted();
            let (again, found) = Store::open(&board);
            assert_eq!(found, Found::Good);
            assert_eq!(again.settings().fare, if result.is_ok() { 300 } else { 200 }, "cut after {cut} bytes");
        }
    }

    #[test]
    fn a_cut_in_the_first_write_of_all_loses_nothing() {
        for cut in 0..SETTINGS_SLOT {
            let board = TestBoard::new(4096);
            board.power_cut_after(cut);
            Store::open(&board);
            let board = board.restarted();
            let (mut store, found) = Store::open(&board);
            assert_ne!(found, Found::SettingsLost, "cut after {cut} bytes");
            assert_eq!(store.traces(), 0, "cut after {cut} bytes");
            store.put(with_fare(&store, 300)).expect("kept");
        }
    }

    #[test]
    fn damaged_settings_are_noticed() {
        let board = TestBoard::new(4096);
        let (mut store, _) = Store::open(&board);
        store.put(with_fare(&store, 200)).expect("kept");
        board.nvm.borrow_mut()[20] ^= 1;
        let second = Layout::new(4096).settings[1];
        board.nvm.borrow_mut()[second + 20] ^= 1;
        assert_eq!(Store::open(&board).1, Found::SettingsLost);
        let (store, found) = Store::open(&board);
        assert_eq!((store.settings().fare, found), (100, Found::Good));
    }

    #[test]
    fn a_memory_that_keeps_nothing_is_an_error() {
        let board = TestBoard::new(4096);
        let (mut store, _) = Store::open(&board);
        board.power_cut_after(0);
        assert_eq!(store.put(with_fare(&store, 5)), Err(StoreError::Memory));
        assert_eq!(store.settings().fare, 100);
    }
}
