//! The two files of a replay: a fleet, and a plan for it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use taprig_model::books::Label;
pub use taprig_model::day::{Clock, Day};
pub use taprig_model::fleet::{County, Fleet, Line};
use taprig_model::name::Name;
use taprig_model::settings::Fare;
use taprig_model::units::{Money, Percent};
use taprig_model::version::Version;

/// A plan: how many rides a fleet has in which days, what they sum to, and what else happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PlanFile {
    /// Version of this format.
    pub schema: Version,
    /// For a person: what is replayed.
    pub title: String,
    /// The file of the fleet, relative to this file.
    pub fleet: PathBuf,
    /// Everything that is drawn depends on this number and on nothing else.
    pub seed: u64,
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// Number of rides that are charged.
    pub rides: u64,
    /// What they sum to.
    pub total: Money,
    /// Validator profile in `fixtures/validators` with everything that all buses have in common.
    pub profile: Name,
    /// When buses run, every day.
    pub hours: Hours,
    /// The largest number of rides of one bus in one day.
    pub most_a_day: u32,
    /// Number of riders of each bus, 3 to 60. Each of them has a card.
    pub riders: u16,
    /// Which cards the riders have.
    pub cards: Vec<Issue>,
    /// Fares other than the flat fare. If two hold for a line on a day, the one that comes first in the file counts.
    #[serde(default)]
    pub promotions: Vec<Promotion>,
    /// What happens beside the rides.
    #[serde(default)]
    pub beside: Beside,
}

/// A part of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hours {
    /// The earliest tap.
    pub from: Clock,
    /// No tap is as late as this.
    pub to: Clock,
}

/// Cards of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Issue {
    /// Card image in `fixtures/cards`. Each rider gets an account number of their own in it.
    pub image: Name,
    /// What the books call it: `credit`, `debit`, `phone`.
    pub product: Label,
    /// How many riders have it, relative to the other kinds.
    pub share: u32,
    /// It is a phone: its first tap is answered with `see phone`, and then it is presented again.
    #[serde(default)]
    pub phone: bool,
}

/// Days on which some lines have another fare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Promotion {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// Only on the lines of this county.
    #[serde(default)]
    pub county: Option<Label>,
    /// Only on this line.
    #[serde(default)]
    pub line: Option<Label>,
    /// Every ride costs one fen.
    #[serde(default)]
    pub one_cent: bool,
    /// What is taken off the fare.
    #[serde(default)]
    pub discount: Percent,
    /// How many rides a bus has on these days, relative to its other days. Absent: 100.
    #[serde(default = "usual")]
    pub demand: u32,
}

/// What happens beside the rides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Beside {
    /// Of a thousand rides, so many are followed by the same card again.
    pub retaps: u32,
    /// Of a thousand rides, so many are followed by a counterfeit card.
    pub counterfeits: u32,
    /// Of a thousand rides, so many are followed by a card that has expired.
    pub expired: u32,
    /// Of a thousand rides, so many are followed by a card that is barred, if the bus has met or heard of one.
    pub barred: u32,
    /// Riders of each bus whose cards are on the acquirer's deny list from the beginning.
    pub denied_riders: u16,
    /// Riders of each bus whose issuer refuses the first claim, so that the card is barred from then on.
    pub refused_riders: u16,
    /// Days of one bus on which its line to the acquirer is lost, in the whole fleet.
    pub lost_lines: u32,
    /// Buses whose line is lost on their last day, so that claims still wait at the end.
    pub waiting_buses: u16,
}

const fn usual() -> u32 {
    100
}

impl Promotion {
    /// The fare of a line whose flat fare is `flat`.
    #[must_use]
    pub const fn fare(&self, flat: Money) -> Fare {
        Fare { flat, discount: self.discount, one_cent: self.one_cent }
    }
}

/// What a ride costs under a fare, in fen: the rule by which validators compute it, written a second time. A started fen of the
/// discount is not given, and the promotion never makes a ride dearer.
#[must_use]
pub fn price(fare: Fare) -> u64 {
    let discounted = (fare.flat.fen * u64::from(100 - fare.discount.0.min(100))).div_ceil(100);
    if fare.one_cent { discounted.min(1) } else { discounted }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fare(flat: u64, discount: u8, one_cent: bool) -> Fare {
        Fare { flat: Money::from_fen(flat), discount: Percent(discount), one_cent }
    }

    #[test]
    fn prices_are_those_of_the_validator() {
        assert_eq!(price(fare(100, 0, false)), 100);
        assert_eq!(price(fare(150, 33, false)), 101, "100.5 fen");
        assert_eq!(price(fare(1, 99, false)), 1);
        assert_eq!(price(fare(200, 20, true)), 1);
        assert_eq!(price(fare(100, 100, true)), 0);
    }
}
