//! The requirements that the cases test: `cases/requirements.yaml`.

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
    /// The requirements: from the id, such as `ODA-VERIFY-SDAD`, to the requirement.
    pub requirements: BTreeMap<String, Requirement>,
}

/// One requirement, in our own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Requirement {
    /// What the device has to do.
    pub text: String,
    /// How strictly the requirement holds.
    pub strength: Strength,
    /// Public title and clause of the document that the requirement rests on.
    pub source: String,
}

/// How strictly a requirement holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// It holds without exception.
    Must,
    /// It holds unless there is a good reason.
    Should,
    /// It is the maker's choice. taprig checks it if the device claims it.
    May,
}
