//! A case, `cases/<subject>/<ID>.yaml`: what is given, what the rider does, what the device must do.

use crate::card::Change;
use crate::expect::Expect;
use crate::name::{CaseId, Name};
use crate::settings::Settings;
use crate::step::{Injection, Step};
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One case. Its `each` has been applied when it comes from the loader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    /// Version of this format.
    pub schema: Version,
    /// Id; the file has the same name.
    pub id: CaseId,
    /// What is shown, in one sentence.
    pub title: String,
    /// The taprig version that brought the case.
    pub since: String,
    /// Ids in `cases/requirements.yaml`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// Claims of the device's conformance statement that the case needs, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applies: Vec<Name>,
    /// For choosing cases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Name>,
    /// Matrix: each entry makes a sub-case, and `{name}` anywhere below stands for the entry's value of that name.
    /// The sub-case is called by the value of `name`, or else by the first value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<BTreeMap<Name, EachValue>>,
    /// The state before the first step.
    pub given: Given,
    /// What happens.
    pub steps: Vec<Step>,
    /// What must be seen. Outcome, shows, sound, gate, exchange, tags and within are those of the last tap; charged
    /// and journal are of the whole case.
    #[serde(default)]
    pub expect: Expect,
    /// What is kept for review.
    #[serde(default)]
    pub snapshot: Snapshot,
}

/// The state before the first step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Given {
    /// Profile in `fixtures/validators`.
    pub validator: Name,
    /// Settings that differ from the profile's.
    #[serde(default)]
    pub settings: Settings,
    /// Card image in `fixtures/cards`, for the taps that name no card. Absent: no card is in the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Name>,
    /// What differs from the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Further cards, by the name that taps use.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cards: BTreeMap<Name, GivenCard>,
    /// Faults on the air at every tap; a step of its own injects for the next tap only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inject: Vec<Injection>,
}

/// A further card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GivenCard {
    /// Card image in `fixtures/cards`.
    pub image: Name,
    /// What differs from the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// A value of the matrix: put in as it is where `"{name}"` is all there is, else as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum EachValue {
    /// `true` or `false`.
    Switch(bool),
    /// A whole number.
    Number(i64),
    /// A word.
    Text(String),
}

/// What is kept for review.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Snapshot {
    /// The normalised transcript is compared with the reviewed one.
    #[default]
    Transcript,
    /// Nothing; the expectations alone decide.
    None,
}
