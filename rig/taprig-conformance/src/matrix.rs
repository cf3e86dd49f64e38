//! The state of each requirement in a record.

use crate::SCHEMA;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use taprig_judge::lacks;
use taprig_model::capability::{BenchCapabilities, CardCapability};
use taprig_model::criteria::Criteria;
use taprig_model::device::Device;
use taprig_model::name::Name;
use taprig_model::requirement::{Requirements, Strength};
use taprig_model::result::{CaseResult, RunResult, Verdict};

/// The requirements with what a record shows about them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// [`SCHEMA`].
    pub schema: u32,
    /// How many requirements are in each state, in the order of [`State::ALL`]. States without a requirement are there, too.
    pub counts: Vec<(State, usize)>,
    /// The requirements in the order of their ids.
    pub rows: Vec<Row>,
}

/// A requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its id, such as `ODA-VERIFY-SDAD`.
    pub id: String,
    /// What the device has to do.
    pub text: String,
    /// How strictly it holds.
    pub strength: Strength,
    /// The public document that it rests on.
    pub source: String,
    /// What the record shows.
    pub state: State,
    /// The sub-cases that test it, in the order of their ids.
    pub cases: Vec<Cell>,
    /// The claims that these sub-cases need.
    pub claims: Vec<Name>,
}

/// A sub-case of a requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// Its id, such as `ODA-004/first-bit`.
    pub case: String,
    /// Its verdict. It is absent if the record has none.
    pub verdict: Option<Verdict>,
    /// How many of its expectations were judged.
    pub judged: usize,
    /// How many expectations it has.
    pub expectations: usize,
    /// Why the verdict is not a pass.
    pub why: Option<String>,
    /// What keeps it from being applicable. It is absent if the sub-case is applicable.
    pub excuse: Option<Excuse>,
}

/// What keeps a sub-case from being applicable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Excuse {
    /// The device does not claim what it needs, or has a setting fixed to another value.
    Device,
    /// The bench lacks something that it needs. Another bench could judge the device.
    Bench,
    /// The device can report nothing that it expects.
    NothingToJudge,
}

/// What a record shows about a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A sub-case failed.
    Failed,
    /// No sub-case failed, and the rig failed in one.
    Error,
    /// Some sub-cases have no verdict yet.
    Incomplete,
    /// No sub-case ran, although one could have.
    NotRun,
    /// No sub-case ran, because the bench lacks something that they need.
    NotOnThisBench,
    /// No sub-case applies to the device.
    NotApplicable,
    /// All sub-cases that apply passed, and some of their expectations were not judged.
    PartlyJudged,
    /// All sub-cases that apply passed, and all of their expectations were judged.
    Met,
}

impl State {
    /// All states, the worst first.
    pub const ALL: [Self; 8] = [
        Self::Failed,
        Self::Error,
        Self::Incomplete,
        Self::NotRun,
        Self::NotOnThisBench,
        Self::NotApplicable,
        Self::PartlyJudged,
        Self::Met,
    ];

    /// The state in a word or two.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Incomplete => "incomplete",
            Self::NotRun => "not run",
            Self::NotOnThisBench => "not on this bench",
            Self::NotApplicable => "not applicable",
            Self::PartlyJudged => "partly judged",
            Self::Met => "met",
        }
    }

    /// What the state says.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Failed => "a sub-case failed",
            Self::Error => "no sub-case failed, but the rig failed in one",
            Self::Incomplete => "some of the sub-cases have no verdict",
            Self::NotRun => "none of the sub-cases has a verdict",
            Self::NotOnThisBench => {
                "the bench lacks something that the sub-cases need; another bench could judge the device"
            }
            Self::NotApplicable => "none of the sub-cases applies to the device",
            Self::PartlyJudged => {
                "all applicable sub-cases passed, and the device can't report something that they expect"
            }
            Self::Met => "all applicable sub-cases passed, and all of their expectations were judged",
        }
    }
}

