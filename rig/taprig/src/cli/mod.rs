//! The command line, with one file for each command. Results go to standard output, and everything else to standard
//! error.

mod acquirer;
mod adapter;
mod bench;
mod bisect;
mod board;
mod campaign;
mod capture;
mod check;
mod coverage;
mod desk;
mod device;
mod fixture;
mod flash;
mod history;
mod html;
mod ics;
mod index;
mod interrupt;
mod judge;
mod list;
mod matrix;
mod memory;
mod merge;
mod new;
mod outputs;
mod powercuts;
mod problem;
mod reconcile;
mod replay;
mod resume;
mod run;
mod schema;
mod seal;
mod serve;
mod stored;
mod submit;
mod suite;
mod tap;
mod verify;
mod yaml;

use clap::{Parser, Subcommand, ValueEnum};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use taprig::display::{Failure, Out};
use taprig::setup;
use taprig_bench::{BenchError, Config, wedged, with_advice, with_causes};
use taprig_case::project::Fixture;
use taprig_case::{Diagnostic, Problems, Project};
use taprig_model::event::{Body, Event};
use taprig_model::result::Summary;
use taprig_record::Listener;

/// Decides whether a contactless fare validator may go into service.
#[derive(Debug, Parser)]
#[command(name = "taprig", version, arg_required_else_help = true)]
struct Cli {
    /// Folder that contains `cases` and `fixtures`. The default is the nearest such folder upwards.
    #[arg(long, global = true, value_name = "DIR")]
    project: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run cases on a bench.
    Run(run::Args),
    /// Judge a stored record again.
    Judge(judge::Args),
    /// Seal a record, so that nobody can alter it unseen.
    Seal(seal::Args),
    /// Verify a sealed record: its signature, its files and its verdicts.
    Verify(verify::Args),
    /// Work with benches.
    #[command(subcommand)]
    Bench(Bench),
    /// Work with device files.
    #[command(subcommand)]
    Device(device::Command),
    /// Work with stored records.
    #[command(subcommand)]
    Report(Report),
    /// Say what many nights say together: what broke when, what is flaky, and what the rig itself did.
    History(history::Args),
    /// Play one tap by hand and show it decoded.
    Tap(tap::Args),
    /// Hold one card to any reader, and show the decoded exchange until Ctrl-C.
    Serve(serve::Args),
    /// Be the acquirer's host of a validator in the field, and show each message decoded until Ctrl-C.
    Acquirer(acquirer::Args),
    /// Compare a journal with an acquirer's log and with a bank's clearing file.
    Reconcile(reconcile::Args),
    /// Cut the power of a bench at random instants, and check that no ride is lost or paid twice.
    #[command(name = "powercuts")]
    PowerCuts(powercuts::Args),
    /// Find the first firmware image with which a case fails.
    Bisect(bisect::Args),
    /// Play months of rides of a whole fleet, and make the books.
    Replay(replay::Args),
    /// Decide which county's buses go into service: gates, records, tasks, samples.
    #[command(subcommand)]
    Campaign(campaign::Command),
    /// Flash both boards of a bench with the firmware that its file names.
    Flash(flash::Args),
    /// Check cases and fixtures without running them.
    Check(check::Args),
    /// List cases.
    List(list::Args),
    /// Write the conformance statement of a device as a form.
    Ics(ics::Args),
    /// Show requirement by case by verdict of a stored record. Exit code 1: a requirement has no sub-case, or a sub-case no requirement.
    Coverage(coverage::Args),
    /// Make the folder that a vendor hands in from a sealed record, or say why a reviewer would refuse it.
    Submit(submit::Args),
    /// Make a project for cases of one's own, beside our suite.
    New(new::Args),
    /// Work with the suite that a project is locked to.
    #[command(subcommand)]
    Suite(suite::Suite),
    /// Print the JSON Schema of a file format.
    Schema(schema::Args),
    /// Write cases/INDEX.md and cases/case.schema.json.
    Index(index::Args),
    /// Try an adapter program.
    Adapter(adapter::Args),
    /// Run the hosted firmware of a board.
    #[command(hide = true)]
    Board(board::Args),
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// List the benches of this project with their state: free, in use or wedged.
    List(bench::Args),
    /// Check that every part of a bench is there, answers and has the right firmware.
    Check(bench::check::Args),
    /// Lift the mark of a bench that an earlier run has marked as wedged.
    Clear(bench::Clear),
}

#[derive(Debug, Subcommand)]
enum Report {
    /// Join the records of machines that shared a run.
    Merge(merge::Args),
    /// Show which requirements a record shows the device to meet.
    Matrix(matrix::Args),
    /// Write the frames on the air for Wireshark.
    Capture(capture::Args),
    /// Make the HTML report of a stored record.
    Html(html::Args),
}

