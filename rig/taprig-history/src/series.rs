//! The nights of one device on one bench, in order, with the observations of each case.

use std::collections::{BTreeMap, BTreeSet};
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
    /// The nights. The cases of each are in the order of their ids.
    pub nights: Vec<&'a Night>,
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
        Some(Self { bench: &first.bench, device: &first.device, nights })
    }

    /// The newest night.
    #[must_use]
    pub fn newest(&self) -> usize {
        self.nights.len().saturating_sub(1)
    }

    /// The ids of all cases, in order.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<&'a str> {
        self.nights.iter().flat_map(|night| &night.cases).map(|case| case.id.as_str()).collect()
    }

    /// The nights of one case, in order. A night that does not have the case is left out. `None` if no night has it.
    #[must_use]
    pub fn case(&self, id: &str) -> Option<Vec<Seen<'a>>> {
        let seen: Vec<Seen<'a>> = (0..self.nights.len()).filter_map(|night| self.seen(night, id)).collect();
        (!seen.is_empty()).then_some(seen)
    }

    /// A case in one night. An answer needs few cases, so each is looked for in the nights and all of them are not put into
    /// order first.
    #[must_use]
    pub fn seen(&self, place: usize, id: &str) -> Option<Seen<'a>> {
        let night = self.nights[place];
        let found = night.cases.binary_search_by(|case| case.id.as_str().cmp(id)).ok()?;
        let case = &night.cases[found];
        let bench = bench(night, case);
        let key = Key {
            case: case.digest.as_deref().or(night.cases_digest.as_deref()),
            device: night.device_digest.as_deref(),
            serial_number: bench.and_then(|bench| bench.serial_number.as_deref()),
            firmware: bench.and_then(|bench| bench.firmware.get(&Role::Validator)).map(String::as_str),
        };
        Some(Seen { night: place, case, key, strict: night.baseline == BaselineUse::Require })
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
