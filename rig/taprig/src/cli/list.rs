//! `taprig list`: lists the cases.

use super::{Exit, Format, print};
use serde_json::json;
use taprig_case::{Problems, Project, SubCase, Suite};

/// Arguments of `taprig list`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files, folders, ids, families or tags. By default, all cases are listed.
    select: Vec<String>,
    /// Format of the result.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

pub(super) fn run(project: &Project, args: &Args) -> Result<Exit, Problems> {
    let suite = Suite::load(project, &args.select)?;
    Ok(print(&match args.format {
        Format::Human => table(&suite),
        Format::Json => {
            let list: Vec<_> = suite.cases.iter().map(as_json).collect();
            format!("{}\n", json!({ "cases": list }))
        }
    }))
}

fn as_json(case: &SubCase) -> serde_json::Value {
    json!({
        "id": case.id,
        "title": case.case.title,
        "file": case.file,
        "since": case.case.since,
        "requires": case.case.requires,
        "applies": case.case.applies,
        "tags": case.case.tags,
        // Presets are expanded, and the values of the matrix are inserted.
        "given": case.case.given,
        "steps": case.case.steps,
        "expect": case.case.expect,
        "needs": case.criteria().needs,
    })
}

fn table(suite: &Suite) -> String {
    let ids: Vec<String> = suite.cases.iter().map(|case| case.id.to_string()).collect();
    let width = ids.iter().map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for (id, case) in ids.iter().zip(&suite.cases) {
        let tags = case.case.tags.iter().map(|tag| format!("  #{tag}")).collect::<String>();
        text += &format!("{id:width$}  {}{tags}\n", case.case.title);
    }
    text + &format!("{} cases in {} files\n", suite.cases.len(), suite.files)
}
