//! What is remembered of cards.
//!
//! A card has one record. Another one of it is written to another place, together with the trace that its ride is going to have:
//! it counts from the moment at which the journal has a ride with this trace. So one write, that of the ride, makes the ride and
//! what is remembered of the card valid, and a power cut before it leaves both as they were. The old record is erased then.

use kernel::Pan;
use serde::{Deserialize, Serialize};

use crate::board::Board;
use crate::fares::card::CardState;
use crate::journal::Record;
use crate::journal::claims::Claim;
use crate::store::memory::{CARD_SLOT, MAX_RECORD};
use crate::store::{Store, StoreError};

/// A card as the table keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// Account number, compressed. It comes first, so that other cards are passed over quickly.
    pan: [u8; 10],
    psn: Option<u8>,
    /// Of two records of a card, the one with the higher number counts.
    order: u32,
    /// Trace of the ride that made this record.
    trace: u32,
    state: CardState,
}

/// A card with what is remembered of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The account.
    pub pan: Pan,
    /// Its sequence number.
    pub psn: Option<u8>,
    /// What is remembered.
    pub state: CardState,
}

/// How readily a record gives way to that of another card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// Nothing is there.
    Nothing,
    /// Totals and transfers: without them the rider pays as if it were the first ride of the month.
    Rides,
    /// A debt: without it the card stays on the deny list, and can't pay at a tap.
    Debt,
}

