//! Books of a journal that goes on for months. What is settled is kept as sums only.

use std::collections::HashMap;

use taprig_model::books::journal::Ride;
use taprig_model::books::result::{Reconciliation, Side};

use crate::books::{Books, Claim, Cleared, FileId, Heard, Place};
use crate::names::Name;
use crate::reconcile::Options;
use crate::spans::Spans;

/// Books that are fed in parts. [`Running::settle`] takes the items out that all sides agree on, and keeps their sums and the places of
/// their keys. So the memory grows with the items that are open or different, with the groups of the result, and with the batches (more
/// precisely: with the gaps in the traces of their settled items), and not with the rides.
///
/// The result is that of [`Books`] with the same rows, in any order and in any division. The exception is a row for an item that is
/// settled already. What the item was is not known any more, so there is no result then, and the rows have to be read once more as a
/// whole.
///
/// ```
/// use taprig_books::{Claim, Cleared, Options, Running};
/// use taprig_model::acquirer::log::State;
/// use taprig_model::books::result::Side;
///
/// let mut books = Running::new();
/// Side::ALL.map(|side| books.file(side, side.word()));
/// let (merchant, terminal) = ("123456789012345", "12345678");
/// for trace in 1..=1000 {
///     let ride = serde_json::json!({
///         "merchant": merchant, "terminal": terminal, "batch": 1, "trace": trace,
///         "time": "2018-05-21T08:00:00", "amount_fen": 100, "state": "accepted",
///     });
///     books.ride(&serde_json::from_value(ride).unwrap(), None);
///     books.claim(&Claim { merchant, terminal, batch: 1, trace, fen: 100, state: State::Accepted }, None);
///     let paid = Cleared { merchant, terminal, batch: 1, trace, fen: 100, at: None, cleared: None, line: None, product: None };
///     books.cleared(&paid, None);
///     books.settle();
///     assert_eq!(books.open(), 0);
/// }
/// assert!(books.reconcile(&Options::default()).unwrap().balanced);
/// ```
#[derive(Debug, Default)]
pub struct Running {
    books: Books,
    /// The traces of settled items by merchant, terminal and batch.
    settled: HashMap<(Name, Name, u32), Spans>,
    late: u64,
}

/// Rows came for items that were settled before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{rows} rows came for items that were settled before; reconcile the rows as a whole")]
pub struct Late {
    /// Number of these rows.
    pub rows: u64,
}

impl Running {
    /// Empty books.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A file of a side, by the name that messages use. Nothing is settled before all three sides are given.
    pub fn file(&mut self, side: Side, name: impl Into<String>) -> FileId {
        self.books.file(side, name)
    }

    /// A row of a journal, as [`Books::ride`] takes it.
    pub fn ride(&mut self, ride: &Ride, place: Option<Place>) {
        if self.is_open(ride.merchant.as_str(), ride.terminal.as_str(), ride.batch.get(), ride.trace.get()) {
            self.books.ride(ride, place);
        }
    }

    /// What an acquirer knows of a claim, as [`Books::claim`] takes it.
    pub fn claim(&mut self, claim: &Claim<'_>, heard: Option<Heard>) {
        if self.is_open(claim.merchant.trim(), claim.terminal.trim(), claim.batch, claim.trace) {
            self.books.claim(claim, heard);
        }
    }

    /// A row of a clearing file, as [`Books::cleared`] takes it.
    pub fn cleared(&mut self, row: &Cleared<'_>, place: Option<Place>) {
        if self.is_open(row.merchant, row.terminal, row.batch, row.trace) {
            self.books.cleared(row, place);
        }
    }

    /// Takes the items out on whose end all sides agree: matched, refused or reversed. Items that differ or wait stay, and so does an
    /// item that a side has more than once.
    pub fn settle(&mut self) {
        let settled = &mut self.settled;
        self.books.settle(|key| {
            settled.entry((key.merchant, key.terminal, key.batch)).or_default().insert(key.trace);
        });
    }

    /// Number of items that are not settled.
    #[must_use]
    pub fn open(&self) -> usize {
        self.books.items.len()
    }

    /// Puts the items that are left into their classes, and adds everything up.
    ///
    /// # Errors
    /// Rows came for items that were settled before.
    pub fn reconcile(&self, options: &Options) -> Result<Reconciliation, Late> {
        match self.late {
            0 => Ok(self.books.reconcile(options)),
            rows => Err(Late { rows }),
        }
    }

    /// Whether an item is not settled yet. If it is, the row is late.
    fn is_open(&mut self, merchant: &str, terminal: &str, batch: u32, trace: u32) -> bool {
        let key = self.books.key(merchant, terminal, batch, trace);
        let batch = self.settled.get(&(key.merchant, key.terminal, key.batch));
        let open = !batch.is_some_and(|traces| traces.contains(trace));
        self.late += u64::from(!open);
        open
    }
}

#[cfg(test)]
mod tests;
