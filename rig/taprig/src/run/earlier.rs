//! What an earlier run has left to do, from its record.

use std::collections::BTreeMap;

use taprig_case::plan::Planned;
use taprig_model::event::{Body, Event};
use taprig_model::result::Verdict;

/// What became of the sub-cases of a record.
#[derive(Debug, Default)]
pub struct Earlier(BTreeMap<String, Attempts>);

#[derive(Debug, Default)]
struct Attempts {
    begun: u32,
    /// The verdict of the last attempt, if it has one.
    verdict: Option<Verdict>,
}

impl Earlier {
    /// Reads it from the events of the record.
    #[must_use]
    pub fn of(events: &[Event]) -> Self {
        let mut all = Self::default();
        for event in events {
            let Some(id) = &event.case else { continue };
            match &event.body {
                Body::CaseStarted(_) => {
                    let attempts = all.0.entry(id.clone()).or_default();
                    *attempts = Attempts { begun: attempts.begun + 1, verdict: None };
                }
                Body::CaseFinished { verdict, .. } => {
                    all.0.entry(id.clone()).or_default().verdict = Some(*verdict);
                }
                _ => {}
            }
        }
        all
    }

    /// Keeps what was not played to its end. Each attempt that goes on has the next number.
    #[must_use]
    pub fn left(&self, planned: Vec<Planned>) -> Vec<Planned> {
        let left = planned.into_iter().filter(|planned| {
            let verdict = self.0.get(&planned.id).and_then(|attempts| attempts.verdict);
            matches!(verdict, None | Some(Verdict::Skipped))
        });
        left.map(|planned| {
            let begun = self.0.get(&planned.id).map_or(0, |attempts| attempts.begun);
            Planned { attempt: begun + 1, ..planned }
        })
        .collect()
    }

    /// Whether a sub-case is in the record and did not pass: it failed, changed, was an error, or was not played to its
    /// end.
    #[must_use]
    pub fn failed(&self, id: &str) -> bool {
        let passed = |verdict| matches!(verdict, Some(Verdict::Pass | Verdict::NotApplicable));
        self.0.get(id).is_some_and(|attempts| !passed(attempts.verdict))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_model::samples;

    #[test]
    fn what_did_not_pass_is_told_apart_from_what_did() {
        let mut events = samples::run();
        events.push(samples::event(110, Some("BUS-009"), samples::started("A case that is skipped", 1)));
        events.push(samples::event(111, Some("BUS-009"), samples::finished(Verdict::Skipped, 1, None)));
        let earlier = Earlier::of(&events);
        let failed = |id: &str| earlier.failed(id);
        // ISO-002 was an error, and passed at its second attempt. ZZZ-001 was cut off.
        assert_eq!(["ODA-004/rsa1024", "ZZZ-001", "BUS-009"].map(failed), [true; 3]);
        assert_eq!(["BUS-001", "ISO-002", "SM2-001", "BUS-777"].map(failed), [false; 4]);
        assert_eq!(earlier.0["ISO-002"].begun, 2);
    }
}