impl<B: Board> Store<'_, B> {
    fn entry(&self, index: u32, record: &[u8]) -> Option<Entry> {
        let sound = self.layout.cards.is_sound(self.epochs().cards, index, record);
        // A ride with this trace was never recorded, so that the card did not do what the record says.
        let entry: Option<Entry> = sound.then(|| postcard::from_bytes(record).ok()).flatten();
        entry.filter(|entry| entry.trace != self.next_trace())
    }

    /// Looks at all records that are valid.
    fn each_entry(&self, mut look: impl FnMut(u32, Entry)) {
        self.layout.cards.look_at(self.board, 0..self.layout.cards.capacity, |index, record| {
            if let Some(entry) = self.entry(index, record) {
                look(index, entry);
            }
            true
        });
    }

    /// The place of a card's record, and the record.
    fn find(&self, pan: &Pan, psn: Option<u8>) -> Option<(u32, Entry)> {
        let wanted = pan.compressed();
        let mut found: Option<(u32, Entry)> = None;
        self.layout.cards.look_at(self.board, 0..self.layout.cards.capacity, |index, record| {
            if record[..wanted.len()] == wanted
                && let Some(entry) = self.entry(index, record)
                && entry.psn == psn
                && found.as_ref().is_none_or(|(_, other)| other.order < entry.order)
            {
                found = Some((index, entry));
            }
            true
        });
        found
    }

    /// What is remembered of a card. A trip that is claimed, or is going to be, is over. A try to pay a debt that the acquirer has
    /// decided on is over, too.
    pub fn card_state(&self, pan: &Pan, psn: Option<u8>) -> Option<CardState> {
        let (_, Entry { mut state, .. }) = self.find(pan, psn)?;
        let claim = |trace| self.place_of(trace).map(|place| self.claim(place));
        // A trip that costs nothing holds nothing.
        state.trip = state.trip.filter(|trip| matches!(claim(trip.trace), Some(Claim::Held | Claim::Nothing)));
        if let Some(debt) = &mut state.debt {
            debt.attempt = debt.attempt.filter(|trace| claim(*trace).is_some_and(|claim| !claim.is_decided()));
        }
        Some(state)
    }

    /// At start: removes what a power cut left. A record whose ride was never recorded goes, as its trace comes again. So does
    /// a record that was about to be erased, because another one of its card came after it.
    pub(super) fn forget_unfinished(&mut self) {
        let (table, epoch, next) = (self.layout.cards, self.epochs().cards, self.next_trace());
        let mut newest: Option<Entry> = None;
        let mut unfinished: heapless::Vec<u32, 4> = heapless::Vec::new();
        table.look_at(self.board, 0..table.capacity, |index, record| {
            if table.is_sound(epoch, index, record)
                && let Ok(entry) = postcard::from_bytes::<Entry>(record)
            {
                if entry.trace == next {
                    // There is one at most. More of them could only be older ones whose traces come round again.
                    let _ = unfinished.push(index);
                } else if newest.as_ref().is_none_or(|other| other.order < entry.order) {
                    newest = Some(entry);
                }
            }
            true
        });
        for index in unfinished {
            table.erase(self.board, index);
        }
        let Some(newest) = newest else { return };
        self.card_order = newest.order;
        let mut before = None;
        self.each_entry(|index, entry| {
            if (entry.pan, entry.psn) == (newest.pan, newest.psn) && entry.order < newest.order {
                before = Some(index);
            }
        });
        if let Some(before) = before {
            table.erase(self.board, before);
        }
    }

    /// The place for one more record, which is none of `own`.
    fn room(&self, own: Option<u32>, now_s: u64) -> Option<u32> {
        let mut used = [0_u8; 128];
        let mut oldest: Option<(Worth, u32, u32)> = None;
        self.each_entry(|index, entry| {
            if let Some(byte) = used.get_mut(index as usize / 8) {
                *byte |= 1 << (index % 8);
            }
            let worth = match entry.state {
                _ if own == Some(index) => return,
                // An open trip stays: without it the rider would pay the highest fare, although the tap-off came.
                CardState { trip: Some(trip), .. } if trip.is_open(now_s) => return,
                CardState { debt: Some(_), .. } => Worth::Debt,
                _ => Worth::Rides,
            };
            let place = (worth, entry.order, index);
            oldest = Some(oldest.map_or(place, |other| other.min(place)));
        });
        let is_free = |index: &u32| used.get(*index as usize / 8).is_some_and(|byte| byte & (1 << (index % 8)) == 0);
        let free = (0..self.layout.cards.capacity).find(is_free).map(|index| (Worth::Nothing, 0, index));
        free.or(oldest).map(|(_, _, index)| index)
    }

    /// Writes a record of a card that counts once a ride has this trace. Returns its place, and that of the record before it.
    fn write_card(&mut self, card: &Remembered, trace: u32, now_s: u64) -> Result<(u32, Option<u32>), StoreError> {
        let own = self.find(&card.pan, card.psn).map(|(index, _)| index);
        let index = self.room(own, now_s).ok_or(StoreError::Full)?;
        let order = self.card_order + 1;
        let entry = Entry { pan: card.pan.compressed(), psn: card.psn, order, trace, state: card.state };
        let mut body = [0; CARD_SLOT];
        let body = postcard::to_slice(&entry, &mut body).map_err(|_| StoreError::Memory)?;
        if !self.layout.cards.write(self.board, self.epochs().cards, index, body) {
            self.layout.cards.erase(self.board, index);
            return Err(StoreError::Memory);
        }
        self.card_order = order;
        Ok((index, own))
    }

    /// Records a ride together with what is remembered of its card. When this returns well, a power cut can take neither away;
    /// before that, it leaves both as they were.
    ///
    /// # Errors
    /// [`StoreError`]; everything is as it was. `Full` also if each place of the table holds an open trip.
    pub fn append_remembered(&mut self, record: &Record, card: &Remembered) -> Result<(), StoreError> {
        if !self.journal_has_room() {
            return Err(StoreError::Full);
        }
        let (index, before) = self.write_card(card, self.next_trace(), record.time_s)?;
        if let Err(error) = self.append_ride(record) {
            self.layout.cards.erase(self.board, index);
            return Err(error);
        }
        if let Some(before) = before {
            self.layout.cards.erase(self.board, before);
        }
        Ok(())
    }

    /// Notes something of a card that belongs to a ride of before.
    pub(crate) fn note_card(&mut self, card: &Remembered, trace: u32, now_s: u64) -> Result<(), StoreError> {
        let (_, before) = self.write_card(card, trace, now_s)?;
        if let Some(before) = before {
            self.layout.cards.erase(self.board, before);
        }
        Ok(())
    }

    /// Cards that are remembered.
    pub fn cards(&self) -> u32 {
        let mut count = 0;
        self.each_entry(|_, _| count += 1);
        count
    }
}

