//! What was found about a file of a record.

use serde::Serialize;
use std::path::PathBuf;

/// Something about a file of a record: why the record is refused, or why the file was not compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The file, relative to the folder of the record.
    pub file: PathBuf,
    /// What is wrong with it, as a sentence without a full stop.
    pub what: String,
}

impl Finding {
    pub(crate) fn new(file: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self { file: file.into(), what: what.into() }
    }
}
