//! How a validator gets its firmware if the rig does not flash it itself.

use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The maker's own program that flashes the validator. The rig runs it if the validator reports another version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FlashCommand {
    /// The program and its arguments; no shell is involved. It is started in the project's folder.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// The version that the validator has to report afterwards.
    pub version: String,
    /// The longest time that the program may take. The default is 2 min.
    #[serde(default = "within")]
    pub within: Duration,
}

fn within() -> Duration {
    Duration::from_ms(120_000)
}
