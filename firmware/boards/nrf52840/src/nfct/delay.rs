//! When a frame of the card starts.
//!
//! The frame delay of ISO/IEC 14443-3 begins at the end of the last pause of the reader's frame. The peripheral's frame
//! delay timer begins 84 clocks of the carrier later if the frame ended in a one, and 20 if it ended in a zero. The
//! firmware doesn't know which, so it reckons with 84: a frame starts up to 64 clocks (4.7 us) before the time that was asked
//! for, and never after it.

use super::registers::LONGEST_DELAY;

/// Clocks of the carrier between the end of the reader's frame and the start of the frame delay timer, at most.
const BEFORE_TIMER: u64 = 84;

/// The shortest frame delay, 1236/fc, less [`BEFORE_TIMER`]: on the grid.
pub(super) const SHORTEST: u32 = 1152;

/// The shortest frame delay in us, rounded up.
const SHORTEST_US: u64 = wire::air::FDT_PICC_US as u64;

/// The time that it takes the firmware to load a frame and start it, in us. An estimate, on the safe side.
const PREPARATION_US: u64 = 30;

/// The frame delay timer counts so long, in us, rounded down.
const TIMER_US: u64 = (LONGEST_DELAY as u64 + BEFORE_TIMER) * 100 / 1356;

/// How a frame is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// As soon as it can be, on the grid.
    Soon,
    /// When the frame delay timer reads this.
    Exact(u32),
    /// By the board's clock.
    ByClock,
}

/// Carrier clocks in so many us, rounded.
const fn clocks(us: u64) -> u64 {
    (us * 1356 + 50) / 100
}

/// How to start a frame `delay_us` after the reader's, `gone_us` of which are over. The reader waits for `waiting_us`.
///
/// A frame that comes after that is sent by the board's clock, as the peripheral hears nothing while its frame delay timer
/// runs: a reader that has given up the wait would speak to nobody.
pub(super) fn start(delay_us: u64, gone_us: u64, waiting_us: u64) -> Start {
    let count = u32::try_from(clocks(delay_us).saturating_sub(BEFORE_TIMER)).unwrap_or(u32::MAX);
    if delay_us <= SHORTEST_US || gone_us + PREPARATION_US >= delay_us {
        if gone_us + PREPARATION_US < TIMER_US { Start::Soon } else { Start::ByClock }
    } else if delay_us > waiting_us || count > LONGEST_DELAY {
        Start::ByClock
    } else {
        Start::Exact(count)
    }
}

/// When S(WTX) has to go out, in us after the reader's frame, at a reader that waits for `waiting_us`: 4096/fc before its
/// patience ends, or an eighth of it if that is less.
pub(super) fn extension_due_us(waiting_us: u64) -> u64 {
    waiting_us - (waiting_us / 8).min(302)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_shortest_delay_is_left_to_the_grid() {
        assert_eq!(start(92, 0, 5286), Start::Soon);
        assert_eq!(clocks(92) - BEFORE_TIMER, 1164, "92 us are rounded up: the grid knows better");
    }

    #[test]
    fn a_delay_is_counted_in_clocks_of_the_carrier() {
        // 1 ms is 13,560 clocks.
        assert_eq!(start(1000, 100, 5286), Start::Exact(13_476));
        assert_eq!(start(1000, 969, 5286), Start::Exact(13_476));
        assert_eq!(start(1000, 970, 5286), Start::Soon, "too late to be exact");
    }

    #[test]
    fn what_the_timer_cannot_count_and_what_comes_too_late_goes_by_the_clock() {
        assert_eq!(start(77_000, 0, 5_000_000), Start::Exact(1_044_036));
        assert_eq!(start(78_000, 0, 5_000_000), Start::ByClock, "more than 20 bits");
        assert_eq!(start(6000, 0, 5286), Start::ByClock, "the reader has given up by then");
        assert_eq!(start(92, 77_400, 5_000_000), Start::ByClock, "the timer has ended");
    }

    #[test]
    fn an_extension_is_asked_for_before_the_reader_gives_up() {
        assert_eq!(extension_due_us(38_664), 38_362, "FWI 7");
        assert_eq!(extension_due_us(302), 265, "FWI 0");
    }

    proptest! {
        #[test]
        fn no_frame_starts_after_its_time_or_later_than_the_timer_counts(
            delay_us in 0..5_000_000u64, gone_us in 0..5_000_000u64, waiting_us in 302..5_000_000u64,
        ) {
            match start(delay_us, gone_us, waiting_us) {
                Start::Soon => prop_assert!(gone_us < TIMER_US),
                Start::Exact(count) => {
                    prop_assert!(count <= LONGEST_DELAY && gone_us < delay_us && delay_us <= waiting_us);
                    let wanted = u64::from(count) + BEFORE_TIMER;
                    prop_assert_eq!(wanted, clocks(delay_us));
                }
                Start::ByClock => prop_assert!(delay_us > waiting_us || delay_us.max(gone_us) + 100 > TIMER_US),
            }
        }
    }
}
