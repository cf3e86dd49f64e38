//! `taprig run`: runs cases on a bench.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use taprig::display;
use taprig::run::forecast::{self, Forecast};
use taprig::run::queue;
use taprig::setup;
use taprig_bench::Config;
use taprig_case::baseline::{Baselines, Mode};
use taprig_case::plan;
use taprig_case::{Diagnostic, Problems, Project, Suite};
use taprig_model::adapter::{Capability, Greeting};
use taprig_model::bench::BoardConfig;
use taprig_model::device::Interface;
use taprig_model::event::{BaselineUse, Body, Event, RunStarted, SCHEMA, Source};
use taprig_model::result::RunResult;
use taprig_record::{Inputs, Options, Recorder, WriteError};
use taprig_report::Tally;

use super::{Exit, Format, desk, interrupt, say, this_program};

/// Arguments of `taprig run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files, folders, ids, families or tags. By default, all cases are run.
    select: Vec<String>,
    /// Bench: a name in fixtures/benches, or a file.
    #[arg(long, default_value = setup::DEFAULT_BENCH)]
    bench: String,
    /// Number of benches that run at the same time.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: u8,
    /// Folder for the record and the reports. An earlier record in it is replaced.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Do not mask card numbers in the record. Use this only for cards that are known to be test cards.
    #[arg(long, requires = "report")]
    keep_card_numbers: bool,
    /// What a transcript that differs from the reviewed one of the device means.
    #[arg(long, value_enum, default_value_t)]
    baseline: BaselineArg,
    /// Name of the person who judges what a device without any interface shows. The default is the user's name.
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// How the run is displayed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// [`BaselineUse`] on the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum BaselineArg {
    /// The run fails.
    #[default]
    Require,
    /// The run reports the difference and does not fail.
    Report,
    /// Transcripts are not compared.
    Off,
}

impl From<BaselineArg> for BaselineUse {
    fn from(argument: BaselineArg) -> Self {
        match argument {
            BaselineArg::Require => Self::Require,
            BaselineArg::Report => Self::Report,
            BaselineArg::Off => Self::Off,
        }
    }
}

pub(super) fn run(project: &Project, args: &Args) -> Result<Exit, Problems> {
    // Everything is read and checked before anything runs.
    let mut suite = Suite::load(project, &args.select)?;
    let mut config = setup::config(project, &args.bench, this_program()?)?;
    let mut planned = plan::plan(&mut suite.workshop, suite.cases)?;
    let greeting = setup::greet_adapter(project, &config)?;
    if config.device.interface.operator().is_some() {
        if args.jobs > 1 {
            let problem = "a person can serve one bench at a time, so `--jobs` must be 1";
            return Err(Diagnostic::of_file(Path::new("--jobs"), problem).into());
        }
        config.desk = desk::at_terminal(args.operator.as_deref());
    }
    let forecast = forecast(&mut planned, &config, greeting.as_ref());
    let config = Arc::new(config);

    let format = match args.format {
        Format::Human => display::Format::Human,
        Format::Json => display::Format::Json,
    };
    let bench = if args.bench == setup::DEFAULT_BENCH { String::new() } else { format!(" --bench {}", args.bench) };
    let mut options = display::Options::from_env(format, format!("ci/rig run{bench}"), args.report.is_some());
    // A progress line would be drawn over the questions.
    options.terminal &= config.desk.is_none();
    let kept: Arc<Mutex<(Tally, Vec<Event>)>> = Arc::default();
    let keep = {
        let (kept, wants_events) = (kept.clone(), args.report.is_some());
        Box::new(move |event: &Event| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.0.add(event);
            if wants_events && !matches!(event.body, Body::Serial { .. }) {
                kept.1.push(event.clone());
            }
        })
    };
    let out = display::Out::new(std::io::stdout());
    let shown = out.failure();
    let listeners: Vec<taprig_record::Listener> = vec![keep, display::listener(options, out)];
    let recorder = match Recorder::start(args.report.as_deref(), Options { whole: args.keep_card_numbers }, listeners) {
        Ok(recorder) => recorder,
        Err(error @ WriteError::Thread(_)) => return Ok(super::rig_failed(&error)),
        // The user asked for this folder, and no board was touched yet.
        Err(WriteError::Folder { path, why }) => return Err(Diagnostic::of_file(&path, why).into()),
        Err(error) => {
            let folder = args.report.as_deref().unwrap_or(Path::new("--report"));
            return Err(Diagnostic::of_file(folder, error.to_string()).into());
        }
    };
    let scope = recorder.scope();
    let cases = u32::try_from(planned.len()).unwrap_or(u32::MAX);
    let baseline = args.baseline.into();
    scope.emit(Source::Rig, Body::RunStarted(run_started(project, &config, cases, baseline)));
    let mode = if baseline == BaselineUse::Off { Mode::Off } else { Mode::from_env() };
    if let Some(folder) = &args.report
        && let Err(error) = inputs(project, &config, &planned, mode).write(folder, args.keep_card_numbers)
    {
        return Ok(super::rig_failed(&error));
    }

    if let Some(forecast) = forecast {
        say(&format!("taprig: {forecast}"));
        scope.emit(Source::Rig, Body::Note { text: forecast });
    }
    let stop = interrupt::stop();
    queue::run(planned, &config, args.jobs.into(), &recorder, project.root(), mode, &stop);

    // The result must contain every event that was emitted.
    recorder.flush();
    let summary = kept.lock().unwrap_or_else(PoisonError::into_inner).0.result().summary;
    scope.emit(Source::Rig, Body::RunFinished { summary, interrupted: stop.is_set() });
    let closed = recorder.close(!stop.is_set());
    let (tally, events) = &*kept.lock().unwrap_or_else(PoisonError::into_inner);
    let result = tally.result();
    let mut failed = !result.faults.is_empty() || stop.is_set();
    if let Err(error) = closed {
        say(&format!("taprig: {error}"));
        failed = true;
    }
    failed |= super::shown(&shown) != Exit::Ok;
    if let Some(folder) = &args.report
        && let Err(error) = taprig_report::write(folder, &result, events)
    {
        say(&format!("taprig: {error}"));
        failed = true;
    }
    let exit = match (result.summary.exit_code(baseline), failed) {
        (1, _) => Exit::CaseFailed,
        (0, false) => Exit::Ok,
        _ => Exit::RigFailed,
    };
    if failed || exit == Exit::RigFailed {
        say(&format!("taprig: {}", kept_words(args.report.as_deref(), &result)));
    }
    Ok(exit)
}

