//! `taprig device`: writes a device file, and tries one on a bench.

mod check;
mod new;

use taprig_case::{Problems, Project};

use super::{Exit, Format};

/// Commands about device files.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Write a commented device file, from questions that a person answers or from a file of answers.
    New(new::Args),
    /// Try a device file on a bench, and tell what is missing in it. Exit code 1 means that the device contradicts it.
    Check(check::Args),
}

impl Command {
    /// Whether this command writes a device file into the project.
    pub(super) const fn writes_project(&self) -> bool {
        matches!(self, Self::New(_))
    }

    /// Format of the result.
    pub(super) fn format(&self) -> Format {
        match self {
            Self::New(_) => Format::Human,
            Self::Check(args) => args.format,
        }
    }
}

pub(super) fn run(project: &Project, command: &Command) -> Result<Exit, Problems> {
    match command {
        Command::New(args) => new::run(project, args),
        Command::Check(args) => check::run(project, args),
    }
}
