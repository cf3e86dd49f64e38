//! `taprig flash`: brings both boards of a bench to the firmware that the bench file names.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use taprig::display::Out;
use taprig::run::station::Station;
use taprig::setup;
use taprig_bench::Bench;
use taprig_case::baseline::Mode;
use taprig_case::{Problems, Project};
use taprig_model::event::{Body, Event, FlashOutcome};
use taprig_record::{Options, Recorder};

use super::{Exit, config, desk, interrupt};

/// Arguments of `taprig flash`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Bench: a name in fixtures/benches, or a file.
    #[arg(long, default_value = setup::DEFAULT_BENCH)]
    bench: String,
    /// Flash a board even if its digest shows that it already has the image.
    #[arg(long)]
    force: bool,
    /// Flash both boards, even if a board has the firmware of the other role.
    #[arg(long)]
    reassign: bool,
}

pub(super) fn run(project: &Project, args: &Args) -> Result<Exit, Problems> {
    let mut config = Arc::unwrap_or_clone(config(project, &args.bench)?);
    config.flash_anyway = args.force;
    config.reassign = args.reassign;
    if let Some(exit) = super::refused(&config) {
        return Ok(exit);
    }
    setup::greet_adapter(project, &config)?;
    if config.device.interface.operator().is_some() {
        config.desk = desk::at_terminal(None);
    }
    let config = Arc::new(config);
    let mut out = Out::new(std::io::stdout());
    let shown = out.failure();
    let show = move |event: &Arc<Event>| {
        if let Body::Flashed { role, outcome, digest, bytes, took_us } = &event.body {
            let digest = digest.get(..16).unwrap_or(digest);
            let done = match outcome {
                FlashOutcome::Programmed => {
                    format!("{bytes} bytes erased, programmed and verified in {} ms", took_us / 1000)
                }
                FlashOutcome::Unchanged => "holds the image already".to_owned(),
            };
            out.put(format!("{role}: {done}, digest {digest}\n").as_bytes());
        }
        if let Body::FlashedByProgram { role, command, outcome, version, took_us } = &event.body {
            let done = match outcome {
                FlashOutcome::Programmed => format!("flashed by `{command}` in {} ms", took_us / 1000),
                FlashOutcome::Unchanged => "holds the firmware already".to_owned(),
            };
            out.put(format!("{role}: {done}, version {version}\n").as_bytes());
        }
    };
    let (faults, failed) = super::faults();
    let recorder = match Recorder::start(None, Options::default(), vec![Box::new(show), faults]) {
        Ok(recorder) => recorder,
        Err(error) => return Ok(super::rig_failed(&error)),
    };
    let stop = interrupt::stop();
    let station = Station::new(config, recorder.clone(), project.root().to_owned(), Mode::Compare);
    let done = match station {
        Ok(mut station) => {
            station.with_bench(&stop, async |_: &mut Bench| Ok(())).map_err(|error| super::bench_failed(&error))
        }
        Err(error) => Err(super::rig_failed(&error)),
    };
    // This prints what the listener has not received yet.
    let closed = recorder.close(true).map_err(|error| super::rig_failed(&error));
    Ok(match (done, closed) {
        (Err(exit), _) | (Ok(_), Err(exit)) => exit,
        (Ok(None), Ok(())) => interrupt::interrupted(),
        (Ok(Some(())), Ok(())) if failed.load(Ordering::Acquire) => Exit::RigFailed,
        (Ok(Some(())), Ok(())) => super::shown(&shown),
    })
}
