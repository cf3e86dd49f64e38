//! What the device remembers of a card, and what time means for it.

use serde::{Deserialize, Serialize};

use crate::clock::{self, DAY_S};

/// What the device remembers of a card. Amounts are in fen, times in seconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardState {
    /// When the card rode last. It does not go back when the clock is set back by less than a day.
    pub last_s: u64,
    /// What it has to pay for the day of `last_s`. An open trip counts with the highest fare.
    pub day_total: u32,
    /// The same for the month.
    pub month_total: u32,
    /// The first ride, from which transfers are counted.
    pub chain: Option<Chain>,
    /// The trip that has a tap-on and no tap-off.
    pub trip: Option<Trip>,
    /// What the card owes.
    pub debt: Option<Debt>,
}

/// A ride that transfers may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// When it began.
    pub since_s: u64,
    /// Transfers that have followed it.
    pub used: u8,
}

/// A tap-on that waits for its tap-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trip {
    /// When it began.
    pub since_s: u64,
    /// How long it may take, in seconds.
    pub within_s: u32,
    /// Where it began.
    pub stop: u16,
    /// What the card signed, and pays if no tap-off comes.
    pub hold: u32,
    /// What this trip costs less because it is a transfer.
    pub off: u32,
    /// What was left of the caps before this trip.
    pub left: u32,
    /// Trace of the tap-on's ride in the journal.
    pub trace: u32,
}

/// What a card owes, because the acquirer refused its claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debt {
    /// The sum of the fares.
    pub amount: u32,
    /// Trace of the last claim that is counted in it.
    pub counted: u32,
    /// Trace of the ride by which the card tries to pay it.
    pub attempt: Option<u32>,
}

/// How long something is ago. After a clock was set back by less than a day, what lies ahead happened just now. After more than
/// that, nothing can be said.
#[must_use]
pub const fn elapsed(since_s: u64, now_s: u64) -> Option<u64> {
    match now_s.checked_sub(since_s) {
        Some(gone) => Some(gone),
        None if since_s - now_s < DAY_S => Some(0),
        None => None,
    }
}

/// The day, in days since 1970.
#[must_use]
pub fn day(seconds: u64) -> u32 {
    u32::try_from(seconds / DAY_S).unwrap_or(u32::MAX)
}

/// Year and month.
fn month(seconds: u64) -> (u16, u8) {
    let date = clock::from_seconds(seconds).date;
    (date.year, date.month)
}

impl CardState {
    /// The card as it is now: the totals of a day and of a month that are over are gone, and so is a chain of transfers that can't
    /// be dated. A clock that was set back by less than a day does not begin another day.
    #[must_use]
    pub fn at(&self, now_s: u64) -> Self {
        let known = elapsed(self.last_s, now_s).is_some();
        let last_s = if known { self.last_s.max(now_s) } else { now_s };
        let same_day = known && day(last_s) == day(self.last_s);
        let same_month = known && month(last_s) == month(self.last_s);
        Self {
            last_s,
            day_total: if same_day { self.day_total } else { 0 },
            month_total: if same_month { self.month_total } else { 0 },
            chain: self.chain.filter(|chain| elapsed(chain.since_s, now_s).is_some()),
            trip: self.trip.filter(|trip| trip.is_open(now_s)),
            debt: self.debt,
        }
    }
}

impl Trip {
    /// Whether a tap now is its tap-off. The last second of the window belongs to it.
    #[must_use]
    pub fn is_open(&self, now_s: u64) -> bool {
        elapsed(self.since_s, now_s).is_some_and(|gone| gone <= self.within_s.into())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::clock::{parse, to_seconds};

    pub(crate) fn at(text: &str) -> u64 {
        to_seconds(parse(text).expect("a moment"))
    }

    fn totals(last: &str, now: &str) -> (u32, u32) {
        let state = CardState { last_s: at(last), day_total: 3, month_total: 50, ..CardState::default() };
        let state = state.at(at(now));
        (state.day_total, state.month_total)
    }

    #[test]
    fn days_and_months_end_at_midnight() {
        for (last, now, expected) in [
            ("2018-05-21T08:00:00", "2018-05-21T23:59:59", (3, 50)),
            ("2018-05-21T23:59:59", "2018-05-22T00:00:00", (0, 50)),
            ("2018-05-31T23:59:59", "2018-06-01T00:00:00", (0, 0)),
            ("2018-12-31T23:59:59", "2019-01-01T00:00:00", (0, 0)),
            ("2018-05-21T08:00:00", "2019-05-21T08:00:00", (0, 0)),
            // A leap day belongs to its February.
            ("2020-02-28T23:59:59", "2020-02-29T00:00:00", (0, 50)),
            ("2020-02-29T23:59:59", "2020-03-01T00:00:00", (0, 0)),
            ("2019-02-28T23:59:59", "2019-03-01T00:00:00", (0, 0)),
            // Set back over midnight and over the end of a month: the later day goes on.
            ("2018-06-01T00:00:30", "2018-05-31T23:59:30", (3, 50)),
            ("2018-05-21T08:00:00", "2018-05-20T08:00:01", (3, 50)),
            // Set back by a day or more: another day.
            ("2018-05-21T08:00:00", "2018-05-20T08:00:00", (0, 0)),
            ("2099-12-31T08:00:00", "2018-05-20T08:00:00", (0, 0)),
        ] {
            assert_eq!(totals(last, now), expected, "{last}, then {now}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_and_forth_does_not_begin_a_day_twice() {
        let state = CardState { last_s: at("2018-05-22T00:00:10"), day_total: 3, ..CardState::default() };
        let back = state.at(at("2018-05-21T23:00:00"));
        assert_eq!((back.last_s, back.day_total), (at("2018-05-22T00:00:10"), 3));
        assert_eq!(back.at(at("2018-05-22T00:00:20")).day_total, 3);
    }

    #[test]
    fn the_last_second_of_a_window_belongs_to_it() {
        let since_s = at("2018-05-21T23:00:00");
        let trip = Trip { since_s, within_s: 7200, stop: 1, hold: 300, off: 0, left: 0, trace: 1 };
        let open = ["2018-05-22T01:00:00", "2018-05-22T01:00:01", "2018-05-21T22:00:00", "2018-05-20T23:00:00"];
        assert_eq!(open.map(|now| trip.is_open(at(now))), [true, false, true, false]);
    }
}