/// Orders the sub-cases for a device that keeps no name of its settings, and says what the run will take.
fn forecast(planned: &mut Vec<plan::Planned>, config: &Config, greeting: Option<&Greeting>) -> Option<String> {
    let names = match &config.device.interface {
        Interface::Native(native) => native.commands.profile.is_some(),
        Interface::Adapter(_) => greeting.is_some_and(|can| can.capabilities.contains(&Capability::SettingsName)),
        Interface::Operator(_) => false,
    };
    if names {
        return None;
    }
    forecast::order(planned);
    let nobody = config.device.interface.operator().is_some() && config.desk.is_none();
    let nobody = if nobody { "; there is no terminal, so what a person has to see is not judged" } else { "" };
    Some(format!("{}{nobody}", Forecast::of(planned, config)))
}

/// What remains of a run in which the rig failed.
fn kept_words(report: Option<&Path>, result: &RunResult) -> String {
    let done = result.summary.pass + result.summary.changed + result.summary.fail;
    let judged = format!("{done} of {} cases were judged", result.run.cases);
    match report {
        Some(folder) => format!("{judged}; the record and the reports of what was done are in {}", folder.display()),
        None => format!("{judged}; nothing else was kept, because `--report DIR` was not given"),
    }
}

/// The inputs of the verdicts of a run, for its record. If transcripts are accepted during the run, the verdicts rest
/// on the old ones. Then the record shows that the transcripts changed.
fn inputs(project: &Project, config: &Config, planned: &[plan::Planned], mode: Mode) -> Inputs {
    let baselines = Baselines::of(project.root(), &config.device).filter(|_| mode != Mode::Off).map(|baselines| {
        let read = |of: &plan::Planned| baselines.read(&of.sub.file, &of.id).ok().flatten();
        planned.iter().filter_map(|of| Some((of.id.clone(), read(of)?))).collect()
    });
    Inputs {
        criteria: planned.iter().map(|of| of.criteria.clone()).collect(),
        device: config.device.clone(),
        card_side: config.card_side().can,
        baselines,
        files: project.texts(),
    }
}

fn run_started(project: &Project, config: &Config, cases: u32, baseline: BaselineUse) -> RunStarted {
    let mut environment = vec![
        ("os", std::env::consts::OS.to_owned()),
        ("arch", std::env::consts::ARCH.to_owned()),
        ("host", rustix::system::uname().nodename().to_string_lossy().into_owned()),
        ("bench", config.name.clone()),
        ("cases-and-fixtures", format!("sha256 {}", project.digest())),
    ];
    environment.extend(config.desk.as_ref().map(|desk| ("operator", desk.operator().to_owned())));
    environment.extend(qemu(config).map(|version| ("qemu", version)));
    RunStarted {
        schema: SCHEMA,
        tool: "taprig".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        started: super::utc_now(),
        arguments: std::env::args().skip(1).collect(),
        device: Some(config.bench.device.to_string()),
        cases,
        baseline,
        environment: environment.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
    }
}

/// The version that the emulator reports, if the bench has an emulated board.
fn qemu(config: &Config) -> Option<String> {
    if !config.bench.boards().iter().any(|(_, board)| matches!(board, BoardConfig::Qemu(_))) {
        return None;
    }
    // If the emulator can't be run, making the boards reports it.
    let output = Command::new(&config.programs.qemu).arg("--version").stdin(Stdio::null()).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.to_owned())
}