/// What a record says: what its verdicts rest on, and its verdicts.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The criteria of each sub-case of the plan.
    pub criteria: &'a [Criteria],
    /// The device under test.
    pub device: &'a Device,
    /// What the bench can do.
    pub bench: &'a BenchCapabilities,
    /// The result of the run.
    pub result: &'a RunResult,
}

impl Matrix {
    /// The matrix of a record.
    #[must_use]
    pub fn of(requirements: &Requirements, evidence: Evidence<'_>) -> Self {
        let results: BTreeMap<&str, &CaseResult> =
            evidence.result.cases.iter().map(|case| (case.id.as_str(), case)).collect();
        let mut by_requirement: BTreeMap<&str, BTreeMap<&str, &Criteria>> = BTreeMap::new();
        for criteria in evidence.criteria {
            for requirement in &criteria.requires {
                by_requirement.entry(requirement).or_default().insert(&criteria.id, criteria);
            }
        }
        let row = |(id, requirement): (&String, &taprig_model::requirement::Requirement)| {
            let cases = by_requirement.get(id.as_str()).into_iter().flat_map(BTreeMap::values).copied();
            let claims: BTreeSet<&Name> = cases.clone().flat_map(|case| &case.needs.claims).collect();
            let cases: Vec<Cell> =
                cases.map(|case| cell(case, results.get(case.id.as_str()).copied(), evidence)).collect();
            Row {
                id: id.clone(),
                text: requirement.text.clone(),
                strength: requirement.strength,
                source: requirement.source.clone(),
                state: state(&cases),
                claims: claims.into_iter().cloned().collect(),
                cases,
            }
        };
        let rows: Vec<Row> = requirements.requirements.iter().map(row).collect();
        let count = |state| (state, rows.iter().filter(|row| row.state == state).count());
        Self { schema: SCHEMA, counts: State::ALL.map(count).into(), rows }
    }
}

fn cell(criteria: &Criteria, result: Option<&CaseResult>, evidence: Evidence<'_>) -> Cell {
    let verdict = result.filter(|case| case.has_verdict()).map(|case| case.verdict);
    let (judged, expectations) = result.map(CaseResult::judged).unwrap_or_default();
    Cell {
        case: criteria.id.clone(),
        verdict,
        judged,
        expectations,
        why: result.and_then(|case| case.failure.clone()),
        excuse: (verdict == Some(Verdict::NotApplicable)).then(|| excuse(criteria, evidence)),
    }
}

/// Why a sub-case is not applicable. What the device lacks is no fault of the bench, even if the bench lacks something as well.
fn excuse(criteria: &Criteria, evidence: Evidence<'_>) -> Excuse {
    let able = BenchCapabilities { card_side: CardCapability::ALL.into(), acquirer: true };
    if !lacks(criteria, evidence.device, &able).is_empty() {
        Excuse::Device
    } else if !lacks(criteria, evidence.device, evidence.bench).is_empty() {
        Excuse::Bench
    } else {
        Excuse::NothingToJudge
    }
}

fn state(cases: &[Cell]) -> State {
    let any = |verdict| cases.iter().any(|case| case.verdict == Some(verdict));
    // A device that has changed since its baseline does what the case wants.
    let passed: Vec<&Cell> =
        cases.iter().filter(|case| matches!(case.verdict, Some(Verdict::Pass | Verdict::Changed))).collect();
    let open = cases.iter().any(|case| case.verdict.is_none());
    if any(Verdict::Fail) {
        State::Failed
    } else if any(Verdict::Error) {
        State::Error
    } else if open || cases.is_empty() {
        if passed.is_empty() { State::NotRun } else { State::Incomplete }
    } else if passed.is_empty() {
        let bench = cases.iter().any(|case| case.excuse == Some(Excuse::Bench));
        if bench { State::NotOnThisBench } else { State::NotApplicable }
    } else if passed.iter().any(|case| case.judged < case.expectations) {
        State::PartlyJudged
    } else {
        State::Met
    }
}
