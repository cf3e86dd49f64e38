//! `taprig tap`: plays one tap by hand and shows it decoded.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use taprig::display::{noise, times};
use taprig::run::station::Station;
use taprig::run::tap::TapPlayer;
use taprig::setup;
use taprig_bench::{Bench, BenchError};
use taprig_case::baseline::Mode;
use taprig_case::{Problems, Project, Workshop};
use taprig_judge::transcript::render;
use taprig_model::event::{Body, CaseStarted, Source};
use taprig_record::decode::View;
use taprig_record::{Options, Recorder};
use taprig_report::Tally;

use super::fixture::{DEFAULT_PROFILE, card, situation};
use super::{Exit, config, desk, interrupt, print};

/// Arguments of `taprig tap`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Card image: a name in fixtures/cards, or a file.
    card: String,
    /// Validator profile: a name in fixtures/validators, or a file.
    #[arg(long, default_value = DEFAULT_PROFILE)]
    validator: String,
    /// Bench: a name in fixtures/benches, or a file.
    #[arg(long, default_value = setup::DEFAULT_BENCH)]
    bench: String,
}

pub(super) fn run(project: &Project, args: &Args) -> Result<Exit, Problems> {
    let mut config = Arc::unwrap_or_clone(config(project, &args.bench)?);
    if let Some(exit) = super::refused(&config) {
        return Ok(exit);
    }
    setup::greet_adapter(project, &config)?;
    if config.device.interface.operator().is_some() {
        config.desk = desk::at_terminal(None);
    }
    let (time, emulated) = (config.time(), config.bench.validator.runs_here());
    let config = Arc::new(config);
    let mut workshop = Workshop::new(project);
    let (validator_name, situation) = situation(project, &mut workshop, &args.validator)?;
    let (card_name, mut card) = card(project, &mut workshop, &args.card)?;

    let (faults, failed) = super::faults();
    let recorder = match Recorder::start(None, Options::default(), vec![faults]) {
        Ok(recorder) => recorder,
        Err(error) => return Ok(super::rig_failed(&error)),
    };
    let stop = interrupt::stop();
    let station = Station::new(config, recorder.clone(), project.root().to_owned(), Mode::Compare);
    let mut station = match station {
        Ok(station) => station,
        Err(error) => return Ok(super::rig_failed(&error)),
    };
    let scope = recorder.scope().case("tap");
    scope.emit(
        Source::Rig,
        Body::CaseStarted(CaseStarted {
            title: format!("{card_name} on {validator_name}"),
            validator: validator_name.clone(),
            card: Some(card_name.clone()),
            ..CaseStarted::default()
        }),
    );
    let played = station.with_bench(&stop, async |bench: &mut Bench| {
        let own = bench.scope().clone();
        bench.tell_to(scope.clone());
        let modelled = bench.is_modelled();
        let nonce = std::process::id().to_be_bytes().repeat(2).try_into().unwrap_or_default();
        bench.situate(&situation, nonce).await?;
        if let Some(links) = bench.links() {
            scope.emit(Source::Rig, Body::StepStarted { number: 1, step: "tap".into() });
            let tap = TapPlayer::plain(1, &card_name, &mut card, modelled);
            tap.play(links, &scope).await?;
        }
        bench.hear_out();
        let notes = bench.take_lost();
        if notes > 0 {
            return Err(BenchError::Lost { notes });
        }
        bench.tell_to(own);
        Ok(())
    });
    let events = scope.events();
    let mut text = render(&events, View::Whole).trim_end().to_owned() + "\n";
    let tally = Tally::of(&events);
    if let Some(line) = tally.get("tap").and_then(|case| times::of_tap(case, time, emulated)) {
        text += &format!("  {line}\n");
    }
    let noise = noise(&events);
    if !noise.is_empty() {
        text += &format!("\nother output of the validator\n  {}\n", noise.join("\n  "));
    }
    let printed = print(&text);
    drop(station);
    recorder.flush();
    match played {
        Ok(Some(())) if failed.load(Ordering::Acquire) => Ok(Exit::RigFailed),
        Ok(Some(())) => Ok(printed),
        Ok(None) => Ok(interrupt::interrupted()),
        Err(error) => Ok(super::bench_failed(&error)),
    }
}
