//! `taprig run`: runs cases on a bench.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use taprig::display;
use taprig::installed::Installed;
use taprig::run::earlier::Earlier;
use taprig::run::forecast::{self, Forecast};
use taprig::run::queue;
use taprig::setup;
use taprig_bench::{Config, wedged};
use taprig_case::baseline::{Baselines, Mode};
use taprig_case::partition::Partition;
use taprig_case::plan;
use taprig_case::quarantine;
use taprig_case::{Diagnostic, Problems, Project, Suite};
use taprig_case::{lab, lock};
use taprig_model::adapter::{Capability, Greeting};
use taprig_model::bench::BoardConfig;
use taprig_model::books::Label;
use taprig_model::device::Interface;
use taprig_model::event::{BaselineUse, Body, Event, RunStarted, SCHEMA, Source};
use taprig_model::lab::Lab;
use taprig_model::lock::ENVIRONMENT;
use taprig_model::quarantine::Entry;
use taprig_model::result::RunResult;
use taprig_record::{Closing, Inputs, Options, Packed, Record, Recorder, State, WriteError};
use taprig_report::{Capture, Notable, Since, Tally};

use super::{Exit, Format, config, desk, interrupt, memory, resume, say};

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
    /// Folder of the record of an earlier run. The HTML report says what has changed since then. By default, that is the run which was in
    /// the folder of the report before.
    #[arg(long, value_name = "DIR", requires = "report")]
    since: Option<PathBuf>,
    /// Do not mask card numbers in the record. Use this only for cards that are known to be test cards.
    #[arg(long, requires = "report")]
    keep_card_numbers: bool,
    /// What a transcript that differs from the reviewed one of the device means.
    #[arg(long, value_enum, default_value_t)]
    baseline: BaselineArg,
    /// How long to wait if another run uses the bench, such as `10 min`.
    #[arg(long, value_name = "TIME")]
    wait: Option<taprig_model::units::Duration>,
    /// Run one part of the cases, if other machines run the others: `1/4` is the first of four.
    #[arg(long, value_name = "K/N")]
    partition: Option<Partition>,
    /// Run only the cases that did not pass in the record in DIR.
    #[arg(long, value_name = "DIR")]
    failed_from: Option<PathBuf>,
    /// Go on with the run whose record is in DIR: the same command again, without the cases that it has played. The
    /// record is continued. The record has all options of the run, so this is the whole command: `taprig run --resume DIR`.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["select", "bench", "jobs", "report", "keep_card_numbers",
        "baseline", "partition", "failed_from", "operator", "lab", "serial_number", "since"])]
    resume: Option<PathBuf>,
    /// Name of the person who judges what a device without any interface shows. The default is the user's name.
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// Laboratory file: what the report says about laboratory, customer and item. The record keeps it.
    #[arg(long, value_name = "FILE", requires = "report")]
    lab: Option<PathBuf>,
    /// Serial number of the device that stands at the bench now, if the bench goes from bus to bus. The record names it in place of
    /// the number in the bench file.
    #[arg(long, value_name = "NUMBER")]
    serial_number: Option<Label>,
    /// How the run is displayed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

impl Args {
    /// The folders that this command writes.
    pub(super) fn writes(&self) -> Vec<PathBuf> {
        self.report.iter().chain(&self.resume).cloned().collect()
    }

    /// What of the suite this run leaves out. `None` if it runs all cases.
    pub(super) fn left_out(&self) -> Option<String> {
        if !self.select.is_empty() {
            return Some(format!("only these cases were run: {}", self.select.join(" ")));
        }
        self.failed_from.is_some().then(|| "only cases that had failed before were run".to_owned())
    }

    /// The same run with its record in `folder`.
    pub(super) fn again(self, folder: &Path, format: Format) -> Self {
        Self { report: Some(folder.to_owned()), resume: None, format, ..self }
    }
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
    memory::shared_and_kept();
    match &args.resume {
        None => play(project, args, None),
        Some(folder) => {
            let (args, record) = resume::command(project, folder, args.format)?;
            play(project, &args, Some(&record))
        }
    }
}

