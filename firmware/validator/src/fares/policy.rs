//! The fare policy: what the operator has decided about prices, as data.

use heapless::Vec;
use serde::{Deserialize, Serialize};

/// Most stops of a line.
pub const MAX_STOPS: usize = 64;
/// Most steps of a fare by distance.
pub const MAX_STEPS: usize = 16;
/// Most discounts by product.
pub const MAX_DISCOUNTS: usize = 8;
/// Most promotions.
pub const MAX_PROMOTIONS: usize = 8;
/// Longest window of a trip or of transfers, in seconds: a day.
pub const MAX_WINDOW_S: u32 = 86_400;
/// Longest line, in metres.
pub const MAX_METRES: u32 = 1_000_000;

/// One line of a policy, as the console writes it and as the memory keeps it. Amounts are in fen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    /// A stop of the line, so many metres from its beginning.
    Stop {
        /// Number of the stop.
        stop: u16,
        /// Metres from the beginning of the line.
        at_m: u32,
    },
    /// What a trip of up to so many metres costs, if it is longer than the step before.
    Step {
        /// The longest distance of this step.
        up_to_m: u32,
        /// The fare.
        fen: u32,
    },
    /// Fares are by distance. A trip whose tap-off does not come within so many seconds costs the highest fare.
    Trip {
        /// Seconds from the tap-on.
        within_s: u32,
    },
    /// Rides within so many seconds after the first one are cheaper.
    Transfer(Transfer),
    /// Cards whose AID begins with these bytes pay less.
    Discount(Discount),
    /// Rides on certain days are cheaper.
    Promotion(Promotion),
    /// No card pays more than this in a day.
    DayCap(u32),
    /// No card pays more than this in a month.
    MonthCap(u32),
    /// A card whose claim was refused pays this old fare first, and then rides again.
    Debts,
}

/// What makes a ride a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Seconds from the first ride to the last transfer.
    pub within_s: u32,
    /// What a transfer costs less than a ride, in fen.
    pub off: u32,
    /// How many transfers follow a ride at most.
    pub rides: u8,
}

/// A discount by product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    /// First bytes of the AID.
    pub aid: Vec<u8, 16>,
    /// Per cent of the fare that are taken off, 1 to 99.
    pub percent: u8,
}

/// A promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// First day, in days since 1970.
    pub from: u32,
    /// Last day, which belongs to the promotion.
    pub to: u32,
    /// What it gives.
    pub gift: Gift,
}

/// What a promotion gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gift {
    /// Per cent of the fare that are taken off, 1 to 99.
    Percent(u8),
    /// A ride costs no more than this, in fen.
    Fare(u32),
}

/// A line and what its rides cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distance {
    /// Stops with their metres from the beginning of the line.
    stops: Vec<(u16, u32), MAX_STOPS>,
    /// Distances with their fares, both rising.
    steps: Vec<(u32, u32), MAX_STEPS>,
    /// Longest trip, in seconds. 0: fares are not by distance.
    within_s: u32,
}

/// What the operator has decided about prices, beside the flat fare of the settings. The default is the flat fare alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    distance: Distance,
    pub(super) transfer: Option<Transfer>,
    discounts: Vec<Discount, MAX_DISCOUNTS>,
    promotions: Vec<Promotion, MAX_PROMOTIONS>,
    pub(super) day_cap: Option<u32>,
    pub(super) month_cap: Option<u32>,
    debts: bool,
}

