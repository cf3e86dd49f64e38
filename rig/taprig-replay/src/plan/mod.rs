//! The plan: which bus has how many rides on which day, under which fare. It is made before anything is started, and a plan that
//! can't have its rides or its total is refused.

mod calendar;
mod cards;
mod day;
mod share;

use jiff::civil::Date;
use taprig_model::books::{Label, Merchant};
use taprig_model::settings::Fare;
use taprig_model::units::Money;

use crate::file::{Fleet, PlanFile, price};
use share::{Group, Unreachable, apportion, counts};

pub use cards::{Account, Nature};
pub use day::{Days, Kind, PlannedDay, PlannedTap};

/// A plan of all rides of a fleet.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The file that it was made from.
    pub file: PlanFile,
    /// Number of rides that are charged.
    pub rides: u64,
    /// What they sum to, in fen.
    pub total: u64,
    /// The buses, in the order of the fleet.
    pub buses: Vec<Bus>,
}

/// A bus with its days.
#[derive(Debug, Clone)]
pub struct Bus {
    /// Its place in the fleet, from 0.
    pub number: usize,
    /// County.
    pub county: Label,
    /// Line.
    pub line: Label,
    /// Its name.
    pub name: String,
    /// Terminal (field 41).
    pub terminal: String,
    /// Merchant (field 42).
    pub merchant: Merchant,
    /// The days on which it has rides, in order.
    pub days: Vec<BusDay>,
}

/// The rides of one bus on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusDay {
    /// The day.
    pub day: Date,
    /// The fare.
    pub fare: Fare,
    /// Number of rides that are charged, at least 1.
    pub rides: u32,
    /// What becomes of the line to the acquirer in the evening.
    pub uplink: Uplink,
}

/// What becomes of the line to the acquirer when the rides of a day are claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uplink {
    /// It works. All claims are sent, and the batch is closed.
    Works,
    /// The first claim does not reach the host. The claims are sent on the next day with rides.
    ClaimLost,
    /// The host decides on the first claim, and its answer is lost. The claims are sent on the next day with rides.
    AnswerLost,
}

impl Bus {
    /// Number of its rides.
    #[must_use]
    pub fn rides(&self) -> u64 {
        self.days.iter().map(|day| u64::from(day.rides)).sum()
    }

    /// What its rides sum to, in fen.
    #[must_use]
    pub fn fen(&self) -> u64 {
        self.days.iter().map(|day| u64::from(day.rides) * price(day.fare)).sum()
    }
}

/// What is wrong with a plan, and what to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub what: String,
    /// What to try.
    pub help: String,
}

fn refusal(what: impl Into<String>, help: impl Into<String>) -> Refusal {
    Refusal { what: what.into(), help: help.into() }
}

impl Plan {
    /// Makes a plan. With `rides`, it has so many rides in place of those of the file, and a total of the same proportion.
    ///
    /// # Errors
    /// Everything that is wrong with the two files, or by how much the plan misses its rides or its total.
    pub fn new(fleet: &Fleet, file: &PlanFile, rides: Option<u64>) -> Result<Self, Vec<Refusal>> {
        let mut wrong = calendar::check(fleet, file);
        if file.rides == 0 || rides == Some(0) {
            wrong.push(refusal("the plan has no rides", "give `rides` a number above 0"));
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let total = match rides {
            None => file.total.fen,
            Some(rides) => {
                let scaled = u128::from(file.total.fen) * u128::from(rides) / u128::from(file.rides);
                u64::try_from(scaled).unwrap_or(u64::MAX)
            }
        };
        let rides = rides.unwrap_or(file.rides);
        let (mut buses, slots) = calendar::buses(fleet, file);
        let groups = calendar::groups(&slots, file.most_a_day);
        let sizes: Vec<Group> = groups.iter().map(|group| group.size).collect();
        let numbers = counts(&sizes, rides, total).map_err(|why| vec![unreachable(&why, rides, total)])?;
        for (group, count) in groups.iter().zip(numbers) {
            let parts: Vec<(u64, u64)> = group
                .slots
                .iter()
                .map(|at| (calendar::liveliness(file.seed, &slots[*at]), u64::from(file.most_a_day)))
                .collect();
            for (at, rides) in group.slots.iter().zip(apportion(count, &parts)) {
                let slot = &slots[*at];
                // It is at most `most-a-day`, which has 32 bits.
                let rides = u32::try_from(rides).unwrap_or(u32::MAX);
                if rides > 0 {
                    let day = BusDay { day: slot.day, fare: slot.fare, rides, uplink: Uplink::Works };
                    buses[slot.bus].days.push(day);
                }
            }
        }
        for bus in &mut buses {
            bus.days.sort_by_key(|day| day.day);
        }
        calendar::lose_lines(file, &mut buses).map_err(|wrong| vec![wrong])?;
        Ok(Self { file: file.clone(), rides, total, buses })
    }
}

/// Why there are no such rides, and by how much.
fn unreachable(why: &Unreachable, rides: u64, total: u64) -> Refusal {
    let yuan = |fen: u64| Money::from_fen(fen).to_string();
    let wanted = format!("{rides} rides can't sum to {}", yuan(total));
    match *why {
        Unreachable::Room(room) => refusal(
            format!("the fleet has room for {room} rides in these days, which is {} fewer than {rides}", rides - room),
            "raise `most-a-day`, or plan more days or buses",
        ),
        Unreachable::Least(least) => refusal(
            format!("{wanted}: at the lowest fares they sum to {}, which is {} more", yuan(least), yuan(least - total)),
            "raise `total`, or plan more days with lower fares",
        ),
        Unreachable::Most(most) => refusal(
            format!("{wanted}: at the highest fares they sum to {}, which is {} less", yuan(most), yuan(total - most)),
            "lower `total`, or plan more days with higher fares",
        ),
        Unreachable::Between(below, above) => {
            let near = [below.map(|sum| (sum, total - sum, "less")), above.map(|sum| (sum, sum - total, "more"))];
            let near: Vec<String> = near
                .into_iter()
                .flatten()
                .map(|(sum, off, word)| format!("{}, which is {off} fen {word}", yuan(sum)))
                .collect();
            let near = if near.is_empty() { "no sum near it is possible".to_owned() } else { near.join(", or ") };
            refusal(
                format!("{wanted}: the fares of the plan do not add up to it. The nearest sums are {near}"),
                "take one of these sums, or add a promotion with another fare",
            )
        }
        Unreachable::Full => refusal(
            format!("{wanted}: the bus-days are so full that taprig found no numbers of rides which do"),
            "raise `most-a-day`, or plan more days or buses",
        ),
    }
}

#[cfg(test)]
pub(crate) mod tests;