/// Plays the cases that the arguments select. `earlier` is the record of the run that is resumed, if it is.
fn play(project: &Project, args: &Args, earlier: Option<&Record>) -> Result<Exit, Problems> {
    // Everything is read and checked before anything runs.
    let mut suite = Suite::load(project, &args.select)?;
    let quarantine = quarantine::read(project)?;
    let mut config = Arc::unwrap_or_clone(config(project, &args.bench)?);
    if let Some(record) = earlier {
        resume::check_images(record, &config)?;
    }
    let mut planned = plan::plan(&mut suite.workshop, suite.cases)?;
    if let Some(partition) = args.partition {
        planned.retain(|planned| partition.takes(&planned.id));
    }
    if let Some(folder) = &args.failed_from {
        let failed = Earlier::of(&resume::open(folder)?.events);
        planned.retain(|planned| failed.failed(&planned.id));
        if planned.is_empty() {
            say(&format!("taprig: none of these cases failed in {}, so nothing was run", folder.display()));
            return Ok(Exit::Ok);
        }
    }
    let since = since(args, earlier)?;
    if args.jobs > 1 && !config.bench.is_shared() {
        let problem = format!("the parts of the bench {} exist only once, so `--jobs` must be 1", config.name);
        return Err(Diagnostic::of_file(Path::new("--jobs"), problem).into());
    }
    if let Some(number) = &args.serial_number {
        config.bench.serial_number = Some(number.to_string());
    }
    // A run that is resumed has told what the laboratory file says.
    let lab = args.lab.as_deref().filter(|_| earlier.is_none());
    let lab = lab.map(|path| read_lab(path, &config)).transpose()?;
    config.wait = args.wait.map_or(std::time::Duration::ZERO, Into::into);
    // A wedged bench is not touched, and the run reports why. Reports are written as in any other run.
    let greeting = match wedged::wedged(&config.name) {
        None => setup::greet_adapter(project, &config)?,
        Some(_) => None,
    };
    if config.device.interface.operator().is_some() {
        config.desk = desk::at_terminal(args.operator.as_deref());
    }
    let baseline = args.baseline.into();
    let mode = if baseline == BaselineUse::Off { Mode::Off } else { Mode::from_env() };
    let extra = Extra { lab: lab.as_ref().map(|(_, text)| text.as_str()), whole: args.keep_card_numbers };
    let inputs = args.report.as_ref().map(|_| inputs(project, &config, &planned, mode, extra));
    let inputs = match inputs.transpose() {
        Ok(inputs) => inputs,
        Err(error) => return Ok(super::rig_failed(&error)),
    };
    let lab = lab.map(|(lab, _)| Box::new(lab));
    if let Some(record) = earlier {
        planned = Earlier::of(&record.events).left(planned);
    }
    let forecast = forecast(&mut planned, &config, greeting.as_ref());
    let config = Arc::new(config);

    let format = match args.format {
        Format::Human => display::Format::Human,
        Format::Json => display::Format::Json,
    };
    let bench = if args.bench == setup::DEFAULT_BENCH { String::new() } else { format!(" --bench {}", args.bench) };
    let again = format!("{} run{bench}", command(project));
    let mut options = display::Options::from_env(format, again, args.report.is_some());
    // A progress line would be drawn over the questions.
    options.terminal &= config.desk.is_none();
    let earlier_events = earlier.map(|record| record.events.as_slice()).unwrap_or_default();
    let before = (Tally::of(earlier_events), Notable::of(earlier_events), Capture::of(earlier_events));
    let kept = Arc::new(Mutex::new(before));
    let keep = {
        let (kept, wants_events) = (kept.clone(), args.report.is_some());
        Box::new(move |event: &Arc<Event>| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.0.add(event);
            if wants_events {
                kept.1.add(event);
                kept.2.add(event);
            }
        })
    };
    let out = display::Out::new(std::io::stdout());
    let shown = out.failure();
    let listeners: Vec<taprig_record::Listener> = vec![keep, display::listener(options, out, earlier_events)];
    let options = Options { whole: args.keep_card_numbers };
    let recorder = match earlier {
        None => Recorder::start(args.report.as_deref(), options, listeners),
        Some(record) => Recorder::resume(record, options, listeners),
    };
    let recorder = match recorder {
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
    let body = match earlier {
        None => {
            let partition = args.partition.map(|partition| partition.to_string());
            let started = run_started(project, &config, cases, baseline, quarantine);
            Body::RunStarted(RunStarted { partition, lab, ..started })
        }
        Some(_) => Body::RunResumed { started: super::utc_now(), cases },
    };
    scope.emit(Source::Rig, body);
    if let (Some(folder), Some(inputs)) = (&args.report, inputs)
        && let Err(error) = inputs.write(folder)
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
    // Nobody may seal the record before its last report is written, so it is marked at the very end.
    let ended = recorder.end(!stop.is_set());
    let (tally, notable, capture) = std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
    let result = tally.result();
    let mut failed = !result.faults.is_empty() || stop.is_set();
    let closing = ended.map_err(|error| say(&format!("taprig: {error}"))).ok();
    failed |= closing.is_none();
    failed |= super::shown(&shown) != Exit::Ok;
    if let Some(folder) = &args.report {
        let written = [
            taprig_report::write(folder, &result, &notable.events()),
            taprig_report::write_capture(folder, capture),
            taprig_report::write_html(folder, closing.as_ref().map_or(State::Open, Closing::state), since.as_ref()),
        ];
        for error in written.into_iter().filter_map(Result::err) {
            say(&format!("taprig: {error}"));
            failed = true;
        }
    }
    if let Some(Err(error)) = closing.map(Closing::mark) {
        say(&format!("taprig: {error}"));
        failed = true;
    }
    let exit = match (result.summary.exit_code(baseline), failed) {
        (1, _) => Exit::CaseFailed,
        (0, false) => Exit::Ok,
        _ => Exit::RigFailed,
    };
    if exit == Exit::Ok && result.run.cases > 0 && !result.summary.judged_any() {
        say("taprig: no case was judged, because none applies to this device on this bench; the bench was not touched");
    }
    if failed || exit == Exit::RigFailed {
        say(&format!("taprig: {}", kept_words(args.report.as_deref(), &result)));
    }
    Ok(exit)
}

