//! The acquirer that a case begins with.

use super::keys::{DesKey, Known, Series};
use super::rules::{DenyList, Rule, Rules};
use crate::name::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The acquirer of a case: a host at its first moment, with what it does by rules. Each sub-case gets a new one. It has
/// batch 1 open, knows no claim, and hands out the first entry of its working keys at the first sign-on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct GivenAcquirer {
    /// The deny list that terminals download. Absent: version 0 without cards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny_list: Option<DenyList>,
    /// What the host does differently from a proper one. For each message the first rule that matches decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// The keys of certification authorities that terminals download: names of key files in `fixtures/keys`. They hold
    /// until 31 December 2030.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authority_keys: Vec<Name>,
    /// The master key of every terminal that has none of its own. Absent: `0123456789ABCDEFFEDCBA9876543210`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master: Option<DesKey>,
    /// Working keys: the first sign-on of a terminal gets the first entry, the second sign-on the second one, and so on. Absent: the
    /// published test keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working: Option<Series>,
    /// The terminals that the host knows. Absent: it knows every terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminals: Option<Vec<Known>>,
}

impl GivenAcquirer {
    /// The rules of the host.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules { deny_list: self.deny_list.clone(), rules: self.rules.clone(), ..Rules::default() }
    }
}
