//! What a replay needs of a run: its taps are those of cases, and sampled rides are played again as cases.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use taprig_bench::{BenchError, Config, Links};
use taprig_card::Card;
use taprig_case::baseline::Mode;
use taprig_case::criteria::Lines;
use taprig_case::{Diagnostic, Problems, Project, SubCase, Workshop, plan};
use taprig_model::case::Case;
use taprig_model::event::{Event, ReadyAgain};
use taprig_model::result::Verdict;
use taprig_model::validator::Validator;
use taprig_record::{Listener, Options, Recorder, Scope};
use taprig_replay::ReplayError;
use taprig_replay::books::Sample;
use taprig_replay::engine::Player;
use taprig_replay::sample::transcript;

use crate::run::station::{Station, Stop};
use crate::run::tap::TapPlayer;
use taprig_case::project::Fixture;

/// How many of the rides that differ are kept with their transcripts.
const SHOWN: usize = 3;

/// Plays the taps of a replay as a case plays them.
#[derive(Debug, Clone, Copy)]
pub struct CaseTaps;

#[async_trait(?Send)]
impl Player for CaseTaps {
    async fn tap(
        &self,
        links: &mut Links,
        scope: &Scope,
        name: &str,
        card: &mut Card,
    ) -> Result<ReadyAgain, BenchError> {
        TapPlayer::plain(1, name, card, true).play(links, scope).await
    }
}

/// A sampled ride whose case has another transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differs {
    /// The ride.
    pub name: String,
    /// Its transcript in the replay.
    pub replay: String,
    /// Its transcript as a case.
    pub case: String,
}

/// What a comparison of sampled rides came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// Rides that were played as cases.
    pub rides: usize,
    /// Rides whose cases have another transcript.
    pub differ: usize,
    /// The first of them.
    pub first: Vec<Differs>,
}

/// Why sampled rides can't be compared.
#[derive(Debug)]
pub enum Failed {
    /// A ride can't be made a case.
    Case(Problems),
    /// A ride can't be read.
    Sample(ReplayError),
    /// The bench failed.
    Bench(BenchError),
}

/// Plays sampled rides as cases, one after the other, and compares their transcripts with those of the replay.
///
/// # Errors
/// The first failure.
pub fn compare(
    project: &Project,
    config: &Arc<Config>,
    profile: &str,
    samples: impl Iterator<Item = Result<Sample, ReplayError>>,
    stop: &Stop,
) -> Result<Compared, Failed> {
    let base: Validator = project.load(Fixture::Validator, profile).map_err(Failed::Case)?;
    let events = Arc::<Mutex<Vec<Event>>>::default();
    let hears = events.clone();
    let listen: Listener =
        Box::new(move |event| hears.lock().unwrap_or_else(PoisonError::into_inner).push((**event).clone()));
    let trouble = |what: String| Failed::Case(Diagnostic::of_file(project.root(), what).into());
    let recorder = Recorder::start(None, Options { whole: true }, vec![listen]);
    let recorder = recorder.map_err(|error| trouble(error.to_string()))?;
    let station = Station::new(config.clone(), recorder.clone(), project.root().to_owned(), Mode::Off);
    let mut station = station.map_err(|error| trouble(format!("starting a bench: {error}")))?;
    let mut workshop = Workshop::new(project);
    let mut compared = Compared::default();
    for sample in samples {
        if stop.is_set() {
            break;
        }
        let sample = sample.map_err(Failed::Sample)?;
        let case = case(&sample, profile, &base).map_err(Failed::Case)?;
        compared.rides += 1;
        for planned in &plan::plan(&mut workshop, vec![case]).map_err(Failed::Case)? {
            let verdict = station.run(planned, stop).map_err(Failed::Bench)?;
            recorder.flush();
            let heard = std::mem::take(&mut *events.lock().unwrap_or_else(PoisonError::into_inner));
            let seen = transcript(&heard);
            if seen != sample.transcript || matches!(verdict, Verdict::Fail | Verdict::Error) {
                compared.differ += 1;
                if compared.first.len() < SHOWN {
                    let (name, replay) = (sample.name.clone(), sample.transcript.clone());
                    compared.first.push(Differs { name, replay, case: seen });
                }
            }
        }
    }
    Ok(compared)
}

/// The case of a sampled ride: the same card with the same counter, on a validator with the same settings.
fn case(sample: &Sample, profile: &str, base: &Validator) -> Result<SubCase, Problems> {
    let tap = serde_json::json!("tap");
    let case = serde_json::json!({
        "schema": "1",
        "id": "XRP-001",
        "title": format!("A ride of a replay: {}", sample.name),
        "since": env!("CARGO_PKG_VERSION"),
        "given": {
            "validator": profile,
            "settings": sample.settings,
            "card": sample.card,
            "changes": sample.changes,
        },
        "steps": if sample.twice { vec![tap.clone(), tap] } else { vec![tap] },
        "expect": { "outcome": "approved" },
        "snapshot": "none",
    });
    let case: Case = serde_json::from_value(case).map_err(|error| {
        Diagnostic::of_file(std::path::Path::new("samples.json"), format!("{}: {error}", sample.name))
            .help("delete the folder of the replay and play it again")
    })?;
    let settings = base.settings.overlaid(&case.given.settings);
    let id = case.id.to_string().parse().map_err(|error: taprig_model::units::Malformed| {
        Diagnostic::of_file(std::path::Path::new("samples.json"), error.to_string())
    })?;
    Ok(SubCase { id, title: case.title.clone(), file: "samples.json".into(), lines: Lines::default(), settings, case })
}
