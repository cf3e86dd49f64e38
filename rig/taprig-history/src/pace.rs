//! Which cases are slow, and which become slower.
//!
//! On a busy host all cases are slow together. So each night has a factor: how much longer its cases took than they usually
//! take, as a median. Times are divided by the factor of their night before they are compared.

use crate::series::Series;
use serde::Serialize;
use std::collections::BTreeMap;
use taprig_model::result::Verdict;

/// The newest nights that are compared with the nights before them.
const RECENT: usize = 5;
/// A night has a factor only if so many cases passed in it. With fewer cases, one that becomes slower would hide itself.
const ENOUGH: usize = 20;
/// A case has become slower only if it takes so much longer.
const SLOWER: f64 = 1.25;
/// And only if it takes so many microseconds longer.
const LONGER_US: f64 = 1_000.0;

/// A slow case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Slow {
    /// Id of the sub-case.
    pub id: String,
    /// Its duration in the newest night, in us.
    pub took_us: u64,
    /// The median of its durations in the nights of the window, in us.
    pub median_us: u64,
}

/// A case that has become slower.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Slowing {
    /// Id of the sub-case.
    pub id: String,
    /// The median of its durations before, in us, on a host as busy as usual.
    pub before_us: u64,
    /// The median of its newest durations, in us, on a host as busy as usual.
    pub now_us: u64,
    /// How many times longer it takes.
    pub times: f64,
}

/// The times of a series.
#[derive(Debug, Clone)]
pub struct Pace<'a> {
    /// Durations of passed cases in us, with their nights.
    cases: BTreeMap<&'a str, Vec<(usize, f64)>>,
    /// By night.
    factors: BTreeMap<usize, f64>,
    newest: usize,
}

impl<'a> Pace<'a> {
    /// The times in the last `window` nights.
    #[must_use]
    pub fn of(series: &Series<'a>, window: usize) -> Self {
        let since = series.since(window);
        let mut cases: BTreeMap<&str, Vec<(usize, f64)>> = BTreeMap::new();
        for (night, of) in series.nights.iter().enumerate().skip(since) {
            for case in of.cases.iter().filter(|case| case.verdict == Verdict::Pass) {
                #[expect(clippy::cast_precision_loss, reason = "durations are far below 2^53 us")]
                cases.entry(&case.id).or_default().push((night, case.took_us as f64));
            }
        }
        let mut shares: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for times in cases.values() {
            let usual = median(times.iter().map(|(_, us)| *us)).max(1.0);
            for (night, us) in times {
                shares.entry(*night).or_default().push(us / usual);
            }
        }
        let factors = shares.into_iter().filter(|(_, shares)| shares.len() >= ENOUGH);
        let factors = factors.map(|(night, shares)| (night, median(shares.into_iter()).max(0.01)));
        Self { cases, factors: factors.collect(), newest: series.newest() }
    }

    /// How much longer all cases of the newest night took than they usually take. `None` if too few passed.
    #[must_use]
    pub fn newest_factor(&self) -> Option<f64> {
        self.factors.get(&self.newest).copied()
    }

    /// The cases that took longest in the newest night, the slowest first.
    #[must_use]
    pub fn slowest(&self, count: usize) -> Vec<Slow> {
        let newest = self.cases.iter().filter_map(|(id, times)| {
            let (_, took) = times.last().filter(|(night, _)| *night == self.newest)?;
            let median_us = whole(median(times.iter().map(|(_, us)| *us)));
            Some(Slow { id: (*id).to_owned(), took_us: whole(*took), median_us })
        });
        let mut slow: Vec<Slow> = newest.collect();
        slow.sort_by(|a, b| b.took_us.cmp(&a.took_us).then_with(|| a.id.cmp(&b.id)));
        slow.truncate(count);
        slow
    }

    /// The cases that have become slower, by how much, the worst first.
    #[must_use]
    pub fn slowing(&self) -> Vec<Slowing> {
        let mut slowing: Vec<Slowing> =
            self.cases.iter().filter_map(|(id, times)| self.is_slowing(id, times)).collect();
        slowing.sort_by(|a, b| b.times.total_cmp(&a.times));
        slowing
    }

    fn is_slowing(&self, id: &str, times: &[(usize, f64)]) -> Option<Slowing> {
        let even: Vec<f64> = times.iter().map(|(night, us)| us / self.factors.get(night).unwrap_or(&1.0)).collect();
        let (before, recent) = even.split_at(even.len().checked_sub(RECENT)?);
        if before.len() < RECENT {
            return None;
        }
        let (was, now) = (median(before.iter().copied()), median(recent.iter().copied()));
        let mut sorted = before.to_vec();
        sorted.sort_by(f64::total_cmp);
        // Nine of ten nights before were quicker than the newest nights.
        let high = sorted[(sorted.len() - 1) * 9 / 10];
        let is = now >= was * SLOWER && now > high && now - was >= LONGER_US;
        is.then(|| Slowing { id: id.to_owned(), before_us: whole(was), now_us: whole(now), times: now / was.max(1.0) })
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        len if len % 2 == 1 => values[len / 2],
        len => f64::midpoint(values[len / 2 - 1], values[len / 2]),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "durations are positive and far below 2^53 us"
)]
fn whole(us: f64) -> u64 {
    us.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::Nights;

    /// Thirty nights of thirty cases, each of which takes 10 ms with a little noise.
    fn nights() -> Nights {
        let mut nights = Nights::of("BUS-001", &"P".repeat(30));
        for case in 2..=30 {
            nights = nights.case(&format!("BUS-{case:03}"), &"P".repeat(30));
        }
        for (night, of) in nights.nights.iter_mut().enumerate() {
            for (place, case) in of.cases.iter_mut().enumerate() {
                case.took_us = 10_000 + 37 * ((night * 7 + place * 11) % 20) as u64;
            }
        }
        nights
    }

    #[test]
    fn a_case_that_becomes_slower_is_found_and_no_other() {
        let mut nights = nights().nights;
        for night in &mut nights[25..] {
            night.cases[6].took_us *= 2;
        }
        let series = &Series::all(&nights)[0];
        let slowing = Pace::of(series, 30).slowing();
        assert_eq!(slowing.iter().map(|slow| slow.id.as_str()).collect::<Vec<_>>(), ["BUS-007"]);
        assert!((slowing[0].times - 2.0).abs() < 0.1, "{slowing:?}");
        assert_eq!(Pace::of(series, 30).slowest(1)[0].id, "BUS-007");
    }

    #[test]
    fn a_busy_host_makes_no_case_slower_and_is_told() {
        let mut nights = nights().nights;
        for night in &mut nights[25..] {
            night.cases.iter_mut().for_each(|case| case.took_us *= 2);
        }
        let pace = Pace::of(&Series::all(&nights)[0], 30);
        assert_eq!(pace.slowing(), []);
        assert!(pace.newest_factor().is_some_and(|factor| factor > 1.9), "{:?}", pace.newest_factor());
    }

    #[test]
    fn one_slow_night_is_no_trend() {
        let mut nights = nights().nights;
        nights[29].cases[6].took_us *= 10;
        assert_eq!(Pace::of(&Series::all(&nights)[0], 30).slowing(), []);
    }

    #[test]
    fn few_nights_and_few_cases_say_nothing_about_the_host() {
        let nights = Nights::of("BUS-001", "PPP").nights;
        let pace = Pace::of(&Series::all(&nights)[0], 30);
        assert_eq!((pace.newest_factor(), pace.slowing()), (None, vec![]));
    }
}
