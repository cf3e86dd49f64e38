//! What a reconciliation has found.

use crate::acquirer::log::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The result of a reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Reconciliation {
    /// Version of this format, 1.
    pub schema: u32,
    /// Whether there is no difference: every item is matched, refused, reversed or waiting, and the gross check holds.
    pub balanced: bool,
    /// The day up to which the clearing files count as complete. Absent: no clearing file was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared_through: Option<String>,
    /// Rides from this time of day on are due a day later.
    pub cut_off: String,
    /// Days that a ride may wait in addition.
    pub wait_days: u16,
    /// What was read, side by side.
    pub sides: Vec<Read>,
    /// The check of the journal's gross.
    pub gross: Gross,
    /// The totals of each class. For each side, the totals of all classes add up to what was read of it.
    pub classes: Vec<Total>,
    /// The same by day, merchant, terminal, batch, line, product and class. Only combinations that occur are listed.
    pub groups: Vec<Group>,
    /// Every item that is different or waiting.
    pub items: Vec<Item>,
    /// Rows that could not be read, at most 1000. They are left out everywhere else.
    pub broken: Vec<Broken>,
    /// What a person should know, and what makes no difference.
    pub notices: Vec<String>,
}

/// One of the three sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The journal of the validators.
    Journal,
    /// The log of the acquirer's host.
    Acquirer,
    /// The clearing file of the bank.
    Clearing,
}

impl Side {
    /// All sides.
    pub const ALL: [Self; 3] = [Self::Journal, Self::Acquirer, Self::Clearing];

    /// The word of files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Acquirer => "acquirer",
            Self::Clearing => "clearing",
        }
    }
}

/// How an item ended. Each item is in exactly one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// All sides have it with the same amount, and it is paid.
    Matched,
    /// The bank's side has more: it pays what should not be paid.
    Long,
    /// The bank's side has less: it does not pay what should be paid.
    Short,
    /// The sides have different amounts.
    AmountDiffers,
    /// The amounts agree, but the sides disagree on what has become of the ride.
    StateDiffers,
    /// A side has it more than once. Every row but the first one is in this class.
    Duplicate,
    /// It was taken back, and nobody pays it.
    Reversed,
    /// It was refused, and nobody pays it.
    Refused,
    /// It is not decided yet, or it is not due yet.
    Waiting,
}

impl Class {
    /// All classes, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::Matched,
        Self::Long,
        Self::Short,
        Self::AmountDiffers,
        Self::StateDiffers,
        Self::Duplicate,
        Self::Reversed,
        Self::Refused,
        Self::Waiting,
    ];

    /// The word of files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Long => "long",
            Self::Short => "short",
            Self::AmountDiffers => "amount-differs",
            Self::StateDiffers => "state-differs",
            Self::Duplicate => "duplicate",
            Self::Reversed => "reversed",
            Self::Refused => "refused",
            Self::Waiting => "waiting",
        }
    }

    /// Whether it is a difference, which somebody has to look into.
    #[must_use]
    pub const fn differs(self) -> bool {
        matches!(self, Self::Long | Self::Short | Self::AmountDiffers | Self::StateDiffers | Self::Duplicate)
    }
}

/// A number of items and their sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sum {
    /// Number.
    pub count: u64,
    /// Sum in fen.
    pub fen: u128,
}

impl Sum {
    /// Adds one item.
    pub fn add(&mut self, fen: u64) {
        self.count += 1;
        self.fen += u128::from(fen);
    }
}

impl std::ops::AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.fen += other.fen;
    }
}

/// The same items as the three sides have them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sums {
    /// In the journal.
    pub journal: Sum,
    /// In the acquirer's log.
    pub acquirer: Sum,
    /// In the clearing file.
    pub clearing: Sum,
}

impl Sums {
    /// Those of a side.
    #[must_use]
    pub const fn of(&self, side: Side) -> Sum {
        match side {
            Side::Journal => self.journal,
            Side::Acquirer => self.acquirer,
            Side::Clearing => self.clearing,
        }
    }

    /// Those of a side, to be changed.
    pub const fn of_mut(&mut self, side: Side) -> &mut Sum {
        match side {
            Side::Journal => &mut self.journal,
            Side::Acquirer => &mut self.acquirer,
            Side::Clearing => &mut self.clearing,
        }
    }
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.journal += other.journal;
        self.acquirer += other.acquirer;
        self.clearing += other.clearing;
    }
}

