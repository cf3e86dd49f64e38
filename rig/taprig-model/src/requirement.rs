//! What the cases hold a device to: `cases/requirements.yaml`.

use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All requirements, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Requirements {
    /// Version of this format.
    pub schema: Version,
    /// The requirements: id, such as `ODA-VERIFY-SDAD`, and what it says.
    pub requirements: BTreeMap<String, Requirement>,
}

/// One requirement, in our own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Requirement {
    /// What the device does.
    pub text: String,
    /// How strictly.
    pub strength: Strength,
    /// Public title and clause of the document it rests on.
    pub source: String,
}

/// How strictly a requirement holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// Without exception.
    Must,
    /// Unless there is a good reason.
    Should,
    /// At the maker's choice; checked when the device claims it.
    May,
}
