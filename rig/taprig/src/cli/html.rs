//! `taprig report html`: makes the HTML report of a stored record.

use std::path::{Path, PathBuf};

use taprig_case::{Diagnostic, Problems};
use taprig_history::file::BrokenLine;
use taprig_record::{ReadError, ReportFile};
use taprig_report::html::HtmlError;
use taprig_report::{Html, Nights, Since};

use super::{Exit, print, say};

/// Arguments of `taprig report html`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the record that `taprig run --report` wrote.
    #[arg(value_name = "DIR")]
    record: PathBuf,
    /// The file to write. The default is `report.html` in the folder of the record.
    #[arg(value_name = "FILE")]
    to: Option<PathBuf>,
    /// Folder of the record of an earlier run. The report says what has changed since then.
    #[arg(long, value_name = "EARLIER")]
    since: Option<PathBuf>,
    /// File of a history that `taprig history add` has written. The report shows the last nights of this device on this bench.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
}

impl Args {
    /// The file that this command writes.
    pub(super) fn writes(&self) -> PathBuf {
        self.to.clone().unwrap_or_else(|| self.record.join(ReportFile::Html.name()))
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, Problems> {
    let unread = |folder: &Path, error: &ReadError| Problems::from(Diagnostic::of_file(folder, error.to_string()));
    let since = args.since.as_deref().map(|folder| Since::read(folder).map_err(|error| unread(folder, &error)));
    let since = since.transpose()?;
    let nights = args.history.as_deref().map(|file| {
        Nights::read(file).map_err(|error| {
            Problems::from(
                Diagnostic::of_file(file, error.to_string()).help("`taprig history add DIR` makes a history"),
            )
        })
    });
    let nights = nights.transpose()?;
    let made = match &nights {
        Some(nights) => Html::with_nights(&args.record, since.as_ref(), nights),
        None => Html::of(&args.record, since.as_ref()),
    };
    let html = match made {
        Ok(html) => html,
        Err(HtmlError::Read(error)) => return Err(unread(&args.record, &error)),
        Err(error @ HtmlError::Template(_)) => return Ok(super::rig_failed(&error)),
    };
    let to = args.writes();
    check(&to, &html)?;
    if let Err(error) = taprig_record::replace(&to, html.text.as_bytes()) {
        let advice = "check that the folder exists, may be written and has room";
        return Ok(super::rig_failed(&std::io::Error::other(format!("writing {}: {error}; {advice}", to.display()))));
    }
    let mut left_out = parts_left_out(&html);
    for (file, BrokenLine { line, why }) in
        args.history.iter().flat_map(|file| nights.iter().flat_map(Nights::broken).map(move |broken| (file, broken)))
    {
        left_out.push(format!("reading {}, line {line}: {why}; the night in this line is left out", file.display()));
    }
    left_out.iter().for_each(|line| say(&format!("taprig: {line}")));
    let printed = print(&format!("{}\n", to.display()));
    Ok(if printed == Exit::Ok && !left_out.is_empty() { Exit::BadInput } else { printed })
}

/// Makes sure that nothing is lost which can't be made again.
///
/// # Errors
/// The file is not a report, or it is one that was made when more of the record could be read.
fn check(to: &Path, html: &Html) -> Result<(), Problems> {
    let there = match std::fs::read(to) {
        Ok(there) => there,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Diagnostic::of_file(to, format!("can't write the report here: {error}")).into()),
    };
    let why = if !Html::is_ours(&there) {
        "this file is no report of taprig, so it is not written over"
    } else if !html.is_whole() {
        "not all of the record can be read, so the report that is here is not written over"
    } else {
        return Ok(());
    };
    let mut problems = Problems::from(Diagnostic::of_file(to, why).help("name another file after the folder"));
    let wrong = html.unreadable.iter().chain(&html.inputs).map(ToString::to_string);
    let wrong = wrong.chain(html.cut.iter().map(ToString::to_string));
    wrong.for_each(|why| problems.push(Diagnostic::of_file(to, why)));
    Err(problems)
}

/// What of the record could not be read, one line each.
fn parts_left_out(html: &Html) -> Vec<String> {
    let mut lines: Vec<String> = html.unreadable.iter().map(ToString::to_string).collect();
    if html.unreadable_count > lines.len() {
        lines.push(format!("and {} more lines that can't be read", html.unreadable_count - lines.len()));
    }
    lines.extend(html.cut.iter().map(ToString::to_string));
    lines.extend(html.inputs.iter().map(ToString::to_string));
    if !lines.is_empty() {
        lines.push("the report shows the rest of the record".to_owned());
    }
    lines
}
