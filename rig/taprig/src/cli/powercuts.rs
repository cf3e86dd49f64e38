//! `taprig powercuts`: cuts the power of a bench at random instants.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use taprig::powercuts::Drawn;
use taprig::powercuts::phase::{Observed, Phase};
use taprig::powercuts::round::{Played, Rider, Stage, play};
use taprig::powercuts::table::{Cut, table};
use taprig::run::station::{Station, Stop};
use taprig::setup;
use taprig_acquirer::Setup;
use taprig_bench::{Bench, BenchError};
use taprig_case::baseline::Mode;
use taprig_case::project::Fixture;
use taprig_case::{Diagnostic, Problems, Project, Workshop, plan};
use taprig_model::acquirer::GivenAcquirer;
use taprig_model::bench::HostedPower;
use taprig_model::card::CardImage;
use taprig_model::device::claim;
use taprig_model::settings::Settings;
use taprig_model::units::Duration;
use taprig_model::validator::Validator;
use taprig_record::{Options, Recorder};

use super::{Exit, bench_failed, config, interrupt, print, rig_failed, say};

/// The riders' cards, of three kinds.
const CARDS: [&str; 3] = ["unionpay-credit-rsa1152", "unionpay-credit-rsa1024", "unionpay-quasi-credit"];

/// The re-tap time of the validator.
const RETAP: Duration = Duration::from_ms(600_000);

/// How often a round is tried again in which the rig was too slow for the validator's reader.
const TRIES: u32 = 3;

/// Arguments of `taprig powercuts`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Number of cuts.
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000), default_value_t = 20)]
    cuts: u32,
    /// Seed of the first cut. The next cut has the next number, so `1 SEED` repeats one cut of an earlier command.
    #[arg(default_value_t = 1)]
    seed: u64,
    /// Bench: a name in fixtures/benches, or a file. It needs an acquirer.
    #[arg(long, default_value = setup::DEFAULT_BENCH)]
    bench: String,
    /// Validator profile: a name in fixtures/validators, or a file.
    #[arg(long, default_value = "uplink-1-yuan")]
    validator: String,
}

pub(super) fn run(project: &Project, args: &Args) -> Result<Exit, Problems> {
    let mut config = Arc::unwrap_or_clone(config(project, &args.bench)?);
    if let Some(exit) = super::refused(&config) {
        return Ok(exit);
    }
    let file = project.meant(Fixture::Bench, &args.bench)?;
    if config.bench.acquirer.is_none() {
        let problem = "power cuts need an acquirer, to which the validator claims its rides";
        return Err(Diagnostic::of_file(&file, problem)
            .help("add `acquirer: { link: {} }`, or take another bench")
            .into());
    }
    for needed in [claim::JOURNAL, claim::UPLINK] {
        if !config.device.claims(needed) {
            let problem =
                format!("power cuts need a device that claims `{needed}`, and {} does not", config.bench.device);
            let help = "without its journal and its claims nobody can say whether a ride is lost";
            return Err(Diagnostic::of_file(&file, problem).help(help).into());
        }
    }
    setup::greet_adapter(project, &config)?;
    // A cut in place stops a machine between two instructions, too, but a killed process is what a user's power plug is.
    config.bench.power.hosted = HostedPower::Process;
    let stage = stage(project, args)?;

    let (faults, failed) = super::faults();
    let recorder = match Recorder::start(None, Options::default(), vec![faults]) {
        Ok(recorder) => recorder,
        Err(error) => return Ok(rig_failed(&error)),
    };
    let stop = interrupt::stop();
    let station = Station::new(Arc::new(config), recorder.clone(), project.root().to_owned(), Mode::Compare);
    let station = match station {
        Ok(station) => station,
        Err(error) => return Ok(rig_failed(&error)),
    };
    let mut rounds = Rounds { station, stage: &stage, recorder: &recorder, stop: &stop, number: 0, cuts: vec![] };
    let ended = rounds.all(args);
    let cuts = std::mem::take(&mut rounds.cuts);
    drop(rounds);
    recorder.flush();
    let printed = print(&table(&cuts));
    Ok(match ended {
        Err(error) => bench_failed(&error),
        Ok(Ended::Stopped) => interrupt::interrupted(),
        Ok(Ended::Disturbed(seed)) => {
            say(&format!(
                "taprig: this computer is too slow for the reader of the emulated validator (cut {seed}); end other programs, \
                 or use fewer benches at once"
            ));
            Exit::RigFailed
        }
        Ok(Ended::Done) if failed.load(Ordering::Acquire) => Exit::RigFailed,
        Ok(Ended::Done) if cuts.iter().any(|cut| cut.violated.is_some()) => Exit::CaseFailed,
        Ok(Ended::Done) => printed,
    })
}

