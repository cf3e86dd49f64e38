//! The files of a bus while a replay is played.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::books::BusBooks;
use crate::error::ReplayError;

/// The folder of the parts, in the folder of the replay.
pub(crate) const PARTS: &str = "parts";

/// A file of a bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Journal,
    Acquirer,
    Clearing,
    Books,
    Samples,
    Summary,
}

impl Part {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal.csv",
            Self::Acquirer => "acquirer.jsonl",
            Self::Clearing => "clearing.csv",
            Self::Books => "books.csv",
            Self::Samples => "samples.json",
            Self::Summary => "json",
        }
    }
}

/// The file of a bus.
pub(crate) fn part(folder: &Path, bus: &str, which: Part) -> PathBuf {
    folder.join(PARTS).join(format!("{bus}.{}", which.name()))
}

/// The summary of a bus that is done.
pub(crate) fn summary(folder: &Path, bus: &str) -> Option<BusBooks> {
    serde_json::from_slice(&fs::read(part(folder, bus, Part::Summary)).ok()?).ok()
}

/// A file of a bus to which the evenings of the bus add their rows.
#[derive(Debug)]
pub(crate) struct Growing {
    path: PathBuf,
    file: File,
}

impl Growing {
    /// Begins the file. What is there is lost.
    pub(crate) fn create(folder: &Path, bus: &str, which: Part) -> Result<Self, ReplayError> {
        let path = part(folder, bus, which);
        let file = File::create(&path).map_err(|source| ReplayError::file("writing", &path, source))?;
        Ok(Self { path, file })
    }

    /// Adds whole rows.
    pub(crate) fn add(&mut self, rows: &[u8]) -> Result<(), ReplayError> {
        self.file.write_all(rows).map_err(|source| ReplayError::file("writing", &self.path, source))
    }
}
