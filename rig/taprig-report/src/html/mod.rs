//! `report.html`: a run for people, in one file that opens without a network.
//!
//! [`Html::of`] reads a record as a stream, so that memory does not grow with the record:
//!
//! ```text
//! events.jsonl -> gather: the result of the run (Tally), and the details of each case as soon as it has ended
//!                   detail, rows: a case in compact form; chunks: many cases, compressed
//! inputs.tar.gz -> matrix: requirements and claims
//! earlier record -> since: what changed
//!                -> summary, table: the parts of the page; page: the whole (templates/)
//! ```
//!
//! The page has everything in its HTML that a reader without script needs. The details of the cases are compressed, and the script unpacks
//! them when somebody opens a case. The script shows texts as texts and never as markup, and the policy of the page forbids everything
//! else.

mod chunks;
mod detail;
mod gather;
mod matrix;
mod nights;
mod page;
mod quarantine;
mod rows;
mod since;
mod stored;
mod summary;
mod table;
mod text;

pub use nights::Nights;
pub use since::Since;
pub use stored::Stored;

use std::path::Path;

use taprig_record::{Cut, Inputs, ReadError, State, Stream};

use page::Condition;

/// How the page begins. A file that begins otherwise is none of ours.
const BEGINNING: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\"";

/// A page, and what of the record it could not show.
#[derive(Debug)]
pub struct Html {
    /// The text of the file.
    pub text: String,
    /// Lines of the record that could not be read: the first of them.
    pub unreadable: Vec<ReadError>,
    /// Number of all lines that could not be read.
    pub unreadable_count: usize,
    /// What is missing at the end of the record.
    pub cut: Option<Cut>,
    /// Why the inputs of the run could not be read.
    pub inputs: Option<ReadError>,
}

/// A page can't be made.
#[derive(Debug, thiserror::Error)]
pub enum HtmlError {
    /// The record can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The template can't be filled.
    #[error("filling the template of the HTML report: {0}")]
    Template(#[from] askama::Error),
}

impl Html {
    /// Makes the page of the record in `folder`, compared with an earlier run if there is one. Lines that can't be read are left out,
    /// and the page says so.
    ///
    /// # Errors
    /// The record can't be read at all, or a later version of taprig wrote it.
    pub fn of(folder: &Path, since: Option<&Since>) -> Result<Self, HtmlError> {
        Self::make(folder, None, since, None)
    }

    /// The same, with the last nights of the bench from a history.
    ///
    /// # Errors
    /// As for [`Html::of`].
    pub fn with_nights(folder: &Path, since: Option<&Since>, nights: &Nights) -> Result<Self, HtmlError> {
        Self::make(folder, None, since, Some(nights))
    }

    /// The same for a record that has all of its events, but is not marked with its state yet, because this page belongs to it.
    ///
    /// # Errors
    /// As for [`Html::of`].
    pub fn of_ending(folder: &Path, state: State, since: Option<&Since>) -> Result<Self, HtmlError> {
        Self::make(folder, Some(state), since, None)
    }

    fn make(
        folder: &Path,
        state: Option<State>,
        since: Option<&Since>,
        nights: Option<&Nights>,
    ) -> Result<Self, HtmlError> {
        let mut stream = Stream::open(folder)?.without_raw_bytes();
        let gathered = gather::gather(&mut stream)?;
        let (inputs, wrong) = match Inputs::read(folder) {
            Ok(inputs) => (Some(inputs), None),
            Err(error) => (None, Some(error)),
        };
        let state = state.unwrap_or_else(|| stream.state());
        let cut = gathered.end.cut(stream.path(), state);
        let condition = Condition { state, torn: stream.torn(), inputs: wrong.as_ref().map(ToString::to_string) };
        let text = page::page(&gathered, inputs.as_ref(), &condition, since, nights)?;
        let (unreadable, unreadable_count) = gathered.unreadable;
        Ok(Self { text, unreadable, unreadable_count, cut, inputs: wrong })
    }

    /// Whether everything in the record could be read, and nothing is missing at its end.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unreadable_count == 0 && self.cut.is_none() && self.inputs.is_none()
    }

    /// Whether a file with this content is a page that taprig has made.
    #[must_use]
    pub fn is_ours(content: &[u8]) -> bool {
        content.starts_with(BEGINNING.as_bytes())
    }
}

#[cfg(test)]
mod tests;
