//! Computes verdicts and transcripts from events.
//!
//! Nothing in this crate reads a file, waits for a board or knows a bench. The same events and the same [`Criteria`]
//! always give the same verdict. It does not matter whether the events come from a run or from a record.
//!
//! An expectation has one of four sources. What a **person** sees (module `person`), what the **card** sees (module
//! `card`) and what the **acquirer** sees (module `acquirer`) are judged for every device. What only the **device** can report
//! (module `reported`) is judged if the device file claims that the device reports it, and if the file translates the device's words. Otherwise it is *not judged*,
//! and the rest of the case still counts.

mod acquirer;
pub mod again;
mod air;
mod always;
mod baseline;
mod card;
mod checks;
mod inferred;
mod link;
mod pattern;
mod person;
mod randomness;
mod reported;
mod step;
mod tap;
#[cfg(test)]
mod tests;
pub mod transcript;

pub use baseline::Baseline;
pub use card::tags;
pub use tap::{TapEvents, taps};

use checks::Checks;
use tap::stopped;
use taprig_model::capability::BenchCapabilities;
use taprig_model::criteria::Criteria;
use taprig_model::device::Device;
use taprig_model::event::{Body, Check, CheckResult, Criterion, Event, SeenBy};
use taprig_model::expect::Expect;
use taprig_model::result::Verdict;

/// The result of a sub-case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Every expectation and its result, in the order of the steps. Those of the whole case come last.
    pub checks: Vec<Check>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why the verdict is not a pass.
    pub failure: Option<String>,
}

/// What is missing for a case: claims that the device does not make, settings that are fixed to another value, and
/// capabilities that the bench does not have.
/// If the list is empty, the case applies.
#[must_use]
pub fn lacks(criteria: &Criteria, device: &Device, bench: &BenchCapabilities) -> Vec<String> {
    let claims =
        device.lacks(&criteria.needs.claims).into_iter().map(|claim| format!("the device does not claim {claim}"));
    let missing = criteria.needs.card_side.iter().filter(|need| !bench.card_side.contains(need));
    let acquirer = criteria.needs.acquirer && !bench.acquirer;
    let fixed = device.fixed.in_words_without_lists();
    let unfit = fixed.iter().flat_map(|(key, is)| {
        let wanted = criteria.needs.settings.get(key).into_iter().flatten();
        wanted
            .filter(move |wanted| *wanted != is)
            .map(move |wanted| format!("the device is fixed to `{key}: {is}`, and the case needs `{key}: {wanted}`"))
    });
    let card_side = missing.map(|need| format!("the card side of the bench can't do {need}"));
    claims.chain(unfit).chain(card_side).chain(acquirer.then(|| "the bench has no acquirer".to_owned())).collect()
}

/// Judges the last attempt in the events of one sub-case. Use [`lacks`] first to find out whether the case applies.
#[must_use]
pub fn judge(criteria: &Criteria, device: &Device, events: &[Event], baseline: Baseline<'_>) -> Judgement {
    let start = events.iter().rposition(|event| matches!(event.body, Body::CaseStarted(_))).unwrap_or(0);
    let events = &events[start.min(events.len())..];
    if let Some(ended) = ended_without_verdict(events) {
        return ended;
    }
    let mut checks = Checks::new(criteria, device);
    let step::Played { taps_are_left, messages } = step::judge(criteria, events, &mut checks);
    whole_case(criteria, events, taps_are_left, messages, &mut checks);
    acquirer::books(criteria, events, &mut checks);
    air::rules(criteria, events, &mut checks);
    always::judge(criteria, events, &mut checks);
    if criteria.baseline {
        baseline::compare(baseline, events, &mut checks);
    }
    verdict(checks.into_checks())
}

/// The judgement of a case that the rig could not play, or did not play. Such a case says nothing about the device.
fn ended_without_verdict(events: &[Event]) -> Option<Judgement> {
    let judgement = |verdict, failure| Judgement { checks: vec![], verdict, failure: Some(failure) };
    events.iter().find_map(|event| match &event.body {
        Body::RigFault(fault) => Some(judgement(Verdict::Error, fault.to_string())),
        Body::CaseFinished { verdict: Verdict::Skipped, failure, .. } => {
            Some(judgement(Verdict::Skipped, failure.clone().unwrap_or_default()))
        }
        _ => None,
    })
}

/// Judges the expectations for the whole case. The amount charged is summed over all taps, and the growth of the
/// journal is that of the whole case. Everything else is judged by the last tap. If the case ended before its last tap,
/// nothing of this is judged.
fn whole_case<'a>(
    criteria: &'a Criteria,
    events: &[Event],
    taps_are_left: bool,
    messages: usize,
    checks: &mut Checks<'a>,
) {
    let expect = &criteria.expect;
    let taps = taps(events);
    checks.about(None, &criteria.lines);
    let stopped = stopped(events);
    checks.withhold(stopped.filter(|_| taps_are_left));
    let about_tap = Expect { acquirer: None, faults: None, ..expect.clone() };
    match taps.split_last() {
        Some((&last, earlier)) => {
            person::last_signs(expect, last, checks);
            card::judge(expect, last, earlier, checks);
            reported::result(expect, last, checks);
        }
        None if about_tap.is_empty() => {}
        None => checks.add(SeenBy::Card, Criterion::Tap, "a tap", "none", false),
    }
    if let Some(money) = expect.charged {
        person::charged(money, &taps, checks);
    }
    if let Some(change) = expect.journal {
        reported::journal_change(change, events, checks);
    }
    if let Some(wanted) = &expect.faults {
        checks.withhold(stopped);
        always::stated(wanted, events, checks);
    }
    if let Some(wanted) = &expect.acquirer {
        checks.withhold(stopped);
        acquirer::stated(wanted, events, messages, checks);
    }
    checks.withhold(None);
}

fn verdict(checks: Vec<Check>) -> Judgement {
    let failing = checks.iter().find(|check| check.fails() && check.seen_by != SeenBy::Baseline);
    let changed = checks.iter().find(|check| check.fails());
    let (verdict, failure) = match (failing, changed) {
        (Some(check), _) => {
            (Verdict::Fail, Some(format!("{}: expected {}, seen {}", check.title(), check.wanted, check.seen)))
        }
        (None, _) if let Some(why) = nothing_judged(&checks) => (Verdict::NotApplicable, Some(why)),
        (None, Some(check)) => (Verdict::Changed, Some(format!("{}: {}", check.title(), check.seen))),
        (None, None) => (Verdict::Pass, None),
    };
    Judgement { checks, verdict, failure }
}

/// Why no expectation of the case could be judged, or `None` if at least one was. What taprig judges in every case without being
/// asked does not count here.
fn nothing_judged(checks: &[Check]) -> Option<String> {
    let stated: Vec<&Check> = checks
        .iter()
        .filter(|check| check.seen_by != SeenBy::Baseline)
        .filter(|check| !check.what.is_unasked())
        .collect();
    if stated.is_empty() || stated.iter().any(|check| check.result != CheckResult::NotJudged) {
        return None;
    }
    let mut why: Vec<&str> = stated.iter().filter_map(|check| check.why.as_deref()).collect();
    why.sort_unstable();
    why.dedup();
    Some(format!("nothing that the case expects can be judged: {}", why.join("; ")))
}
