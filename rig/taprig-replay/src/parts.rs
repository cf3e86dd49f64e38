//! The files of a bus while a replay is played.

use std::fs;
use std::path::{Path, PathBuf};

use crate::books::BusBooks;

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
