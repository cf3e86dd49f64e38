//! The journal: each accepted ride with all that its claim needs, and what became of the claim.

pub mod claims;
pub(crate) mod last;
pub mod payment;

use heapless::{String, Vec};
use kernel::{Oda, Pan, Ride};
use serde::{Deserialize, Serialize};

use crate::board::Board;
use crate::store::memory::{JOURNAL_SLOT, Layout, MAX_RECORD};
use crate::store::settings::{RideMode, Settings};
use crate::store::{Store, StoreError};
use claims::Claim;

/// Number of the record and epoch, before the record itself. Both in clear text, so that a scan passes over
/// unused places quickly, and the journal can be found again without the settings.
const HEADER: usize = 8;

/// What a ride is to its trip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// A ride that is paid at once.
    #[default]
    Ride,
    /// The beginning of a trip. Its fare is the highest one, which is claimed only if no tap-off comes.
    On {
        /// How long the trip may take, in seconds.
        within_s: u32,
        /// Where it began.
        stop: u16,
    },
    /// The end of a trip.
    Off {
        /// Trace of the ride that began it.
        on: u32,
        /// Where it ended.
        stop: u16,
    },
    /// No ride: a card tries to pay what it owes.
    Debt,
}

/// One ride, as the journal keeps it: what the claim (ISO 8583, data element 55 and others) needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Seconds since 1970, local time.
    pub time_s: u64,
    /// Account number, compressed.
    pub pan: [u8; 10],
    /// Sequence number of the account.
    pub psn: Option<u8>,
    /// Date of expiry, BCD.
    pub expiry: Option<[u8; 3]>,
    /// Amount, in fen.
    pub fare: u32,
    /// Application transaction counter.
    pub atc: u16,
    /// Application cryptogram.
    pub cryptogram: [u8; 8],
    /// Cryptogram information data.
    pub cid: u8,
    /// How the ride was authorised.
    pub kind: RideMode,
    /// The card signed this ride and the signature was good.
    pub authenticated: bool,
    /// Issuer application data.
    pub iad: Vec<u8, 32>,
    /// Application interchange profile.
    pub aip: [u8; 2],
    /// Terminal verification results.
    pub tvr: [u8; 5],
    /// Unpredictable number.
    pub unpredictable_number: [u8; 4],
    /// Terminal transaction qualifiers as sent.
    pub ttq: [u8; 4],
    /// Track 2 equivalent data.
    pub track2: Vec<u8, 19>,
    /// Application identifier.
    pub aid: Vec<u8, 16>,
    /// Country of the terminal.
    pub country: u16,
    /// Currency.
    pub currency: u16,
    /// Transaction type.
    pub transaction_type: u8,
    /// Line, bus and driver of the ride.
    pub line: String<16>,
    /// Bus.
    pub bus: String<16>,
    /// Driver.
    pub driver: String<16>,
    /// Number of the claim's message (field 11 of ISO 8583), 1 to [`claims::TRACES`]. No other ride of this device has it
    /// until all of them were used.
    pub trace: u32,
    /// This is a request to the issuer, for which the rider waited. All other rides are given first and claimed later.
    pub request: bool,
    /// What the ride is to its trip.
    pub purpose: Purpose,
}

impl Record {
    /// The record of a ride; nothing when the card gave no account number.
    #[must_use]
    pub fn new(ride: &Ride, settings: &Settings) -> Option<Self> {
        Some(Self {
            time_s: crate::clock::to_seconds(ride.time),
            pan: ride.pan.as_ref()?.compressed(),
            psn: ride.psn,
            expiry: ride.expiry.map(kernel::Date::to_yymmdd),
            fare: ride.amount,
            atc: ride.atc,
            cryptogram: ride.cryptogram,
            cid: ride.cid,
            kind: settings.mode,
            authenticated: ride.oda == Oda::Passed,
            iad: ride.iad.clone(),
            aip: ride.aip,
            tvr: ride.tvr,
            unpredictable_number: ride.unpredictable_number,
            ttq: ride.ttq.0,
            track2: ride.track2.clone(),
            aid: Vec::from_slice(ride.aid.as_bytes()).ok()?,
            country: ride.country,
            currency: ride.currency,
            transaction_type: ride.transaction_type,
            line: settings.line.clone(),
            bus: settings.bus.clone(),
            driver: settings.driver.clone(),
            // The journal gives it one.
            trace: 0,
            request: false,
            purpose: Purpose::Ride,
        })
    }

