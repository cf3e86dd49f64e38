//! `taprig run --resume DIR`: the command of an earlier run again, as its record tells it.

use std::path::Path;

use clap::Parser as _;
use taprig_bench::Config;
use taprig_case::{Diagnostic, Problems, Project};
use taprig_model::event::{Body, RunStarted};
use taprig_record::Record;

use super::{Cli, Command, Format, run};

/// The name under which a record keeps the digest of cases and fixtures.
pub(super) const CASES: &str = "cases-and-fixtures";

/// Opens a record that the user named.
///
/// # Errors
/// The record can't be read.
pub(super) fn open(folder: &Path) -> Result<Record, Problems> {
    Record::open(folder).map_err(|error| Diagnostic::of_file(folder, error.to_string()).into())
}

/// The arguments of the run whose record is in `folder`, and this record.
///
/// # Errors
/// The record can't be read or is not that of a run of this project, or cases and fixtures have changed since.
pub(super) fn command(project: &Project, folder: &Path, format: Format) -> Result<(run::Args, Record), Problems> {
    let wrong = |why: &str, help: &str| Problems::from(Diagnostic::of_file(folder, why).help(help));
    let record = open(folder)?;
    let Some(started) = record.started() else {
        return Err(wrong("this record does not say how its run began", "run the cases anew, with `--report`"));
    };
    let now = format!("sha256 {}", project.digest());
    if started.environment.get(CASES) != Some(&now) {
        let why = "cases or fixtures have changed since this run, so its parts would not be judged by the same";
        return Err(wrong(why, "run the cases anew, or put the files back"));
    }
    match arguments(started) {
        Some(args) => Ok((args.again(folder, format), record)),
        None => Err(wrong("this version of taprig does not understand the command of the run", "run the cases anew")),
    }
}

/// The arguments of a run, from its record. `None` if this version of taprig does not understand them.
pub(super) fn arguments(run: &RunStarted) -> Option<run::Args> {
    let words = std::iter::once("taprig").chain(run.arguments.iter().map(String::as_str));
    match Cli::try_parse_from(words) {
        Ok(Cli { command: Command::Run(args), .. }) => Some(args),
        _ => None,
    }
}

/// Makes sure that the boards will run the images that they ran before.
///
/// # Errors
/// The digest of an image differs.
pub(super) fn check_images(record: &Record, config: &Config) -> Result<(), Problems> {
    for event in &record.events {
        let Body::Firmware(before) = &event.body else { continue };
        if let Some(now) = config.image(before.role)
            && now.digest_hex() != before.digest
        {
            let why = format!("the image of the {} has changed since this run ({})", before.role, before.path);
            return Err(Diagnostic::of_file(&record.folder, why)
                .help("run the cases anew, or put the image back")
                .into());
        }
    }
    Ok(())
}
