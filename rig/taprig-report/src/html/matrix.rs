//! The requirement matrix and the conformance statement: what the verdicts say about each requirement and each claim.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use taprig_conformance::{Evidence, Matrix, State};
use taprig_model::criteria::Criteria;
use taprig_model::device::Device;
use taprig_model::requirement::{Requirement, Requirements, Strength};
use taprig_model::result::{CaseResult, RunResult, Summary, Verdict};
use taprig_model::version::Version;
use taprig_record::Inputs;

use super::rows::word;
use super::table::add;

/// What the verdicts of its sub-cases say about a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// A sub-case failed.
    NotMet,
    /// No sub-case failed, but at least one has no verdict about the device.
    Open,
    /// Every sub-case that applies passed.
    Met,
    /// No sub-case applies to the device on this bench.
    NotApplicable,
    /// The run has no sub-case of it.
    NotTested,
}

impl Standing {
    fn of(counts: &Summary) -> Self {
        if counts.fail + counts.quarantined > 0 {
            Self::NotMet
        } else if counts.error + counts.skipped > 0 {
            Self::Open
        } else if counts.pass + counts.changed > 0 {
            Self::Met
        } else if counts.not_applicable > 0 {
            Self::NotApplicable
        } else {
            Self::NotTested
        }
    }
}

/// A row of the requirement matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RequirementRow {
    pub id: String,
    /// The requirement, if the record has its text.
    pub requirement: Option<Requirement>,
    pub counts: Summary,
    pub state: State,
    /// Ids of the cases that are about it.
    pub cases: BTreeSet<String>,
}

impl RequirementRow {
    /// How strictly it holds: `must`, `should` or `may`.
    pub(super) fn strength(&self) -> String {
        self.requirement.as_ref().map(|requirement| word(&requirement.strength)).unwrap_or_default()
    }
}

/// The requirement matrix: the requirements of the run, and those that the project has besides.
pub(super) fn requirements(result: &RunResult, inputs: Option<&Inputs>) -> Vec<RequirementRow> {
    let mut known: BTreeMap<String, Requirement> = BTreeMap::new();
    let of_name = |path: &&Path| path.file_name().is_some_and(|name| name == "requirements.yaml");
    for text in inputs.iter().flat_map(|inputs| &inputs.files).filter(|(path, _)| of_name(&path.as_path())) {
        // Whoever wrote the record has checked this file. If somebody has altered it since, the ids remain.
        if let Ok(all) = serde_yaml::from_str::<Requirements>(text.1) {
            known.extend(all.requirements);
        }
    }
    let mut rows: BTreeMap<String, RequirementRow> = BTreeMap::new();
    let row = |id: &str, known: &BTreeMap<String, Requirement>| -> RequirementRow {
        RequirementRow {
            id: id.to_owned(),
            requirement: known.get(id).cloned(),
            counts: Summary::default(),
            state: State::NotRun,
            cases: BTreeSet::new(),
        }
    };
    for id in known.keys() {
        rows.insert(id.clone(), row(id, &known));
    }
    for case in &result.cases {
        for id in &case.requires {
            let row = rows.entry(id.clone()).or_insert_with(|| row(id, &known));
            add(&mut row.counts, case);
            row.cases.insert(case.id.split('/').next().unwrap_or_default().to_owned());
        }
    }
    let mut rows: Vec<_> = rows.into_values().collect();
    states(&mut rows, result, inputs);
    rows
}

/// Finds the state of each requirement. It is that of the matrix which `taprig report matrix` and a submission have, so that no two of
/// them can differ.
fn states(rows: &mut [RequirementRow], result: &RunResult, inputs: Option<&Inputs>) {
    let Some(Inputs { criteria, device, bench, .. }) = inputs else {
        return rows.iter_mut().for_each(|row| row.state = without_inputs(&row.counts));
    };
    // A requirement whose text is gone has its sub-cases all the same.
    let unknown = || Requirement { text: String::new(), strength: Strength::Must, source: String::new() };
    let all = rows.iter().map(|row| (row.id.clone(), row.requirement.clone().unwrap_or_else(unknown)));
    let all = Requirements { schema: Version, requirements: all.collect() };
    let matrix = Matrix::of(&all, Evidence { criteria, device, bench, result });
    let states: BTreeMap<String, State> = matrix.rows.into_iter().map(|row| (row.id, row.state)).collect();
    rows.iter_mut().for_each(|row| row.state = states.get(&row.id).copied().unwrap_or(row.state));
}

