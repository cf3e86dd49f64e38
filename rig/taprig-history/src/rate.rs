//! How often something happens, and how well this is known.

use serde::Serialize;

/// The quantile of the normal distribution for an interval that contains the true rate in 95 of 100 cases.
const Z: f64 = 1.959_963_984_540_054;

/// A rate that was observed, with its interval by Wilson.
///
/// Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927. Unlike the interval
/// of the normal approximation, it stays between 0 and 1, and it is useful for few observations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// How often it happened.
    pub count: u64,
    /// How often it could have happened.
    pub of: u64,
    /// The observed rate, from 0 to 1. It is 0 if nothing was observed.
    pub rate: f64,
    /// The lower end of the 95 % interval.
    pub low: f64,
    /// The upper end of the 95 % interval.
    pub high: f64,
}

impl Rate {
    /// The rate of `count` in `of`. If `count` is larger, it counts as `of`.
    #[must_use]
    pub fn new(count: u64, of: u64) -> Self {
        let count = count.min(of);
        if of == 0 {
            return Self { count, of, rate: 0.0, low: 0.0, high: 1.0 };
        }
        // More nights than 2^53 do not occur.
        #[expect(clippy::cast_precision_loss, reason = "counts of runs are small")]
        let (n, p) = (of as f64, count as f64 / of as f64);
        let square = Z * Z;
        let centre = p + square / (2.0 * n);
        let margin = Z * (p * (1.0 - p) / n + square / (4.0 * n * n)).sqrt();
        let end = |end: f64| (end / (1.0 + square / n)).clamp(0.0, 1.0);
        Self { count, of, rate: p, low: end(centre - margin), high: end(centre + margin) }
    }

    /// The rate in words: `11 % (95 % interval: 4 to 27 %)`.
    #[must_use]
    pub fn words(&self) -> String {
        let percent = |rate: f64| match rate * 100.0 {
            percent if percent > 0.0 && percent < 1.0 => format!("{percent:.1}"),
            percent => format!("{percent:.0}"),
        };
        format!("{} % (95 % interval: {} to {} %)", percent(self.rate), percent(self.low), percent(self.high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn intervals_are_those_of_the_literature() {
        // Brown, Cai, DasGupta, "Interval Estimation for a Binomial Proportion", 2001, and R's `binom.wilson`.
        let near = |is: f64, wanted: f64| assert!((is - wanted).abs() < 5e-5, "{is} is not {wanted}");
        for (count, of, low, high) in
            [(0, 10, 0.0, 0.27753), (1, 10, 0.01788, 0.40415), (5, 10, 0.23659, 0.76341), (3, 28, 0.03712, 0.27196)]
        {
            let rate = Rate::new(count, of);
            near(rate.low, low);
            near(rate.high, high);
        }
        assert_eq!(Rate::new(0, 0).high, 1.0, "nothing is known");
    }

    #[test]
    fn words_of_a_rate() {
        assert_eq!(Rate::new(3, 28).words(), "11 % (95 % interval: 4 to 27 %)");
        assert_eq!(Rate::new(1, 400).words(), "0.2 % (95 % interval: 0.0 to 1 %)");
    }

    proptest! {
        #[test]
        fn the_rate_lies_in_its_interval(of in 1u64..10_000, part in 0.0f64..=1.0) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small")]
            let rate = Rate::new((of as f64 * part) as u64, of);
            prop_assert!(0.0 <= rate.low && rate.low <= rate.rate + 1e-12);
            prop_assert!(rate.rate <= rate.high + 1e-12 && rate.high <= 1.0);
        }
    }
}
