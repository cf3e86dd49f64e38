//! The taps of a bus, day after day.

use std::collections::BTreeSet;

use jiff::civil::Date;
use taprig_model::settings::Fare;
use taprig_model::units::DateTime;

use super::{Account, Bus, BusDay, Nature, Plan, Uplink};
use crate::random::Random;

/// Seconds between two taps that follow each other.
const NEXT: i64 = 3;

/// A tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedTap {
    /// When, by the validator's clock.
    pub at: DateTime,
    /// The card: its place in [`Plan::accounts`].
    pub card: usize,
    /// What has to come of it.
    pub kind: Kind,
}

/// What has to come of a tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The rider pays and rides.
    Ride,
    /// The phone asks its holder to look at it.
    SeePhone,
    /// The same card again: it is told that it has paid.
    Retap,
    /// A counterfeit card is refused.
    Counterfeit,
    /// A card that has expired is refused.
    Expired,
    /// A barred card is refused.
    Barred,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Ride, Self::SeePhone, Self::Retap, Self::Counterfeit, Self::Expired, Self::Barred];

    /// The word of the books.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ride => "ride",
            Self::SeePhone => "see-phone",
            Self::Retap => "retap",
            Self::Counterfeit => "counterfeit",
            Self::Expired => "expired",
            Self::Barred => "barred",
        }
    }
}

/// A day of a bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedDay {
    /// The day.
    pub day: Date,
    /// The fare.
    pub fare: Fare,
    /// The taps, in order.
    pub taps: Vec<PlannedTap>,
    /// What becomes of the line in the evening.
    pub uplink: Uplink,
    /// Number of the first ride of the day among those of the bus, from 1.
    pub first_ride: u64,
}

/// The days of a bus, one after the other. Only one of them is in memory.
#[derive(Debug)]
pub struct Days<'a> {
    plan: &'a Plan,
    bus: &'a Bus,
    accounts: Vec<Account>,
    random: Random,
    next: usize,
    rides: u64,
    /// The card that rode last. A validator takes it for the same rider for some time, and plans have no such time.
    last: Option<usize>,
    /// Phones that have asked their holders to look at them.
    woken: BTreeSet<usize>,
    /// Cards that have ridden and whose issuer refuses the claim, which was not sent yet.
    owing: BTreeSet<usize>,
    /// Cards that the validator bars.
    barred: Vec<usize>,
}

impl Plan {
    /// The days of a bus.
    #[must_use]
    pub fn days(&self, bus: usize) -> Days<'_> {
        let accounts = self.accounts(bus);
        let denied = |at: &usize| accounts[*at].nature == Nature::Denied;
        let barred = (0..accounts.len()).filter(denied).collect();
        Days {
            plan: self,
            bus: &self.buses[bus],
            accounts,
            random: Random::of(self.file.seed, 1 << 49 | bus as u64),
            next: 0,
            rides: 0,
            last: None,
            woken: BTreeSet::new(),
            owing: BTreeSet::new(),
            barred,
        }
    }
}

impl Iterator for Days<'_> {
    type Item = PlannedDay;

    fn next(&mut self) -> Option<PlannedDay> {
        let day = *self.bus.days.get(self.next)?;
        self.next += 1;
        let first_ride = self.rides + 1;
        let taps = self.taps(&day);
        self.rides += u64::from(day.rides);
        if day.uplink == Uplink::Works {
            // The issuers have refused by now, and the validator has barred their cards.
            self.barred.extend(std::mem::take(&mut self.owing));
        }
        Some(PlannedDay { day: day.day, fare: day.fare, taps, uplink: day.uplink, first_ride })
    }
}

impl Days<'_> {
    fn taps(&mut self, day: &BusDay) -> Vec<PlannedTap> {
        let hours = self.plan.file.hours;
        let span = hours.to.0.duration_since(hours.from.0).as_secs();
        let (rides, begin) = (i64::from(day.rides), seconds(hours.from.0));
        let beside = self.plan.file.beside.clone();
        let mut taps = Vec::new();
        for ride in 0..rides {
            let (from, to) = (span * ride / rides, span * (ride + 1) / rides);
            // The taps of a ride end before its part of the day is over.
            let free = u64::try_from(to - from - 8 * NEXT).unwrap_or(0);
            let mut at = begin + from + i64::try_from(self.random.below(free + 1)).unwrap_or(0);
            let mut add = |card: usize, kind: Kind| {
                taps.push(PlannedTap { at: moment(day.day, at), card, kind });
                at += NEXT;
            };
            // The first claim of a day may be the one that is lost, and it must be an ordinary one then.
            let card = self.rider(ride > 0);
            if self.accounts[card].phone && self.woken.insert(card) {
                add(card, Kind::SeePhone);
            }
            add(card, Kind::Ride);
            self.last = Some(card);
            if self.random.happens(beside.retaps) {
                add(card, Kind::Retap);
            }
            let riders = usize::from(self.plan.file.riders);
            if self.random.happens(beside.counterfeits) {
                add(riders, Kind::Counterfeit);
            }
            if self.random.happens(beside.expired) {
                add(riders + 1, Kind::Expired);
            }
            if self.random.happens(beside.barred) && !self.barred.is_empty() {
                add(self.barred[self.random.index(self.barred.len())], Kind::Barred);
            }
        }
        taps
    }

    /// Who rides next: nobody who rode just now, and nobody who is barred or will be when the claims are sent.
    fn rider(&mut self, may_owe: bool) -> usize {
        let usable = |at: &usize| {
            let may = match self.accounts[*at].nature {
                Nature::Good => true,
                Nature::Refused => may_owe && !self.owing.contains(at) && !self.barred.contains(at),
                Nature::Denied | Nature::Counterfeit | Nature::Expired => false,
            };
            may && self.last != Some(*at)
        };
        let usable: Vec<usize> = (0..self.accounts.len()).filter(usable).collect();
        let card = usable[self.random.index(usable.len())];
        if self.accounts[card].nature == Nature::Refused {
            self.owing.insert(card);
        }
        card
    }
}

fn seconds(time: jiff::civil::Time) -> i64 {
    i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second())
}

fn moment(day: Date, second: i64) -> DateTime {
    let small = |number: i64| u8::try_from(number).unwrap_or(0);
    DateTime {
        year: day.year().unsigned_abs(),
        month: day.month().unsigned_abs(),
        day: day.day().unsigned_abs(),
        hour: small(second / 3600),
        minute: small(second / 60 % 60),
        second: small(second % 60),
    }
}
