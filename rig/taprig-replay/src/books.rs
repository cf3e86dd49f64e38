//! What the books of a bus and of a fleet say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use taprig_model::books::result::{Class, Gross, Sum, Sums};

/// The columns of a clearing file of a replay.
pub(crate) const CLEARING: [&str; 6] = ["merchant", "terminal", "batch", "trace", "amount_fen", "cleared"];

/// The books of one bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BusBooks {
    /// The bus.
    pub bus: String,
    /// Its line.
    pub line: String,
    /// Its terminal.
    pub terminal: String,
    /// Whether the three sides agree, the gross check holds, and everything was as planned.
    pub balanced: bool,
    /// Rides of the plan, and what they sum to.
    pub planned: Sum,
    /// Rides of the journal by what became of them.
    pub gross: Gross,
    /// The sums of each class, by its word. Classes without items are left out.
    pub classes: BTreeMap<String, Sums>,
    /// Taps by kind, as planned.
    pub taps: BTreeMap<String, u64>,
    /// GET PROCESSING OPTIONS: what the cards have seen, and what the validator has counted.
    pub gpos: Counted,
    /// Taps with offline data authentication: those whose card gave its data, and what the validator has counted.
    pub authentications: Counted,
    /// Claims that the acquirer received again.
    pub repeats: u64,
    /// How often something was not as planned.
    pub differences: u64,
    /// The first of these in words.
    pub told: Vec<String>,
}

/// A number that two sides have counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Counted {
    /// By the cards.
    pub cards: u64,
    /// By the validator.
    pub validator: u64,
}

/// A ride that is played again as a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sample {
    /// The bus, and the number of the ride among those of the bus.
    pub name: String,
    /// What `given.settings` of the case is.
    pub settings: serde_json::Value,
    /// Card image.
    pub card: String,
    /// Changes that make the card from the image, with its counter before the ride.
    pub changes: serde_json::Value,
    /// The card is a phone, which is presented twice.
    pub twice: bool,
    /// The transcript of the tap.
    pub transcript: String,
}

/// The classes of a result in their order, for people.
pub(crate) fn in_order(classes: &BTreeMap<String, Sums>) -> impl Iterator<Item = (Class, Sums)> + '_ {
    Class::ALL.into_iter().filter_map(|class| Some((class, *classes.get(class.word())?)))
}