/// A record has to fit into the buffer by which tables are read.
const _: () = assert!(CARD_SLOT <= MAX_RECORD);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fares::card::{Debt, Trip};
    use crate::fares::policy::Rule;
    use crate::journal::Purpose;
    use crate::journal::tests::record;
    use crate::store::memory::{JOURNAL_SLOT, Layout};
    use crate::testboard::TestBoard;

    const SIZE: usize = 65_536;
    const NOW: u64 = 1_526_889_600;

    fn store(board: &TestBoard) -> Store<'_, TestBoard> {
        let (mut store, _) = Store::open(board);
        store.add_rule(&Rule::DayCap(1000)).expect("room");
        store.use_fares().expect("good");
        store
    }

    fn pan(number: u32) -> Pan {
        let mut digits = heapless::String::<16>::new();
        core::fmt::Write::write_fmt(&mut digits, format_args!("6229{number:012}")).expect("fits");
        Pan::from_digits(&digits).expect("digits")
    }

    fn ride(fare: u32, time_s: u64, purpose: Purpose) -> Record {
        Record { purpose, time_s, ..record(fare) }
    }

    fn card(number: u32, state: CardState) -> Remembered {
        Remembered { pan: pan(number), psn: Some(1), state }
    }

    fn total(day_total: u32) -> CardState {
        CardState { last_s: NOW, day_total, ..CardState::default() }
    }

    fn trip(since_s: u64, trace: u32) -> Trip {
        Trip { since_s, within_s: 7200, stop: 3, hold: 300, off: 0, left: u32::MAX, trace }
    }

    fn known(store: &Store<'_, TestBoard>, number: u32) -> Option<CardState> {
        store.card_state(&pan(number), Some(1))
    }

    #[test]
    fn a_card_is_remembered_without_power_and_by_its_sequence_number() {
        let board = TestBoard::new(SIZE);
        let mut store = store(&board);
        for day_total in [100, 200] {
            store.append_remembered(&ride(100, NOW, Purpose::Ride), &card(7, total(day_total))).expect("room");
        }
        let (store, _) = Store::open(&board);
        assert_eq!(known(&store, 7), Some(total(200)));
        assert_eq!((known(&store, 8), store.card_state(&pan(7), Some(2)), store.cards()), (None, None, 1));
    }

    #[test]
    fn a_cut_at_any_byte_leaves_ride_and_card_together() {
        // The record of the card, the ride, and the old record of the card, which is erased.
        let (mut before, mut after) = (0, 0);
        for cut in 0..=2 * CARD_SLOT + JOURNAL_SLOT + 8 {
            let board = TestBoard::new(SIZE);
            let mut store = store(&board);
            store.append_remembered(&ride(100, NOW, Purpose::Ride), &card(7, total(100))).expect("room");
            board.power_cut_after(cut);
            let result = store.append_remembered(&ride(200, NOW, Purpose::Ride), &card(7, total(300)));
            let board = board.restarted();
            let (mut store, _) = Store::open(&board);
            let recorded = store.journal().count == 2;
            assert_eq!(known(&store, 7), Some(total(if recorded { 300 } else { 100 })), "cut after {cut}");
            assert!(recorded || result.is_err(), "cut after {cut}: the gate opened for no ride");
            *(if recorded { &mut after } else { &mut before }) += 1;
            // The next ride has the trace of the one that was not recorded.
            store.append_remembered(&ride(50, NOW, Purpose::Ride), &card(8, total(50))).expect("room");
            assert_eq!(known(&store, 7), Some(total(if recorded { 300 } else { 100 })), "cut after {cut}, then a ride");
            assert_eq!((known(&store, 8), store.cards()), (Some(total(50)), 2), "cut after {cut}");
        }
        assert!(before > 250 && after > 50, "{before} {after}");
    }

    #[test]
    fn a_cut_at_any_byte_of_a_tap_off_never_leaves_two_claims_or_none() {
        for cut in 0..=2 * CARD_SLOT + JOURNAL_SLOT + 40 {
            let board = TestBoard::new(SIZE);
            let mut store = store(&board);
            let on = ride(300, NOW, Purpose::On { within_s: 7200, stop: 1 });
            let open = CardState { trip: Some(trip(NOW, store.next_trace())), ..total(300) };
            store.append_remembered(&on, &card(7, open)).expect("room");
            assert_eq!((store.claim(0), store.first_claimable(0)), (Claim::Held, None));
            board.power_cut_after(cut);
            let off = ride(100, NOW + 60, Purpose::Off { on: 1, stop: 2 });
            let result = store.append_remembered(&off, &card(7, total(100)));
            let board = board.restarted();
            let (mut store, _) = Store::open(&board);
            let recorded = store.journal().count == 2;
            assert!(recorded || result.is_err(), "cut after {cut}");
            // The window is over: what is claimed now?
            store.release_trips(Some(NOW + 7201)).expect("kept");
            let claims = [0, 1].map(|at| store.claim(at));
            let expected = if recorded { [Claim::Void, Claim::Waiting] } else { [Claim::Waiting; 2] };
            let places = if recorded { 2 } else { 1 };
            assert_eq!(claims[..places], expected[..places], "cut after {cut}");
            assert_eq!(store.journal().total, if recorded { 100 } else { 300 }, "cut after {cut}");
            assert_eq!((store.journal().open, store.journal().held), (1, 0), "cut after {cut}");
            assert_eq!(Store::open(&board).0.journal(), store.journal(), "cut after {cut}");
        }
    }

    #[test]
    fn a_trip_is_claimed_when_its_window_is_over_and_not_a_second_before() {
        let board = TestBoard::new(SIZE);
        let mut store = store(&board);
        let on = |time_s| ride(300, time_s, Purpose::On { within_s: 7200, stop: 1 });
        store.append_remembered(&on(NOW + 5), &card(7, total(1))).expect("room");
        store.append_remembered(&on(NOW), &card(8, total(1))).expect("room");
        let (mut store, _) = Store::open(&board);
        for (now, expected) in [
            (NOW + 7200, [Claim::Held, Claim::Held]),
            (NOW + 7201, [Claim::Held, Claim::Waiting]),
            (NOW, [Claim::Held, Claim::Waiting]),
            (NOW + 7206, [Claim::Waiting, Claim::Waiting]),
        ] {
            store.release_trips(Some(now)).expect("kept");
            assert_eq!([0, 1].map(|at| store.claim(at)), expected, "{now}");
        }
        let (store, _) = Store::open(&board);
        assert_eq!((store.journal().held, store.journal().total), (0, 600));
        assert_eq!(store.first_claimable(0), Some(0));
    }

    #[test]
    fn a_cut_while_the_claim_of_an_ended_trip_is_sent_does_not_open_the_trip_again() {
        for cut in 0..=16 {
            let board = TestBoard::new(SIZE);
            let mut store = store(&board);
            let on = ride(300, NOW, Purpose::On { within_s: 7200, stop: 1 });
            store.append_remembered(&on, &card(7, total(300))).expect("room");
            store.release_trips(None).expect("kept");
            board.power_cut_after(cut);
            let sent = store.note_sent(0, 7).is_ok();
            let board = board.restarted();
            let (mut store, _) = Store::open(&board);
            let expected = if sent { Claim::Sent { batch: 7 } } else { Claim::Waiting };
            assert_eq!(store.claim(0), expected, "cut after {cut}");
            store.note_sent(0, 7).expect("kept");
            store.note_answer(0, Claim::Accepted { batch: 7 }).expect("kept");
            assert_eq!(store.claim(0), Claim::Accepted { batch: 7 });
        }
    }

    #[test]
    fn the_end_of_service_ends_every_trip_whatever_the_clock_says() {
        let board = TestBoard::new(SIZE);
        let mut store = store(&board);
        let on = ride(300, NOW + 90_000, Purpose::On { within_s: 7200, stop: 1 });
        let open = CardState { trip: Some(trip(NOW + 90_000, store.next_trace())), ..total(300) };
        store.append_remembered(&on, &card(7, open)).expect("room");
        store.release_trips(Some(NOW)).expect("kept");
        assert_eq!(store.claim(0), Claim::Held, "the clock was set back by more than a day");
        assert!(known(&store, 7).is_some_and(|state| state.trip.is_some()));
        store.release_trips(None).expect("kept");
        assert_eq!(store.claim(0), Claim::Waiting);
        assert_eq!(known(&store, 7).map(|state| state.trip), Some(None), "no tap-off ends it any more");
    }

    #[test]
    fn a_full_table_gives_up_the_oldest_rides_then_debts_and_no_open_trip() {
        let board = TestBoard::new(4 * SIZE);
        let mut store = store(&board);
        let places = Layout::new(4 * SIZE).cards.capacity;
        let debt = Debt { amount: 1, counted: 1, attempt: None };
        for number in 0..places {
            let state = match number {
                0 => CardState { debt: Some(debt), ..total(1) },
                1 => CardState { trip: Some(trip(NOW, store.next_trace())), ..total(1) },
                _ => total(1),
            };
            let on = Purpose::On { within_s: 7200, stop: 3 };
            let purpose = if number == 1 { on } else { Purpose::Ride };
            store.append_remembered(&ride(100, NOW, purpose), &card(number, state)).expect("room");
        }
        assert_eq!(store.cards(), places);
        store.append_remembered(&ride(100, NOW, Purpose::Ride), &card(900, total(1))).expect("room");
        let here = |store: &Store<'_, TestBoard>| [0, 1, 2, 3, 900].map(|number| known(store, number).is_some());
        assert_eq!(here(&store), [true, true, false, true, true], "the oldest ride gives way");
        // Trips fill all of it.
        for number in 1000..1000 + places - 2 {
            let open = CardState { trip: Some(trip(NOW, store.next_trace())), ..total(1) };
            let on = ride(300, NOW, Purpose::On { within_s: 7200, stop: 3 });
            store.append_remembered(&on, &card(number, open)).expect("room");
        }
        assert_eq!(here(&store), [true, true, false, false, false]);
        let open = |store: &Store<'_, TestBoard>| CardState { trip: Some(trip(NOW, store.next_trace())), ..total(1) };
        let on = ride(300, NOW, Purpose::On { within_s: 7200, stop: 3 });
        let state = open(&store);
        store.append_remembered(&on, &card(2000, state)).expect("the debt gives way");
        assert!(!here(&store)[0]);
        let (count, state) = (store.journal().count, open(&store));
        assert_eq!(store.append_remembered(&on, &card(2001, state)), Err(StoreError::Full));
        assert_eq!(store.journal().count, count, "nothing is recorded");
        // When the windows are over, there is room again.
        let later = ride(300, NOW + 7201, Purpose::Ride);
        store.append_remembered(&later, &card(2001, total(1))).expect("room");
    }

    #[test]
    fn a_cleared_journal_forgets_the_cards() {
        for factory in [false, true] {
            let board = TestBoard::new(SIZE);
            let mut store = store(&board);
            store.append_remembered(&ride(100, NOW, Purpose::Ride), &card(7, total(100))).expect("room");
            if factory { store.factory() } else { store.clear_journal() }.expect("kept");
            assert_eq!((known(&store, 7), store.cards()), (None, 0));
            assert_eq!(Store::open(&board).0.cards(), 0);
        }
    }
}