/// The state as far as the verdicts alone say it. Nobody knows then what kept a sub-case from being applicable.
fn without_inputs(counts: &Summary) -> State {
    let passed = counts.pass + counts.changed > 0;
    match () {
        () if counts.fail + counts.quarantined > 0 => State::Failed,
        () if counts.error > 0 => State::Error,
        () if counts.skipped > 0 && passed => State::Incomplete,
        () if counts.skipped > 0 => State::NotRun,
        () if passed => State::Met,
        () if counts.not_applicable > 0 => State::NotApplicable,
        () => State::NotRun,
    }
}

/// A row of the conformance statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClaimRow {
    pub name: String,
    /// What the claim means, if a device file of the record says it.
    pub meaning: String,
    pub claimed: bool,
    /// How much of it the device claims, if the claim is a number.
    pub number: Option<u32>,
    pub counts: Summary,
    /// Expectations that were not judged without this claim: why, and how many.
    pub not_judged: Vec<(String, usize)>,
}

impl ClaimRow {
    /// What the run says about the claim.
    pub(super) fn words(&self) -> &'static str {
        match (self.claimed, Standing::of(&self.counts)) {
            (true, Standing::NotMet) => "claimed, and a sub-case that rests on it failed",
            (true, Standing::Met) => "claimed, and every sub-case that rests on it passed",
            (true, Standing::Open) => "claimed, and not all sub-cases have a verdict about the device",
            (true, Standing::NotApplicable) => "claimed, and no sub-case that rests on it applies for another reason",
            (true, Standing::NotTested) => "claimed, and no sub-case of this run rests on it alone",
            (false, Standing::NotTested) => "not claimed",
            (false, _) => "not claimed, so the sub-cases that rest on it are not applicable",
        }
    }

    /// The class of the row.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        match (self.claimed, Standing::of(&self.counts)) {
            (true, Standing::NotMet) => Some(Verdict::Fail),
            (true, Standing::Met) => Some(Verdict::Pass),
            _ => None,
        }
    }
}

/// The claims that a sub-case rests on.
pub(super) fn claims_of(criteria: &Criteria) -> impl Iterator<Item = &str> {
    criteria.needs.claims.iter().map(taprig_model::name::Name::as_str)
}

/// The conformance statement of the device.
pub(super) fn claims(cases: &[CaseResult], inputs: &Inputs) -> Vec<ClaimRow> {
    let verdicts: BTreeMap<&str, &CaseResult> = cases.iter().map(|case| (case.id.as_str(), case)).collect();
    let mut counts: BTreeMap<&str, Summary> = BTreeMap::new();
    for criteria in &inputs.criteria {
        let Some(case) = verdicts.get(criteria.id.as_str()) else { continue };
        for claim in claims_of(criteria) {
            add(counts.entry(claim).or_default(), case);
        }
    }
    let mut unjudged: BTreeMap<&str, usize> = BTreeMap::new();
    for why in cases.iter().flat_map(|case| &case.checks).filter_map(|check| check.why.as_deref()) {
        *unjudged.entry(why).or_default() += 1;
    }
    let row = |(name, claimed): (&taprig_model::name::Name, &taprig_model::device::Claim)| {
        let not_judged = unjudged.iter().filter(|(why, _)| why.split_whitespace().any(|word| word == name.as_str()));
        ClaimRow {
            name: name.to_string(),
            meaning: meaning(name.as_str(), &inputs.device, inputs).unwrap_or_default(),
            claimed: claimed.is_made(),
            number: claimed.number(),
            counts: counts.get(name.as_str()).copied().unwrap_or_default(),
            not_judged: not_judged.map(|(why, count)| ((*why).to_owned(), *count)).collect(),
        }
    };
    inputs.device.claims.iter().map(row).collect()
}

