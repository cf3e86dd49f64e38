//! Records of runs. A process that is killed loses nothing that it recorded before.
//!
//! A record is a folder:
//!
//! ```text
//! record.json      schema, state: open | partial | complete
//! events.jsonl     one event a line, in the order they were told
//! firmware.json    images of the boards with their digests
//! inputs.tar.gz    what the run was judged by
//! serial/          <bench>-<port>.bin: raw bytes of both directions, those of a text console masked; `serial` events tell when
//!                  and whose
//! ```
//!
//! A run emits events through a [`Scope`]. One thread writes them and hands each event to the listeners (such as the
//! display).

mod consoles;
mod cut;
pub mod decode;
mod folder;
mod inputs;
pub mod mask;
pub mod numbers;
mod read;
mod scope;
pub mod seal;
mod stream;
pub mod units;
mod writer;

pub use cut::{Cut, End};
pub use inputs::{INPUTS, Inputs, Packed};
pub use read::{ReadError, Record};
pub use scope::{Scope, SerialTap};
pub use stream::Stream;
pub use writer::{Closing, Listener, Options, Recorder, WriteError};

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{fs, io};

const MARK: &str = "record.json";
/// Name of the file of a record that holds its events.
pub const EVENTS: &str = "events.jsonl";
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
    /// The frames on the air, for Wireshark.
    Capture,
    /// For people: one file that opens in a browser without a network.
    Html,
}

impl ReportFile {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Results, Self::Junit, Self::Capture, Self::Html];

    /// Name of the file in the folder of the record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Results => "results.json",
            Self::Junit => "junit.xml",
            Self::Capture => "capture.pcapng",
            Self::Html => "report.html",
        }
    }
}

/// Content of `record.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    schema: u32,
    state: State,
}

/// The state of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The record or its reports are still being written, or their writer was killed.
    Open,
    /// The record was closed before the run's end.
    Partial,
    /// The record was closed at the run's end, after its last file was written.
    Complete,
}

/// The file of a record that holds the raw bytes of a port.
#[must_use]
pub fn serial_path(folder: &Path, bench: &str, port: &str) -> PathBuf {
    folder.join(SERIAL).join(serial_name(bench, port))
}

/// Name of the file that holds the raw bytes of a port.
fn serial_name(bench: &str, port: &str) -> String {
    let plain = |name: &str| {
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect::<String>()
    };
    format!("{}-{}.bin", plain(bench), plain(port))
}

/// Writes a temporary file and renames it, so that a reader never sees an incomplete file.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    fs::write(&beside, content)?;
    fs::rename(&beside, path)
}

/// The content as JSON that people can read.
pub fn pretty(content: &impl Serialize) -> Vec<u8> {
    // Serialising fails only for maps whose keys are not text, and the model has no such map.
    let mut text = serde_json::to_vec_pretty(content).unwrap_or_default();
    text.push(b'\n');
    text
}
