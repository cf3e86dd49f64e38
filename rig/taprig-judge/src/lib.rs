//! Verdicts and transcripts: events in, judgements out, nothing else.
//!
//! Nothing here reads a file, waits for a board or knows a bench. The same events and the same [`Criteria`] give the same
//! verdict, whether a run has just told the events or a record has kept them.
//!
//! An expectation has one of three sources. What a **person** sees ([`person`]) and what the **card** sees ([`card`]) hold for
//! every device. What only the **device** can tell ([`told`]) is judged where the device file claims that it tells it, and
//! where the file maps the device's words; else it is *not judged*, and the rest of the case still counts.

pub mod again;
mod baseline;
mod card;
mod checks;
mod pattern;
mod person;
mod step;
mod tap;
#[cfg(test)]
mod tests;
mod told;
pub mod transcript;

pub use baseline::Baseline;
pub use card::tags;
pub use tap::{TapEvents, taps};

use checks::Checks;
use taprig_model::capability::CardCapability;
use taprig_model::criteria::Criteria;
use taprig_model::device::Device;
use taprig_model::event::{Body, Check, CheckResult, Criterion, Event, SeenBy};
use taprig_model::result::Verdict;

/// What a sub-case comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Every expectation and what came of it, in the order of the steps; those of the whole case follow.
    pub checks: Vec<Check>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is not a pass.
    pub failure: Option<String>,
}

/// What a case needs and does not find: claims that the device does not make, capabilities that the card side does not have.
/// Empty: the case applies.
#[must_use]
pub fn lacks(criteria: &Criteria, device: &Device, card_side: &[CardCapability]) -> Vec<String> {
    let claims =
        device.lacks(&criteria.needs.claims).into_iter().map(|claim| format!("the device does not claim {claim}"));
    let missing = criteria.needs.card_side.iter().filter(|need| !card_side.contains(need));
    claims.chain(missing.map(|need| format!("the card side of the bench can't do {need}"))).collect()
}

/// Judges the last attempt in the events of one sub-case. [`lacks`] tells before whether the case applies.
#[must_use]
pub fn judge(criteria: &Criteria, device: &Device, events: &[Event], baseline: Baseline<'_>) -> Judgement {
    let start = events.iter().rposition(|event| matches!(event.body, Body::CaseStarted(_))).unwrap_or(0);
    let events = &events[start.min(events.len())..];
    if let Some(ended) = ended_without_verdict(events) {
        return ended;
    }
    let mut checks = Checks::new(criteria, device);
    step::judge(criteria, events, &mut checks);
    whole_case(criteria, events, &mut checks);
    if criteria.baseline {
        baseline::compare(baseline, events, &mut checks);
    }
    verdict(checks.into_checks())
}

/// A case that the rig could not play, or did not, says nothing about the device.
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

/// What a case expects of itself: the last tap's signs, the sum of all taps for money and journal.
fn whole_case<'a>(criteria: &'a Criteria, events: &[Event], checks: &mut Checks<'a>) {
    let expect = &criteria.expect;
    let taps = taps(events);
    checks.about(None, &criteria.lines);
    match taps.split_last() {
        Some((&last, earlier)) => {
            person::last_signs(expect, last, checks);
            card::judge(expect, last, earlier, checks);
            told::result(expect, last, checks);
        }
        None if expect.is_empty() => {}
        None => checks.add(SeenBy::Card, Criterion::Tap, "a tap", "none", false),
    }
    if let Some(money) = expect.charged {
        checks.money(money, taps.iter().map(|tap| tap.charged()).sum());
    }
    if let Some(change) = expect.journal {
        told::journal_change(change, events, checks);
    }
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

/// Why nothing that the case states could be judged; none where something was. That a validator takes its settings and is
/// ready for the next rider is asked in every case, so it is not what a case is about.
fn nothing_judged(checks: &[Check]) -> Option<String> {
    let stated: Vec<&Check> = checks
        .iter()
        .filter(|check| check.seen_by != SeenBy::Baseline)
        .filter(|check| !matches!(check.what, Criterion::ReadyAgain | Criterion::Setting(_)))
        .collect();
    if stated.is_empty() || stated.iter().any(|check| check.result != CheckResult::NotJudged) {
        return None;
    }
    let mut why: Vec<&str> = stated.iter().filter_map(|check| check.why.as_deref()).collect();
    why.sort_unstable();
    why.dedup();
    Some(format!("nothing that the case expects can be judged: {}", why.join("; ")))
}
