//! The events that a report shows again: those of sub-cases that did not pass.

use std::collections::BTreeMap;
use std::sync::Arc;

use taprig_model::event::{Body, Event};

/// Keeps the events of the sub-cases that did not pass, and of those that have not ended. The events of a run of all cases
/// take more memory than everything else, and a report needs few of them.
#[derive(Debug, Clone, Default)]
pub struct Notable {
    running: BTreeMap<String, Vec<Arc<Event>>>,
    kept: Vec<Arc<Event>>,
}

impl Notable {
    /// The notable events of a stream.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut notable = Self::default();
        events.into_iter().for_each(|event| notable.add(&Arc::new(event.clone())));
        notable
    }

    /// Adds an event.
    pub fn add(&mut self, event: &Arc<Event>) {
        let Some(id) = event.case.as_ref().filter(|_| !matches!(event.body, Body::Serial { .. })) else { return };
        self.running.entry(id.clone()).or_default().push(event.clone());
        if let Body::CaseFinished { verdict, .. } = event.body {
            let events = self.running.remove(id).unwrap_or_default();
            if verdict.is_notable() {
                self.kept.extend(events);
            }
        }
    }

    /// The events, with those of each sub-case in their order.
    pub fn events(&self) -> Vec<Event> {
        self.kept.iter().chain(self.running.values().flatten()).map(|event| (**event).clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tally, junit};
    use taprig_model::result::Verdict;
    use taprig_model::samples::{event, finished, run, started};

    #[test]
    fn a_report_from_the_notable_events_is_the_report_from_all() {
        let events = run();
        let result = Tally::of(&events).result();
        let notable = Notable::of(&events).events();
        assert_eq!(junit(&result, &notable).unwrap(), junit(&result, &events).unwrap());
        assert!(notable.len() < events.len());
    }

    #[test]
    fn cases_that_passed_leave_nothing_and_those_that_were_cut_off_all() {
        let (passed, cut) = (Some("BUS-001"), Some("BUS-002"));
        let begun = [event(1, passed, started("One", 1)), event(2, cut, started("Two", 1))];
        assert_eq!(Notable::of(&begun).events(), begun);
        let ended = event(3, passed, finished(Verdict::Pass, 1, None));
        let notable = Notable::of(begun.iter().chain([&ended]));
        assert_eq!(notable.events(), begun[1..]);
    }
}
