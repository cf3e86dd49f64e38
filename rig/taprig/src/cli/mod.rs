//! The command line: one file a command. Results go to standard output, everything else to standard error.

mod check;
mod index;
mod list;
mod problem;
mod schema;

use clap::{Parser, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use taprig::case::{Problems, Project};

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
    /// Check cases and fixtures; nothing is run.
    Check(check::Args),
    /// List cases.
    List(list::Args),
    /// Print the JSON Schema of a file format.
    Schema(schema::Args),
    /// Write cases/INDEX.md and cases/case.schema.json.
    Index(index::Args),
}

/// How a command ends: the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done, and all that was judged passed.
    Ok,
    /// 2: a file or an argument is wrong; nothing was run.
    BadInput,
    /// 3: the rig itself failed.
    RigFailed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
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
        Command::Schema(_) | Command::Index(_) => Format::Human,
    };
    let done = match cli.command {
        // Needs no project.
        Command::Schema(args) => schema::run(&args),
        command => project(cli.project.as_deref()).and_then(|project| match command {
            Command::Check(args) => check::run(&project, &args),
            Command::List(args) => list::run(&project, &args),
            Command::Index(args) => index::run(&project, &args),
            Command::Schema(args) => schema::run(&args),
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

/// Prints to standard output. A reader that has gone away (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Exit {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Exit::Ok,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Exit::Ok,
        Err(error) => {
            eprintln!("writing to standard output: {error}");
            Exit::RigFailed
        }
    }
}
