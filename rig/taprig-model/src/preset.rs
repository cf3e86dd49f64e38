//! The file `cases/presets.yaml`: named expectations that many cases share.

use crate::expect::Expect;
use crate::name::Name;
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The presets. `expect: rides` stands for all lines of the preset `rides`. `expect: { preset: rides, charged: 2.00 CNY
/// }` stands for the same lines with another amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Presets {
    /// Version of this format.
    pub schema: Version,
    /// The presets by name.
    pub presets: BTreeMap<Name, Preset>,
}

/// Expectations that many cases share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Preset {
    /// What the expectations mean.
    pub text: String,
    /// The expectations.
    pub expect: Expect,
}