impl Policy {
    /// The policy of these rules.
    ///
    /// # Errors
    /// What is wrong with them, in words for a person.
    pub fn new(rules: impl Iterator<Item = Rule>) -> Result<Self, &'static str> {
        let mut policy = Self::default();
        for rule in rules {
            policy.add(rule)?;
        }
        policy.distance.check()?;
        Ok(policy)
    }

    fn add(&mut self, rule: Rule) -> Result<(), &'static str> {
        /// Sets what may be set once.
        fn once<T>(place: &mut Option<T>, value: T, twice: &'static str) -> Result<(), &'static str> {
            if place.replace(value).is_some() { Err(twice) } else { Ok(()) }
        }
        match rule {
            Rule::Stop { stop, at_m } => {
                if self.distance.at_m(stop).is_some() {
                    return Err("a stop comes twice");
                }
                self.distance.stops.push((stop, at_m)).map_err(|_| "a line has at most 64 stops")?;
            }
            Rule::Step { up_to_m, fen } => {
                if self.distance.steps.last().is_some_and(|last| up_to_m <= last.0 || fen < last.1) {
                    return Err("each step is longer than the one before, and no cheaper");
                }
                self.distance.steps.push((up_to_m, fen)).map_err(|_| "a fare has at most 16 steps")?;
            }
            Rule::Trip { within_s } => {
                if core::mem::replace(&mut self.distance.within_s, within_s) > 0 {
                    return Err("trip comes twice");
                }
            }
            Rule::Transfer(transfer) => once(&mut self.transfer, transfer, "transfer comes twice")?,
            Rule::Discount(discount) => {
                if self.discounts.iter().any(|other| other.aid == discount.aid) {
                    return Err("two discounts are for the same AID");
                }
                self.discounts.push(discount).map_err(|_| "there are at most 8 discounts")?;
            }
            Rule::Promotion(promotion) => {
                self.promotions.push(promotion).map_err(|_| "there are at most 8 promotions")?;
            }
            Rule::DayCap(fen) => once(&mut self.day_cap, fen, "cap day comes twice")?,
            Rule::MonthCap(fen) => once(&mut self.month_cap, fen, "cap month comes twice")?,
            Rule::Debts => self.debts = true,
        }
        Ok(())
    }

    /// Whether there is nothing beside the flat fare.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a price may depend on what a card did before.
    #[must_use]
    pub fn remembers(&self) -> bool {
        self.by_distance().is_some()
            || self.transfer.is_some()
            || self.day_cap.is_some()
            || self.month_cap.is_some()
            || self.debts
    }

    /// The line, if fares are by distance.
    #[must_use]
    pub fn by_distance(&self) -> Option<&Distance> {
        (self.distance.within_s > 0).then_some(&self.distance)
    }

    /// Whether a card that owes pays the old fare first.
    #[must_use]
    pub const fn recovers_debts(&self) -> bool {
        self.debts
    }

    /// Per cent that this card pays less on a day, beside the discount of the settings. Discounts do not add up: the largest
    /// one counts. The discount of the longest AID that fits is that of the card.
    pub(super) fn percent(&self, aid: Option<&[u8]>, day: u32) -> u8 {
        let fitting = self.discounts.iter().filter(|discount| aid.is_some_and(|aid| aid.starts_with(&discount.aid)));
        let product = fitting.max_by_key(|discount| discount.aid.len()).map_or(0, |discount| discount.percent);
        let gifts = self.gifts(day).filter_map(|gift| match gift {
            Gift::Percent(percent) => Some(percent),
            Gift::Fare(_) => None,
        });
        gifts.fold(product, u8::max)
    }

    /// The most that a ride costs on a day because of promotions.
    pub(super) fn promised(&self, day: u32) -> u32 {
        let gifts = self.gifts(day).map(|gift| match gift {
            Gift::Fare(fen) => fen,
            Gift::Percent(_) => u32::MAX,
        });
        gifts.fold(u32::MAX, u32::min)
    }

    fn gifts(&self, day: u32) -> impl Iterator<Item = Gift> {
        let holds = move |promotion: &&Promotion| (promotion.from..=promotion.to).contains(&day);
        self.promotions.iter().filter(holds).map(|promotion| promotion.gift)
    }
}

