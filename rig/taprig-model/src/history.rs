//! The history of a bench: one line of JSON for each run. `taprig history add` writes a line from a record.
//!
//! A line stands alone. It repeats nothing of another line and refers to none, so one broken line spoils one night.

use crate::board::Role;
use crate::event::BaselineUse;
use crate::result::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of a line. It is raised when a field changes its meaning.
pub const SCHEMA: u32 = 1;

/// One run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Night {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What distinguishes this run from all others: a digest over the beginning of its events. It stays the same if the
    /// run is resumed.
    pub run: String,
    /// A digest over all events of the record. It differs if the run was resumed after the line was written.
    pub content: String,
    /// The folder of the record when the line was written. The record may be gone.
    pub record: String,
    /// Time of day at the start of the run, in UTC by RFC 3339.
    pub started: String,
    /// Time from start to end, in us.
    pub took_us: u64,
    /// Whether the run reached its end. Otherwise cases may be missing.
    pub complete: bool,
    /// The tool and its version, such as `taprig 0.1.0`.
    pub tool: String,
    /// Name of the bench file.
    pub bench: String,
    /// Name of the device file.
    pub device: String,
    /// A digest of the device file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_digest: Option<String>,
    /// A digest of all cases and fixtures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cases_digest: Option<String>,
    /// What a transcript that differs from the reviewed one meant for this run.
    #[serde(default)]
    pub baseline: BaselineUse,
    /// The environment of the run, such as `host` and `qemu`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// The benches that the run used. With `--jobs` there are several of one bench file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub benches: Vec<NightBench>,
    /// Faults of the rig that belong to no case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<NightFault>,
    /// The sub-cases, in the order of their ids.
    pub cases: Vec<NightCase>,
}

/// A bench of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NightBench {
    /// Its name in the record.
    pub name: String,
    /// Kinds of its boards and of its card side, in words.
    pub parts: String,
    /// Serial number of the device under test, if the bench file gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// The firmware of each board: a digest, or the version if the board reports no digest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub firmware: BTreeMap<Role, String>,
}

/// A fault of the rig that belongs to no case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NightFault {
    /// Name of the bench in the record. This is absent if the fault is not one of a bench.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bench: Option<String>,
    /// What happened.
    pub what: String,
}

/// A sub-case of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NightCase {
    /// Id of the sub-case.
    pub id: String,
    /// Verdict of the last attempt.
    pub verdict: Verdict,
    /// A digest of everything that makes the case: its criteria, its file, its fixtures and its reviewed transcript. This
    /// is absent if the record has no inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Duration of the last attempt, in us.
    pub took_us: u64,
    /// The place in `benches` of the bench on which it ran. This is absent if it did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bench: Option<usize>,
    /// Verdicts of the attempts before the last one, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Verdict>,
    /// Why the verdict is not a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whether the case was in quarantine, so that its failure did not fail the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quarantined: bool,
}
