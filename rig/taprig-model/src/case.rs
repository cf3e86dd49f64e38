//! A case, `cases/<subject>/<ID>.yaml`: the initial state, what the rider does, and what the device must do.

use crate::acquirer::GivenAcquirer;
use crate::card::Change;
use crate::expect::Expect;
use crate::name::{CaseId, Name};
use crate::settings::Settings;
use crate::step::{Injection, Step};
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One case. The loader hands it out after it has applied the matrix of the case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    /// Version of this format.
    pub schema: Version,
    /// The id. The file has the same name.
    pub id: CaseId,
    /// What the case shows, in one sentence.
    pub title: String,
    /// The version of taprig that introduced the case.
    pub since: String,
    /// Ids of the requirements in `cases/requirements.yaml` that the case is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// Claims of the device's conformance statement that the case needs. The device has to make all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applies: Vec<Name>,
    /// Words by which a person selects cases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Name>,
    /// The matrix. Each entry makes a sub-case, and `{name}` anywhere below stands for the value that the entry gives
    /// that name. The id of the sub-case ends in the value of `name`, or else in the first value of the entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<BTreeMap<Name, EachValue>>,
    /// The state before the first step.
    pub given: Given,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// What must be seen. The expectations outcome, shows, sound, gate, exchange, tags and within are about the last
    /// tap. The expectations charged and journal are about the whole case.
    #[serde(default)]
    pub expect: Expect,
    /// Which evidence is kept for review.
    #[serde(default)]
    pub snapshot: Snapshot,
}

/// The state before the first step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Given {
    /// The profile, a file in `fixtures/validators`.
    pub validator: Name,
    /// Settings that differ from those of the profile.
    #[serde(default)]
    pub settings: Settings,
    /// The card image, a file in `fixtures/cards`, for the taps that name no card. If it is absent, the case has no
    /// such card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Name>,
    /// Changes of the card image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Further cards, by the names that taps use.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cards: BTreeMap<Name, GivenCard>,
    /// The deny list of the settings is as long as the `deny-capacity` that the device claims. The rig makes up the cards that are
    /// missing, and tells them before those of the settings. A case that says this needs the claim.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub full_deny_list: bool,
    /// The acquirer. If it is absent, no acquirer hears the validator in this case. A bench without one can't play a case that has
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acquirer: Option<GivenAcquirer>,
    /// Faults on the air at every tap. A step `inject` adds faults for the next tap only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inject: Vec<Injection>,
}

/// A further card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GivenCard {
    /// The card image, a file in `fixtures/cards`.
    pub image: Name,
    /// Changes of the card image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// A value of the matrix. If `"{name}"` is the whole text, the value replaces it as it is. Otherwise the value is
/// inserted as text.
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

/// Which evidence is kept for review.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Snapshot {
    /// The normalised transcript. taprig compares it with the reviewed one.
    #[default]
    Transcript,
    /// Nothing. The expectations alone decide.
    None,
}
