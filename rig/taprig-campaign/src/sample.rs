//! How many buses of a lot a sample needs, by the hypergeometric distribution in exact fractions.
//!
//! A sample of `size` buses is drawn from a lot of `lot` buses without putting any back. If `bad` of the lot are bad, the number of
//! bad buses in the sample is distributed hypergeometrically. All results are fractions of whole numbers, so a limit such as 95 %
//! is compared exactly. Only [`Fraction::per_cent`] rounds.

use num_bigint::BigUint;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use taprig_model::units::Percent;

/// The largest lot that is computed. It is far above the largest fleet of a city.
pub const LARGEST: u32 = 20_000;

/// The risk that a sample is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Risk {
    /// So many bad buses in the lot must be found: at least one of them has to be in the sample.
    pub bad: u32,
    /// In at least this share of all campaigns.
    pub assurance: Percent,
}

/// A probability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fraction {
    ways: BigUint,
    of: BigUint,
}

impl Fraction {
    /// Whether it is at most this share.
    #[must_use]
    pub fn at_most(&self, share: Percent) -> bool {
        &self.ways * 100_u32 <= &self.of * u32::from(share.0)
    }

    /// In per cent, rounded to the nearest whole number; a half is rounded up.
    #[must_use]
    pub fn per_cent(&self) -> u32 {
        let twice: BigUint = (&self.ways * 200_u32 + &self.of) / (&self.of * 2_u32);
        u32::try_from(&twice).unwrap_or(100)
    }

    /// The probability that the event does not happen.
    #[must_use]
    pub fn not(&self) -> Self {
        Self { ways: &self.of - &self.ways, of: self.of.clone() }
    }
}

/// The number of ways to choose `k` of `n`.
fn choose(n: u32, k: u32) -> BigUint {
    if k > n {
        return BigUint::ZERO;
    }
    // Each step is a number of ways as well, so the division leaves no remainder.
    (0..k.min(n - k)).fold(BigUint::from(1_u32), |ways, i| ways * (n - i) / (i + 1))
}

/// The probability that a sample has at most `accept` bad buses, if the lot has `bad`. A sample of more than the lot is the lot.
#[must_use]
pub fn accepted(lot: u32, bad: u32, size: u32, accept: u32) -> Fraction {
    let (lot, size) = (lot.min(LARGEST), size.min(lot.min(LARGEST)));
    let bad = bad.min(lot);
    let ways = (0..=accept.min(size)).map(|found| choose(bad, found) * choose(lot - bad, size - found)).sum();
    Fraction { ways, of: choose(lot, size) }
}

/// The smallest sample that finds at least one of `risk.bad` bad buses with the assurance that is wanted. A lot with fewer buses than
/// that is tested as a whole, and so is a lot if the assurance is 100 % and one bad bus has to be found.
#[must_use]
pub fn size(lot: u32, risk: Risk) -> u32 {
    let lot = lot.min(LARGEST);
    if risk.bad == 0 || risk.bad > lot {
        return lot;
    }
    let missed = Percent(100 - risk.assurance.0.min(100));
    // The larger the sample, the less often it misses all of them.
    let (mut low, mut high) = (0, lot);
    while low < high {
        let middle = low + (high - low) / 2;
        if accepted(lot, risk.bad, middle, 0).at_most(missed) { high = middle } else { low = middle + 1 }
    }
    low
}

/// Draws a sample: the `size` names with the lowest SHA-256 of `<seed>/<name>`, in the order of those digests. Neither the order of the
/// lot nor the person at the computer has an influence, and anybody can repeat the draw with `sha256sum`.
#[must_use]
pub fn draw<'a>(seed: &str, lot: impl IntoIterator<Item = &'a str>, size: u32) -> Vec<&'a str> {
    let mut names: Vec<([u8; 32], &str)> =
        lot.into_iter().map(|name| (Sha256::digest(format!("{seed}/{name}")).into(), name)).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|(_, name)| name).take(usize::try_from(size).unwrap_or(usize::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn risk(bad: u32, assurance: u8) -> Risk {
        Risk { bad, assurance: Percent(assurance) }
    }

    #[test]
    fn known_figures() {
        assert_eq!(accepted(123, 5, 20, 1).per_cent(), 81, "a plan of ISO 2859-1 for AQL 2.5");
        // At most one bad bus is left in the lot: two would have been found.
        assert_eq!((size(123, risk(2, 95)), size(46, risk(2, 95))), (96, 36));
        assert!(accepted(123, 2, 96, 0).at_most(Percent(5)) && !accepted(123, 2, 95, 0).at_most(Percent(5)));
    }

    #[test]
    fn a_limit_that_is_met_exactly_is_met() {
        // One of 20 is missed by 19 of 20 in exactly 5 %.
        assert_eq!(size(20, risk(1, 95)), 19);
        assert_eq!(size(100, risk(1, 95)), 95);
        assert_eq!(size(100, risk(1, 100)), 100);
    }

    #[test]
    fn small_and_odd_lots() {
        assert_eq!(size(0, risk(2, 95)), 0);
        assert_eq!(size(1, risk(2, 95)), 1, "a lot with fewer buses than have to be found is tested as a whole");
        assert_eq!(size(14, risk(0, 95)), 14);
        assert_eq!(size(14, risk(2, 0)), 0);
        assert_eq!(accepted(10, 10, 99, 99).per_cent(), 100);
        assert_eq!(accepted(3, 1, 1, 0).not().per_cent(), 33);
    }

    #[test]
    fn a_draw_depends_on_seed_and_names_only() {
        let names = ["ZS-1-01", "ZS-1-02", "ZS-1-03", "ZS-1-04", "ZS-1-05"];
        let mut backwards = names;
        backwards.reverse();
        let drawn = draw("shangluo/Zhashui", names, 3);
        assert_eq!(drawn, draw("shangluo/Zhashui", backwards, 3));
        assert_eq!(drawn.len(), 3);
        let others: Vec<_> = (0..20).map(|n| draw(&format!("seed {n}"), names, 3)).collect();
        assert!(others.iter().any(|other| *other != drawn));
        assert_eq!(draw("seed", names, 9).len(), 5);
        assert_eq!(draw("seed", ["a", "a"], 9), ["a"], "a bus that is listed twice is drawn once");
    }

    proptest! {
        #[test]
        fn a_size_is_enough_and_one_less_is_not(lot in 1_u32..300, bad in 1_u32..12, assurance in 1_u8..=100) {
            let risk = risk(bad, assurance);
            let size = size(lot, risk);
            prop_assert!(size <= lot);
            if bad <= lot {
                let missed = Percent(100 - assurance);
                prop_assert!(accepted(lot, bad, size, 0).at_most(missed));
                prop_assert!(size == 0 || !accepted(lot, bad, size - 1, 0).at_most(missed));
            }
        }

        #[test]
        fn every_sample_finds_something_between_none_and_all(lot in 1_u32..120, bad in 0_u32..120, size in 0_u32..120) {
            let (bad, size) = (bad.min(lot), size.min(lot));
            let all = accepted(lot, bad, size, size);
            prop_assert_eq!(&all.ways, &all.of);
        }
    }
}
