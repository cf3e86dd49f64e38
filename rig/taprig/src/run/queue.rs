//! The queue of sub-cases, and the benches that take from it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use taprig_model::event::{Body, RigFault, Source};
use taprig_model::result::Verdict;
use taprig_model::step::{Act, Step};

use super::station::{Station, Stop};
use taprig_bench::Config;
use taprig_case::baseline::Mode;
use taprig_case::plan::Planned;
use taprig_record::Recorder;

/// Runs all sub-cases on `jobs` benches. Sub-cases that do not apply are reported as not applicable. If no bench is
/// left, the remaining sub-cases are reported as skipped.
pub fn run(
    planned: Vec<Planned>,
    config: &Arc<Config>,
    jobs: usize,
    recorder: &Recorder,
    root: &std::path::Path,
    mode: Mode,
    stop: &Stop,
) {
    let mut apply = VecDeque::new();
    for planned in planned {
        match lacks(&planned, config).as_slice() {
            [] => apply.push_back(planned),
            lacks => not_run(&planned, Verdict::NotApplicable, &lacks.join("; "), recorder),
        }
    }
    let queue = Mutex::new(apply);
    let reported = ReportedFaults::default();
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    std::thread::scope(|threads| {
        for _ in 0..jobs.max(1) {
            threads.spawn(|| work(&next, &reported, config, recorder, root, mode, stop));
        }
    });
    while let Some(planned) = next() {
        let why = if stop.is_set() { INTERRUPTED } else { "no bench was left to run it on" };
        not_run(&planned, Verdict::Skipped, why, recorder);
    }
}

/// What is missing for a sub-case: claims of the device, capabilities of the card side, or a person. If the list is
/// empty, the sub-case applies.
#[must_use]
pub fn lacks(planned: &Planned, config: &Config) -> Vec<String> {
    let mut lacks = taprig_judge::lacks(&planned.criteria(), &config.device, &config.capabilities());
    if config.device.interface.operator().is_none() || config.desk.is_some() {
        return lacks;
    }
    let nobody = "the device has no interface and the run has no terminal, so nobody can";
    let needs_a_person = |step: &Step| match step {
        Step::Validator(_) => Some("change its settings"),
        Step::PowerCycle => Some("switch it off and on"),
        Step::Identity => Some("say which device it is"),
        Step::Tap(tap) => {
            let cuts = tap.during.iter().any(|during| during.act == Act::PowerCycle);
            cuts.then_some("switch it off in the middle of a tap")
        }
        Step::Wait(_)
        | Step::Status(_)
        | Step::Journal(_)
        | Step::ClearJournal
        | Step::Console(_)
        | Step::Inject(_)
        | Step::Upload(_)
        | Step::Settle(_)
        | Step::SignOn(_)
        | Step::SignOff(_)
        | Step::Download(_)
        | Step::Acquirer(_) => None,
    };
    lacks.extend(planned.sub.case.steps.iter().find_map(needs_a_person).map(|what| format!("{nobody} {what}")));
    if config.configured.as_ref() != Some(&planned.situation) {
        lacks.push(format!("{nobody} give it the settings of this case"));
    }
    lacks
}

/// Runs one bench until there is nothing left to do, or until the bench can't be opened or brought back.
fn work(
    next: &(dyn Fn() -> Option<Planned> + Sync),
    reported: &ReportedFaults,
    config: &Arc<Config>,
    recorder: &Recorder,
    root: &std::path::Path,
    mode: Mode,
    stop: &Stop,
) {
    let on = format!("the bench {}", config.name);
    let tell = |fault| {
        if reported.is_new(&fault) {
            recorder.scope().emit(Source::Rig, Body::RigFault(fault));
        }
    };
    let mut station = match Station::new(config.clone(), recorder.clone(), root.to_owned(), mode) {
        Ok(station) => station,
        Err(error) => {
            return tell(RigFault { doing: "starting a bench".into(), on, cause: error.to_string(), advice: None });
        }
    };
    while !stop.is_set() {
        let Some(planned) = next() else { break };
        if let Err(error) = station.run(&planned, stop) {
            // The cause is reported before its consequence.
            tell(error.fault("getting the boards ready", &on));
            return not_run(&planned, Verdict::Skipped, "its bench could not be opened", recorder);
        }
        if let Err(error) = station.bring_back(stop) {
            // The sub-case has its verdict already. Other benches play those that are left.
            return tell(error.fault("bringing the bench back", &on));
        }
    }
}

/// What was reported about benches that can't be opened. The benches of a run are alike, and mostly they fail in the
/// same way.
#[derive(Default)]
struct ReportedFaults(Mutex<Vec<String>>);

impl ReportedFaults {
    /// Whether no other bench has reported this. Texts that differ only in numbers (process, slot, terminal) count as
    /// equal.
    fn is_new(&self, fault: &RigFault) -> bool {
        let mut plain = String::new();
        for c in fault.to_string().chars() {
            let c = if c.is_ascii_digit() { '0' } else { c };
            if c != '0' || !plain.ends_with('0') {
                plain.push(c);
            }
        }
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !reported.contains(&plain);
        if is_new {
            reported.push(plain);
        }
        is_new
    }
}

/// The reason why a case has no verdict if the run was stopped.
pub(super) const INTERRUPTED: &str = "the run was interrupted";

fn not_run(planned: &Planned, verdict: Verdict, why: &str, recorder: &Recorder) {
    begun(planned, recorder);
    ended(planned, verdict, why, recorder);
}

/// Reports the start of a sub-case that no bench has started.
pub(super) fn begun(planned: &Planned, recorder: &Recorder) {
    recorder.scope().case(&planned.id).emit(
        Source::Rig,
        Body::CaseStarted(taprig_model::event::CaseStarted {
            title: planned.sub.case.title.clone(),
            file: planned.sub.file.display().to_string(),
            requires: planned.sub.case.requires.clone(),
            attempt: planned.attempt,
            validator: planned.sub.case.given.validator.to_string(),
            ..Default::default()
        }),
    );
}

/// Reports the end of a sub-case that no bench has ended.
pub(super) fn ended(planned: &Planned, verdict: Verdict, why: &str, recorder: &Recorder) {
    let body = Body::CaseFinished { verdict, took_us: 0, attempt: planned.attempt, failure: Some(why.to_owned()) };
    recorder.scope().case(&planned.id).emit(Source::Rig, body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_that_differ_in_numbers_alone_are_told_once() {
        let fault = |cause: &str| RigFault {
            doing: "getting the boards ready".into(),
            on: "the bench qemu".into(),
            cause: cause.into(),
            advice: None,
        };
        let reported = ReportedFaults::default();
        assert!(reported.is_new(&fault("QEMU (process 99) ended")));
        assert!(!reported.is_new(&fault("QEMU (process 100) ended")));
        assert!(reported.is_new(&fault("QEMU (process 100) did not answer")));
    }
}
