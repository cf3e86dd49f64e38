//! The nights of one device on one bench, in order, with the observations of each case.

use std::collections::BTreeMap;
use taprig_model::event::{BaselineUse, Role};
use taprig_model::history::{Night, NightBench, NightCase};
use taprig_model::result::Verdict;

/// All nights of one device on one bench, oldest first.
#[derive(Debug, Clone)]
pub struct Series<'a> {
    /// Name of the bench file.
    pub bench: &'a str,
    /// Name of the device file.
    pub device: &'a str,
    /// The nights.
    pub nights: Vec<&'a Night>,
    cases: BTreeMap<&'a str, Vec<Seen<'a>>>,
}

/// A case in one night.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The place of the night in [`Series::nights`].
    pub night: usize,
    /// The row.
    pub case: &'a NightCase,
    /// What the verdict is about.
    pub key: Key<'a>,
    /// Whether a transcript that differs from the reviewed one fails the run.
    strict: bool,
}

/// What a verdict is about: two verdicts under one key are about the same thing, so they should be the same. The bench is
/// the same within a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key<'a> {
    /// Digest of the case, or of all cases if the record had no inputs.
    case: Option<&'a str>,
    /// Digest of the device file.
    device: Option<&'a str>,
    serial_number: Option<&'a str>,
    firmware: Option<&'a str>,
}

/// What an attempt says about the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// The device does what the case wants.
    Good,
    /// It does not.
    Bad,
}

impl<'a> Seen<'a> {
    /// What a verdict says about the device. An error of the rig says nothing, and neither does a case that was not played.
    fn sign(&self, verdict: Verdict) -> Option<Sign> {
        match verdict {
            Verdict::Pass => Some(Sign::Good),
            Verdict::Changed if !self.strict => Some(Sign::Good),
            Verdict::Changed | Verdict::Fail => Some(Sign::Bad),
            Verdict::Error | Verdict::NotApplicable | Verdict::Skipped => None,
        }
    }

    /// What the last attempt of the night says.
    #[must_use]
    pub fn last(&self) -> Option<Sign> {
        self.sign(self.case.verdict)
    }

    /// What each attempt of the night says, in order.
    pub fn signs(&self) -> impl Iterator<Item = Sign> + use<'a, '_> {
        let attempts = self.case.earlier.iter().copied().chain([self.case.verdict]);
        attempts.filter_map(|verdict| self.sign(verdict))
    }
}

impl<'a> Series<'a> {
    /// The series of a history, in the order of benches and devices. `nights` are sorted by their start.
    #[must_use]
    pub fn all(nights: &'a [Night]) -> Vec<Self> {
        let mut all: BTreeMap<(&str, &str), Vec<&Night>> = BTreeMap::new();
        for night in nights {
            all.entry((&night.bench, &night.device)).or_default().push(night);
        }
        all.into_values().filter_map(Self::of).collect()
    }

    /// The series of these nights, which are all of one device on one bench. `None` if there are none.
    #[must_use]
    pub fn of(nights: Vec<&'a Night>) -> Option<Self> {
        let first = nights.first()?;
        let mut cases: BTreeMap<&str, Vec<Seen<'_>>> = BTreeMap::new();
        for (place, night) in nights.iter().enumerate() {
            for case in &night.cases {
                let bench = bench(night, case);
                let key = Key {
                    case: case.digest.as_deref().or(night.cases_digest.as_deref()),
                    device: night.device_digest.as_deref(),
                    serial_number: bench.and_then(|bench| bench.serial_number.as_deref()),
                    firmware: bench.and_then(|bench| bench.firmware.get(&Role::Validator)).map(String::as_str),
                };
                let strict = night.baseline == BaselineUse::Require;
                cases.entry(&case.id).or_default().push(Seen { night: place, case, key, strict });
            }
        }
        Some(Self { bench: &first.bench, device: &first.device, nights, cases })
    }

    /// The newest night.
    #[must_use]
    pub fn newest(&self) -> usize {
        self.nights.len().saturating_sub(1)
    }

    /// The cases, in the order of their ids, each with all nights in which the record has it.
    pub fn cases(&self) -> impl Iterator<Item = (&'a str, &[Seen<'a>])> {
        self.cases.iter().map(|(id, seen)| (*id, seen.as_slice()))
    }

    /// One case.
    #[must_use]
    pub fn case(&self, id: &str) -> Option<&[Seen<'a>]> {
        self.cases.get(id).map(Vec::as_slice)
    }

    /// The place of the first of the last `count` nights.
    #[must_use]
    pub fn since(&self, count: usize) -> usize {
        self.nights.len().saturating_sub(count)
    }
}

/// The bench on which a case ran. A case that no bench has played counts for the first one.
#[must_use]
pub fn bench<'a>(night: &'a Night, case: &NightCase) -> Option<&'a NightBench> {
    night.benches.get(case.bench.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Nights, row};

    #[test]
    fn each_device_on_each_bench_is_a_series() {
        let mut nights = Nights::of("BUS-001", "PPF").nights;
        nights[1].bench = "qemu".into();
        let all = Series::all(&nights);
        let names: Vec<_> = all.iter().map(|series| (series.bench, series.nights.len())).collect();
        assert_eq!(names, [("qemu", 1), ("sim", 2)]);
        assert_eq!(all[1].case("BUS-001").unwrap().len(), 2);
    }

    #[test]
    fn only_verdicts_about_the_device_are_signs() {
        let nights = Nights::of("BUS-001", "PFCENS").nights;
        let series = &Series::all(&nights)[0];
        let last: Vec<_> = series.case("BUS-001").unwrap().iter().map(Seen::last).collect();
        assert_eq!(last, [Some(Sign::Good), Some(Sign::Bad), Some(Sign::Bad), None, None, None]);
    }

    #[test]
    fn a_changed_transcript_is_bad_where_the_baseline_is_required() {
        let mut nights = Nights::of("BUS-001", "C").nights;
        nights[0].baseline = BaselineUse::Report;
        assert_eq!(Series::all(&nights)[0].case("BUS-001").unwrap()[0].last(), Some(Sign::Good));
    }

    #[test]
    fn earlier_attempts_are_signs_as_well() {
        let mut nights = Nights::of("BUS-001", "P").nights;
        nights[0].cases = vec![NightCase { earlier: vec![Verdict::Error, Verdict::Fail], ..row("BUS-001", 'P') }];
        let signs: Vec<_> = Series::all(&nights)[0].case("BUS-001").unwrap()[0].signs().collect();
        assert_eq!(signs, [Sign::Bad, Sign::Good]);
    }
}