    /// Whether the journal lists it, when this is known of the claim: a request to the issuer only if it gave a ride.
    #[must_use]
    pub fn gave_ride(&self, claim: Claim) -> bool {
        !self.request || matches!(claim, Claim::Accepted { .. })
    }

    /// What its claim is as long as nothing was noted of it.
    const fn first_claim(&self) -> Claim {
        match self.purpose {
            _ if self.request => Claim::Waiting,
            _ if self.fare == 0 => Claim::Nothing,
            Purpose::On { .. } => Claim::Held,
            Purpose::Ride | Purpose::Off { .. } | Purpose::Debt => Claim::Waiting,
        }
    }

    /// The account number.
    #[must_use]
    pub fn pan(&self) -> Option<Pan> {
        Pan::from_compressed(&self.pan)
    }
}

/// What is known of the journal without reading it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Journal {
    /// Records, and the place of the next one.
    pub count: u32,
    /// Sum of the fares of all rides, in fen, without tap-ons that are not claimed. A request to the issuer is a ride once it is
    /// approved.
    pub total: u64,
    /// Places before the last record that can't be read.
    pub damaged: u32,
    /// Records that nobody has accepted or refused yet.
    pub open: u32,
    /// Those of them that are requests to the issuer.
    pub requests: u32,
    /// Requests to the issuer that have given no ride, whether they are open, refused or taken back.
    pub void: u32,
    /// All rides before this place are decided.
    pub first_open: u32,
    /// Of the rides that are open, tap-ons whose tap-off may still come.
    pub held: u32,
    /// The last second, since 1970, in which no trip is over. [`u64::MAX`] if there is none.
    pub due_s: u64,
}

impl Default for Journal {
    /// An empty one.
    fn default() -> Self {
        let due_s = u64::MAX;
        Self { count: 0, total: 0, damaged: 0, open: 0, requests: 0, void: 0, first_open: 0, held: 0, due_s }
    }
}

fn number(index: u32) -> [u8; 4] {
    (index + 1).to_be_bytes()
}

fn read<B: Board>(board: &B, layout: &Layout, epoch: u32, index: u32) -> Option<Record> {
    let mut buffer = [0; MAX_RECORD];
    let body = layout.journal.read(board, epoch, index, &mut buffer)?;
    postcard::from_bytes(body.get(HEADER..)?).ok()
}

impl Journal {
    /// How many rides there are. Those that can't be read count too.
    #[must_use]
    pub const fn rides(&self) -> u32 {
        self.count - self.void
    }

    /// Counts the record at a place, of whose claim this is known.
    fn count_in(&mut self, index: u32, record: &Record, claim: Claim) {
        if !record.gave_ride(claim) {
            self.void += 1;
        } else if !matches!(claim, Claim::Held | Claim::Void) {
            self.total += u64::from(record.fare);
        }
        if let (Claim::Held, Purpose::On { within_s, .. }) = (claim, record.purpose) {
            self.held += 1;
            self.due_s = self.due_s.min(record.time_s + u64::from(within_s));
        }
        if !claim.is_decided() {
            self.requests += u32::from(record.request);
            self.first_open = if self.open == 0 { index } else { self.first_open };
            self.open += 1;
        }
    }

    fn header<B: Board>(board: &B, layout: &Layout, index: u32) -> ([u8; 4], [u8; 4]) {
        let mut header = [0; HEADER];
        board.nvm_read(layout.journal.offset + layout.journal.slot * index as usize, &mut header);
        let [a, b, c, d, e, f, g, h] = header;
        ([a, b, c, d], [e, f, g, h])
    }

