//! The criteria of a sub-case: everything that its verdict rests on besides the events.
//!
//! A run makes the criteria of each sub-case before the sub-case starts. A record keeps them, so that taprig can judge
//! a stored record again. They contain no card data. Of lists of cards and certificates they contain only the length.

use crate::acquirer::expect::AcquirerExpect;
use crate::acquirer::{Work, WorkResult};
use crate::capability::CardCapability;
use crate::event::Criterion;
use crate::expect::{Expect, JournalExpect, StatusExpect};
use crate::name::Name;
use crate::step::{Console, During};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The criteria by which a sub-case is judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Criteria {
    /// Id of the sub-case, as `ODA-004` or `ODA-004/rsa1024`.
    pub id: String,
    /// Title of the case, with the values of the matrix inserted.
    pub title: String,
    /// File of the case.
    pub file: String,
    /// Ids of the requirements that the case is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// What the case needs from the device and the bench. If something is missing, the case is not applicable.
    #[serde(default)]
    pub needs: Needs,
    /// The settings of the validator before the first step, in words, by the key of the setting. Only a case with an acquirer
    /// has them, because its claims name settings. Records of earlier versions do not have them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// Its steps, in order.
    pub steps: Vec<StepCriteria>,
    /// The expectations for the whole case.
    #[serde(default)]
    pub expect: Expect,
    /// Where these expectations are in the file of the case.
    #[serde(default)]
    pub lines: WantedLines,
    /// Whether the transcript is compared with the device's baseline.
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
    /// Whether it needs a bench with an acquirer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acquirer: bool,
    /// Values of settings that the case sets at its start or in its steps, by the key of the setting. A device whose
    /// setting is fixed to another value can't play the case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, BTreeSet<String>>,
}

/// The criteria by which a step is judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StepCriteria {
    /// The expectations of the step.
    pub wanted: StepWanted,
    /// Where the expectations are in the file of the case.
    #[serde(default)]
    pub lines: WantedLines,
    /// What the rig does in the middle of each tap of the step. It must come to each act. Records of earlier versions do not have
    /// them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acts: Vec<During>,
    /// The settings that the step tells the validator, as in [`Criteria::settings`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
}

/// What must be seen in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "a case has few steps, and most of them are taps")]
pub enum StepWanted {
    /// A tap, or several taps that must all look alike.
    Tap(Expect),
    /// The validator accepts each setting.
    Settings,
    /// The validator reports its state.
    Status(StatusExpect),
    /// The validator lists its journal.
    Journal(JournalExpect),
    /// The validator empties its journal.
    ClearJournal,
    /// The identity of the validator is that of its device file.
    Identity,
    /// The replies on the console of the reference device.
    Console(Console),
    /// A work at the uplink ends, and as it should.
    Work {
        /// The work.
        work: Work,
        /// How it must end. Absent: it only has to end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expect: Option<WorkResult>,
    },
    /// What the acquirer received.
    Acquirer(AcquirerExpect),
    /// The step has no criteria.
    Nothing,
}

/// Line numbers in the file of a case, from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WantedLines {
    /// The line of all the expectations together: the line of the word `expect`, or that of the step if it has no such
    /// word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The line of each expectation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub each: BTreeMap<Criterion, usize>,
}

impl WantedLines {
    /// The line of an expectation, or of the nearest element around it.
    #[must_use]
    pub fn of(&self, what: &Criterion) -> Option<usize> {
        self.each.get(what).copied().or(self.line)
    }
}

impl Criteria {
    /// A place in the file of the case: `cases/bus/BUS-001.yaml:12`, or only the file if the line is not known.
    #[must_use]
    pub fn at(&self, line: Option<usize>) -> String {
        line.map_or_else(|| self.file.clone(), |line| format!("{}:{line}", self.file))
    }
}
