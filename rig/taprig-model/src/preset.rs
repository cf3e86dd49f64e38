//! The file `cases/presets.yaml`: expectations that recur, by name.

use crate::expect::Expect;
use crate::name::Name;
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The presets. `expect: rides` stands for all lines of the preset `rides`; `expect: { preset: rides, charged: 2.00 CNY }` for
/// the same with another amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Presets {
    /// Version of this format.
    pub schema: Version,
    /// The presets by name.
    pub presets: BTreeMap<Name, Preset>,
}

/// Expectations that recur.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Preset {
    /// What they mean.
    pub text: String,
    /// The expectations.
    pub expect: Expect,
}