/// The laboratory file and its text. It must be about the device of the bench.
fn read_lab(path: &Path, config: &Config) -> Result<(Lab, String), Problems> {
    let lab = lab::read(path)?;
    if let (Some(stated), Some(printed)) = (&lab.item.serial_number, &config.bench.serial_number)
        && stated != printed
    {
        let problem =
            format!("`item.serial-number` is {stated}, but the bench {} has the device {printed}", config.name);
        return Err(Diagnostic::of_file(path, problem)
            .help("correct the file, or name the bench of this device")
            .into());
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| Diagnostic::of_file(path, format!("the file can't be read: {error}")))?;
    Ok((lab, text))
}

/// Orders the sub-cases for a device that keeps no name of its settings, and says what the run will take.
fn forecast(planned: &mut Vec<plan::Planned>, config: &Config, greeting: Option<&Greeting>) -> Option<String> {
    let names = match &config.device.interface {
        Interface::Native(native) => native.commands.profile.is_some(),
        Interface::Adapter(_) => greeting.is_some_and(|can| can.capabilities.contains(&Capability::SettingsName)),
        Interface::Rules(_) | Interface::Operator(_) => false,
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
    let done = result.summary.pass + result.summary.changed + result.summary.fail + result.summary.quarantined;
    let judged = format!("{done} of {} cases were judged", result.run.cases);
    match report {
        Some(folder) => format!("{judged}; the record and the reports of what was done are in {}", folder.display()),
        None => format!("{judged}; no record was kept, because `--report DIR` was not given"),
    }
}

/// What a run keeps in its inputs beside what it was judged by.
#[derive(Default)]
pub(super) struct Extra<'a> {
    /// The text of the laboratory file.
    lab: Option<&'a str>,
    /// Whether account numbers stay unmasked.
    whole: bool,
}

