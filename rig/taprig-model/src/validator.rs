//! A validator profile, `fixtures/validators/<name>.yaml`: how a device of a deployment is set.

use crate::name::Name;
use crate::settings::Settings;
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a validator is set before a case. Named by its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Validator {
    /// Version of this format.
    pub schema: Version,
    /// For a person: where a device is set like this.
    pub title: String,
    /// Another profile, whose settings hold unless this one has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<Name>,
    /// The settings.
    #[serde(default)]
    pub settings: Settings,
}
