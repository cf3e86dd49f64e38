//! `taprig history`: what many nights say together. It needs no project.

mod add;
mod answer;

use std::path::{Path, PathBuf};

use taprig_case::{Diagnostic, Problems};
use taprig_history::file::{BrokenLine, FileError, History};

use super::{Exit, Format, say};

/// The variable that names the file of the history.
const VARIABLE: &str = "TAPRIG_HISTORY";
/// The file, if neither an argument nor the variable names one.
const FILE: &str = "taprig-history.jsonl";
/// The largest number of broken lines that are told. All of them are counted.
const SHOWN: usize = 20;

/// Arguments of `taprig history`. Without a question, it answers what a person asks after a bad night: what fails now, since
/// when, what changed then, and whether it is the device or the rig.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    question: Option<Question>,
    /// File of the history. The default is the value of TAPRIG_HISTORY, or `taprig-history.jsonl` in the current folder.
    #[arg(long, global = true, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Answer only for this bench: the name of its file.
    #[arg(long, global = true, value_name = "NAME")]
    bench: Option<String>,
    /// Answer only for this device: the name of its file.
    #[arg(long, global = true, value_name = "NAME")]
    device: Option<String>,
    /// The number of newest nights in which flakes, times and errors are looked for. The first bad night of a case is
    /// looked for in all nights.
    #[arg(long, global = true, value_name = "COUNT", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    nights: u32,
    /// Format of the answer.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) format: Format,
}

#[derive(Debug, clap::Subcommand)]
enum Question {
    /// Add the run of each record to the history.
    Add(Records),
    /// Make the history again from records. Lines of runs whose records are gone are kept.
    Rebuild(Records),
    /// Show how cases stand, and their nights.
    Case {
        /// Ids of cases or sub-cases.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// List the cases that have both verdicts although nothing changed, with rates.
    Flaky,
    /// List the slowest cases, and those that have become slower.
    Slow,
    /// List the rig's own errors by bench.
    Benches,
}

/// Folders of records.
#[derive(Debug, clap::Args)]
struct Records {
    /// Folders of records. A folder without a record is searched for records.
    #[arg(required = true, value_name = "DIR")]
    records: Vec<PathBuf>,
}

impl Args {
    /// The file of the history.
    fn file(&self) -> PathBuf {
        match (&self.history, std::env::var_os(VARIABLE)) {
            (Some(path), _) => path.clone(),
            (None, Some(path)) if !path.is_empty() => path.into(),
            (None, _) => FILE.into(),
        }
    }

    /// The file that this command writes, if it is no question.
    pub(super) fn writes(&self) -> Option<PathBuf> {
        matches!(self.question, Some(Question::Add(_) | Question::Rebuild(_))).then(|| self.file())
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, Problems> {
    let path = args.file();
    match &args.question {
        Some(Question::Add(records)) => add::add(&path, &records.records, args.format),
        Some(Question::Rebuild(records)) => add::rebuild(&path, &records.records, args.format),
        question => answer::answer(&path, question.as_ref(), args),
    }
}

fn open(path: &Path) -> Result<History, Problems> {
    History::read(path).map_err(|error| wrong(path, &error))
}

fn wrong(path: &Path, error: &FileError) -> Problems {
    let problem = Diagnostic::of_file(
        path,
        if error.is_missing() { "there is no history here".into() } else { error.to_string() },
    );
    match error.is_missing() {
        true => {
            problem.help("`taprig history add DIR` makes one from a record; `--history FILE` names another file").into()
        }
        false => problem.into(),
    }
}

/// Tells the lines that can't be read.
fn tell(path: &Path, broken: &[BrokenLine]) {
    for BrokenLine { line, why } in broken.iter().take(SHOWN) {
        say(&format!("taprig: reading {}, line {line}: {why}", path.display()));
    }
    if let Some(more) = broken.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        say(&format!("taprig: and {more} more broken lines"));
    }
    if !broken.is_empty() {
        say(
            "taprig: the history is shown without these lines; `taprig history rebuild DIR` makes it again from the records in DIR, \
             and keeps the old file",
        );
    }
}