/// The inputs of the verdicts of a run, for its record. If transcripts are accepted during the run, the verdicts rest
/// on the old ones. Then the record shows that the transcripts changed.
pub(super) fn inputs(
    project: &Project,
    config: &Config,
    planned: &[plan::Planned],
    mode: Mode,
    extra: Extra<'_>,
) -> Result<Packed, WriteError> {
    let baselines = Baselines::of(project.root(), &config.device).filter(|_| mode != Mode::Off).map(|baselines| {
        let read = |of: &plan::Planned| baselines.read(&of.sub.file, &of.id).ok().flatten();
        planned.iter().filter_map(|of| Some((of.id.clone(), read(of)?))).collect()
    });
    let mut files = project.texts();
    files.extend(extra.lab.map(|text| (PathBuf::from(lab::FILE), text.to_owned())));
    let (device, bench) = (config.device.clone(), config.capabilities());
    let inputs = Inputs { criteria: vec![], device, bench, baselines, files };
    Packed::of(&inputs, planned.iter().map(plan::Planned::criteria), extra.whole)
}

/// The first event of a run.
pub(super) fn run_started(
    project: &Project,
    config: &Config,
    cases: u32,
    baseline: BaselineUse,
    quarantine: Vec<Entry>,
) -> RunStarted {
    let mut environment = vec![
        ("os", std::env::consts::OS.to_owned()),
        ("arch", std::env::consts::ARCH.to_owned()),
        ("host", rustix::system::uname().nodename().to_string_lossy().into_owned()),
        ("bench", config.name.clone()),
        (resume::CASES, format!("sha256 {}", project.digest())),
    ];
    environment.extend(config.desk.as_ref().map(|desk| ("operator", desk.operator().to_owned())));
    let suite = lock::read(project.root()).ok().flatten();
    environment.extend(suite.map(|suite| (ENVIRONMENT, suite.to_string())));
    environment.extend(qemu(config).map(|version| ("qemu", version)));
    RunStarted {
        schema: SCHEMA,
        tool: "taprig".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        started: super::utc_now(),
        arguments: std::env::args().skip(1).collect(),
        device: Some(config.bench.device.to_string()),
        cases,
        partition: None,
        baseline,
        quarantine,
        lab: None,
        environment: environment.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
    }
}

/// The run with which the HTML report compares this one. A run that is resumed goes on with its own record, so that one is no earlier
/// run.
///
/// # Errors
/// The record that the user named can't be read.
fn since(args: &Args, earlier: Option<&Record>) -> Result<Option<Since>, Problems> {
    match &args.since {
        Some(folder) => match Since::read(folder) {
            Ok(since) => Ok(Some(since)),
            // Whoever resumes a run has not named this folder, and can't change it.
            Err(_) if earlier.is_some() => Ok(None),
            Err(error) => Err(Diagnostic::of_file(folder, error.to_string()).into()),
        },
        None => Ok(args.report.as_deref().filter(|_| earlier.is_none()).and_then(Since::replaced)),
    }
}

/// How a person who is in the project's folder starts the program.
fn command(project: &Project) -> String {
    match Installed::find() {
        // The repository's own cases, and those of its tests.
        Some(installed) if installed.is_repository() && project.suite().is_none() => "ci/rig".into(),
        Some(installed) => installed.command(),
        None => "taprig".into(),
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
