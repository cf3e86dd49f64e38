//! A validator profile, `fixtures/validators/<name>.yaml`: how the devices of a deployment are configured.

use crate::name::Name;
use crate::settings::Settings;
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a validator is configured before a case. The name of the file is the name of the profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Validator {
    /// Version of this format.
    pub schema: Version,
    /// For a person: where devices are configured like this.
    pub title: String,
    /// The name of a base profile. Its settings hold unless this profile has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<Name>,
    /// The settings.
    #[serde(default)]
    pub settings: Settings,
}
