//! `taprig coverage`: requirement by case by verdict, from a stored record.

use std::path::PathBuf;

use taprig_case::Problems;
use taprig_conformance::{Coverage, Covered};
use taprig_model::result::Verdict;
use taprig_record::pretty;

use super::stored::Stored;
use super::{Exit, print};

/// Arguments of `taprig coverage`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the record that `taprig run --report` wrote. The command does not change it.
    record: PathBuf,
    /// Show the sub-cases of each requirement with their verdicts.
    #[arg(long)]
    cases: bool,
    /// Format of the table.
    #[arg(long, value_enum, default_value_t)]
    format: CoverageFormat,
}

/// Format of a coverage table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum CoverageFormat {
    /// A line for each requirement, and the counts.
    #[default]
    Human,
    /// JSON for a program.
    Json,
}

pub(super) fn run(args: &Args) -> Result<Exit, Problems> {
    let stored = Stored::readable(&args.record)?;
    let coverage = Coverage::of(&stored.matrix(), &stored.inputs.criteria);
    let printed = match args.format {
        CoverageFormat::Human => print(&text(&coverage, args.cases)),
        CoverageFormat::Json => print(&String::from_utf8_lossy(&pretty(&coverage))),
    };
    Ok(stored.after(match printed {
        Exit::Ok if coverage.has_orphans() => Exit::CaseFailed,
        other => other,
    }))
}

/// The verdicts that a line counts, in this order.
const VERDICTS: [(Option<Verdict>, &str); 7] = [
    (Some(Verdict::Pass), "pass"),
    (Some(Verdict::Changed), "changed"),
    (Some(Verdict::Fail), "fail"),
    (Some(Verdict::Error), "error"),
    (Some(Verdict::NotApplicable), "not applicable"),
    (Some(Verdict::Skipped), "skipped"),
    (None, "without a verdict"),
];

fn text(coverage: &Coverage, cases: bool) -> String {
    let mut text = String::new();
    let width = coverage.rows.iter().map(|row| row.id.len()).max().unwrap_or(0);
    for row in &coverage.rows {
        let counts = VERDICTS.iter().map(|(verdict, words)| (row.count(*verdict), words));
        let counts: Vec<String> =
            counts.filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}")).collect();
        let (id, covered) = (&row.id, row.covered.words());
        text += format!("{id:width$}  {covered:11}  {}", counts.join(", ")).trim_end();
        text += "\n";
        for (case, verdict) in row.cases.iter().filter(|_| cases) {
            text += &format!("  {}  {case}\n", verdict.map_or("without a verdict", Verdict::name));
        }
    }
    text += "\n";
    for (covered, count) in &coverage.counts {
        text += &format!("{count:5} {}\n", covered.words());
    }
    for row in coverage.rows.iter().filter(|row| row.covered == Covered::Uncovered) {
        text += &format!("no sub-case of this record requires {}\n", row.id);
    }
    for (case, id) in &coverage.strangers {
        text += &format!("{case} requires {id}, which is no requirement\n");
    }
    for case in &coverage.loose {
        text += &format!("{case} requires nothing\n");
    }
    text
}
