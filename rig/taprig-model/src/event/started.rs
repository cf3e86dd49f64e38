//! How a run and its sub-cases began.

use crate::lab::Lab;
use crate::quarantine::Entry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a run began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunStarted {
    /// Version of the stream.
    pub schema: u32,
    /// The name of the tool: `taprig`.
    pub tool: String,
    /// The version of the tool.
    pub version: String,
    /// Time of day at the start of the run, in UTC by RFC 3339.
    pub started: String,
    /// The command line without the name of the program.
    pub arguments: Vec<String>,
    /// Device file of the device under test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Sub-cases that will run.
    pub cases: u32,
    /// The part of the suite that this run takes, such as `1/4`, if other machines take the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// What a transcript that differs from the reviewed one means for the run.
    #[serde(default)]
    pub baseline: BaselineUse,
    /// Cases whose failure does not fail the run. Entries that had expired when the run started are among them. A run that is
    /// resumed keeps those with which it began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantine: Vec<Entry>,
    /// The environment of the run: for example `os`, `arch`, `qemu` and `ci`.
    pub environment: BTreeMap<String, String>,
    /// What the laboratory file says (`taprig run --lab`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lab: Option<Box<Lab>>,
}

/// What a transcript that differs from the reviewed one of its device means for a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BaselineUse {
    /// The run fails.
    #[default]
    Require,
    /// The run reports the difference and does not fail.
    Report,
    /// Transcripts are not compared.
    Off,
}

/// How a sub-case began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseStarted {
    /// Title of the case.
    pub title: String,
    /// File of the case.
    pub file: String,
    /// Ids of the requirements that the case is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// Number of the attempt, from 1. It is above 1 if an earlier attempt ended in an error.
    pub attempt: u32,
    /// What the device echoed at the start of the case. It proves that stale bytes are not taken for answers of this
    /// case.
    pub nonce: String,
    /// Validator profile.
    pub validator: String,
    /// Card image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// Settings that differ from the profile, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
    /// Changes of the card image, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// Link faults, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// Whether the case is about the frames on the air, so that its transcript shows them. Early records do not say it. They hold
    /// only frames of such cases.
    #[serde(default = "about_frames")]
    pub frames: bool,
}

/// What holds for a case of a record that does not say whether it is about frames.
const fn about_frames() -> bool {
    true
}
