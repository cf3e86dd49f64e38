//! What cards owe: a refused claim becomes a debt, and an accepted claim for the debt takes the card off the deny list.

use kernel::Pan;

use crate::board::Board;
use crate::fares::card::{CardState, Debt};
use crate::journal::{Purpose, Record};
use crate::store::cards::Remembered;
use crate::store::{Store, StoreError};

impl<B: Board> Store<'_, B> {
    /// Notes that the acquirer refused the claim of a ride: the card owes its fare. Said again of the same ride, it changes
    /// nothing. If a try to pay a debt was refused, the debt stays as it was.
    ///
    /// # Errors
    /// [`StoreError`]: the debt is not remembered. The card stays on the deny list all the same.
    pub(crate) fn note_refused(&mut self, record: &Record) -> Result<(), StoreError> {
        let Some(pan) = record.pan().filter(|_| self.policy().recovers_debts()) else { return Ok(()) };
        if record.purpose == Purpose::Debt {
            return Ok(());
        }
        let state = self.card_state(&pan, record.psn).unwrap_or_else(|| CardState::default().at(record.time_s));
        let debt = match state.debt {
            Some(debt) if debt.counted == record.trace => return Ok(()),
            Some(debt) => Debt { amount: debt.amount.saturating_add(record.fare), counted: record.trace, ..debt },
            None => Debt { amount: record.fare, counted: record.trace, attempt: None },
        };
        let card = Remembered { pan, psn: record.psn, state: CardState { debt: Some(debt), ..state } };
        self.note_card(&card, record.trace, record.time_s)
    }

    /// Notes that the acquirer accepted a claim. If it was for a debt, the card leaves the deny list and owes nothing more.
    ///
    /// # Errors
    /// [`StoreError`]: the card still owes.
    pub(crate) fn note_accepted(&mut self, record: &Record) -> Result<(), StoreError> {
        let Some(pan) = record.pan().filter(|_| record.purpose == Purpose::Debt) else { return Ok(()) };
        // First the list: a card that owes nothing and is on it could never leave it.
        self.undeny(&pan, record.psn)?;
        let Some(state) = self.card_state(&pan, record.psn) else { return Ok(()) };
        let Some(debt) = state.debt else { return Ok(()) };
        let left = debt.amount.saturating_sub(record.fare);
        let debt = (left > 0).then_some(Debt { amount: left, ..debt });
        let card = Remembered { pan, psn: record.psn, state: CardState { debt, ..state } };
        self.note_card(&card, record.trace, record.time_s)
    }

    /// Whether a card may tap to pay what it owes: it is on the deny list only because its claims were refused, and no other try
    /// waits for the acquirer.
    pub(crate) fn may_pay_debt(&self, pan: &Pan, psn: Option<u8>) -> bool {
        let debt = self.card_state(pan, psn).and_then(|state| state.debt).filter(|_| self.policy().recovers_debts());
        debt.is_some_and(|debt| debt.attempt.is_none()) && !self.denied_by_list(pan, psn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fares::policy::Rule;
    use crate::journal::claims::Claim;
    use crate::journal::tests::record;
    use crate::testboard::TestBoard;

    const SIZE: usize = 65_536;

    fn store(board: &TestBoard) -> Store<'_, TestBoard> {
        let (mut store, _) = Store::open(board);
        store.add_rule(&Rule::Debts).expect("room");
        store.use_fares().expect("good");
        store
    }

    fn ride(store: &mut Store<'_, TestBoard>, purpose: Purpose, fare: u32, state: CardState) -> Record {
        let pan = Pan::from_digits("6229900180000021").expect("digits").compressed();
        let record = Record { purpose, pan, psn: Some(1), ..record(fare) };
        let card = Remembered { pan: record.pan().expect("digits"), psn: record.psn, state };
        store.append_remembered(&record, &card).expect("room");
        store.last_ride().expect("recorded")
    }

    fn owes(store: &Store<'_, TestBoard>, record: &Record) -> Option<u32> {
        store.card_state(&record.pan().expect("digits"), record.psn)?.debt.map(|debt| debt.amount)
    }

    #[test]
    fn a_refused_claim_is_owed_once_and_two_add_up() {
        let board = TestBoard::new(SIZE);
        let mut store = store(&board);
        let rides = [100, 200].map(|fare| ride(&mut store, Purpose::Ride, fare, CardState::default()));
        for (record, expected) in [(&rides[0], 100), (&rides[0], 100), (&rides[1], 300), (&rides[1], 300)] {
            store.note_refused(record).expect("kept");
            assert_eq!(owes(&store, record), Some(expected));
        }
        assert_eq!(owes(&Store::open(&board).0, &rides[0]), Some(300), "it outlives power");
    }

    #[test]
    fn only_an_accepted_claim_takes_the_card_off_the_list() {
        let board = TestBoard::new(SIZE);
        let mut store = store(&board);
        let first = ride(&mut store, Purpose::Ride, 100, CardState::default());
        let pan = first.pan().expect("digits");
        store.deny_refused(&pan, first.psn).expect("room");
        store.note_refused(&first).expect("kept");
        assert!(store.may_pay_debt(&pan, first.psn));
        let state = store.card_state(&pan, first.psn).expect("known");
        let debt = state.debt.map(|debt| Debt { attempt: Some(store.next_trace()), ..debt });
        let attempt = ride(&mut store, Purpose::Debt, 100, CardState { debt, ..state });
        assert!(!store.may_pay_debt(&pan, first.psn), "one try at a time");
        store.note_sent(1, 7).expect("kept");
        store.note_refused(&attempt).expect("kept");
        store.note_answer(1, Claim::Refused { batch: 7, code: *b"51" }).expect("kept");
        assert!(store.denied(&pan, first.psn) && store.may_pay_debt(&pan, first.psn));
        assert_eq!(owes(&store, &first), Some(100), "a refused try adds nothing");
        store.note_accepted(&attempt).expect("kept");
        assert!(!store.denied(&pan, first.psn));
        assert_eq!(owes(&store, &first), None);
        assert_eq!(Store::open(&board).0.damaged, 0);
    }

    #[test]
    fn a_card_on_the_operators_list_does_not_leave_it_by_paying() {
        let board = TestBoard::new(SIZE);
        let mut store = store(&board);
        let first = ride(&mut store, Purpose::Ride, 100, CardState::default());
        let pan = first.pan().expect("digits");
        store.deny(&pan, None).expect("room");
        store.deny_refused(&pan, first.psn).expect("room");
        store.note_refused(&first).expect("kept");
        assert!(!store.may_pay_debt(&pan, first.psn));
        store.undeny(&pan, first.psn).expect("kept");
        assert!(store.denied(&pan, first.psn));
    }
}
