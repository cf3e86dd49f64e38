//! Computes the result of a run from its events.

use crate::own_time::OwnTimes;
use std::collections::{BTreeMap, BTreeSet};
use taprig_model::event::{Body, Event, PowerSwitch, Role};
use taprig_model::quarantine::InQuarantine;
use taprig_model::result::{Attempt, CaseResult, RunResult, SCHEMA, Summary, Verdict};

/// Folds events into a [`RunResult`]. At any time it contains the result so far.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    result: RunResult,
    cases: BTreeMap<String, CaseResult>,
    /// How the validator of each bench was last switched on.
    power: BTreeMap<String, PowerSwitch>,
    /// Sub-cases that have begun, and whose boards may still get a power cycle for their start.
    starting: BTreeSet<String>,
    /// The tap in progress of each sub-case.
    own_times: BTreeMap<String, OwnTimes>,
    finished: bool,
}

impl Tally {
    /// The result of a complete stream.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut tally = Self::default();
        events.into_iter().for_each(|event| tally.add(event));
        tally
    }

    /// Adds an event.
    pub fn add(&mut self, event: &Event) {
        self.result.took_us = self.result.took_us.max(event.at_us);
        if let Body::Power { role: Role::Validator, on: true, by: Some(by) } = event.body {
            self.power.insert(event.bench.clone().unwrap_or_default(), by);
        }
        match &event.body {
            Body::RunStarted(run) => self.result.run = run.clone(),
            Body::Firmware(image) if !self.result.firmware.contains(image) => self.result.firmware.push(image.clone()),
            Body::BenchOpened { boards, card_side, serial_number, time } => {
                let bench = self.result.benches.entry(event.bench.clone().unwrap_or_default()).or_default();
                bench.boards.clone_from(boards);
                bench.card_side = *card_side;
                bench.serial_number.clone_from(serial_number);
                bench.time = *time;
            }
            Body::Identified { role, identity } => {
                let bench = self.result.benches.entry(event.bench.clone().unwrap_or_default()).or_default();
                bench.identities.insert(*role, identity.clone());
            }
            Body::RigFault(fault) if event.case.is_none() => self.result.faults.push(fault.clone()),
            Body::RunFinished { interrupted, .. } => (self.finished, self.result.complete) = (true, !interrupted),
            body => {
                if let Some(id) = &event.case {
                    self.case(id, event.bench.as_deref(), event.at_us, body);
                }
            }
        }
    }

    fn case(&mut self, id: &str, bench: Option<&str>, at_us: u64, body: &Body) {
        match body {
            Body::CaseStarted(_) => drop(self.starting.insert(id.to_owned())),
            Body::StepStarted { .. } | Body::CaseFinished { .. } => drop(self.starting.remove(id)),
            _ => {}
        }
        let power = bench.and_then(|bench| self.power.get(bench).copied());
        let case = self.cases.entry(id.to_owned()).or_insert_with(|| CaseResult {
            id: id.to_owned(),
            title: String::new(),
            file: String::new(),
            requires: vec![],
            bench: None,
            power: None,
            verdict: Verdict::Error,
            failure: None,
            quarantine: InQuarantine::of(&self.result.run.quarantine, id, &self.result.run.started),
            took_us: 0,
            air_us: vec![],
            own_time: vec![],
            checks: vec![],
            attempts: vec![],
        });
        self.own_times.entry(id.to_owned()).or_default().add(at_us, body, &mut case.own_time);
        match body {
            Body::CaseStarted(started) => {
                case.title.clone_from(&started.title);
                case.file.clone_from(&started.file);
                case.requires.clone_from(&started.requires);
                case.bench = bench.map(str::to_owned);
                case.power = power;
                // This holds until the case is finished. If a case never finishes, the rig cut it off.
                case.verdict = Verdict::Error;
                case.failure = Some("the run ended before the case did".into());
                case.checks.clear();
                case.air_us.clear();
                case.own_time.clear();
                // A sub-case that an earlier part of a resumed run did not play has had no attempt.
                case.attempts.retain(|attempt| attempt.verdict != Verdict::Skipped);
            }
            // Later power cycles are steps of the case itself.
            Body::Power { .. } if self.starting.contains(id) => case.power = power,
            Body::Checked(check) => case.checks.push(check.clone()),
            Body::Removed { air_us, .. } => case.air_us.push(*air_us),
            Body::CaseFinished { verdict, took_us, attempt, failure } => {
                case.verdict = *verdict;
                case.took_us = *took_us;
                case.failure.clone_from(failure);
                case.attempts.push(Attempt {
                    number: *attempt,
                    verdict: *verdict,
                    took_us: *took_us,
                    failure: failure.clone(),
                });
            }
            _ => {}
        }
    }

    /// The result of one sub-case so far.
    pub fn get(&self, id: &str) -> Option<&CaseResult> {
        self.cases.get(id)
    }

    /// The result so far, with cases in the order of their ids, whichever bench was faster. It is `complete` only after
    /// the last event of the run.
    pub fn result(&self) -> RunResult {
        let cases: Vec<_> = self.cases.values().cloned().collect();
        RunResult {
            schema: SCHEMA,
            summary: Summary::of(&cases),
            complete: self.finished && self.result.complete,
            cases,
            ..self.result.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_model::samples::{event, finished, run, started};

    #[test]
    fn verdicts_of_a_run_that_was_cut_off() {
        let result = Tally::of(&run()).result();
        let verdicts: Vec<_> = result.cases.iter().map(|case| (case.id.as_str(), case.verdict)).collect();
        assert_eq!(
            verdicts,
            [
                ("BUS-001", Verdict::Pass),
                ("ISO-002", Verdict::Pass),
                ("ODA-004/rsa1024", Verdict::Fail),
                ("SM2-001", Verdict::NotApplicable),
                ("ZZZ-001", Verdict::Error),
            ]
        );
        assert_eq!(
            result.summary,
            Summary { pass: 2, fail: 1, error: 1, not_applicable: 1, flaky: 1, ..Summary::default() }
        );
        assert!(result.cases[1].is_flaky() && result.cases[1].checks.is_empty());
        assert!(!result.complete);
        assert_eq!(result.took_us, 100);
    }

    #[test]
    fn the_power_cycle_that_a_case_starts_from_is_told_and_none_of_its_steps() {
        let on = |at, case, by| event(at, case, Body::Power { role: Role::Validator, on: true, by: Some(by) });
        let step = |at, case| event(at, case, Body::StepStarted { number: 1, step: "power-cycle".into() });
        let (first, second) = (Some("BUS-001"), Some("BUS-002"));
        let events = [
            on(1, None, PowerSwitch::Process),
            event(2, first, started("The boards are fresh", 1)),
            step(3, first),
            event(4, first, finished(Verdict::Pass, 1, None)),
            event(5, second, started("They are not", 1)),
            on(6, second, PowerSwitch::Cut),
            step(7, second),
            on(8, second, PowerSwitch::Process),
            event(9, second, finished(Verdict::Pass, 1, None)),
        ];
        let powers: Vec<_> = Tally::of(&events).result().cases.iter().map(|case| case.power).collect();
        assert_eq!(powers, [Some(PowerSwitch::Process), Some(PowerSwitch::Cut)]);
    }

    #[test]
    fn the_quarantine_with_which_a_run_began_counts() {
        let entry = |case: &str, until: &str| taprig_model::quarantine::Entry {
            case: case.parse().unwrap(),
            reason: "flaky".into(),
            owner: "Li".into(),
            until: until.parse().unwrap(),
        };
        let with = |until: &str| {
            let mut events = run();
            let Body::RunStarted(started) = &mut events[0].body else { panic!("no start") };
            started.started = "2026-11-30T01:30:00Z".into();
            started.quarantine = vec![entry("ODA-004", until), entry("ZZZ-001", until)];
            Tally::of(&events).result()
        };
        let result = with("2026-11-30");
        assert_eq!((result.summary.fail, result.summary.quarantined, result.summary.error), (0, 1, 1));
        let failed = result.cases.iter().find(|case| case.id == "ODA-004/rsa1024").unwrap();
        assert!(failed.verdict == Verdict::Fail && failed.is_excused());
        let result = with("2026-11-29");
        assert_eq!((result.summary.fail, result.summary.quarantined), (1, 0), "it has expired");
        assert!(result.cases.iter().any(|case| case.quarantine.as_ref().is_some_and(|quarantine| !quarantine.holds)));
    }

    #[test]
    fn complete_after_the_last_event() {
        let mut tally = Tally::of(&run());
        tally.add(&event(200, None, Body::RunFinished { summary: Summary::default(), interrupted: false }));
        assert!(tally.result().complete);
    }
}
