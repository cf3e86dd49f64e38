//! The three sides as they come.

use crate::entries::{Claimed, Entries, Key, Paid, Ridden};
use crate::group::GroupNames;
use crate::names::{Name, Names};
pub use crate::place::{FileId, Place};
use crate::time::Moment;
use jiff::civil::Date;
use std::collections::{BTreeSet, HashMap};
use taprig_model::acquirer::log::State;
use taprig_model::books::Label;
use taprig_model::books::journal::Ride;
use taprig_model::books::result::{Gross, Side, Sum, Sums};

/// The largest number of broken rows that are kept with their reasons. All of them are counted.
const KEPT: usize = 1000;

/// What an acquirer knows of a claim. Merchant and terminal are compared without the blanks around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Merchant (field 42).
    pub merchant: &'a str,
    /// Terminal (field 41).
    pub terminal: &'a str,
    /// Batch (60.2).
    pub batch: u32,
    /// Trace (field 11).
    pub trace: u32,
    /// Amount in fen.
    pub fen: u64,
    /// Its state.
    pub state: State,
}

/// How an acquirer heard of a claim, by its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// When.
    pub at: Moment,
    /// Whether the message was a repeat, so that nothing changed.
    pub repeat: bool,
    /// The row of the log.
    pub place: Place,
}

/// A row of a clearing file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleared<'a> {
    /// Merchant (field 42).
    pub merchant: &'a str,
    /// Terminal (field 41).
    pub terminal: &'a str,
    /// Batch (60.2).
    pub batch: u32,
    /// Trace (field 11).
    pub trace: u32,
    /// Amount in fen.
    pub fen: u64,
    /// When the ride took place.
    pub at: Option<Moment>,
    /// The day on which the bank has cleared it.
    pub cleared: Option<Date>,
    /// Line.
    pub line: Option<&'a str>,
    /// Product.
    pub product: Option<&'a str>,
}

/// A file, and what came of its rows.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) side: Side,
    pub(crate) name: String,
}

/// A row whose key a side had before.
#[derive(Debug)]
pub(crate) struct Repeated {
    pub(crate) side: Side,
    pub(crate) item: usize,
    pub(crate) fen: u64,
    pub(crate) place: Option<Place>,
    pub(crate) first: Option<Place>,
}

/// The books: what the three sides say.
#[derive(Debug, Default)]
pub struct Books {
    pub(crate) files: Vec<File>,
    pub(crate) names: Names,
    index: HashMap<Key, u32>,
    pub(crate) items: Vec<(Key, Entries)>,
    pub(crate) repeated: Vec<Repeated>,
    /// The sums of items that were taken out.
    pub(crate) settled: HashMap<GroupNames, Sums>,
    pub(crate) broken: Vec<(Place, String)>,
    /// By side.
    pub(crate) broken_rows: [u64; 3],
    pub(crate) read: [Sum; 3],
    pub(crate) given: [bool; 3],
    pub(crate) gross: Gross,
    pub(crate) notices: Vec<String>,
    /// The earliest day of a ride in the journal.
    pub(crate) first_ride: Option<Date>,
    /// The latest day of clearing, and the latest day of a ride, in the clearing files.
    pub(crate) last_cleared: Option<Date>,
    pub(crate) last_paid: Option<Date>,
}

impl Books {
    /// Empty books.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that a side is there, even if it turns out to be empty.
    pub fn give(&mut self, side: Side) {
        self.given[side as usize] = true;
    }

    /// Whether a side was given.
    #[must_use]
    pub const fn has(&self, side: Side) -> bool {
        self.given[side as usize]
    }