/// What was read of a side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Read {
    /// Which side. A side that was not given is not listed.
    pub side: Side,
    /// Its files.
    pub files: Vec<String>,
    /// Rides or claims. In the acquirer's log, a claim counts once however many lines have it, unless it was accepted twice.
    pub read: Sum,
    /// Rows that could not be read.
    pub broken: u64,
}

/// The check of the journal's gross: the sum of all rides is the sum of the four states.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Gross {
    /// Every row of the journal whose amount could be read, even if the row is broken otherwise.
    pub rides: Sum,
    /// Rides whose claims were accepted.
    pub accepted: Sum,
    /// Rides whose claims were refused.
    pub refused: Sum,
    /// Rides whose claims wait.
    pub waiting: Sum,
    /// Rides whose claims were taken back.
    pub reversed: Sum,
    /// By how many fen the gross is more than the four states. It is 0 if the check holds.
    pub unexplained_fen: i128,
    /// What the validators themselves state as their gross, in fen. Absent: it was not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated_fen: Option<u128>,
}

/// What two journals come to. Two statements of the validators add up only if both are there.
impl std::ops::AddAssign for Gross {
    fn add_assign(&mut self, other: Self) {
        self.rides += other.rides;
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.waiting += other.waiting;
        self.reversed += other.reversed;
        self.unexplained_fen += other.unexplained_fen;
        self.stated_fen = self.stated_fen.zip(other.stated_fen).map(|(one, two)| one + two);
    }
}

impl Gross {
    /// The sum of a state.
    pub const fn of_mut(&mut self, state: State) -> &mut Sum {
        match state {
            State::Accepted => &mut self.accepted,
            State::Refused => &mut self.refused,
            State::Waiting => &mut self.waiting,
            State::Reversed => &mut self.reversed,
        }
    }

    /// Whether the rides are the four states, and what the validators state.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.unexplained_fen == 0 && self.stated_fen.is_none_or(|stated| stated == self.rides.fen)
    }
}

/// The totals of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Total {
    /// The class.
    pub class: Class,
    /// Whether it is a difference.
    pub differs: bool,
    /// Counts and amounts, side by side.
    pub sums: Sums,
}

/// The totals of a class in a group of items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Group {
    /// Local day of the ride by the journal, or else by the clearing file, or else the day on which the acquirer heard of it. Absent: no
    /// side has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// Merchant.
    pub merchant: String,
    /// Terminal.
    pub terminal: String,
    /// Batch.
    pub batch: u32,
    /// Line by the journal, or else by the clearing file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Product by the journal, or else by the clearing file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The class.
    pub class: Class,
    /// Counts and amounts, side by side.
    pub sums: Sums,
}

/// An item that is different or waiting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Item {
    /// The class.
    pub class: Class,
    /// Local day of the ride, as in [`Group`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// Merchant.
    pub merchant: String,
    /// Terminal.
    pub terminal: String,
    /// Batch.
    pub batch: u32,
    /// Trace.
    pub trace: u32,
    /// Line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Bus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bus: Option<String>,
    /// Product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// What the sides have. A duplicate has the row that repeats the first one.
    pub entries: Vec<Entry>,
    /// The row that a duplicate repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Place>,
}

/// What a side has of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    /// Which side.
    pub side: Side,
    /// Amount in fen.
    pub fen: u64,
    /// What the side says about it. A clearing file has only what is paid, so it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Response code of a claim that the journal has as refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Where it stands. Absent: it was not read from a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A row of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Place {
    /// The file.
    pub file: String,
    /// The row as an editor counts lines, from 1. The names of the columns are row 1.
    pub row: u64,
}

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Broken {
    /// Which side.
    pub side: Side,
    /// Where it stands.
    pub place: Place,
    /// What is wrong.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_files() {
        for class in Class::ALL {
            assert_eq!(serde_json::to_value(class).unwrap(), class.word());
        }
        for side in Side::ALL {
            assert_eq!(serde_json::to_value(side).unwrap(), side.word());
        }
    }

    #[test]
    fn the_gross_of_the_validators_must_be_met() {
        let mut gross = Gross::default();
        gross.rides.add(150);
        gross.of_mut(State::Waiting).add(150);
        assert!(gross.holds());
        assert!(Gross { stated_fen: Some(150), ..gross.clone() }.holds());
        assert!(!Gross { stated_fen: Some(151), ..gross.clone() }.holds());
        assert!(!Gross { unexplained_fen: -1, ..gross }.holds());
    }
}
