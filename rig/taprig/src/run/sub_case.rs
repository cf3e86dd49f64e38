//! One attempt at a sub-case on a bench: the known state, the steps, the verdict.

use std::path::Path;
use std::time::Instant;

use taprig_model::event::{Body, CaseStarted, Criterion, RigFault, Role, Signal, Source};
use taprig_model::result::Verdict;

use super::steps;
use taprig_bench::validator_side::AIR_DEAD;
use taprig_bench::{Bench, BenchError};
use taprig_case::baseline::{Baselines, Mode, SnapshotError};
use taprig_case::plan::Planned;
use taprig_judge::transcript::transcript;
use taprig_judge::{Baseline, judge};
use taprig_record::Scope;
use taprig_record::units::{lower_hex, micros};

/// The result of an attempt.
#[derive(Debug)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// Whether the bench can be used again. Otherwise it has to be opened anew.
    pub bench_is_sound: bool,
}

/// Runs a sub-case on `bench` and emits all its events, including the verdict.
pub async fn attempt(bench: &mut Bench, planned: &Planned, root: &Path, mode: Mode) -> Outcome {
    let (started, number) = (Instant::now(), planned.attempt);
    let own = bench.scope().clone();
    let scope = own.case(&planned.id);
    bench.tell_to(scope.clone());
    let nonce = nonce(&planned.id, number);
    scope.emit(Source::Rig, Body::CaseStarted(case_started(planned, number, &nonce)));
    let played = steps::play(bench, planned, nonce, &scope).await;
    let acquirer = bench.acquirer_ends();
    bench.hear_out();
    let notes = bench.take_lost();
    if notes > 0 {
        scope.emit(Source::Rig, Body::Note { text: format!("{notes} notes of the card emulator were lost") });
    }
    let played = match played {
        // This comes before the check of the air: a reader waits in vain if the note of its command is lost.
        Ok(()) if notes > 0 => Err(BenchError::Lost { notes }),
        Ok(()) if air_failed(&scope) => Err(BenchError::Air),
        Ok(()) => acquirer,
        played => played,
    };
    let (judged, sound) = match played {
        Ok(()) => (judged(bench, planned, root, mode, &scope), true),
        Err(error) => {
            let doing = format!("running {}", planned.id);
            let on = format!("the bench {}", bench.name());
            (Err(why(bench, error).fault(&doing, &on)), false)
        }
    };
    let (verdict, failure) = judged.unwrap_or_else(|fault| {
        let text = fault.to_string();
        scope.emit(Source::Rig, Body::RigFault(fault));
        (Verdict::Error, Some(text))
    });
    let took_us = micros(started.elapsed());
    scope.emit(Source::Rig, Body::CaseFinished { verdict, took_us, attempt: number, failure });
    bench.tell_to(own);
    Outcome { verdict, bench_is_sound: sound }
}

/// Whether the validator waited in vain for the card side, which answers every frame. Then the emulator, or the machine
/// that emulates it, was too slow. The device's reaction to that says nothing about the device.
fn air_failed(scope: &Scope) -> bool {
    scope.has(|event| match &event.body {
        Body::Signal { signal: Signal::Fault { what }, .. } => what == AIR_DEAD,
        _ => false,
    })
}

/// If a link broke because its board has ended, the board is to blame. If a part was unplugged, the error names it.
pub(crate) fn why(bench: &mut Bench, error: BenchError) -> BenchError {
    if let BenchError::Link(link) = &error {
        for role in [Role::Validator, Role::Emulator] {
            if let Some(why) = bench.ended(role, link) {
                return BenchError::Ended { role, why };
            }
        }
    }
    bench.blame(error)
}

/// Judges what was seen, emits each check, and writes the transcript that a person has to review. Returns the verdict,
/// and why it is not a pass.
///
/// # Errors
/// A file of the baseline can't be read or written.
fn judged(
    bench: &Bench,
    planned: &Planned,
    root: &Path,
    mode: Mode,
    scope: &Scope,
) -> Result<(Verdict, Option<String>), RigFault> {
    let (events, device, criteria) = (scope.events(), bench.device(), planned.criteria());
    let (file, id, title) = (&planned.sub.file, &planned.id, &planned.sub.case.title);
    let baselines = Baselines::of(root, device);
    let judgement = match baselines.as_ref().filter(|_| criteria.baseline && mode != Mode::Off) {
        None => judge(&criteria, device, &events, Baseline::Off),
        Some(files) => {
            let failed = |error: SnapshotError| unusable(&error, root);
            let mode = if files.is_locked(file) { Mode::Compare } else { mode };
            let reviewed = files.read(file, id).map_err(failed)?;
            let judgement = judge(&criteria, device, &events, Baseline::Of(reviewed.as_deref()));
            let changed = judgement.checks.iter().any(|check| check.what == Criterion::Baseline && check.fails());
            match (changed, mode) {
                (_, Mode::Off | Mode::Compare) => judgement,
                (false, _) => {
                    files.settle(file, id).map_err(failed)?;
                    judgement
                }
                // A transcript of a failed case is proposed for review, but it never becomes the reviewed one by
                // itself.
                (true, Mode::Accept) if judgement.verdict == Verdict::Changed => {
                    let text = transcript(&events);
                    files.accept(file, id, title, &text).map_err(failed)?;
                    judge(&criteria, device, &events, Baseline::Of(Some(&text)))
                }
                (true, _) => {
                    files.propose(file, id, title, &transcript(&events)).map_err(failed)?;
                    judgement
                }
            }
        }
    };
    for mut check in judgement.checks {
        if check.what == Criterion::Baseline {
            check.at = baselines.as_ref().map(|files| files.shown(file, id).display().to_string());
        }
        scope.emit(Source::Rig, Body::Checked(check));
    }
    Ok((judgement.verdict, judgement.failure))
}

/// A file of the baseline that can't be used is not a failure of the device.
fn unusable(error: &SnapshotError, root: &Path) -> RigFault {
    // Reports are read on other machines, so paths are relative to the project.
    let path = error.path.strip_prefix(root).unwrap_or(&error.path);
    RigFault {
        doing: format!("{} a reviewed transcript", error.doing),
        on: path.display().to_string(),
        cause: error.cause.to_string(),
        advice: Some("check that the file can be read and that its folder can be written".into()),
    }
}

fn case_started(planned: &Planned, attempt: u32, nonce: &[u8]) -> CaseStarted {
    let case = &planned.sub.case;
    let word = |value: serde_json::Value| value.to_string().replace('"', "");
    CaseStarted {
        title: case.title.clone(),
        file: planned.sub.file.display().to_string(),
        requires: case.requires.clone(),
        attempt,
        nonce: lower_hex(nonce),
        validator: case.given.validator.to_string(),
        card: case.given.card.as_ref().map(ToString::to_string),
        settings: case.given.settings.in_words().into_iter().map(|(key, value)| format!("{key} {value}")).collect(),
        changes: case.given.changes.iter().filter_map(|change| serde_json::to_value(change).ok()).map(word).collect(),
        faults: case.given.inject.iter().map(ToString::to_string).collect(),
        frames: planned.frames,
    }
}

/// Bytes that no earlier case on any bench has used. They depend on the case, the attempt, the process and the time.
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
