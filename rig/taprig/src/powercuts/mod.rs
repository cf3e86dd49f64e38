//! Power cuts at random instants, on a bench whose validator is a process, an emulated board or a device with a power switch.
//!
//! [`phase`] divides what a validator does into phases. [`round`] brings the validator to the known state, lets it do something, cuts
//! its power in the midst of it, and plays on to the end. [`model`] computes from the events of the round what must hold. [`table`] is
//! what a person reads.
//!
//! A whole play of each act without a cut is observed first. A cut is then drawn from a seed: an act, one of its phases, and an instant
//! within the time that this phase took. So a phase of a few milliseconds is cut as often as a long one.

pub mod model;
pub mod phase;
pub mod round;
pub mod table;

use std::time::Duration;

use phase::{Act, PHASES, Phase};
use taprig_model::random::SplitMix64;

/// A cut that was drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawn {
    /// The act in which the power is cut.
    pub act: Act,
    /// The phase.
    pub phase: Phase,
    /// Where in the phase, from 0 to 1.
    pub part: f64,
}

impl Drawn {
    /// The cut of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut numbers = SplitMix64(seed);
        // The remainder favours no phase by more than one part in 10^18.
        let (act, phase) = PHASES[(numbers.draw() % PHASES.len() as u64) as usize];
        // 53 bits are what the type holds.
        let part = (numbers.draw() >> 11) as f64 / (1_u64 << 53) as f64;
        Self { act, phase, part }
    }

    /// The instant, counted from the beginning of the act. `from` and `to` are when the phase began and ended in the play without a
    /// cut.
    #[must_use]
    pub fn at(&self, (from, to): (Duration, Duration)) -> Duration {
        from + to.saturating_sub(from).mul_f64(self.part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_seed_always_gives_the_same_cut_and_all_phases_come_about_equally_often() {
        assert_eq!(Drawn::of(7), Drawn::of(7));
        let mut counts = BTreeMap::new();
        for seed in 0..16_000 {
            let drawn = Drawn::of(seed);
            assert!((0.0..1.0).contains(&drawn.part), "{drawn:?}");
            *counts.entry((drawn.act, drawn.phase)).or_insert(0) += 1;
        }
        let even = 16_000 / PHASES.len();
        assert_eq!(counts.len(), PHASES.len());
        assert!(counts.values().all(|count| (even * 8 / 10..even * 12 / 10).contains(count)), "{counts:?}");
    }

    #[test]
    fn instants_lie_within_the_phase() {
        let ms = Duration::from_millis;
        let drawn = |part| Drawn { act: Act::Tap, phase: Phase::Exchange, part };
        assert_eq!(drawn(0.0).at((ms(20), ms(60))), ms(20));
        assert_eq!(drawn(0.5).at((ms(20), ms(60))), ms(40));
        assert_eq!(drawn(0.5).at((ms(20), ms(10))), ms(20), "a phase that was not seen has no length");
    }
}
