//! `taprig check`: checks cases and fixtures.

use super::{Exit, Format, print};
use serde_json::json;
use taprig_case::{Problems, Project, suite};

/// Arguments of `taprig check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files, folders or case ids. By default, all cases and fixtures are checked.
    paths: Vec<String>,
    /// Format of the result.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

pub(super) fn run(project: &Project, args: &Args) -> Result<Exit, Problems> {
    let files = suite::check_files(project, &args.paths)?;
    Ok(print(&match args.format {
        Format::Human => format!("{files} {}, no problems\n", if files == 1 { "file" } else { "files" }),
        Format::Json => format!("{}\n", json!({ "files": files, "problems": [] })),
    }))
}
