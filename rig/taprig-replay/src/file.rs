//! The two files of a replay: a fleet, and a plan for it.

use std::path::PathBuf;

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};
use taprig_model::books::{Label, Merchant};
use taprig_model::name::Name;
use taprig_model::settings::Fare;
use taprig_model::units::{Money, Percent};
use taprig_model::version::Version;

/// A fleet: counties with their lines, buses and opening dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fleet {
    /// Version of this format.
    pub schema: Version,
    /// For a person: whose buses these are.
    pub title: String,
    /// The counties, in any order.
    pub counties: Vec<County>,
}

/// A county.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct County {
    /// Its name, which is a setting of its validators.
    pub name: Label,
    /// The first day on which its buses take cards.
    pub opens: Day,
    /// Its merchant (field 42), 15 characters.
    pub merchant: Merchant,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Line {
    /// Its name, as validators and books have it. No other line of the fleet has it.
    pub line: Label,
    /// Number of its buses. A bus is called `<line>-<number>`, with two or three digits.
    pub buses: u16,
    /// Terminal number of its first bus: 8 digits. The other buses have the numbers that follow.
    pub first_terminal: u32,
    /// Its flat fare without promotions.
    pub fare: Money,
    /// How many rides a bus of this line has in a day, relative to the other lines. Absent: 100.
    #[serde(default = "usual")]
    pub demand: u32,
}

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

/// A word of a file that `jiff` reads.
macro_rules! word {
    ($(#[$doc:meta])* $type:ident, $inner:ty, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(pub $inner);

        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let read = text.parse::<$inner>().ok().filter(|read| read.to_string() == text);
                read.map(Self).ok_or_else(|| format!(concat!("`{}` is not ", $what), text))
            }
        }

        impl From<$type> for String {
            fn from(word: $type) -> Self {
                word.0.to_string()
            }
        }
    };
}

word!(
    /// A day: `2018-05-21`.
    Day, Date, "a day: write `2018-05-21`"
);
word!(
    /// A time of day: `06:30:00`.
    Clock, Time, "a time of day: write `06:30:00`"
);

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

    #[test]
    fn days_and_times_have_one_form() {
        let day = |text: &str| Day::try_from(text.to_owned());
        assert_eq!(String::from(day("2018-05-21").unwrap()), "2018-05-21");
        for wrong in ["2018-5-21", "2018-02-29", "20180521", "2018-05-21T00:00", ""] {
            assert!(day(wrong).is_err(), "{wrong}");
        }
        let clock = |text: &str| Clock::try_from(text.to_owned());
        assert_eq!(String::from(clock("06:30:00").unwrap()), "06:30:00");
        for wrong in ["6:30", "06:30", "24:00:00", ""] {
            assert!(clock(wrong).is_err(), "{wrong}");
        }
    }
}
