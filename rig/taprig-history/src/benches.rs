//! How often the rig itself fails, by bench.

use crate::rate::Rate;
use serde::Serialize;
use std::collections::BTreeMap;
use taprig_model::history::Night;
use taprig_model::result::Verdict;

/// The rig's own errors on one bench.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchErrors {
    /// Name of the bench in the records, such as `sim-1`. A bench that could not be opened has the name of its file.
    pub bench: String,
    /// Nights that used the bench or tried to.
    pub nights: usize,
    /// Nights in which the rig failed on it.
    pub bad_nights: usize,
    /// How many of the attempts at a sub-case ended in an error.
    pub errors: Rate,
    /// Faults that belong to no case, such as a bench that can't be opened.
    pub faults: usize,
    /// What went wrong, the most frequent first.
    pub causes: Vec<Cause>,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// What happened, in the words of its newest occurrence. Occurrences that differ only in numbers count as the same.
    pub what: String,
    /// How often.
    pub count: usize,
    /// The newest night in which it happened: the start in UTC by RFC 3339.
    pub newest: String,
}

#[derive(Default)]
struct Sum<'a> {
    nights: usize,
    bad_nights: usize,
    attempts: u64,
    errors: u64,
    faults: usize,
    causes: BTreeMap<String, (&'a str, usize, &'a str)>,
}

/// The errors of each bench in these nights, which are sorted by their start. The bench with the highest rate comes first.
#[must_use]
pub fn errors<'a>(nights: impl IntoIterator<Item = &'a Night>) -> Vec<BenchErrors> {
    let mut sums: BTreeMap<&str, Sum<'_>> = BTreeMap::new();
    for night in nights {
        let mut used: BTreeMap<&str, bool> = BTreeMap::new();
        for case in &night.cases {
            let name = case.bench.and_then(|place| night.benches.get(place)).map(|bench| bench.name.as_str());
            let is_error = case.verdict == Verdict::Error;
            // A case that no bench has played says something only if the rig failed before it had one.
            let Some(name) = name.or_else(|| is_error.then_some(night.bench.as_str())) else { continue };
            let sum = sums.entry(name).or_default();
            let earlier = case.earlier.iter().filter(|verdict| **verdict == Verdict::Error).count() as u64;
            sum.attempts += 1 + case.earlier.len() as u64;
            sum.errors += u64::from(is_error) + earlier;
            *used.entry(name).or_default() |= is_error || earlier > 0;
            if let (true, Some(why)) = (is_error, &case.why) {
                sum.cause(why, &night.started);
            }
        }
        for fault in &night.faults {
            let name = fault.bench.as_deref().unwrap_or(&night.bench);
            let sum = sums.entry(name).or_default();
            sum.faults += 1;
            sum.cause(&fault.what, &night.started);
            used.insert(name, true);
        }
        for (name, bad) in used {
            let sum = sums.entry(name).or_default();
            sum.nights += 1;
            sum.bad_nights += usize::from(bad);
        }
    }
    let mut all: Vec<BenchErrors> = sums.into_iter().map(|(bench, sum)| sum.finish(bench)).collect();
    all.sort_by(|a, b| b.errors.rate.total_cmp(&a.errors.rate).then(b.faults.cmp(&a.faults)));
    all
}

impl<'a> Sum<'a> {
    fn cause(&mut self, what: &'a str, night: &'a str) {
        let cause = self.causes.entry(plain(what)).or_insert((what, 0, night));
        *cause = (what, cause.1 + 1, night);
    }

    fn finish(self, bench: &str) -> BenchErrors {
        let mut causes: Vec<Cause> = self
            .causes
            .into_values()
            .map(|(what, count, newest)| Cause { what: what.to_owned(), count, newest: newest.to_owned() })
            .collect();
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
        BenchErrors {
            bench: bench.to_owned(),
            nights: self.nights,
            bad_nights: self.bad_nights,
            errors: Rate::new(self.errors, self.attempts),
            faults: self.faults,
            causes,
        }
    }
}

/// The text without its numbers (process, slot, port).
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        let c = if c.is_ascii_digit() { '0' } else { c };
        if c != '0' || !plain.ends_with('0') {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::Nights;
    use taprig_model::history::NightFault;

    #[test]
    fn errors_of_the_rig_are_counted_by_bench_and_failures_are_not() {
        let mut nights = Nights::of("BUS-001", "PPFEPE").case("BUS-002", "PFPEPN").nights;
        nights[5].cases[0].why = Some("waiting for the emulator on sim-3: port 99 closed".into());
        let [bench] = &errors(&nights)[..] else { panic!("one bench") };
        assert_eq!((bench.bench.as_str(), bench.nights, bench.bad_nights, bench.faults), ("sim-1", 6, 2, 0));
        assert_eq!((bench.errors.count, bench.errors.of), (3, 11));
        let [cause] = &bench.causes[..] else { panic!("they differ in numbers only: {:?}", bench.causes) };
        assert_eq!((cause.count, &cause.newest[..10]), (3, "2026-11-06"));
        assert!(cause.what.contains("port 99"));
    }

    #[test]
    fn a_bench_that_can_not_be_opened_is_told_by_its_fault() {
        let mut nights = Nights::of("BUS-001", "PS").nights;
        nights[1].benches.clear();
        nights[1].faults = vec![NightFault { bench: None, what: "opening the port on sim: no such file".into() }];
        let all = errors(&nights);
        let names: Vec<_> = all.iter().map(|bench| (bench.bench.as_str(), bench.faults, bench.bad_nights)).collect();
        assert_eq!(names, [("sim", 1, 1), ("sim-1", 0, 0)]);
    }
}
