//! Why a replay can't go on.

use std::path::Path;

use taprig_bench::BenchError;

/// A replay can't go on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The bench failed.
    #[error("{what}")]
    Bench {
        /// What was being done.
        what: String,
        /// The cause.
        source: Box<BenchError>,
    },
    /// A file can't be read or written.
    #[error("{doing} {path}")]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The machine can't run a worker.
    #[error("starting a worker")]
    Worker(#[source] std::io::Error),
    /// The recorder has failed.
    #[error("starting the recorder of a worker")]
    Recorder(#[source] taprig_record::WriteError),
    /// Events or messages of a bus are missing, so that its books would be wrong.
    #[error("bus {bus}: {what}")]
    Incomplete {
        /// The bus.
        bus: String,
        /// What is missing.
        what: String,
    },
    /// The clock of the machine or its load spoilt a bus again and again.
    #[error("bus {bus}: {what}, in each of {attempts} attempts; run fewer jobs at the same time")]
    Slow {
        /// The bus.
        bus: String,
        /// What went wrong.
        what: String,
        /// How often it was played.
        attempts: u32,
    },
    /// A worker panicked.
    #[error("a worker panicked; what was played before is kept")]
    Panicked,
}

impl ReplayError {
    pub(crate) fn file(doing: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::File { doing, path: path.display().to_string(), source }
    }
}
