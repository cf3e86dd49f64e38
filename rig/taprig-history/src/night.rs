//! Makes the line of a run from its record.

use crate::digest::{self, Cases};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};
use taprig_model::event::{Body, CaseStarted, Event, Role};
use taprig_model::history::{Night, NightBench, NightCase, NightFault, SCHEMA};
use taprig_model::result::{BenchResult, CaseResult, RunResult};
use taprig_record::{EVENTS, Inputs, Record};

/// The longest reason that a line keeps, in characters. The record has the rest.
const LONGEST_WHY: usize = 200;

/// The name under which a run tells the digest of cases and fixtures.
const CASES: &str = "cases-and-fixtures";

/// A record has no line.
#[derive(Debug, thiserror::Error)]
pub enum NoNight {
    /// The events can't be read a second time.
    #[error("reading {}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        cause: io::Error,
    },
    /// The record does not say how its run began.
    #[error("the record in {} does not say how its run began, so it is not known when that was", .0.display())]
    NotStarted(PathBuf),
}

/// The line of a run. `result` is computed from the events of the record (`taprig_report::Tally`). Without `inputs`, cases
/// have no digests of their own.
///
/// # Errors
/// See [`NoNight`].
pub fn of(record: &Record, result: &RunResult, inputs: Option<&Inputs>) -> Result<Night, NoNight> {
    let path = record.folder.join(EVENTS);
    let events = fs::read(&path).map_err(|cause| NoNight::Io { path, cause })?;
    let started = record.started().ok_or_else(|| NoNight::NotStarted(record.folder.clone()))?;
    let (run, content) = digest::run(&events);
    let mut environment = started.environment.clone();
    let bench = environment.remove("bench").unwrap_or_default();
    let cases_digest =
        environment.remove(CASES).map(|text| text.trim_start_matches("sha256 ").chars().take(16).collect());
    let benches: Vec<NightBench> = result.benches.iter().map(|(name, bench)| of_bench(name, bench, result)).collect();
    let used = used(&record.events);
    let digests = inputs.map(Cases::new);
    let cases = result.cases.iter().map(|case| {
        let used = used.get(case.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let digest = digests.as_ref().and_then(|digests| digests.of(&case.id, used));
        of_case(case, digest, &benches)
    });
    let cases = cases.collect();
    Ok(Night {
        schema: SCHEMA,
        run,
        content,
        record: shown(&record.folder),
        started: started.started.clone(),
        took_us: result.took_us,
        complete: result.complete,
        tool: format!("{} {}", started.tool, started.version).trim().to_owned(),
        bench,
        device: started.device.clone().unwrap_or_default(),
        device_digest: inputs.map(|inputs| digest::short(&[&serde_json::to_vec(&inputs.device).unwrap_or_default()])),
        cases_digest,
        baseline: started.baseline,
        environment,
        faults: faults(&record.events),
        benches,
        cases,
    })
}

fn shown(folder: &Path) -> String {
    std::path::absolute(folder).unwrap_or_else(|_| folder.into()).display().to_string()
}

fn of_bench(name: &str, bench: &BenchResult, result: &RunResult) -> NightBench {
    let parts = bench.boards.iter().map(|(role, kind)| format!("{role} {kind}"));
    // The word of the kind, as bench files have it.
    let card = bench.card_side.and_then(|side| serde_json::to_value(side).ok());
    let card = card.as_ref().and_then(serde_json::Value::as_str).map(|side| format!("card side {side}"));
    let roles = [Role::Validator, Role::Emulator];
    // What a board says of itself counts more than what the run wanted it to have.
    let firmware = roles.into_iter().filter_map(|role| {
        let said = bench.identities.get(&role);
        let said = |key: &str| said.and_then(|said| said.get(key)).filter(|value| !value.is_empty());
        let image = result.firmware.iter().find(|image| image.role == role).map(|image| image.digest.as_str());
        // A hosted board has no flash, and reports zeros.
        let digest = said("digest").filter(|digest| digest.chars().any(|digit| digit != '0'));
        let firmware = digest.or(image).or_else(|| said("version"))?;
        Some((role, firmware.chars().take(16).collect()))
    });
    NightBench {
        name: name.to_owned(),
        parts: parts.chain(card).collect::<Vec<_>>().join(", "),
        serial_number: bench.serial_number.clone(),
        firmware: firmware.collect(),
    }
}

fn of_case(case: &CaseResult, digest: Option<String>, benches: &[NightBench]) -> NightCase {
    let earlier = case.attempts.split_last().map(|(_, earlier)| earlier).unwrap_or_default();
    NightCase {
        id: case.id.clone(),
        verdict: case.verdict,
        digest,
        took_us: case.took_us,
        bench: case.bench.as_ref().and_then(|name| benches.iter().position(|bench| bench.name == *name)),
        earlier: earlier.iter().map(|attempt| attempt.verdict).collect(),
        why: case.failure.as_ref().map(|why| clipped(why)),
        quarantined: case.quarantine.as_ref().is_some_and(|quarantine| quarantine.holds),
    }
}

/// The first line of a reason.
fn clipped(why: &str) -> String {
    let line = why.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST_WHY) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}

/// The names of the profile and the card of each sub-case.
fn used(events: &[Event]) -> BTreeMap<&str, Vec<&str>> {
    let mut used = BTreeMap::new();
    for event in events {
        if let (Some(id), Body::CaseStarted(CaseStarted { validator, card, .. })) = (&event.case, &event.body) {
            used.insert(id.as_str(), std::iter::once(validator).chain(card).map(String::as_str).collect());
        }
    }
    used
}

/// The faults that belong to no case, each with its bench.
fn faults(events: &[Event]) -> Vec<NightFault> {
    let faults = events.iter().filter(|event| event.case.is_none()).filter_map(|event| match &event.body {
        Body::RigFault(fault) => Some(NightFault { bench: event.bench.clone(), what: clipped(&fault.to_string()) }),
        _ => None,
    });
    faults.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_that_is_not_too_long() {
        assert_eq!(clipped("outcome: expected declined\nmore"), "outcome: expected declined");
        let long = "ü".repeat(300);
        assert_eq!(clipped(&long).chars().count(), LONGEST_WHY + 3);
    }
}
