//! Reports, computed from the events of a run.

mod capture;
pub mod html;
mod junit;
mod notable;
mod own_time;
mod tally;

pub use capture::Capture;
pub use html::{Html, Nights, Since, Stored};
pub use junit::junit;
pub use notable::Notable;
pub use tally::Tally;

use std::io;
use std::path::{Path, PathBuf};
use taprig_model::event::Event;
use taprig_model::result::RunResult;
use taprig_record::{ReportFile, State, pretty, replace, seal};

/// A report can't be written.
#[derive(Debug, thiserror::Error)]
#[error("writing {}: {cause}; check that the folder exists, may be written and has room", path.display())]
pub struct ReportError {
    /// The file.
    pub path: PathBuf,
    /// What went wrong.
    pub cause: io::Error,
}

/// Writes `results.json` and `junit.xml` into `folder`, which must exist. `events` is the stream from which `result`
/// was computed, or at least its [`Notable`] part: the transcripts of failed cases are made from it.
///
/// # Errors
/// A file can't be written.
pub fn write(folder: &Path, result: &RunResult, events: &[Event]) -> Result<(), ReportError> {
    put(folder, ReportFile::Results, Ok(pretty(result)))?;
    put(folder, ReportFile::Junit, junit(result, events))
}

/// Writes `capture.pcapng` into `folder`, which must exist.
///
/// # Errors
/// The file can't be written.
pub fn write_capture(folder: &Path, capture: Capture) -> Result<(), ReportError> {
    put(folder, ReportFile::Capture, Ok(capture.finish()))
}

/// Writes a report into the folder of a record, unless the record is sealed.
fn put(folder: &Path, file: ReportFile, content: io::Result<Vec<u8>>) -> Result<(), ReportError> {
    let path = folder.join(file.name());
    let unsealed = seal::refuse(folder).map_err(io::Error::other);
    unsealed.and(content).and_then(|content| replace(&path, &content)).map_err(|cause| ReportError { path, cause })
}

/// Writes `report.html` into `folder`, from the record that is there. `state` is the state that the record will have as soon as
/// this report, its last file, is written.
///
/// # Errors
/// The record can't be read, or the file can't be written.
pub fn write_html(folder: &Path, state: State, since: Option<&Since>) -> Result<(), ReportError> {
    let page = Html::of_ending(folder, state, since).map_err(io::Error::other);
    put(folder, ReportFile::Html, page.map(|page| page.text.into_bytes()))
}