    /// The epoch of a journal whose settings were lost.
    pub(crate) fn surviving_epoch<B: Board>(board: &B, layout: &Layout) -> Option<u32> {
        let epoch = u32::from_be_bytes(Self::header(board, layout, 0).1);
        read(board, layout, epoch, 0).map(|_| epoch)
    }

    /// Traces that were used before a journal whose settings were lost: known by its first readable record.
    pub(crate) fn surviving_traces<B: Board>(board: &B, layout: &Layout, epoch: u32) -> Option<u32> {
        let mut records =
            (0..layout.journal.capacity).filter_map(|index| Some((index, read(board, layout, epoch, index)?)));
        let (index, record) = records.next()?;
        Some(claims::traces_before(index, record.trace))
    }

    /// An epoch, `epoch` or one after it, of which no record is left.
    pub(crate) fn unused_epoch<B: Board>(board: &B, layout: &Layout, mut epoch: u32) -> u32 {
        let is_used = |epoch: u32| {
            (0..layout.journal.capacity).any(|index| Self::header(board, layout, index).1 == epoch.to_be_bytes())
        };
        // There are fewer records than epochs.
        while is_used(epoch) {
            epoch = epoch.wrapping_add(1);
        }
        epoch
    }

    /// Destroys the first record of a journal that was cleared, unless the journal that is valid now has its place. Without its
    /// first record it can't be found again when the settings are lost.
    pub(crate) fn bury<B: Board>(board: &B, layout: &Layout, epoch: u32) {
        if Self::surviving_epoch(board, layout).is_some_and(|other| other != epoch) {
            board.nvm_write(layout.journal.offset, &[0; HEADER]);
        }
    }

    /// Reads the whole journal: a record behind a damaged one is not lost.
    pub(crate) fn scan<B: Board>(board: &B, layout: &Layout, epoch: u32) -> Self {
        let mut journal = Self::default();
        let mut good = 0;
        for index in 0..layout.journal.capacity {
            if Self::header(board, layout, index) != (number(index), epoch.to_be_bytes()) {
                continue;
            }
            if let Some(record) = read(board, layout, epoch, index) {
                good += 1;
                journal.count = index + 1;
                journal.damaged = journal.count - good;
                let claim = Claim::read(board, layout, epoch, index, || record.first_claim());
                journal.count_in(index, &record, claim);
            }
        }
        if journal.open == 0 {
            journal.first_open = journal.count;
        }
        journal
    }
}

