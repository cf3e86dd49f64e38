//! Payments of electronic cash under way.
//!
//! A card deducts when it answers the last READ RECORD. The device writes down the ride before it sends that command, with what
//! the card held: if the answer is lost, or the power fails before the ride is recorded, the card's next tap shows whether it has
//! paid. A note needs no second write when all goes well: it names the place that the ride takes in the journal, and a ride that
//! is recorded there is no longer under way. A new journal ends all payments.

use kernel::Pan;
use serde::{Deserialize, Serialize};

use crate::board::Board;
use crate::journal::Record;
use crate::store::memory::{MAX_RECORD, PAYMENT_SLOT};
use crate::store::{Store, StoreError};

/// A payment that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Place of its ride in the journal, if nothing comes in between.
    place: u32,
    /// What the card held before, in fen.
    pub balance: u64,
    /// The ride.
    pub record: Record,
}

impl Payment {
    fn is_of(&self, pan: &[u8; 10], psn: Option<u8>) -> bool {
        self.record.pan == *pan && self.record.psn == psn
    }

    /// Whether a ride of the journal is this one.
    fn is(&self, record: &Record) -> bool {
        self.is_of(&record.pan, record.psn)
            && (self.record.cryptogram, self.record.atc) == (record.cryptogram, record.atc)
    }
}