/// What a claim means: the comment behind it in a device file. The reference device has a comment for each claim, and every record has
/// this file.
fn meaning(claim: &str, device: &Device, inputs: &Inputs) -> Option<String> {
    let all = inputs.files.iter().filter(|(path, _)| path.components().any(|part| part.as_os_str() == "devices"));
    let (own, others): (Vec<_>, Vec<_>) = all.partition(|(_, text)| text.contains(&device.title));
    let start = format!("{claim}:");
    own.into_iter().chain(others).find_map(|(_, text)| {
        let line = text.lines().map(str::trim_start).find(|line| line.starts_with(&start))?;
        let (_, comment) = line.split_once(" # ")?;
        Some(comment.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tally;
    use serde_json::json;
    use std::path::PathBuf;
    use taprig_model::capability::BenchCapabilities;

    const REQUIREMENTS: &str = "schema: 1\nrequirements:\n  RIDE:\n    text: The rider rides.\n    strength: must\n    source: a book, 1\n  OTHER:\n    text: Something else.\n    strength: may\n    source: a book, 2\n";

    fn inputs() -> Inputs {
        let device = json!({
            "schema": 1, "title": "A validator", "identity": { "device": "d", "firmware": "f" },
            "claims": { "bus": true, "online": false, "sm2": true }, "interface": { "adapter": { "command": ["adapter"] } },
        });
        let criteria = |id: &str, claim: &str, requires: &[&str]| {
            let all = json!({ "id": id, "title": "t", "file": "f", "requires": requires, "needs": { "claims": [claim] }, "steps": [], "baseline": false });
            serde_json::from_value(all).unwrap()
        };
        let files = [
            ("cases/requirements.yaml", REQUIREMENTS),
            ("fixtures/devices/a.yaml", "title: A validator\nclaims:\n  bus: true   # takes rides on a bus\n"),
            ("fixtures/devices/z.yaml", "claims:\n  bus: true # something else\n  sm2: false # signs by SM2\n"),
        ];
        Inputs {
            criteria: vec![
                criteria("BUS-001", "bus", &["RIDE"]),
                criteria("ODA-004/rsa1024", "bus", &["RIDE", "GONE"]),
                criteria("SM2-001", "online", &[]),
            ],
            device: serde_json::from_value(device).unwrap(),
            bench: BenchCapabilities::default(),
            baselines: None,
            files: files.map(|(path, text)| (PathBuf::from(path), text.to_owned())).into(),
        }
    }

    fn cases() -> Vec<CaseResult> {
        let mut cases = Tally::of(&taprig_model::samples::run()).result().cases;
        cases[0].requires = vec!["RIDE".into()];
        cases[2].requires = vec!["RIDE".into(), "GONE".into()];
        cases
    }

    #[test]
    fn a_requirement_has_the_state_of_the_matrix_that_is_handed_in() {
        let of = |cases: Vec<CaseResult>| RunResult { cases, ..RunResult::default() };
        let rows = requirements(&of(cases()), Some(&inputs()));
        let seen: Vec<_> = rows.iter().map(|row| (row.id.as_str(), row.state, row.cases.len())).collect();
        assert_eq!(seen, [("GONE", State::Failed, 1), ("OTHER", State::NotRun, 0), ("RIDE", State::Failed, 2)]);
        assert_eq!((rows[2].counts.pass, rows[2].counts.fail, rows[2].strength().as_str()), (1, 1, "must"));
        let good = requirements(&of(cases()[..1].to_vec()), None);
        assert_eq!((good[0].state, good[0].requirement.is_none()), (State::Met, true));
        let first = requirements(&of(cases()[..1].to_vec()), Some(&inputs()));
        assert_eq!(first[1].state, State::Incomplete, "the other sub-case of the plan has no verdict");
    }

    #[test]
    fn a_claim_rests_on_its_cases() {
        let rows = claims(&cases(), &inputs());
        let seen: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.words(), row.meaning.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("bus", "claimed, and a sub-case that rests on it failed", "takes rides on a bus"),
                ("online", "not claimed, so the sub-cases that rest on it are not applicable", ""),
                ("sm2", "claimed, and no sub-case of this run rests on it alone", "signs by SM2"),
            ]
        );
    }
}