/// The exit of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: the command is done, and everything that was judged passed.
    Ok,
    /// 1: a case failed, books differ, or a requirement or a case has no partner.
    CaseFailed,
    /// 2: a file or an argument is wrong, and nothing was run; or rows of a file that is compared are wrong.
    BadInput,
    /// 3: the rig itself failed.
    RigFailed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::CaseFailed => 1,
            Exit::BadInput => 2,
            Exit::RigFailed => 3,
        })
    }
}

/// Format of a result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text for a person.
    #[default]
    Human,
    /// JSON for a program.
    Json,
}

/// Runs the command that the arguments name.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let format = match &cli.command {
        Command::Check(args) => args.format,
        Command::List(args) => args.format,
        Command::Bench(Bench::List(args)) => args.format,
        Command::Bench(Bench::Check(args)) => args.format,
        Command::Device(command) => command.format(),
        Command::Campaign(command) => command.format(),
        Command::Run(args) => args.format,
        Command::Judge(args) => args.format,
        Command::Submit(args) => args.format,
        Command::Verify(args) => args.format,
        Command::History(args) => args.format,
        Command::Bisect(args) => args.format,
        Command::Suite(suite::Suite::Show(args)) => args.format,
        Command::Bench(Bench::Clear(_))
        | Command::New(_)
        | Command::Suite(_)
        | Command::Adapter(_)
        | Command::Report(_)
        | Command::Seal(_)
        | Command::Serve(_)
        | Command::Acquirer(_)
        | Command::Reconcile(_)
        | Command::Replay(_)
        | Command::Tap(_)
        | Command::PowerCuts(_)
        | Command::Flash(_)
        | Command::Schema(_)
        | Command::Ics(_)
        | Command::Coverage(_)
        | Command::Index(_)
        | Command::Board(_) => Format::Human,
    };
    if let Err(problems) = outputs::check(&cli) {
        return problem::report(&problems, format).into();
    }
    let done = match cli.command {
        // These commands need no project.
        Command::Schema(args) => schema::run(&args),
        Command::Board(args) => Ok(board::run(&args)),
        Command::Acquirer(args) => acquirer::run(&args),
        Command::Reconcile(args) => reconcile::run(&args),
        Command::Judge(args) => judge::run(&args),
        Command::Submit(args) => submit::run(&args),
        Command::Seal(args) => seal::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::History(args) => history::run(&args),
        Command::Report(Report::Merge(args)) => merge::run(&args),
        Command::Report(Report::Matrix(args)) => matrix::run(&args),
        Command::Coverage(args) => coverage::run(&args),
        Command::Ics(args) if !args.needs_project() => ics::run(None, &args),
        Command::Report(Report::Capture(args)) => capture::run(&args),
        Command::Report(Report::Html(args)) => html::run(&args),
        Command::Adapter(args) if !args.needs_project() => adapter::run(None, &args),
        Command::Campaign(command) if !command.needs_project() => campaign::sample(&command),
        Command::New(args) => new::run(&args),
        Command::Suite(suite::Suite::Export(args)) => suite::export(&args),
        // A suite that is not as locked must not keep these from their work.
        Command::Suite(suite::Suite::Show(args)) => {
            project(cli.project.as_deref()).and_then(|project| suite::show(&project, &args))
        }
        Command::Suite(suite::Suite::Update(args)) => {
            project(cli.project.as_deref()).and_then(|project| suite::update(&project, &args))
        }
        Command::Bench(Bench::Clear(args)) => {
            project(cli.project.as_deref()).and_then(|project| bench::clear(&project, &args))
        }
        command => verified(cli.project.as_deref()).and_then(|project| match command {
            Command::Check(args) => check::run(&project, &args),
            Command::List(args) => list::run(&project, &args),
            Command::Ics(args) => ics::run(Some(&project), &args),
            Command::Bench(Bench::List(args)) => bench::list(&project, &args),
            Command::Bench(Bench::Check(args)) => bench::check::run(&project, &args),
            Command::Device(command) => device::run(&project, &command),
            Command::Index(args) => index::run(&project, &args),
            Command::Run(args) => run::run(&project, &args),
            Command::Tap(args) => tap::run(&project, &args),
            Command::PowerCuts(args) => powercuts::run(&project, &args),
            Command::Bisect(args) => bisect::run(&project, &args),
            Command::Replay(args) => replay::run(&project, &args),
            Command::Campaign(command) => campaign::run(&project, &command),
            Command::Serve(args) => serve::run(&project, &args),
            Command::Flash(args) => flash::run(&project, &args),
            Command::Adapter(args) => adapter::run(Some(&project), &args),
            Command::Schema(_)
            | Command::Board(_)
            | Command::Acquirer(_)
            | Command::Reconcile(_)
            | Command::Coverage(_)
            | Command::Judge(_)
            | Command::Submit(_)
            | Command::History(_)
            | Command::Report(_)
            | Command::Seal(_)
            | Command::Verify(_)
            | Command::New(_)
            | Command::Suite(_)
            | Command::Bench(Bench::Clear(_)) => unreachable!("these are carried out above"),
        }),
    };
    done.unwrap_or_else(|problems| problem::report(&problems, format)).into()
}

