//! What became of the claims of the rides.
//!
//! A ride has two records in the table of claims. The first one is written before the claim is sent for the first time, and
//! holds the batch: a claim that is sent again must have the same batch and trace, or it would be paid twice. The second one
//! is written when the claim is answered. A torn first record means that nothing was sent. After a torn second record the
//! claim is sent again, and the host says that it knows it.
//!
//! A tap-on has its second record before anything is sent: its trip is settled by its tap-off, or its tap-off did not come.

use super::Purpose;
use crate::board::Board;
use crate::fares::card::elapsed;
use crate::store::memory::{Layout, MAX_RECORD};
use crate::store::{Store, StoreError};

/// Number of traces of rides: 1 to this. Management messages have the higher ones.
pub const TRACES: u32 = 899_999;

/// The trace of the ride at a place, when so many were used before this journal.
#[must_use]
pub const fn trace(before: u32, index: u32) -> u32 {
    (before + index) % TRACES + 1
}

/// How many traces were used before the journal in which the ride at this place has this trace.
#[must_use]
pub const fn traces_before(index: u32, trace: u32) -> u32 {
    (trace % TRACES + 2 * TRACES - 1 - index % TRACES) % TRACES
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It was never sent.
    Waiting,
    /// A tap-on that waits for its tap-off. It is not sent.
    Held,
    /// A tap-on whose trip is settled by its tap-off. It is never sent.
    Void,
    /// A ride that cost nothing. There is nothing to send.
    Nothing,
    /// It was sent in this batch and not answered.
    Sent {
        /// The batch.
        batch: u32,
    },
    /// The acquirer pays.
    Accepted {
        /// The batch.
        batch: u32,
    },
    /// The acquirer does not pay.
    Refused {
        /// The batch.
        batch: u32,
        /// The response code (field 39).
        code: [u8; 2],
    },
    /// It was a request to the issuer, and it was taken back. Nobody pays.
    Reversed {
        /// The batch; 0 if the request was never sent.
        batch: u32,
    },
}

/// First byte of an answer.
const ACCEPTED: u8 = 1;
const REFUSED: u8 = 2;
const REVERSED: u8 = 3;
/// In place of an answer: the trip is settled by its tap-off.
const VOID: u8 = 4;
/// In place of an answer, before anything is sent: the tap-off did not come, so that the claim of the tap-on may be sent. The first
/// record stays free, so that a tear of it takes nothing back.
const DUE: u8 = 5;

impl Claim {
    /// Whether nothing more happens to it: the acquirer has decided, or nothing is ever sent.
    #[must_use]
    pub const fn is_decided(self) -> bool {
        matches!(
            self,
            Self::Accepted { .. } | Self::Refused { .. } | Self::Reversed { .. } | Self::Void | Self::Nothing
        )
    }

    /// The batch in which the claim was sent.
    #[must_use]
    pub const fn batch(self) -> Option<u32> {
        match self {
            Self::Waiting | Self::Held | Self::Void | Self::Nothing => None,
            Self::Sent { batch }
            | Self::Accepted { batch }
            | Self::Refused { batch, .. }
            | Self::Reversed { batch } => Some(batch),
        }
    }

    /// As the console writes it.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Void => "void",
            Self::Nothing => "none",
            Self::Sent { .. } => "sent",
            Self::Accepted { .. } => "accepted",
            Self::Refused { .. } => "refused",
            Self::Reversed { .. } => "reversed",
        }
    }

    /// What is known of the claim of the ride at a place. `first` gives the claim of a ride of whose claim nothing was noted, and is
    /// asked only then.
    pub(super) fn read<B: Board>(
        board: &B,
        layout: &Layout,
        epoch: u32,
        index: u32,
        first: impl FnOnce() -> Self,
    ) -> Self {
        let mut buffer = [0; MAX_RECORD];
        let mut body = |at| {
            let body = layout.claims.read(board, epoch, at, &mut buffer)?;
            body.first_chunk::<7>().copied()
        };
        let (sent, answer) = (body(2 * index), body(2 * index + 1));
        if let Some([.., VOID, _, _]) = answer {
            return Self::Void;
        }
        let sent = match (sent, answer) {
            (Some([a, b, c, d, ..]), _) => u32::from_be_bytes([a, b, c, d]),
            (None, Some([.., DUE, _, _])) => return Self::Waiting,
            (None, _) => return first(),
        };
        match answer {
            Some([a, b, c, d, ACCEPTED, ..]) => Self::Accepted { batch: u32::from_be_bytes([a, b, c, d]) },
            Some([a, b, c, d, REFUSED, x, y]) => {
                Self::Refused { batch: u32::from_be_bytes([a, b, c, d]), code: [x, y] }
            }
            Some([a, b, c, d, REVERSED, ..]) => Self::Reversed { batch: u32::from_be_bytes([a, b, c, d]) },
            _ => Self::Sent { batch: sent },
        }
    }
}

