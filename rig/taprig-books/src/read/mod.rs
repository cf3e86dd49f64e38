//! Reads the files of the three sides, a row at a time, so that memory does not depend on the length of a file or of a row.
//!
//! A file that is not what it should be is [`Refused`]. A row that can't be read is told by [`Books::broken`], and the
//! rest of the file counts.

pub mod clearing;
mod fields;
pub mod journal;
mod lines;
pub mod log;

use crate::books::{Books, FileId, Place};
use lines::Line;
use std::io;
use taprig_model::books::result::Side;

/// A file as a whole is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It can't be read.
    #[error("the file can't be read: {0}")]
    Read(#[from] io::Error),
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Its first row or all of its rows are wrong.
    #[error("row {row}: {what}")]
    Content {
        /// Line as an editor counts it, from 1.
        row: u32,
        /// What is wrong.
        what: String,
        /// What to try.
        help: String,
    },
}

impl Refused {
    /// What to try.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Content { help, .. } => Some(help),
            Self::Empty => Some("export it again"),
            Self::Read(_) => None,
        }
    }
}

/// A file that is being read into the books.
struct Reading<'a> {
    books: &'a mut Books,
    file: FileId,
    side: Side,
    /// Rows that could be read.
    good: u64,
    /// The first row that could not.
    first_broken: Option<(u32, String)>,
}

impl<'a> Reading<'a> {
    const fn new(books: &'a mut Books, file: FileId, side: Side) -> Self {
        Self { books, file, side, good: 0, first_broken: None }
    }

    const fn place(&self, line: &Line<'_>) -> Place {
        Place { file: self.file, row: line.row }
    }

    fn broken(&mut self, row: u32, why: impl Into<String>, fen: Option<u64>) {
        let why = why.into();
        self.books.broken(self.side, Place { file: self.file, row }, why.clone(), fen);
        self.first_broken.get_or_insert((row, why));
    }

    /// A file without a single row that can be read is another file.
    fn end(self, wanted: &str, help: &str) -> Result<(), Refused> {
        match self.first_broken {
            Some((row, why)) if self.good == 0 => {
                Err(Refused::Content { row, what: format!("{why}; no row of the file is {wanted}"), help: help.into() })
            }
            _ => Ok(()),
        }
    }
}

/// What is wrong with a line of JSON, without the line that `serde_json` counts from 1 in each.
fn without_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => format!("{what} (column {})", error.column()),
        None => text,
    }
}
