//! One attempt at a sub-case on a bench: known state, steps, verdict.

use std::path::Path;
use std::time::Instant;

use taprig_model::case::Snapshot;
use taprig_model::event::{Body, CaseStarted, Check, CheckKind, Event, Source};
use taprig_model::result::Verdict;

use super::fault;
use super::known_state::Told;
use super::plan::Planned;
use super::steps;
use taprig_bench::{Bench, BenchError};
use taprig_case::baseline as snapshot;
use taprig_judge::transcript;
use taprig_judge::verdict;
use taprig_record::Scope;
use taprig_record::units::{lower_hex, micros};

/// What an attempt came to.
#[derive(Debug)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// The bench can be used on; else it has to be opened anew.
    pub bench_is_sound: bool,
}

/// Runs a sub-case on `bench` and tells all of it, the verdict included.
pub async fn attempt(
    bench: &mut Bench,
    told: &mut Told,
    planned: &Planned,
    number: u32,
    root: &Path,
    mode: snapshot::Mode,
) -> Outcome {
    let started = Instant::now();
    let own = bench.scope().clone();
    let scope = own.case(&planned.id);
    bench.tell_to(scope.clone());
    let nonce = nonce(&planned.id, number);
    scope.emit(Source::Rig, Body::CaseStarted(case_started(planned, number, &nonce)));
    let played = steps::play(bench, told, planned, nonce, &scope).await;
    bench.hear_out();
    let notes = bench.take_lost();
    if notes > 0 {
        scope.emit(Source::Rig, Body::Note { text: format!("{notes} notes of the card emulator were lost") });
    }
    let played = match played {
        // Before the air: a reader waits in vain when the note of its command is lost.
        Ok(()) if notes > 0 => Err(BenchError::Lost { notes }),
        Ok(()) if air_failed(&scope) => Err(BenchError::Air),
        played => played,
    };
    let (verdict, failure, sound) = match played {
        Ok(()) => {
            let failure = judge(bench, planned, root, mode, &scope);
            (if failure.is_none() { Verdict::Pass } else { Verdict::Fail }, failure, true)
        }
        Err(error) => {
            let doing = format!("running {}", planned.id);
            let on = format!("the bench {}", bench.name());
            let fault = why(bench, error).fault(&doing, &on);
            let text = fault.to_string();
            scope.emit(Source::Rig, Body::RigFault(fault));
            (Verdict::Error, Some(text), false)
        }
    };
    let took_us = micros(started.elapsed());
    scope.emit(Source::Rig, Body::CaseFinished { verdict, took_us, attempt: number, failure });
    bench.tell_to(own);
    Outcome { verdict, bench_is_sound: sound }
}

/// Whether the validator waited in vain for the card emulator's side of the air, which answers every frame: the emulator,
/// or the machine that emulates it, was too slow. What the device then did says nothing about it.
fn air_failed(scope: &Scope) -> bool {
    scope.events().iter().any(|event| match &event.body {
        Body::ConsoleEvent { name, values } => name == "fault" && values.get("what") == Some("air-dead"),
        _ => false,
    })
}

/// A link that broke because its board is gone is the board's fault.
fn why(bench: &mut Bench, error: BenchError) -> BenchError {
    use taprig_model::event::Role;
    let BenchError::Link(link) = &error else { return error };
    for role in [Role::Validator, Role::Emulator] {
        if let Some(why) = bench.ended(role, link) {
            return BenchError::Ended { role, why };
        }
    }
    error
}