impl<B: Board> Store<'_, B> {
    /// What is known of the claim of the ride at a place, from 0.
    pub fn claim(&self, index: u32) -> Claim {
        let first = || self.record(index).map_or(Claim::Waiting, |record| record.first_claim());
        Claim::read(self.board, &self.layout, self.epochs().journal, index, first)
    }

    /// The place of the ride with a trace, if it is in this journal.
    pub(crate) fn place_of(&self, trace: u32) -> Option<u32> {
        let place = (trace + 2 * TRACES - 1 - self.traces() % TRACES) % TRACES;
        (place < self.journal.count).then_some(place)
    }

    /// The trace that the next ride is going to have.
    pub(crate) fn next_trace(&self) -> u32 {
        trace(self.traces(), self.journal.count)
    }

    /// The place of the first ride from a place on whose claim can be sent.
    pub fn first_claimable(&self, from: u32) -> Option<u32> {
        let journal = self.journal;
        let is_claimable = |index: &u32| {
            let claim = self.claim(*index);
            !claim.is_decided() && claim != Claim::Held && self.record(*index).is_some()
        };
        if journal.open == journal.held {
            None
        } else {
            (journal.first_open.max(from)..journal.count).find(is_claimable)
        }
    }

    /// Lets the claims of all trips be sent whose tap-off did not come in time, or, without a time, of all trips that are open.
    ///
    /// # Errors
    /// [`StoreError::Memory`]: some trips are held for longer.
    pub fn release_trips(&mut self, now_s: Option<u64>) -> Result<(), StoreError> {
        if self.journal.held == 0 || now_s.is_some_and(|now_s| now_s <= self.journal.due_s) {
            return Ok(());
        }
        self.void_settled();
        for index in self.journal.first_open..self.journal.count {
            let Some((record, within_s)) = self.held(index) else { continue };
            // A clock that was set back by a day or more says nothing of the trip. The end of service ends it.
            let is_due =
                now_s.is_none_or(|now_s| elapsed(record.time_s, now_s).is_some_and(|gone| gone > within_s.into()));
            if is_due {
                self.write_claim(2 * index + 1, &[0, 0, 0, 0, DUE])?;
                self.journal.held -= 1;
                self.journal.total += u64::from(record.fare);
            }
        }
        self.journal.due_s = self.earliest_due();
        Ok(())
    }

    /// The tap-on at a place and how long its trip may take, if its tap-off may still come.
    fn held(&self, index: u32) -> Option<(super::Record, u32)> {
        if self.claim(index) != Claim::Held {
            return None;
        }
        let record = self.record(index)?;
        match record.purpose {
            Purpose::On { within_s, .. } => Some((record, within_s)),
            _ => None,
        }
    }

    /// The last second in which the tap-off of a trip may come, of the trip that ends first.
    fn earliest_due(&self) -> u64 {
        let open = self.journal.first_open..self.journal.count;
        let ends =
            open.filter_map(|index| self.held(index)).map(|(record, within_s)| record.time_s + u64::from(within_s));
        ends.min().unwrap_or(u64::MAX)
    }

    /// Notes that the tap-off of a trip was recorded: its tap-on is never claimed.
    ///
    /// # Errors
    /// [`StoreError::Memory`]. The record of the tap-off says it too, and at the next start this is done again.
    pub(super) fn void_tap_on(&mut self, on: u32) -> Result<(), StoreError> {
        let Some(index) = self.place_of(on).filter(|index| self.claim(*index) == Claim::Held) else { return Ok(()) };
        self.write_claim(2 * index + 1, &[0, 0, 0, 0, VOID])?;
        self.journal.held -= 1;
        self.journal.open -= 1;
        self.journal.first_open = self.first_open().unwrap_or(self.journal.count);
        self.journal.due_s = self.earliest_due();
        Ok(())
    }

    /// The place of the first ride that is not decided and can be read.
    pub fn first_open(&self) -> Option<u32> {
        let journal = self.journal;
        let is_open = |index: &u32| !self.claim(*index).is_decided() && self.record(*index).is_some();
        if journal.open == 0 { None } else { (journal.first_open..journal.count).find(is_open) }
    }

    /// Notes that a claim is about to be sent in a batch. An earlier note without an answer is replaced: the acquirer has
    /// said that it does not know the claim.
    ///
    /// # Errors
    /// [`StoreError::Memory`]: the claim must not be sent.
    pub fn note_sent(&mut self, index: u32, batch: u32) -> Result<(), StoreError> {
        if self.claim(index) == (Claim::Sent { batch }) {
            return Ok(());
        }
        self.write_claim(2 * index, &batch.to_be_bytes())
    }

    /// Notes the answer to a claim.
    ///
    /// # Errors
    /// [`StoreError::Memory`]: the claim stays undecided.
    pub fn note_answer(&mut self, index: u32, claim: Claim) -> Result<(), StoreError> {
        let (batch, [kind, x, y]) = match claim {
            Claim::Accepted { batch } => (batch, [ACCEPTED, 0, 0]),
            Claim::Refused { batch, code: [x, y] } => (batch, [REFUSED, x, y]),
            Claim::Reversed { batch } => (batch, [REVERSED, 0, 0]),
            _ => return Ok(()),
        };
        let [a, b, c, d] = batch.to_be_bytes();
        self.write_claim(2 * index + 1, &[a, b, c, d, kind, x, y])?;
        if let Some(record) = self.record(index).filter(|record| record.request) {
            self.journal.requests = self.journal.requests.saturating_sub(1);
            if record.gave_ride(claim) {
                self.journal.total += u64::from(record.fare);
                self.journal.void = self.journal.void.saturating_sub(1);
            }
        }
        self.journal.open = self.journal.open.saturating_sub(1);
        self.journal.first_open = self.first_open().unwrap_or(self.journal.count);
        Ok(())
    }

    /// The place of the first request to the issuer that nobody has answered and that was not taken back.
    pub fn first_request(&self) -> Option<u32> {
        let journal = self.journal;
        let is_open =
            |index: &u32| !self.claim(*index).is_decided() && self.record(*index).is_some_and(|record| record.request);
        if journal.requests == 0 { None } else { (journal.first_open..journal.count).find(is_open) }
    }

    /// Notes that a request was never sent, because the power was cut before.
    ///
    /// # Errors
    /// [`StoreError::Memory`]: the request stays open.
    pub fn drop_request(&mut self, index: u32) -> Result<(), StoreError> {
        self.note_sent(index, 0)?;
        self.note_answer(index, Claim::Reversed { batch: 0 })
    }

    fn write_claim(&self, at: u32, body: &[u8]) -> Result<(), StoreError> {
        let written = self.layout.claims.write(self.board, self.epochs().journal, at, body);
        if written { Ok(()) } else { Err(StoreError::Memory) }
    }

    /// Count and sum in fen of the rides that were accepted in a batch.
    pub fn accepted_in(&self, batch: u32) -> (u32, u64) {
        self.in_batch(batch, 0).fold((0, 0), |(count, sum), (_, record)| (count + 1, sum + u64::from(record.fare)))
    }

    /// The rides from a place on that were accepted in a batch, each with its place.
    pub fn in_batch(&self, batch: u32, from: u32) -> impl Iterator<Item = (u32, super::Record)> {
        let accepted = move |index: &u32| self.claim(*index) == Claim::Accepted { batch };
        (from..self.journal.count).filter(accepted).filter_map(|index| Some((index, self.record(index)?)))
    }

    /// Notes that the batch of all rides before a place is closed. They make room when the journal is full.
    ///
    /// # Errors
    /// [`StoreError::Memory`]: the rides stay.
    pub fn settle(&mut self, before: u32) -> Result<(), StoreError> {
        let decided = before.min(self.journal.first_open);
        if decided <= self.settled() { Ok(()) } else { self.note_settled(decided) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Record;
    use crate::store::deny::DenyDownload;
    use crate::store::memory::CLAIM_SLOT;
    use crate::testboard::TestBoard;

    const SIZE: usize = 65_536;

    fn ride(store: &mut Store<'_, TestBoard>, fare: u32) {
        store.append_ride(&Record { fare, ..crate::journal::tests::record(0) }).expect("room");
    }

    #[test]
    fn traces_run_through_all_numbers_and_begin_again() {
        assert_eq!([trace(0, 0), trace(0, 1), trace(TRACES - 1, 0), trace(TRACES - 1, 1)], [1, 2, TRACES, 1]);
        for (before, index) in [(0, 0), (5, 7), (TRACES - 1, 0), (TRACES - 1, 3), (0, TRACES + 4)] {
            assert_eq!(traces_before(index, trace(before, index)), before % TRACES, "{before} {index}");
        }
    }

    #[test]
    fn a_claim_goes_from_waiting_to_its_answer_and_outlives_power() {
        let board = TestBoard::new(SIZE);
        let (mut store, _) = Store::open(&board);
        for fare in [100, 200, 300] {
            ride(&mut store, fare);
        }
        store.note_sent(0, 7).expect("kept");
        store.note_sent(1, 7).expect("kept");
        store.note_answer(0, Claim::Accepted { batch: 7 }).expect("kept");
        let refused = Claim::Refused { batch: 7, code: *b"51" };
        store.note_answer(1, refused).expect("kept");
        let (store, _) = Store::open(&board);
        assert_eq!([0, 1, 2].map(|at| store.claim(at)), [Claim::Accepted { batch: 7 }, refused, Claim::Waiting]);
        assert_eq!((store.journal().open, store.first_open()), (1, Some(2)));
        assert_eq!((store.accepted_in(7), store.accepted_in(8)), ((1, 100), (0, 0)));
    }

    #[test]
    fn a_cut_in_a_note_leaves_what_was_known_before() {
        for cut in 0..=CLAIM_SLOT {
            let board = TestBoard::new(SIZE);
            let (mut store, _) = Store::open(&board);
            ride(&mut store, 100);
            board.power_cut_after(cut);
            let sent = store.note_sent(0, 7);
            let board = board.restarted();
            let (mut store, _) = Store::open(&board);
            let expected = if sent.is_ok() { Claim::Sent { batch: 7 } } else { Claim::Waiting };
            assert_eq!(store.claim(0), expected, "cut after {cut}");
            store.note_sent(0, 7).expect("kept");
            board.power_cut_after(cut);
            let answered = store.note_answer(0, Claim::Accepted { batch: 7 });
            let board = board.restarted();
            let (store, _) = Store::open(&board);
            let expected = if answered.is_ok() { Claim::Accepted { batch: 7 } } else { Claim::Sent { batch: 7 } };
            assert_eq!((store.claim(0), store.journal().open), (expected, u32::from(answered.is_err())));
        }
    }

    #[test]
    fn no_trace_comes_again_when_the_journal_is_cleared() {
        let board = TestBoard::new(SIZE);
        let (mut store, _) = Store::open(&board);
        ride(&mut store, 100);
        ride(&mut store, 100);
        store.clear_journal().expect("kept");
        ride(&mut store, 100);
        assert_eq!(store.record(0).map(|record| record.trace), Some(3));
        store.factory().expect("kept");
        ride(&mut store, 100);
        assert_eq!(store.record(0).map(|record| record.trace), Some(4));
        // With the settings the count is lost, but not the last ride.
        board.nvm.borrow_mut()[..Layout::new(SIZE).keys.offset].fill(0xA5);
        let (mut store, _) = Store::open(&board);
        ride(&mut store, 100);
        assert_eq!(store.record(1).map(|record| record.trace), Some(5));
    }

    #[test]
    fn settled_rides_make_room_and_others_do_not() {
        let board = TestBoard::new(SIZE);
        let (mut store, _) = Store::open(&board);
        let mut settings = store.settings().clone();
        settings.set("capacity", "2").expect("a number");
        store.put(settings).expect("kept");
        ride(&mut store, 100);
        ride(&mut store, 200);
        assert!(!store.journal_has_room());
        for index in 0..2 {
            store.note_sent(index, 1).expect("kept");
        }
        store.note_answer(0, Claim::Accepted { batch: 1 }).expect("kept");
        store.settle(2).expect("kept");
        assert!(!store.journal_has_room(), "the second ride is not decided");
        store.note_answer(1, Claim::Accepted { batch: 1 }).expect("kept");
        assert!(!store.journal_has_room(), "the batch is not closed");
        store.settle(2).expect("kept");
        let (mut store, _) = Store::open(&board);
        assert!(store.journal_has_room());
        ride(&mut store, 300);
        assert_eq!((store.journal().count, store.journal().total), (1, 300));
        assert_eq!(store.record(0).map(|record| record.trace), Some(3));
    }

    #[test]
    fn a_downloaded_list_is_in_force_whole_or_not_at_all() {
        let pan = |text: &str| kernel::Pan::from_digits(text).expect("digits");
        let (old, own, new) = (pan("6226000000000001"), pan("6226000000000002"), pan("6226000000000003"));
        let mut before = 0;
        for cut in (0..600).step_by(3).chain([usize::MAX]) {
            let board = TestBoard::new(SIZE);
            let (mut store, _) = Store::open(&board);
            store.deny(&old, None).expect("room");
            store.deny_refused(&own, Some(1)).expect("room");
            if cut != usize::MAX {
                board.power_cut_after(cut);
            }
            let load = |store: &mut Store<'_, TestBoard>| {
                let mut download: DenyDownload = store.begin_deny()?;
                store.load_deny(&mut download, &new)?;
                store.finish_deny(download, 5)
            };
            let loaded = load(&mut store).is_ok();
            let board = board.restarted();
            let (store, _) = Store::open(&board);
            let seen = [&old, &own, &new].map(|pan| store.denied(pan, Some(1)));
            let expected = if loaded { [false, true, true] } else { [true, true, false] };
            assert_eq!(seen, expected, "cut after {cut}");
            assert_eq!(store.deny_version(), if loaded { 5 } else { 0 });
            before += u32::from(!loaded);
        }
        assert!(before > 50, "most cuts came too early: {before}");
    }
}
