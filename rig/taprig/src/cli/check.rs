//! `taprig check`: checks cases and fixtures.

use super::{Exit, Format, print, say, utc_now};
use serde_json::json;
use taprig_case::{Problems, Project, quarantine, suite};

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
    // A day that has passed is no mistake, but somebody has to know that failures count again.
    let now = utc_now();
    let mut expired = if args.paths.is_empty() { quarantine::read(project)? } else { vec![] };
    expired.retain(|entry| !entry.holds(&now));
    for entry in &expired {
        say(&format!(
            "taprig: {}: the quarantine of {} has expired on {}, so its failure counts; {} is to remove the entry or to give it a \
             later day",
            quarantine::FILE,
            entry.case,
            entry.until,
            entry.owner
        ));
    }
    Ok(print(&match args.format {
        Format::Human => format!("{files} {}, no problems\n", if files == 1 { "file" } else { "files" }),
        Format::Json => format!("{}\n", json!({ "files": files, "problems": [], "expired_quarantine": expired })),
    }))
}