    /// A file of a side, by the name that messages use.
    pub fn file(&mut self, side: Side, name: impl Into<String>) -> FileId {
        self.give(side);
        let id = FileId::new(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(File { side, name: name.into() });
        id
    }

    /// A row of a journal.
    pub fn ride(&mut self, ride: &Ride, place: Option<Place>) {
        self.give(Side::Journal);
        let fen = ride.amount_fen.get();
        let at = Moment::of(ride.time);
        if let Some(at) = at {
            self.first_ride = Some(self.first_ride.map_or(at.day, |first| first.min(at.day)));
        }
        self.gross.rides.add(fen);
        self.gross.of_mut(ride.state).add(fen);
        self.read[Side::Journal as usize].add(fen);
        let item = self.item(ride.merchant.as_str(), ride.terminal.as_str(), ride.batch.get(), ride.trace.get());
        if let Some(first) = &self.items[item].1.journal {
            let first = first.place;
            self.repeated.push(Repeated { side: Side::Journal, item, fen, place, first });
            return;
        }
        let new = Ridden {
            fen,
            state: ride.state,
            code: ride.code.clone().map(Box::new),
            at,
            line: self.name(ride.line.as_ref().map(Label::as_str)),
            bus: self.name(ride.bus.as_ref().map(Label::as_str)),
            product: self.name(ride.product.as_ref().map(Label::as_str)),
            place,
        };
        self.items[item].1.journal = Some(new);
    }

    /// What an acquirer knows of a claim. If it says more than one thing about a claim, the last one counts. A claim that it accepts
    /// anew although it had accepted it counts as a duplicate; without `heard`, every mention but the first only changes the claim.
    pub fn claim(&mut self, claim: &Claim<'_>, heard: Option<Heard>) {
        self.give(Side::Acquirer);
        let item = self.item(claim.merchant.trim(), claim.terminal.trim(), claim.batch, claim.trace);
        let read = &mut self.read[Side::Acquirer as usize];
        let place = heard.map(|heard| heard.place);
        let Some(known) = &mut self.items[item].1.acquirer else {
            read.add(claim.fen);
            let at = heard.map(|heard| heard.at);
            self.items[item].1.acquirer = Some(Claimed { fen: claim.fen, state: claim.state, at, place });
            return;
        };
        let anew = heard.is_some_and(|heard| !heard.repeat) && claim.state == State::Accepted;
        if anew && matches!(known.state, State::Accepted | State::Reversed) {
            read.add(claim.fen);
            let first = known.place;
            self.repeated.push(Repeated { side: Side::Acquirer, item, fen: claim.fen, place, first });
            return;
        }
        read.fen = read.fen - u128::from(known.fen) + u128::from(claim.fen);
        *known = Claimed { fen: claim.fen, state: claim.state, at: known.at, place };
    }

    /// A row of a clearing file.
    pub fn cleared(&mut self, row: &Cleared<'_>, place: Option<Place>) {
        self.give(Side::Clearing);
        let later = |known: &mut Option<Date>, day: Option<Date>| *known = (*known).max(day);
        later(&mut self.last_cleared, row.cleared);
        later(&mut self.last_paid, row.at.map(|at| at.day));
        self.read[Side::Clearing as usize].add(row.fen);
        let item = self.item(row.merchant, row.terminal, row.batch, row.trace);
        if let Some(first) = &self.items[item].1.clearing {
            let first = first.place;
            self.repeated.push(Repeated { side: Side::Clearing, item, fen: row.fen, place, first });
            return;
        }
        let (line, product) = (self.name(row.line), self.name(row.product));
        self.items[item].1.clearing = Some(Paid { fen: row.fen, at: row.at, line, product, place });
    }

    /// A row that can't be read. `fen` is its amount if at least that can be read; in a journal it counts in the gross.
    pub fn broken(&mut self, side: Side, place: Place, why: impl Into<String>, fen: Option<u64>) {
        self.give(side);
        self.broken_rows[side as usize] += 1;
        if let Some(fen) = fen.filter(|_| side == Side::Journal) {
            self.gross.rides.add(fen);
        }
        if self.broken.len() < KEPT {
            self.broken.push((place, why.into()));
        }
    }

    /// Something that a person should know and that makes no difference.
    pub fn notice(&mut self, text: impl Into<String>) {
        if self.notices.len() < KEPT {
            self.notices.push(text.into());
        }
    }

    /// Number of rows that could not be read.
    #[must_use]
    pub fn broken_rows(&self) -> u64 {
        self.broken_rows.iter().sum()
    }

    /// What the validators themselves state as the sum of their journals, in fen.
    pub const fn state_gross(&mut self, fen: u128) {
        self.gross.stated_fen = Some(fen);
    }

    /// Takes the items out on whose end all sides agree, and adds them to the sums. `tell` hears their keys.
    pub(crate) fn settle(&mut self, mut tell: impl FnMut(Key)) {
        // A side that is given later would change the classes.
        if !Side::ALL.into_iter().all(|side| self.has(side)) {
            return;
        }
        let repeated: BTreeSet<usize> = self.repeated.iter().map(|row| row.item).collect();
        let mut moved = HashMap::new();
        self.index.clear();
        for (item, (key, entries)) in std::mem::take(&mut self.items).into_iter().enumerate() {
            match entries.settled().filter(|_| !repeated.contains(&item)) {
                Some(class) => {
                    entries.add_to(self.settled.entry(entries.group(key, class)).or_default());
                    tell(key);
                }
                None => {
                    moved.insert(item, self.items.len());
                    // It has a number already, so there is one.
                    self.index.insert(key, u32::try_from(self.items.len()).unwrap_or(u32::MAX));
                    self.items.push((key, entries));
                }
            }
        }
        for row in &mut self.repeated {
            row.item = moved.get(&row.item).copied().unwrap_or(row.item);
        }
    }

    /// The key of an item.
    pub(crate) fn key(&mut self, merchant: &str, terminal: &str, batch: u32, trace: u32) -> Key {
        let (merchant, terminal) = (self.names.number(merchant), self.names.number(terminal));
        Key { merchant, terminal, batch, trace }
    }

    /// Number of an item.
    fn item(&mut self, merchant: &str, terminal: &str, batch: u32, trace: u32) -> usize {
        let key = self.key(merchant, terminal, batch, trace);
        // Each item has a key in memory, so there are fewer of them than 2^32.
        let next = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        let number = *self.index.entry(key).or_insert(next);
        if number == next {
            self.items.push((key, Entries::default()));
        }
        number as usize
    }

    fn name(&mut self, text: Option<&str>) -> Option<Name> {
        text.map(|text| self.names.number(text))
    }
}
