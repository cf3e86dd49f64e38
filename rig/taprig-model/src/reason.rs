//! The file `cases/reasons.yaml`: the words that cases use for the reason of an outcome.

use crate::name::Name;
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The reasons that cases may expect. The device file of another maker maps its own codes to these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Reasons {
    /// Version of this format.
    pub schema: Version,
    /// Each word and its meaning.
    pub reasons: BTreeMap<Name, String>,
}
