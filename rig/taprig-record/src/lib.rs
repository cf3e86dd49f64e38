//! What happened, kept so that a killed process loses nothing that came before.
//!
//! A record is a folder:
//!
//! ```text
//! record.json      schema, state: open | partial | complete
//! events.jsonl     one event a line, in the order they were told
//! firmware.json    images of the boards with their digests
//! inputs.tar.gz    what the run was judged by
//! serial/          <bench>-<port>.bin: raw bytes of both directions; `serial` events tell when and whose
//! ```
//!
//! A run emits through a [`Scope`]; one thread writes, and hands each event to the listeners (the display).

pub mod decode;
mod folder;
mod inputs;
pub mod mask;
mod read;
mod scope;
pub mod units;
mod writer;

pub use inputs::{INPUTS, Inputs};
pub use read::{ReadError, Record};
pub use scope::{Scope, SerialTap};
pub use writer::{Listener, Options, Recorder, WriteError};

use serde::{Deserialize, Serialize};
use std::path::Path;
use std::{fs, io};

const MARK: &str = "record.json";
const EVENTS: &str = "events.jsonl";
const FIRMWARE: &str = "firmware.json";
const SERIAL: &str = "serial";
/// A report that is written beside the record when the run is over. A folder that holds one of these and no record belongs to
/// somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFile {
    /// Everything that the run came to, for programs.
    Results,
    /// For CI servers.
    Junit,
}

impl ReportFile {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Results, Self::Junit];

    /// Name of the file in the folder of the record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Results => "results.json",
            Self::Junit => "junit.xml",
        }
    }
}

/// Content of `record.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    schema: u32,
    state: State,
}

/// How far a record got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Being written, or its writer was killed.
    Open,
    /// Closed before the run's end.
    Partial,
    /// Closed at the run's end.
    Complete,
}

/// Name of the file with the raw bytes of a port.
fn serial_name(bench: &str, port: &str) -> String {
    let plain = |name: &str| {
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect::<String>()
    };
    format!("{}-{}.bin", plain(bench), plain(port))
}

/// Writes a file beside and renames it, so that a reader never sees half of it.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    fs::write(&beside, content)?;
    fs::rename(&beside, path)
}

/// Content as JSON for people.
pub fn pretty(content: &impl Serialize) -> Vec<u8> {
    // Only maps with keys that are no text can't be written; the model has none.
    let mut text = serde_json::to_vec_pretty(content).unwrap_or_default();
    text.push(b'\n');
    text
}
