//! Judges a complete record again.

use std::collections::{BTreeMap, BTreeSet};

use taprig_model::capability::BenchCapabilities;
use taprig_model::criteria::Criteria;
use taprig_model::device::Device;
use taprig_model::event::{BaselineUse, Body, Event};
use taprig_model::result::Verdict;
use taprig_record::{Inputs, Record};

use crate::{Baseline, Judgement, judge, lacks};

/// The inputs of the verdicts of a record.
#[derive(Clone, Copy)]
pub struct By<'a> {
    /// The criteria of each sub-case.
    pub criteria: &'a [Criteria],
    /// The device under test.
    pub device: &'a Device,
    /// The capabilities of the bench.
    pub bench: &'a BenchCapabilities,
    /// The reviewed transcript of a sub-case, by its id.
    pub baseline: &'a dyn Fn(&str) -> Baseline<'a>,
}

impl std::fmt::Debug for By<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("By").field("criteria", &self.criteria.len()).finish_non_exhaustive()
    }
}

/// A verdict that differs from the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Id of the sub-case.
    pub id: String,
    /// The verdict in the record, or `None` if the record does not contain the sub-case.
    pub was: Option<Verdict>,
    /// The new verdict, or `None` if no case has this id any more.
    pub now: Option<Verdict>,
    /// The reason for the new verdict.
    pub why: Option<String>,
}

/// The result of judging a record again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// The events of the record, with the new checks and verdicts in place of the old ones.
    pub events: Vec<Event>,
    /// Verdicts that differ: first in the order of the criteria, then those of sub-cases without criteria.
    pub differences: Vec<Difference>,
}

/// Judges a record again by nothing but what the record itself holds: its inputs and the way in which its run used the
/// baseline.
#[must_use]
pub fn stored(record: &Record, inputs: &Inputs) -> Again {
    let used = record.started().map(|run| run.baseline).unwrap_or_default();
    let of = |id: &str| baseline(used, inputs.baselines.as_ref(), id);
    self::record(
        &record.events,
        By { criteria: &inputs.criteria, device: &inputs.device, bench: &inputs.bench, baseline: &of },
    )
}

/// The baseline of a sub-case, from reviewed transcripts by id. Without any there is no baseline.
#[must_use]
pub fn baseline<'a>(used: BaselineUse, all: Option<&'a BTreeMap<String, String>>, id: &str) -> Baseline<'a> {
    match (used, all) {
        (BaselineUse::Off, _) | (_, None) => Baseline::Off,
        (_, Some(all)) => Baseline::Of(all.get(id).map(String::as_str)),
    }
}

/// Judges every sub-case of a record again. It does not change the events. It uses the checks and verdicts in the
/// record only to find out which verdicts differ.
#[must_use]
pub fn record(events: &[Event], by: By<'_>) -> Again {
    let (mut of_case, mut was): (BTreeMap<&str, Vec<Event>>, BTreeMap<&str, Verdict>) = Default::default();
    for event in events {
        let Some(id) = &event.case else { continue };
        match &event.body {
            Body::Checked(_) => {}
            body => {
                if let Body::CaseFinished { verdict, .. } = body {
                    was.insert(id, *verdict);
                }
                if let Body::CaseStarted(_) = body {
                    // A run that was resumed has played this sub-case again. The last attempt counts.
                    of_case.remove(id.as_str());
                }
                of_case.entry(id).or_default().push(event.clone());
            }
        }
    }
    let judged: BTreeMap<&str, Judgement> = by
        .criteria
        .iter()
        .filter_map(|criteria| Some((criteria.id.as_str(), one(criteria, of_case.get(criteria.id.as_str())?, by))))
        .collect();
    let known: BTreeSet<&str> = by.criteria.iter().map(|criteria| criteria.id.as_str()).collect();
    let mut differences: Vec<Difference> = by
        .criteria
        .iter()
        .filter_map(|criteria| {
            let id = criteria.id.as_str();
            let (was, now) = (was.get(id).copied(), judged.get(id));
            let (verdict, why) = match now {
                Some(judgement) => (judgement.verdict, judgement.failure.clone()),
                None => (Verdict::Skipped, Some(NOT_PLAYED.to_owned())),
            };
            (was != Some(verdict)).then(|| Difference { id: id.to_owned(), was, now: Some(verdict), why })
        })
        .collect();
    let gone = was.iter().filter(|(id, _)| !known.contains(*id));
    differences.extend(gone.map(|(id, was)| Difference {
        id: (*id).to_owned(),
        was: Some(*was),
        now: None,
        why: Some("no case has this id".into()),
    }));
    Again { events: rewritten(events, &known, &judged), differences }
}

const NOT_PLAYED: &str = "it was not played: the record has no events of it";

fn one(criteria: &Criteria, events: &[Event], by: By<'_>) -> Judgement {
    let ended = |verdict, why: String| Judgement { checks: vec![], verdict, failure: Some(why) };
    let lacks = lacks(criteria, by.device, by.bench);
    if !lacks.is_empty() {
        return ended(Verdict::NotApplicable, lacks.join("; "));
    }
    let played = |event: &Event| matches!(event.body, Body::StepStarted { .. } | Body::RigFault(_));
    let skipped = |event: &Event| matches!(event.body, Body::CaseFinished { verdict: Verdict::Skipped, .. });
    if !events.iter().any(|event| played(event) || skipped(event)) {
        return ended(Verdict::Skipped, NOT_PLAYED.into());
    }
    judge(criteria, by.device, events, (by.baseline)(&criteria.id))
}

/// The stream with the new checks before the end of each sub-case, and with the new verdict at that end.
fn rewritten(events: &[Event], known: &BTreeSet<&str>, judged: &BTreeMap<&str, Judgement>) -> Vec<Event> {
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        if let (Some(id), Body::CaseFinished { .. }) = (&event.case, &event.body) {
            last.insert(id, place);
        }
    }
    let mut out = Vec::with_capacity(events.len());
    for (place, event) in events.iter().enumerate() {
        let Some(id) = event.case.as_deref() else {
            out.push(event.clone());
            continue;
        };
        if !known.contains(id) || matches!(event.body, Body::Checked(_)) {
            continue;
        }
        match (&event.body, judged.get(id)) {
            (Body::CaseFinished { took_us, attempt, .. }, Some(judgement)) if last.get(id) == Some(&place) => {
                let at = |body| Event { body, numbers: vec![], ..event.clone() };
                out.extend(judgement.checks.iter().cloned().map(|check| at(Body::Checked(check))));
                out.push(at(Body::CaseFinished {
                    verdict: judgement.verdict,
                    took_us: *took_us,
                    attempt: *attempt,
                    failure: judgement.failure.clone(),
                }));
            }
            _ => out.push(event.clone()),
        }
    }
    out
}
