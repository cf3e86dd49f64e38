//! Failures that a quarantine excuses. They do not fail the run, and the page counts them apart from everything that passed.

use taprig_model::result::{CaseResult, RunResult, Verdict};

use super::text::{fragment, visible};

/// Failures in quarantine that the first screen lists.
const LISTED: usize = 100;

/// A failure in quarantine.
pub(super) struct Excused {
    pub id: String,
    pub fragment: String,
    pub failure: String,
    pub reason: String,
    pub owner: String,
    pub until: String,
}

/// The failures in quarantine, and how many more there are.
pub(super) fn excused(result: &RunResult) -> (Vec<Excused>, usize) {
    let all = || result.cases.iter().filter(|case| case.is_excused());
    let view = |case: &CaseResult| {
        let of = case.quarantine.as_ref()?;
        Some(Excused {
            id: visible(&case.id),
            fragment: fragment(&case.id),
            failure: case.failure.as_deref().map(super::table::short).unwrap_or_default(),
            reason: visible(&of.reason),
            owner: visible(&of.owner),
            until: of.until.to_string(),
        })
    };
    (all().filter_map(view).take(LISTED).collect(), all().count().saturating_sub(LISTED))
}

/// What the quarantine means for a sub-case, in words.
pub(super) fn words(case: &CaseResult) -> Option<String> {
    let of = case.quarantine.as_ref()?;
    let means = match case.verdict {
        Verdict::Fail | Verdict::Changed if of.holds => "The failure does not fail the run",
        Verdict::Fail | Verdict::Changed => "The quarantine has expired, so the failure counts",
        Verdict::Pass => "The case passes, so the entry can be removed",
        Verdict::Error => "An error of the rig is not covered by a quarantine",
        Verdict::NotApplicable | Verdict::Skipped => "The case has no verdict in this run",
    };
    Some(format!("{means}.\nReason: {}\nOwner: {}\nLast day: {}", of.reason, of.owner, of.until))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::Tally;
    use taprig_model::event::Body;
    use taprig_model::samples;

    /// The run of the samples, in which ODA-004/rsa1024 fails, with entries for these cases.
    pub(in crate::html) fn run(cases: &[&str], until: &str) -> Vec<taprig_model::event::Event> {
        let entry = |case: &&str| taprig_model::quarantine::Entry {
            case: case.parse().unwrap(),
            reason: "a race <in> the firmware".into(),
            owner: "Li Wei".into(),
            until: until.parse().unwrap(),
        };
        let mut events = samples::run();
        for event in &mut events {
            if let Body::RunStarted(started) = &mut event.body {
                started.started = "2026-11-30T01:30:00Z".into();
                started.quarantine = cases.iter().map(entry).collect();
            }
        }
        events
    }

    #[test]
    fn a_failure_in_quarantine_is_listed_until_its_last_day() {
        let listed = |until: &str| excused(&Tally::of(&run(&["ODA-004", "BUS-001"], until)).result());
        let (all, more) = listed("2099-12-31");
        let seen: Vec<_> = all.iter().map(|of| (&*of.id, &*of.reason, &*of.owner, &*of.until)).collect();
        assert_eq!(seen, [("ODA-004/rsa1024", "a race <in> the firmware", "Li Wei", "2099-12-31")]);
        assert_eq!((all[0].failure.as_str(), more), ("outcome: declined is expected, approved is seen", 0));
        assert!(listed("2000-01-01").0.is_empty(), "it has expired");
    }

    #[test]
    fn every_sub_case_with_an_entry_says_what_the_entry_means() {
        let words = |until: &str| {
            let result = Tally::of(&run(&["ODA-004", "BUS-001"], until)).result();
            let of = |id: &str| words(result.cases.iter().find(|case| case.id == id).unwrap());
            (of("ODA-004/rsa1024").unwrap(), of("BUS-001").unwrap(), of("ISO-002"))
        };
        let (failed, passed, other) = words("2099-12-31");
        assert!(
            failed.starts_with("The failure does not fail the run.\nReason: a race <in> the firmware\n"),
            "{failed}"
        );
        assert!(passed.starts_with("The case passes, so the entry can be removed."), "{passed}");
        assert_eq!(other, None);
        assert!(words("2000-01-01").0.starts_with("The quarantine has expired, so the failure counts."));
    }
}
