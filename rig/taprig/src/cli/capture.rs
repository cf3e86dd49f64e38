//! `taprig report capture`: writes the capture of a stored record.

use std::path::PathBuf;

use taprig_case::{Diagnostic, Problems};
use taprig_model::event::Body;
use taprig_record::{Record, ReportFile, State, replace};
use taprig_report::Capture;

use super::stored::after;
use super::{Exit, print};

/// Arguments of `taprig report capture`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the record.
    #[arg(value_name = "DIR")]
    record: PathBuf,
    /// File to write. By default, this is `capture.pcapng` in the folder of the record.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Args {
    /// The file that this command writes.
    pub(super) fn writes(&self) -> PathBuf {
        self.file.clone().unwrap_or_else(|| self.record.join(ReportFile::Capture.name()))
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, Problems> {
    let wrong = |error: &dyn std::fmt::Display| Problems::from(Diagnostic::of_file(&args.record, error.to_string()));
    let (record, unreadable) = Record::readable(&args.record).map_err(|error| wrong(&error))?;
    let file = args.writes();
    let cut = record.cut().filter(|_| record.state == State::Complete);
    // The run that closed this record has made a capture of all events. One of fewer events must not replace it.
    if file.exists() {
        match (unreadable.first(), &cut) {
            (Some(error), _) => return Err(wrong(error)),
            (None, Some(cut)) => return Err(wrong(cut)),
            (None, None) => {}
        }
    }
    if let Err(error) = replace(&file, &Capture::of(&record.events).finish()) {
        let help = "check that the folder exists, may be written and has room";
        return Err(Diagnostic::of_file(&file, format!("writing the capture: {error}")).help(help).into());
    }
    let printed = print(&format!("{}: {} in {}\n", args.record.display(), counted(&record), file.display()));
    Ok(after(printed, &unreadable, cut, "the capture has the events before"))
}

/// What the capture holds.
fn counted(record: &Record) -> String {
    let (mut frames, mut taps, mut exchanges) = (0, 0, 0);
    for event in &record.events {
        match event.body {
            Body::Frame { .. } => frames += 1,
            Body::Presented { .. } => taps += 1,
            Body::Exchange(_) => exchanges += 1,
            _ => {}
        }
    }
    let frames = match frames {
        0 => {
            "no frames: the card side reports none, so the blocks around commands and responses are made up".to_owned()
        }
        frames => format!("{frames} frames"),
    };
    format!("{taps} taps, {exchanges} exchanges, {frames}")
}
