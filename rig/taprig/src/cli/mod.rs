//! The command line: one file a command. Results go to standard output, everything else to standard error.

mod board;
mod check;
mod flash;
mod index;
mod interrupt;
mod judge;
mod list;
mod problem;
mod run;
mod schema;
mod tap;

use clap::{Parser, Subcommand, ValueEnum};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use taprig::display::{Failure, Out};
use taprig_bench::{BenchError, advised, told};
use taprig_case::{Problems, Project};
use taprig_model::event::{Body, Event};
use taprig_record::Listener;

/// Decides whether a contactless fare validator may go into service.
#[derive(Debug, Parser)]
#[command(name = "taprig", version, arg_required_else_help = true)]
struct Cli {
    /// Folder with `cases` and `fixtures`; else the nearest one upwards.
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
    /// One tap by hand, shown decoded.
    Tap(tap::Args),
    /// Bring both boards of a bench to their firmware.
    Flash(flash::Args),
    /// Check cases and fixtures; nothing is run.
    Check(check::Args),
    /// List cases.
    List(list::Args),
    /// Print the JSON Schema of a file format.
    Schema(schema::Args),
    /// Write cases/INDEX.md and cases/case.schema.json.
    Index(index::Args),
    /// A hosted board.
    #[command(hide = true)]
    Board(board::Args),
}

/// How a command ends: the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done, and all that was judged passed.
    Ok,
    /// 1: a case failed.
    CaseFailed,
    /// 2: a file or an argument is wrong; nothing was run.
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

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a person.
    #[default]
    Human,
    /// For a program.
    Json,
}

/// Runs the command of the arguments.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let format = match &cli.command {
        Command::Check(args) => args.format,
        Command::List(args) => args.format,
        Command::Run(args) => args.format,
        Command::Judge(args) => args.format,
        Command::Tap(_) | Command::Flash(_) | Command::Schema(_) | Command::Index(_) | Command::Board(_) => {
            Format::Human
        }
    };
    let done = match cli.command {
        // Need no project.
        Command::Schema(args) => schema::run(&args),
        Command::Board(args) => Ok(board::run(&args)),
        Command::Judge(args) => judge::run(&args),
        command => project(cli.project.as_deref()).and_then(|project| match command {
            Command::Check(args) => check::run(&project, &args),
            Command::List(args) => list::run(&project, &args),
            Command::Index(args) => index::run(&project, &args),
            Command::Run(args) => run::run(&project, &args),
            Command::Tap(args) => tap::run(&project, &args),
            Command::Flash(args) => flash::run(&project, &args),
            Command::Schema(args) => schema::run(&args),
            Command::Board(args) => Ok(board::run(&args)),
            Command::Judge(args) => judge::run(&args),
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

/// Says something on standard error. Where that can't be written nobody is left to be told, and the exit code tells.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints to standard output. A reader that has gone away (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Exit {
    let mut out = Out::new(std::io::stdout());
    out.put(text.as_bytes());
    shown(&out.failure())
}

/// How a command ends whose results went to standard output.
pub(crate) fn shown(failure: &Failure) -> Exit {
    match failure.get() {
        None => Exit::Ok,
        Some(error) => {
            say(&format!("taprig: writing to standard output: {error}; not all results were shown"));
            Exit::RigFailed
        }
    }
}

/// The path of this program: the hosted firmware is a subcommand of it.
pub(crate) fn this_program() -> Result<PathBuf, Problems> {
    std::env::current_exe().map_err(|error| {
        taprig_case::Diagnostic::of_file(Path::new("taprig"), format!("can't tell where this program is: {error}"))
            .into()
    })
}

/// Says that the rig failed, with all causes.
pub(crate) fn rig_failed(error: &dyn std::error::Error) -> Exit {
    let causes = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    say(&format!("taprig: {}", causes.collect::<Vec<_>>().join(": ")));
    Exit::RigFailed
}

/// Says that a bench failed, and what to try.
pub(crate) fn bench_failed(error: &BenchError) -> Exit {
    say(&format!("taprig: {}", advised(told(error), error.advice())));
    Exit::RigFailed
}

/// Tells faults of the rig that no error carries, as they come: such as that of a bench that can't be closed. For commands
/// that show no events.
pub(crate) fn faults() -> (Listener, Arc<AtomicBool>) {
    let failed = Arc::<AtomicBool>::default();
    let fails = failed.clone();
    let listen = move |event: &Event| {
        if let Body::RigFault(fault) = &event.body {
            say(&format!("taprig: {fault}"));
            fails.store(true, Ordering::Release);
        }
    };
    (Box::new(listen), failed)
}

/// The time of day, RFC 3339 in UTC.
pub(crate) fn utc_now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
