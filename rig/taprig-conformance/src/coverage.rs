//! Requirement by case by verdict: what a record covers, and what nothing covers.

use crate::matrix::{Cell, Matrix, State};
use serde::Serialize;
use std::collections::BTreeSet;
use taprig_model::criteria::Criteria;
use taprig_model::requirement::Strength;
use taprig_model::result::Verdict;

/// How far a requirement is covered. It groups the states of a [`Matrix`] by what somebody has to do about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Covered {
    /// A sub-case failed.
    Failing,
    /// No sub-case of the record names the requirement.
    Uncovered,
    /// The rig failed, something did not run, the bench can't do it, or the device can't report it.
    NotJudged,
    /// No sub-case applies to what the device claims.
    NotClaimed,
    /// Everything that applies was judged, and holds.
    Verified,
}

impl Covered {
    /// All of them, the worst first.
    pub const ALL: [Self; 5] = [Self::Failing, Self::Uncovered, Self::NotJudged, Self::NotClaimed, Self::Verified];

    /// The words of the table.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Uncovered => "uncovered",
            Self::NotJudged => "not judged",
            Self::NotClaimed => "not claimed",
            Self::Verified => "verified",
        }
    }

    fn of(state: State, cases: &[Cell]) -> Self {
        match state {
            _ if cases.is_empty() => Self::Uncovered,
            State::Failed => Self::Failing,
            State::Error | State::Incomplete | State::NotRun | State::NotOnThisBench | State::PartlyJudged => {
                Self::NotJudged
            }
            State::NotApplicable => Self::NotClaimed,
            State::Met => Self::Verified,
        }
    }
}

/// A requirement and its sub-cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CoverageRow {
    /// Its id.
    pub id: String,
    /// How strictly it holds.
    pub strength: Strength,
    /// How far it is covered.
    pub covered: Covered,
    /// Its sub-cases, each with its verdict. The verdict is absent if there is none.
    pub cases: Vec<(String, Option<Verdict>)>,
}

impl CoverageRow {
    /// How many sub-cases have this verdict.
    #[must_use]
    pub fn count(&self, verdict: Option<Verdict>) -> usize {
        self.cases.iter().filter(|(_, has)| *has == verdict).count()
    }
}

/// What the sub-cases of a record cover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// [`SCHEMA`](crate::SCHEMA).
    pub schema: u32,
    /// How many requirements are covered how far, in the order of [`Covered::ALL`].
    pub counts: Vec<(Covered, usize)>,
    /// The requirements in the order of their ids.
    pub rows: Vec<CoverageRow>,
    /// Sub-cases that name a requirement that does not exist, and that name.
    pub strangers: Vec<(String, String)>,
    /// Sub-cases that name no requirement at all.
    pub loose: Vec<String>,
}

impl Coverage {
    /// The coverage of a record, from its matrix and the criteria of its sub-cases.
    #[must_use]
    pub fn of(matrix: &Matrix, criteria: &[Criteria]) -> Self {
        let rows: Vec<CoverageRow> = matrix
            .rows
            .iter()
            .map(|row| CoverageRow {
                id: row.id.clone(),
                strength: row.strength,
                covered: Covered::of(row.state, &row.cases),
                cases: row.cases.iter().map(|cell| (cell.case.clone(), cell.verdict)).collect(),
            })
            .collect();
        let known: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let named = criteria.iter().flat_map(|case| case.requires.iter().map(|id| (case.id.clone(), id.clone())));
        let strangers = named.filter(|(_, id)| !known.contains(id.as_str())).collect();
        let loose = criteria.iter().filter(|case| case.requires.is_empty()).map(|case| case.id.clone()).collect();
        let count = |covered| (covered, rows.iter().filter(|row| row.covered == covered).count());
        Self { schema: crate::SCHEMA, counts: Covered::ALL.map(count).into(), rows, strangers, loose }
    }

    /// Whether something has no partner: a requirement without a sub-case, or a sub-case without a requirement.
    #[must_use]
    pub fn has_orphans(&self) -> bool {
        let uncovered = self.rows.iter().any(|row| row.covered == Covered::Uncovered);
        uncovered || !self.strangers.is_empty() || !self.loose.is_empty()
    }
}