impl<B: Board> Store<'_, B> {
    fn noted(&self, slot: u32) -> Option<Payment> {
        let mut buffer = [0; MAX_RECORD];
        let body = self.layout.payments.read(self.board, self.epochs().journal, slot, &mut buffer)?;
        postcard::from_bytes(body).ok()
    }

    /// The payment of a card that was begun and whose ride is not in the journal. A supplementary card has the account number and
    /// another sequence number.
    pub fn payment(&self, pan: &Pan, psn: Option<u8>) -> Option<Payment> {
        let pan = pan.compressed();
        let here = self.payment.as_ref().filter(|(epoch, _)| *epoch == self.epochs().journal);
        let here = here.map(|(_, payment)| payment.clone());
        let payment = (0..self.layout.payments.capacity)
            .find_map(|slot| self.noted(slot).filter(|payment| payment.is_of(&pan, psn)))
            .or(here.filter(|payment| payment.is_of(&pan, psn)))?;
        // Most rides are where they were to be. After a tear it may be any place behind.
        let recorded = (payment.place..self.journal.count)
            .any(|index| self.record(index).is_some_and(|record| payment.is(&record)));
        (!recorded).then_some(payment)
    }

    /// Notes that a card is about to pay for a ride; it holds `balance` fen. An earlier note of the same card is replaced. Without
    /// one, the note takes the place of a ride that is in the journal, or of the oldest payment.
    ///
    /// # Errors
    /// [`StoreError`]: the card must not be asked to pay.
    pub fn note_payment(&mut self, record: &Record, balance: u64) -> Result<(), StoreError> {
        // The ride must not begin a new journal, which would end the payment.
        self.make_room()?;
        let (epoch, place) = (self.epochs().journal, self.journal.count);
        let payment = Payment { place, balance, record: record.clone() };
        let slots = self.layout.payments.capacity;
        if slots == 0 {
            self.payment = Some((epoch, payment));
            return Ok(());
        }
        let slot = self.slot_for(&payment.record, place);
        let mut body = [0; PAYMENT_SLOT - 4];
        let length = postcard::to_slice(&payment, &mut body).map_err(|_| StoreError::Memory)?.len();
        let written = self.layout.payments.write(self.board, epoch, slot, body.get(..length).unwrap_or_default());
        // What is in the slot now may be of another card, so it has to be read.
        if written && self.noted(slot).as_ref() == Some(&payment) { Ok(()) } else { Err(StoreError::Memory) }
    }

    fn slot_for(&self, record: &Record, place: u32) -> u32 {
        let slots = self.layout.payments.capacity;
        // Not always the first one, so that all wear alike.
        let order = || (0..slots).map(|at| (place + at) % slots);
        let is_same = |slot: &u32| self.noted(*slot).is_some_and(|other| other.is_of(&record.pan, record.psn));
        let is_free = |slot: &u32| {
            self.noted(*slot).is_none_or(|other| self.record(other.place).is_some_and(|ride| other.is(&ride)))
        };
        let oldest = || (0..slots).min_by_key(|slot| self.noted(*slot).map(|other| other.place)).unwrap_or(0);
        order().find(is_same).or_else(|| order().find(is_free)).unwrap_or_else(oldest)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::store::memory::PAYMENTS;
    use crate::testboard::TestBoard;

    fn ride(account: u32, atc: u16) -> Record {
        let text = std::format!("6226{account:012}");
        let pan = Pan::from_digits(&text).expect("digits").compressed();
        Record { pan, psn: Some(1), atc, ..crate::journal::tests::record(100) }
    }

    fn pan(record: &Record) -> Pan {
        record.pan().expect("digits")
    }

    fn under_way(store: &Store<'_, TestBoard>, record: &Record) -> Option<u64> {
        store.payment(&pan(record), record.psn).map(|payment| payment.balance)
    }

    #[test]
    fn a_payment_is_under_way_until_its_ride_is_recorded() {
        for size in [4096, 65_536] {
            let board = TestBoard::new(size);
            let (mut store, _) = Store::open(&board);
            let ride = ride(1, 7);
            assert_eq!(under_way(&store, &ride), None);
            store.note_payment(&ride, 5000).expect("kept");
            assert_eq!(under_way(&store, &ride), Some(5000));
            assert_eq!(store.payment(&pan(&ride), Some(2)), None, "another card of the account");
            store.append_ride(&ride).expect("room");
            assert_eq!(under_way(&store, &ride), None);
            // The next payment of the same card.
            store.note_payment(&Record { atc: 8, ..ride.clone() }, 4900).expect("kept");
            assert_eq!(under_way(&store, &ride), Some(4900));
        }
    }

    #[test]
    fn a_payment_outlives_power_and_the_rides_of_others() {
        let board = TestBoard::new(65_536);
        let (mut store, _) = Store::open(&board);
        let torn = ride(1, 7);
        store.note_payment(&torn, 5000).expect("kept");
        for at in 0..3 * PAYMENTS {
            let other = ride(2 + at, 9);
            store.note_payment(&other, 300).expect("kept");
            store.append_ride(&other).expect("room");
        }
        let (mut store, _) = Store::open(&board);
        let payment = store.payment(&pan(&torn), torn.psn).expect("under way");
        assert_eq!((payment.balance, &payment.record), (5000, &torn));
        store.append_ride(&payment.record).expect("room");
        assert_eq!(under_way(&Store::open(&board).0, &torn), None, "recorded behind its place");
    }

    #[test]
    fn the_oldest_payment_goes_when_all_are_torn() {
        let board = TestBoard::new(65_536);
        let (mut store, _) = Store::open(&board);
        for account in 0..=PAYMENTS {
            store.note_payment(&ride(account, 1), 100).expect("kept");
            // A ride without electronic cash, so that the places differ.
            store.append_ride(&ride(1000 + account, 1)).expect("room");
        }
        let kept: std::vec::Vec<_> =
            (0..=PAYMENTS).map(|account| under_way(&store, &ride(account, 1)).is_some()).collect();
        assert!(!kept[0] && kept[1..].iter().all(|kept| *kept), "{kept:?}");
    }

    #[test]
    fn a_new_journal_ends_all_payments() {
        for size in [4096, 65_536] {
            let board = TestBoard::new(size);
            let (mut store, _) = Store::open(&board);
            store.note_payment(&ride(1, 7), 5000).expect("kept");
            store.clear_journal().expect("kept");
            assert_eq!(under_way(&store, &ride(1, 7)), None);
            store.note_payment(&ride(1, 7), 5000).expect("kept");
            store.factory().expect("kept");
            assert_eq!(under_way(&store, &ride(1, 7)), None);
        }
    }

    #[test]
    fn a_cut_in_the_note_leaves_none_and_says_so() {
        let ride = ride(1, 7);
        for cut in (0..=PAYMENT_SLOT).step_by(3).chain([PAYMENT_SLOT]) {
            let board = TestBoard::new(65_536);
            let (mut store, _) = Store::open(&board);
            board.power_cut_after(cut);
            let noted = store.note_payment(&ride, 5000).is_ok();
            let board = board.restarted();
            assert_eq!(under_way(&Store::open(&board).0, &ride).is_some(), noted, "cut after {cut}");
            assert_eq!(noted, cut == PAYMENT_SLOT, "cut after {cut}");
        }
    }

    #[test]
    fn the_longest_payment_fits() {
        let board = TestBoard::new(65_536);
        let (mut store, _) = Store::open(&board);
        store.note_payment(&Record { trace: 0, ..ride(u32::MAX, u16::MAX) }, 999_999_999_999).expect("fits");
        assert_eq!(under_way(&store, &ride(u32::MAX, u16::MAX)), Some(999_999_999_999));
    }
}