impl Distance {
    fn check(&self) -> Result<(), &'static str> {
        if self.within_s == 0 {
            let empty = self.stops.is_empty() && self.steps.is_empty();
            return if empty { Ok(()) } else { Err("stops and steps need trip, the longest time of a trip") };
        }
        let metres = self.stops.iter().map(|stop| stop.1);
        let longest = metres.clone().max().zip(metres.min()).map(|(last, first)| last - first);
        match (longest, self.steps.last()) {
            (Some(longest), Some(last)) if self.stops.len() >= 2 && last.0 >= longest => Ok(()),
            (Some(_), Some(_)) if self.stops.len() >= 2 => Err("the last step is shorter than the line"),
            (_, None) => Err("a fare by distance needs a step"),
            _ => Err("a fare by distance needs two stops"),
        }
    }

    fn at_m(&self, stop: u16) -> Option<u32> {
        self.stops.iter().find(|other| other.0 == stop).map(|other| other.1)
    }

    /// Whether the line has this stop.
    #[must_use]
    pub fn has(&self, stop: u16) -> bool {
        self.at_m(stop).is_some()
    }

    /// Longest trip, in seconds.
    #[must_use]
    pub const fn within_s(&self) -> u32 {
        self.within_s
    }

    /// The fare between two stops; nothing if the line does not have them.
    pub(super) fn fare(&self, on: u16, off: u16) -> Option<u32> {
        let metres = self.at_m(on)?.abs_diff(self.at_m(off)?);
        self.steps.iter().find(|step| metres <= step.0).map(|step| step.1)
    }

    /// The highest fare.
    pub(super) fn highest(&self) -> u32 {
        self.steps.last().map_or(0, |step| step.1)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Five stops over 10 km; 1 yuan up to 3 km, 2 yuan up to 6 km, 3 yuan beyond. Trips of 2 hours.
    pub(crate) fn line() -> [Rule; 9] {
        let stop = |stop, at_m| Rule::Stop { stop, at_m };
        let step = |up_to_m, fen| Rule::Step { up_to_m, fen };
        [
            stop(1, 0),
            stop(2, 3000),
            stop(3, 3001),
            stop(4, 6001),
            stop(5, 10_000),
            step(3000, 100),
            step(6000, 200),
            step(10_000, 300),
            Rule::Trip { within_s: 7200 },
        ]
    }

    #[test]
    fn a_step_ends_with_its_last_metre() {
        let policy = Policy::new(line().into_iter()).expect("good");
        let line = policy.by_distance().expect("by distance");
        let fares =
            [(1, 1), (1, 2), (2, 1), (1, 3), (3, 4), (2, 4), (1, 4), (5, 1)].map(|(on, off)| line.fare(on, off));
        assert_eq!(fares, [100, 100, 100, 200, 100, 200, 300, 300].map(Some));
        assert_eq!((line.fare(1, 9), line.highest(), line.has(9)), (None, 300, false));
    }

    #[test]
    fn what_is_no_policy_says_why() {
        let wrong = |rules: &[Rule]| Policy::new(rules.iter().cloned());
        let all = line();
        let without = |at: usize| {
            let left = all.iter().enumerate().filter(|(place, _)| *place != at).map(|(_, rule)| rule.clone());
            Policy::new(left)
        };
        assert_eq!(without(8), Err("stops and steps need trip, the longest time of a trip"));
        assert_eq!(without(7), Err("the last step is shorter than the line"));
        assert_eq!(wrong(&all[7..]), Err("a fare by distance needs two stops"));
        let twice = [all[0].clone(), all[0].clone()];
        assert_eq!(wrong(&twice), Err("a stop comes twice"));
        let cheaper = [Rule::Step { up_to_m: 1, fen: 2 }, Rule::Step { up_to_m: 2, fen: 1 }];
        assert_eq!(wrong(&cheaper), Err("each step is longer than the one before, and no cheaper"));
        assert_eq!(wrong(&[Rule::DayCap(1), Rule::DayCap(1)]), Err("cap day comes twice"));
        assert_eq!(wrong(&[Rule::Trip { within_s: 5 }]), Err("a fare by distance needs a step"));
    }

    #[test]
    fn the_longest_name_that_fits_and_the_largest_discount_count() {
        let discount = |aid: &[u8], percent| Rule::Discount(Discount { aid: Vec::from_slice(aid).unwrap(), percent });
        let promotion = |from, to, gift| Rule::Promotion(Promotion { from, to, gift });
        let rules = [
            discount(&[0xA0], 50),
            discount(&[0xA0, 1], 10),
            promotion(10, 12, Gift::Percent(20)),
            promotion(12, 12, Gift::Fare(1)),
        ];
        let policy = Policy::new(rules.into_iter()).expect("good");
        let percent = |aid: &[u8], day| policy.percent(Some(aid), day);
        assert_eq!([percent(&[0xA0, 1, 2], 9), percent(&[0xA0, 2], 9), percent(&[0xA1], 9)], [10, 50, 0]);
        assert_eq!([9, 10, 12, 13].map(|day| percent(&[0xA0, 1], day)), [10, 20, 20, 10]);
        assert_eq!([11, 12, 13].map(|day| policy.promised(day)), [u32::MAX, 1, u32::MAX]);
        assert_eq!(policy.percent(None, 9), 0);
        assert!(!policy.remembers() && !policy.is_flat());
    }
}