/// Holds the case's expectations and its reviewed transcript against what was seen. The first failure in words.
fn judge(bench: &Bench, planned: &Planned, root: &Path, mode: snapshot::Mode, scope: &Scope) -> Option<String> {
    let events = scope.events();
    let sub = &planned.sub;
    let at = |what: &str| Some(sub.at(sub.lines.case().line(what)));
    let mut checks = verdict::judge_case(&sub.case.expect, &events, &bench.device().console, &at);
    if sub.case.snapshot == Snapshot::Transcript {
        let failed = |event: &Event| matches!(&event.body, Body::Checked(check) if !check.ok);
        let as_expected = checks.iter().all(|check| check.ok) && !events.iter().any(failed);
        // What is not as the case expects is shown for review, but never becomes the reviewed transcript by itself.
        let mode = if mode == snapshot::Mode::Accept && !as_expected { snapshot::Mode::Propose } else { mode };
        checks.push(reviewed(planned, &events, root, mode));
    }
    for check in checks {
        scope.emit(Source::Rig, Body::Checked(check));
    }
    scope.events().iter().find_map(|event| match &event.body {
        Body::Checked(check) if !check.ok => Some(match check.what.as_str() {
            TRANSCRIPT => format!("{TRANSCRIPT}: {}", check.seen),
            what => format!("{what}: expected {}, seen {}", check.wanted, check.seen),
        }),
        _ => None,
    })
}

const TRANSCRIPT: &str = "transcript";

fn reviewed(planned: &Planned, events: &[Event], root: &Path, mode: snapshot::Mode) -> Check {
    let folder = root.join(&planned.sub.file).parent().map(|folder| folder.join("snapshots")).unwrap_or_default();
    let name = snapshot::name(&planned.id);
    // Reports are read on other machines: a place is told from the project on.
    let shown = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_owned();
    let text = transcript::transcript(events);
    let seen = match snapshot::check(&folder, &name, &planned.sub.case.title, &text, mode) {
        Ok(snapshot::Compared::Match) => None,
        Ok(_) if mode == snapshot::Mode::Accept => None,
        Ok(snapshot::Compared::Missing) => {
            let file = shown(&snapshot::file(&folder, &name)).display().to_string();
            let look = if mode == snapshot::Mode::Propose {
                format!("look at {file}.new, then accept it")
            } else {
                "accept it".into()
            };
            Some(format!("none was reviewed; {look} with `cargo insta review`, or by a run with INSTA_UPDATE=always"))
        }
        Ok(snapshot::Compared::Mismatch { diff }) => Some(format!("not as reviewed\n{diff}")),
        Err(error) => Some(snapshot::SnapshotError { path: shown(&error.path), ..error }.to_string()),
    };
    Check {
        of: CheckKind::Trace,
        what: TRANSCRIPT.into(),
        wanted: "as reviewed".into(),
        ok: seen.is_none(),
        seen: seen.unwrap_or_else(|| "as reviewed".into()),
        at: Some(shown(&snapshot::file(&folder, &name)).display().to_string()),
    }
}

fn case_started(planned: &Planned, attempt: u32, nonce: &[u8]) -> CaseStarted {
    let case = &planned.sub.case;
    let word = |value: serde_json::Value| value.to_string().replace('"', "");
    CaseStarted {
        title: case.title.clone(),
        file: planned.sub.file.display().to_string(),
        attempt,
        nonce: lower_hex(nonce),
        validator: case.given.validator.to_string(),
        card: case.given.card.as_ref().map(ToString::to_string),
        settings: match serde_json::to_value(&case.given.settings) {
            Ok(serde_json::Value::Object(all)) => all.into_iter().map(|(k, v)| format!("{k} {}", word(v))).collect(),
            _ => vec![],
        },
        changes: case.given.changes.iter().filter_map(|change| serde_json::to_value(change).ok()).map(word).collect(),
        faults: case.given.inject.iter().map(fault::words).collect(),
    }
}

/// Bytes that no earlier case on any bench has used: of the case, the attempt, the process and the time.
fn nonce(id: &str, attempt: u32) -> [u8; 8] {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write(id.as_bytes());
    hasher.write_u32(attempt);
    hasher.finish().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_nonces_are_alike() {
        assert_ne!(nonce("ODA-001", 1), nonce("ODA-001", 1));
    }
}
