//! What a sub-case is judged by: everything besides the events that its verdict rests on.
//!
//! A run makes this of each sub-case before it starts, and a record keeps it, so that a stored record can be judged again. It
//! holds no settings and no card data.

use crate::capability::CardCapability;
use crate::event::Criterion;
use crate::expect::{Expect, JournalExpect, StatusExpect};
use crate::name::Name;
use crate::step::Console;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a sub-case is judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Criteria {
    /// Id of the sub-case, as `ODA-004` or `ODA-004/rsa1024`.
    pub id: String,
    /// Title of the case, with the values of the matrix put in.
    pub title: String,
    /// File of the case.
    pub file: String,
    /// Ids of the requirements that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// What it needs of device and bench. Where one of these is missing, it is not applicable.
    #[serde(default)]
    pub needs: Needs,
    /// Its steps, in order.
    pub steps: Vec<StepCriteria>,
    /// What must be seen of the whole case.
    #[serde(default)]
    pub expect: Expect,
    /// Where these expectations stand.
    #[serde(default)]
    pub lines: WantedLines,
    /// Its transcript is compared with the device's baseline.
    pub baseline: bool,
}

/// What a case needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Needs {
    /// Claims of the device.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Name>,
    /// Capabilities of the card side.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub card_side: Vec<CardCapability>,
}

/// What a step is judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StepCriteria {
    /// What must be seen.
    pub wanted: StepWanted,
    /// Where it stands.
    #[serde(default)]
    pub lines: WantedLines,
}

/// What must be seen in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepWanted {
    /// A tap, or several that must all be alike.
    Tap(Expect),
    /// The validator takes each setting.
    Settings,
    /// The validator tells its state.
    Status(StatusExpect),
    /// The validator lists its journal.
    Journal(JournalExpect),
    /// The validator empties its journal.
    ClearJournal,
    /// The validator is who its device file says.
    Identity,
    /// Replies on the reference device's console.
    Console(Console),
    /// Nothing.
    Nothing,
}

/// Lines of a case's file, from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WantedLines {
    /// Of all the expectations together: of the word `expect`, or of the step where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub each: BTreeMap<Criterion, usize>,
}

impl WantedLines {
    /// The line of an expectation, or of the nearest thing around it.
    #[must_use]
    pub fn of(&self, what: &Criterion) -> Option<usize> {
        self.each.get(what).copied().or(self.line)
    }
}

impl Criteria {
    /// A place in the case's file: `cases/bus/BUS-001.yaml:12`, or the file alone where no line is known.
    #[must_use]
    pub fn at(&self, line: Option<usize>) -> String {
        line.map_or_else(|| self.file.clone(), |line| format!("{}:{line}", self.file))
    }
}
