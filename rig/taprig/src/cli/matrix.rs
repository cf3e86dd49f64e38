//! `taprig report matrix`: the state of each requirement in a stored record.

use std::path::PathBuf;

use taprig_case::Problems;
use taprig_conformance::{Matrix, State, show};
use taprig_record::pretty;

use super::stored::Stored;
use super::{Exit, print, rig_failed};

/// Arguments of `taprig report matrix`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the record that `taprig run --report` wrote. The command does not change it.
    record: PathBuf,
    /// Format of the matrix.
    #[arg(long, value_enum, default_value_t)]
    format: MatrixFormat,
}

/// Format of a matrix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum MatrixFormat {
    /// How many requirements are in each state, and those that are not met.
    #[default]
    Human,
    /// A row for each sub-case of each requirement, for a spreadsheet.
    Csv,
    /// JSON for a program.
    Json,
    /// A page to print.
    Html,
}

pub(super) fn run(args: &Args) -> Result<Exit, Problems> {
    let stored = Stored::readable(&args.record)?;
    let matrix = stored.matrix();
    let shown = match args.format {
        MatrixFormat::Human => print(&text(&matrix)),
        MatrixFormat::Json => print(&String::from_utf8_lossy(&pretty(&matrix))),
        MatrixFormat::Html => print(&show::html(&matrix.sheet(None))),
        MatrixFormat::Csv => {
            let mut csv = Vec::new();
            match show::csv(&matrix, &mut csv) {
                Ok(()) => print(&String::from_utf8_lossy(&csv)),
                Err(error) => rig_failed(&error),
            }
        }
    };
    Ok(stored.after(shown))
}

/// The requirements that a reader has to look at, and the counts.
fn text(matrix: &Matrix) -> String {
    let mut text = String::new();
    let quiet = [State::Met, State::NotApplicable, State::NotRun];
    for row in matrix.rows.iter().filter(|row| !quiet.contains(&row.state)) {
        text += &format!("{}  {}: {}\n", row.state.word(), row.id, row.text);
        let decisive = row.cases.iter().filter(|cell| match row.state {
            State::PartlyJudged => cell.verdict.is_some() && cell.judged < cell.expectations,
            _ => cell.why.is_some() || cell.verdict.is_none(),
        });
        for cell in decisive.take(SHOWN) {
            let why = cell.why.as_deref().and_then(|why| why.lines().next());
            let judged = format!("judged {} of {} expectations", cell.judged, cell.expectations);
            text += &format!("  {}  {}\n", cell.case, why.map_or(judged, str::to_owned));
        }
    }
    for (state, count) in matrix.counts.iter().filter(|(_, count)| *count > 0) {
        text += &format!("{count:5} {}: {}\n", state.word(), state.meaning());
    }
    text
}

/// How many sub-cases of a requirement are shown.
const SHOWN: usize = 3;
