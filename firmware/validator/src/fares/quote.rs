//! What a tap costs: pure functions of policy, card and time.

use super::card::{CardState, Chain, Debt, Trip, day, elapsed};
use super::policy::{Policy, Transfer};

/// The prices in force: the flat fare of the settings with its discount, and the policy.
#[derive(Debug, Clone, Copy)]
pub struct Tariff<'a> {
    /// Flat fare, in fen.
    pub fare: u32,
    /// Discount for everybody, in per cent.
    pub discount: u8,
    /// Every ride costs one fen.
    pub one_cent: bool,
    /// Everything else.
    pub policy: &'a Policy,
}

/// When and where a tap is.
#[derive(Debug, Clone, Copy)]
pub struct Tap<'a> {
    /// Seconds since 1970.
    pub now_s: u64,
    /// The stop at which the bus is.
    pub stop: Option<u16>,
    /// AID of the card, if it is known.
    pub aid: Option<&'a [u8]>,
    /// Trace that the journal gives to the tap's ride.
    pub trace: u32,
}

/// What kind of tap it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A ride that is paid at once.
    Ride,
    /// The beginning of a trip.
    On {
        /// How long the trip may take, in seconds.
        within_s: u32,
    },
    /// The end of a trip.
    Off {
        /// Trace of the tap-on's ride.
        on: u32,
    },
    /// No ride: the card tries to pay what it owes.
    Debt,
}

/// What a tap costs and what it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// What kind of tap it is.
    pub kind: Kind,
    /// The amount that the card has to sign and that may be claimed. 0: nothing is ever claimed for this tap.
    pub claim: u32,
    /// What is remembered of the card if the tap succeeds.
    pub after: CardState,
}

impl Quote {
    /// A ride without a fare policy.
    #[must_use]
    pub fn flat(fare: u32) -> Self {
        Self { kind: Kind::Ride, claim: fare, after: CardState::default() }
    }

    /// What the rider pays by this tap. At a tap-on it is not known yet.
    #[must_use]
    pub const fn charged(&self) -> u32 {
        match self.kind {
            Kind::Ride | Kind::Off { .. } => self.claim,
            Kind::On { .. } | Kind::Debt => 0,
        }
    }
}

impl Tariff<'_> {
    /// A fare after all discounts and promotions of a day. Discounts do not add up: the largest one counts. A started fen of a
    /// discount is not given.
    #[must_use]
    pub fn price(&self, fare: u32, aid: Option<&[u8]>, day: u32) -> u32 {
        let percent = self.discount.max(self.policy.percent(aid, day)).min(100);
        let discounted = (u64::from(fare) * u64::from(100 - percent)).div_ceil(100);
        // Not above the fare, so it fits.
        let discounted = u32::try_from(discounted).unwrap_or(fare).min(self.policy.promised(day));
        if self.one_cent { discounted.min(1) } else { discounted }
    }

    /// The fare before discounts of a ride, or of a trip whose end is not known.
    fn full(&self) -> u32 {
        self.policy.by_distance().map_or(self.fare, super::policy::Distance::highest)
    }

    /// The amount to ask a card for of which nothing is known: no card pays more at a tap, unless it owes.
    #[must_use]
    pub fn first(&self, now_s: u64) -> u32 {
        self.price(self.full(), None, day(now_s))
    }

    /// What a tap of a card costs. `state` is what is remembered of it.
    #[must_use]
    pub fn quote(&self, state: Option<&CardState>, tap: &Tap<'_>) -> Quote {
        let before = state.copied().unwrap_or_default().at(tap.now_s);
        if let Some(debt) = before.debt.filter(|_| self.policy.recovers_debts()) {
            let after = CardState { debt: Some(Debt { attempt: Some(tap.trace), ..debt }), ..before };
            return Quote { kind: Kind::Debt, claim: debt.amount, after };
        }
        match (self.policy.by_distance(), before.trip) {
            (Some(_), Some(trip)) => self.off(&before, &trip, tap),
            (line, _) => self.begin(&before, line.map(super::policy::Distance::within_s), tap),
        }
    }

    /// A ride, or with `within_s` the beginning of a trip.
    fn begin(&self, before: &CardState, within_s: Option<u32>, tap: &Tap<'_>) -> Quote {
        let transfer = self.transfer(before, tap.now_s);
        let off = transfer.map_or(0, |transfer| transfer.off);
        let left = self.left(before);
        let claim = self.price(self.full(), tap.aid, day(tap.now_s)).saturating_sub(off).min(left);
        let chain = match (self.policy.transfer, before.chain) {
            (Some(_), Some(chain)) if transfer.is_some() => Some(Chain { used: chain.used.saturating_add(1), ..chain }),
            (Some(_), _) => Some(Chain { since_s: tap.now_s, used: 0 }),
            (None, _) => None,
        };
        let stop = tap.stop.unwrap_or_default();
        let trip = |within_s| Trip { since_s: tap.now_s, within_s, stop, hold: claim, off, left, trace: tap.trace };
        let after = CardState { chain, trip: within_s.map(trip), ..*before };
        let kind = within_s.map_or(Kind::Ride, |within_s| Kind::On { within_s });
        Quote { kind, claim, after: after.plus(claim) }
    }

    /// The end of a trip. It costs no more than the card signed at its beginning, whatever the policy has become meanwhile.
    fn off(&self, before: &CardState, trip: &Trip, tap: &Tap<'_>) -> Quote {
        let fare = self.policy.by_distance().zip(tap.stop).and_then(|(line, stop)| line.fare(trip.stop, stop));
        let price = fare.map_or(trip.hold, |fare| self.price(fare, tap.aid, day(trip.since_s)));
        let claim = price.saturating_sub(trip.off).min(trip.left).min(trip.hold);
        let after = CardState { trip: None, ..*before };
        let paid = trip.hold - claim;
        // The highest fare counted until now, if the trip began in the same day and month.
        let after = CardState {
            day_total: after.day_total.saturating_sub(paid),
            month_total: after.month_total.saturating_sub(paid),
            ..after
        };
        Quote { kind: Kind::Off { on: trip.trace }, claim, after }
    }

    /// The transfer that a ride now is, if it is one. The last second of the window belongs to it.
    fn transfer(&self, before: &CardState, now_s: u64) -> Option<Transfer> {
        let (transfer, chain) = (self.policy.transfer?, before.chain?);
        let gone = elapsed(chain.since_s, now_s)?;
        (gone <= transfer.within_s.into() && chain.used < transfer.rides).then_some(transfer)
    }

    /// What is left of the caps.
    fn left(&self, before: &CardState) -> u32 {
        let left = |cap: Option<u32>, total: u32| cap.map_or(u32::MAX, |cap| cap.saturating_sub(total));
        left(self.policy.day_cap, before.day_total).min(left(self.policy.month_cap, before.month_total))
    }
}

impl CardState {
    fn plus(self, fen: u32) -> Self {
        Self {
            day_total: self.day_total.saturating_add(fen),
            month_total: self.month_total.saturating_add(fen),
            ..self
        }
    }
}