fn project(folder: Option<&Path>) -> Result<Project, Problems> {
    match folder {
        Some(folder) => Ok(Project::at(folder)),
        None => Ok(Project::find(Path::new("."))?),
    }
}

/// The project, whose suite is the one that its lock file names.
fn verified(folder: Option<&Path>) -> Result<Project, Problems> {
    let project = project(folder)?;
    project.verify()?;
    Ok(project)
}

/// Prints a message on standard error. If that can't be written, nobody can be told, but the exit code still reports
/// the result.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints to standard output. It is not a failure if the reader has gone away (`| head`).
pub(crate) fn print(text: &str) -> Exit {
    let mut out = Out::new(std::io::stdout());
    out.put(text.as_bytes());
    shown(&out.failure())
}

/// The exit of a command whose results went to standard output.
pub(crate) fn shown(failure: &Failure) -> Exit {
    match failure.get() {
        None => Exit::Ok,
        Some(error) => {
            say(&format!("taprig: writing to standard output: {error}; not all results were shown"));
            Exit::RigFailed
        }
    }
}

/// Reads what is needed to open the bench with this name or path.
pub(crate) fn config(project: &Project, bench: &str) -> Result<Arc<Config>, Problems> {
    config_of(project, bench, None)
}

/// The same, with the device of this file in place of the one that the bench file names.
pub(crate) fn config_of(project: &Project, bench: &str, device: Option<&Path>) -> Result<Arc<Config>, Problems> {
    Ok(Arc::new(config_given(project, bench, setup::Given { device, firmware: None })?))
}

/// The same, with this image in place of the one that the bench file gives the validator.
pub(crate) fn config_with(project: &Project, bench: &str, firmware: &Path) -> Result<Config, Problems> {
    config_given(project, bench, setup::Given { device: None, firmware: Some(firmware) })
}

/// Everything that opens a bench comes here first. A bench that shares a port with another one is refused here, so that no
/// command talks to a board that is somebody else's.
fn config_given(project: &Project, bench: &str, given: setup::Given<'_>) -> Result<Config, Problems> {
    let taprig = std::env::current_exe().map_err(|error| {
        Diagnostic::of_file(Path::new("taprig"), format!("can't find out where this program is: {error}"))
    })?;
    // Both run the same firmware and take the same arguments, but the one that `ci/firmware` has built starts faster.
    let built = setup::built(project, "sim-board");
    let hosted = if built.is_file() { built } else { taprig.clone() };
    let config = setup::config_of(project, bench, given, taprig, hosted)?;
    project.shares_nothing(&project.meant(Fixture::Bench, bench)?)?;
    Ok(config)
}

/// The verdicts of a run, counted: `7 passed, 1 failed`.
pub(crate) fn counts(summary: &Summary) -> String {
    let counts = [
        (summary.pass, "passed"),
        (summary.changed, "changed since the baseline"),
        (summary.fail, "failed"),
        (summary.quarantined, "failed in quarantine"),
        (summary.error, "errors"),
        (summary.not_applicable, "not applicable"),
        (summary.skipped, "skipped"),
    ];
    let counts = counts.iter().filter(|(count, name)| *count > 0 || *name == "passed");
    counts.map(|(count, name)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}

/// Reports that the rig failed, with all causes.
pub(crate) fn rig_failed(error: &dyn std::error::Error) -> Exit {
    let causes = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    say(&format!("taprig: {}", causes.collect::<Vec<_>>().join(": ")));
    Exit::RigFailed
}

/// Reports that a bench failed, and what to try.
pub(crate) fn bench_failed(error: &BenchError) -> Exit {
    say(&format!("taprig: {}", with_advice(with_causes(error), error.advice().as_deref())));
    Exit::RigFailed
}

/// Refuses a bench with the mark of a part that hangs, before anything of it is touched.
pub(crate) fn refused(config: &Config) -> Option<Exit> {
    wedged::refuse(&config.name).err().map(|error| bench_failed(&error))
}

/// Reports faults of the rig that no error carries as they happen, such as a bench that can't be closed. Commands that
/// show no events need this.
pub(crate) fn faults() -> (Listener, Arc<AtomicBool>) {
    let failed = Arc::<AtomicBool>::default();
    let fails = failed.clone();
    let listen = move |event: &Arc<Event>| {
        if let Body::RigFault(fault) = &event.body {
            say(&format!("taprig: {fault}"));
            fails.store(true, Ordering::Release);
        }
    };
    (Box::new(listen), failed)
}

/// The time of day in UTC by RFC 3339.
pub(crate) fn utc_now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