impl<B: Board> Store<'_, B> {
    /// What is known of the journal.
    pub fn journal(&self) -> Journal {
        self.journal
    }

    /// Whether one more ride can be recorded. Rides that are all settled make room.
    pub fn journal_has_room(&self) -> bool {
        self.journal.count < self.capacity() || self.is_all_settled()
    }

    /// At start: a cut may have come between a tap-off and the note that its tap-on is void.
    pub(crate) fn void_settled(&mut self) {
        if self.journal.held == 0 {
            return;
        }
        for index in self.journal.first_open..self.journal.count {
            if let Some(Record { purpose: Purpose::Off { on, .. }, .. }) = self.record(index) {
                // A memory that does not keep this is noticed when the trip is over: it is looked for then, too.
                let _ = self.void_tap_on(on);
            }
        }
    }

    /// Whether no ride is left whose batch is open.
    pub(crate) fn is_all_settled(&self) -> bool {
        self.journal.count > 0 && self.settled() >= self.journal.count
    }

    /// The ride at a place, from 0.
    pub fn record(&self, index: u32) -> Option<Record> {
        (index < self.journal.count).then(|| read(self.board, &self.layout, self.epochs().journal, index)).flatten()
    }

    /// The last ride that can be read. A request that was not approved is no ride.
    pub fn last_ride(&self) -> Option<Record> {
        let ride = |index| self.record(index).filter(|record| record.gave_ride(self.claim(index)));
        (0..self.journal.count).rev().find_map(ride)
    }

    /// Records a ride; when this returns well, a power cut can't take it away.
    ///
    /// # Errors
    /// [`StoreError`]; the journal is as it was.
    pub fn append_ride(&mut self, record: &Record) -> Result<(), StoreError> {
        self.make_room()?;
        let (index, epoch) = (self.journal.count, self.epochs().journal);
        let mut body = [0; JOURNAL_SLOT - 4];
        body[..4].copy_from_slice(&number(index));
        body[4..HEADER].copy_from_slice(&epoch.to_be_bytes());
        let record = Record { trace: claims::trace(self.traces(), index), ..record.clone() };
        postcard::to_slice(&record, &mut body[HEADER..]).map_err(|_| StoreError::Memory)?;
        if !self.layout.journal.write(self.board, epoch, index, &body) {
            return Err(StoreError::Memory);
        }
        self.journal.count += 1;
        self.journal.count_in(index, &record, record.first_claim());
        if self.journal.open == 0 {
            self.journal.first_open = self.journal.count;
        }
        if let Purpose::Off { on, .. } = record.purpose {
            // The ride is recorded. What fails here is done again later.
            let _ = self.void_tap_on(on);
        }
        Ok(())
    }

    /// Makes room for one more ride: a full journal of settled rides is emptied.
    pub(super) fn make_room(&mut self) -> Result<(), StoreError> {
        if !self.journal_has_room() {
            return Err(StoreError::Full);
        }
        if self.journal.count >= self.capacity() { self.begin_journal(false) } else { Ok(()) }
    }

    /// Empties the journal. Nothing is remembered of any card then.
    ///
    /// # Errors
    /// [`StoreError::Memory`]; the journal stays.
    pub fn clear_journal(&mut self) -> Result<(), StoreError> {
        self.begin_journal(true)
    }

    fn begin_journal(&mut self, forget: bool) -> Result<(), StoreError> {
        self.renew_journal(forget)?;
        self.journal = Journal::default();
        Journal::bury(self.board, &self.layout, self.epochs().journal);
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::store::memory::SETTINGS_SLOT;
    use crate::testboard::TestBoard;

    pub(crate) fn record(fare: u32) -> Record {
        let text = || String::try_from("1234567890123456").expect("fits");
        Record {
            time_s: u64::from(u32::MAX),
            pan: [0x62; 10],
            psn: Some(99),
            expiry: Some([0x99, 0x12, 0x31]),
            fare,
            atc: u16::MAX,
            cryptogram: [0xAC; 8],
            cid: 0x80,
            kind: RideMode::Online,
            authenticated: true,
            iad: Vec::from_slice(&[7; 32]).expect("fits"),
            aip: [1, 2],
            tvr: [3; 5],
            unpredictable_number: [4; 4],
            ttq: [5; 4],
            track2: Vec::from_slice(&[6; 19]).expect("fits"),
            aid: Vec::from_slice(&[0xA0; 16]).expect("fits"),
            country: u16::MAX,
            currency: u16::MAX,
            transaction_type: u8::MAX,
            line: text(),
            bus: text(),
            driver: text(),
            trace: 0,
            request: false,
            purpose: Purpose::Ride,
        }
    }

    /// The record as the journal keeps it, with its trace.
    fn kept(fare: u32, trace: u32) -> Record {
        Record { trace, ..record(fare) }
    }

    #[test]
    fn the_longest_ride_fits_and_outlives_power() {
        let board = TestBoard::new(4096);
        let (mut store, _) = Store::open(&board);
        let longest = Purpose::On { within_s: 86_400, stop: 9999 };
        store.append_ride(&Record { purpose: longest, ..record(999_999_999) }).expect("room");
        store.append_ride(&record(1)).expect("room");
        let (store, _) = Store::open(&board);
        let due_s = u64::from(u32::MAX) + 86_400;
        assert_eq!(store.journal(), Journal { count: 2, total: 1, open: 2, held: 1, due_s, ..Journal::default() });
        assert_eq!(store.record(0), Some(Record { purpose: longest, ..kept(999_999_999, 1) }));
        assert_eq!(store.record(2), None);
    }

    #[test]
    fn a_full_journal_refuses_and_a_cleared_one_is_empty() {
        let board = TestBoard::new(4096);
        let (mut store, _) = Store::open(&board);
        while store.journal_has_room() {
            store.append_ride(&record(10)).expect("room");
        }
        assert_eq!(store.append_ride(&record(10)), Err(StoreError::Full));
        assert_eq!(store.journal().count, store.capacity());
        store.clear_journal().expect("kept");
        let (mut store, _) = Store::open(&board);
        assert_eq!(store.journal(), Journal::default());
        store.append_ride(&record(3)).expect("room");
        assert_eq!(Store::open(&board).0.journal(), Journal { count: 1, total: 3, open: 1, ..Journal::default() });
    }

    #[test]
    fn a_cut_at_any_byte_leaves_the_ride_whole_or_absent() {
        for cut in 0..=JOURNAL_SLOT {
            let board = TestBoard::new(4096);
            let (mut store, _) = Store::open(&board);
            store.append_ride(&record(10)).expect("room");
            board.power_cut_after(cut);
            let result = store.append_ride(&record(20));
            let board = board.restarted();
            let (mut store, _) = Store::open(&board);
            let expected = if result.is_ok() { 2 } else { 1 };
            assert_eq!((store.journal().count, store.journal().damaged), (expected, 0), "cut after {cut}");
            store.append_ride(&record(30)).expect("room");
            assert_eq!(store.record(expected), Some(kept(30, expected + 1)));
        }
    }

    #[test]
    fn a_rotten_record_does_not_hide_those_behind_it() {
        let board = TestBoard::new(4096);
        let (mut store, _) = Store::open(&board);
        for fare in [1, 2, 4] {
            store.append_ride(&record(fare)).expect("room");
        }
        let at = Layout::new(4096).journal.offset + JOURNAL_SLOT + 40;
        board.nvm.borrow_mut()[at] ^= 0x10;
        let (store, _) = Store::open(&board);
        assert_eq!(store.journal(), Journal { count: 3, total: 5, damaged: 1, open: 2, ..Journal::default() });
        assert_eq!(store.record(1), None);
    }

    /// Both copies of the settings are damaged; the journal that is found then.
    fn without_settings(board: &TestBoard) -> Journal {
        board.nvm.borrow_mut()[..Layout::new(4096).keys.offset].fill(0xA5);
        let (store, found) = Store::open(board);
        assert_eq!(found, crate::store::Found::SettingsLost);
        store.journal()
    }

    #[test]
    fn a_cleared_journal_does_not_come_back_with_lost_settings() {
        for factory in [false, true] {
            let board = TestBoard::new(4096);
            let (mut store, _) = Store::open(&board);
            store.append_ride(&record(7)).expect("room");
            if factory { store.factory() } else { store.clear_journal() }.expect("kept");
            assert_eq!(without_settings(&board), Journal::default());
        }
    }

    #[test]
    fn a_cut_while_the_journal_is_cleared_keeps_all_of_it_or_nothing() {
        // The write of the settings, then that of the record that is destroyed.
        for cut in 0..=SETTINGS_SLOT + HEADER {
            let board = TestBoard::new(4096);
            let (mut store, _) = Store::open(&board);
            store.append_ride(&record(7)).expect("room");
            store.append_ride(&record(8)).expect("room");
            board.power_cut_after(cut);
            let cleared = store.clear_journal().is_ok();
            let board = board.restarted();
            let journal = Store::open(&board).0.journal();
            let expected = if cleared {
                Journal::default()
            } else {
                Journal { count: 2, total: 15, open: 2, ..Journal::default() }
            };
            assert_eq!(journal, expected, "cut after {cut}");
            assert_eq!(without_settings(&board), expected, "cut after {cut}, then no settings");
        }
    }

    #[test]
    fn the_journal_outlives_lost_settings() {
        let board = TestBoard::new(4096);
        let (mut store, _) = Store::open(&board);
        store.append_ride(&record(7)).expect("room");
        board.nvm.borrow_mut()[..2 * SETTINGS_SLOT].fill(0xA5);
        let (store, found) = Store::open(&board);
        assert_eq!(found, crate::store::Found::SettingsLost);
        assert_eq!(store.journal().total, 7);
    }
}
