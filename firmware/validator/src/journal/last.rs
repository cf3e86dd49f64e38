//! The card that rode last: within the re-tap time it is told so and not charged again.

use kernel::Pan;

use crate::journal::Record;

/// When the ride was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// In this life of the device, on its own clock, in us.
    Here(u64),
    /// Before the device started, on the wall clock, in seconds.
    Before(u64),
}

/// The clocks of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    /// Time since the device started, in us.
    pub(crate) us: u64,
    /// Wall clock, in seconds since 1970, if it is set.
    pub(crate) seconds: Option<u64>,
}

/// The last ride.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LastRide {
    pan: Pan,
    psn: Option<u8>,
    when: When,
}

impl LastRide {
    /// A ride that was recorded just now.
    pub(crate) fn new(pan: Pan, psn: Option<u8>, now: Now) -> Self {
        Self { pan, psn, when: When::Here(now.us) }
    }

    /// The last ride of the journal, for a device that has just started: its own clock says nothing of it.
    pub(crate) fn recorded(record: &Record) -> Option<Self> {
        Some(Self { pan: record.pan()?, psn: record.psn, when: When::Before(record.time_s) })
    }

    /// Whether this card rode at most so many seconds ago. A supplementary card has the account number and another
    /// sequence number.
    pub(crate) fn is_of(&self, pan: &Pan, psn: Option<u8>, now: Now, within_s: u32) -> bool {
        let recent = match (self.when, now.seconds) {
            (When::Here(at_us), _) => now.us.saturating_sub(at_us) < u64::from(within_s) * 1_000_000,
            (When::Before(at), Some(seconds)) => seconds.checked_sub(at).is_some_and(|gone| gone < within_s.into()),
            (When::Before(_), None) => false,
        };
        recent && self.pan == *pan && self.psn == psn
    }

    /// Whether this is certainly another card. One that left before it told its sequence number may be the same.
    pub(crate) fn is_of_another(&self, pan: &Pan, psn: Option<u8>) -> bool {
        self.pan != *pan || matches!((self.psn, psn), (Some(last), Some(psn)) if last != psn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pan(text: &str) -> Pan {
        Pan::from_digits(text).expect("digits")
    }

    fn now(us: u64, seconds: u64) -> Now {
        Now { us, seconds: Some(seconds) }
    }

    #[test]
    fn the_time_is_that_of_the_device_and_after_a_start_that_of_the_clock() {
        let card = pan("6226001234567890");
        let here = LastRide::new(card.clone(), Some(1), now(5_000_000, 100));
        let is_here = |us, seconds| here.is_of(&card, Some(1), now(us, seconds), 3);
        assert!(is_here(5_000_000, 100) && is_here(7_999_999, 9_000), "a clock that is set changes nothing");
        assert!(!is_here(8_000_000, 100));
        let before = LastRide { when: When::Before(100), ..here.clone() };
        let was_before = |seconds| before.is_of(&card, Some(1), Now { us: 0, seconds }, 3);
        assert!(was_before(Some(100)) && was_before(Some(102)));
        assert!(!was_before(Some(103)) && !was_before(Some(99)) && !was_before(None));
    }

    #[test]
    fn a_supplementary_card_is_another_card() {
        let (card, other) = (pan("6226001234567890"), pan("6226001234567891"));
        let last = LastRide::new(card.clone(), Some(1), now(0, 0));
        let is_of = |pan: &Pan, psn| last.is_of(pan, psn, now(1, 0), 3);
        assert!(is_of(&card, Some(1)));
        assert!(!is_of(&card, Some(2)) && !is_of(&card, None) && !is_of(&other, Some(1)));
        assert!(last.is_of_another(&card, Some(2)) && last.is_of_another(&other, None));
        assert!(!last.is_of_another(&card, Some(1)) && !last.is_of_another(&card, None));
    }
}