fn stage(project: &Project, args: &Args) -> Result<Stage, Problems> {
    let mut workshop = Workshop::new(project);
    let mut problems = Problems::default();
    let keys = plan::keys(&mut workshop, &mut problems);
    let profile: Validator =
        project.load_file(Fixture::Validator, &project.meant(Fixture::Validator, &args.validator)?)?;
    let mut rider = |name: &str| -> Result<Rider, Problems> {
        let (name, card) = super::fixture::card(project, &mut workshop, name)?;
        let image: CardImage = project.load(Fixture::Card, &name)?;
        let Some(application) = image.applications.first() else {
            let file = project.file(Fixture::Card, &name);
            return Err(Diagnostic::of_file(&file, "a card without an application can't ride").into());
        };
        Ok(Rider { account: application.account.pan.clone(), name, card })
    };
    let [first, second, third] = CARDS;
    let riders = [rider(first)?, rider(second)?, rider(third)?];
    let acquirer = keys
        .acquirer(&GivenAcquirer::default())
        .map_err(|why| Diagnostic::of_file(project.root(), format!("the acquirer's keys: {why}")))?;
    // A rider who was interrupted taps again within this time, and is not charged twice.
    let settings = Settings { retap: Some(RETAP), ..profile.settings };
    let situation = keys.situation(&settings);
    problems.into_result(Stage { situation, keys, acquirer: Setup::new(acquirer.keys), riders })
}

enum Ended {
    Done,
    Stopped,
    /// The rig was too slow in the round with this seed.
    Disturbed(u64),
}

struct Rounds<'a> {
    station: Station,
    stage: &'a Stage,
    recorder: &'a Recorder,
    stop: &'a Stop,
    /// Number of rounds so far.
    number: u32,
    cuts: Vec<Cut>,
}

impl Rounds<'_> {
    fn all(&mut self, args: &Args) -> Result<Ended, BenchError> {
        let mut observed = BTreeMap::new();
        for number in 0..u64::from(args.cuts) {
            let seed = args.seed.wrapping_add(number);
            let drawn = Drawn::of(seed);
            if let Entry::Vacant(unknown) = observed.entry(drawn.act) {
                let whole = Drawn { act: drawn.act, phase: Phase::Whole, part: 0.0 };
                match self.round(seed, whole, None)? {
                    Some(Played::Whole(seen)) => drop(unknown.insert(seen)),
                    Some(Played::Cut(cut)) => {
                        let why = cut.violated.as_deref().unwrap_or("no cut was asked for");
                        say(&format!("without a cut, act {}: {why}", drawn.act.name()));
                        self.cuts.push(cut);
                        return Ok(Ended::Done);
                    }
                    Some(Played::Disturbed) => return Ok(Ended::Disturbed(seed)),
                    None => return Ok(Ended::Stopped),
                }
            }
            match self.round(seed, drawn, observed.get(&drawn.act))? {
                Some(Played::Cut(cut)) => {
                    if let Some(why) = &cut.violated {
                        say(&format!(
                            "seed {seed}: {}, {}, {:.1} ms after its beginning: {why}\n  again: ci/powercuts 1 {seed}",
                            cut.act.name(),
                            cut.phase,
                            cut.at.as_secs_f64() * 1000.0,
                        ));
                    }
                    self.cuts.push(cut);
                }
                Some(Played::Whole(_)) => {}
                Some(Played::Disturbed) => return Ok(Ended::Disturbed(seed)),
                None => return Ok(Ended::Stopped),
            }
        }
        Ok(Ended::Done)
    }

    /// Plays a round, if the command was not stopped.
    fn round(&mut self, seed: u64, drawn: Drawn, observed: Option<&Observed>) -> Result<Option<Played>, BenchError> {
        for _ in 0..TRIES {
            self.number += 1;
            let (stage, number) = (self.stage, self.number);
            let recorder = self.recorder;
            let played = self.station.with_bench(self.stop, async |bench: &mut Bench| {
                let own = bench.scope().clone();
                let scope = recorder.scope().bench(&bench.name()).case(&format!("cut {seed}"));
                let played = play(bench, stage, &scope, (seed, drawn), observed, number).await;
                bench.tell_to(own);
                played
            })?;
            match played {
                Some(Played::Disturbed) => {}
                played => return Ok(played),
            }
        }
        Ok(Some(Played::Disturbed))
    }
}
