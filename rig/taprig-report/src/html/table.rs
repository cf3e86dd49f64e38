//! The table of all cases, and the index from its rows to what the script needs.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use taprig_model::result::{CaseResult, RunResult, Summary, Verdict};
use taprig_record::Inputs;

use super::chunks::Place;
use super::matrix::{ClaimRow, RequirementRow, claims_of};
use super::text::{count, duration, fragment, visible};

/// How the page shows a verdict: by a sign, a class of the style sheet, and words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    pub mark: &'static str,
    pub class: &'static str,
    pub words: &'static str,
}

/// How the page shows this verdict.
pub(super) fn look(verdict: Verdict) -> Look {
    let (mark, class) = match verdict {
        Verdict::Pass => ("✓", "pass"),
        Verdict::Changed => ("≠", "changed"),
        Verdict::Fail => ("✗", "fail"),
        Verdict::Error => ("!", "error"),
        Verdict::NotApplicable => ("–", "na"),
        Verdict::Skipped => ("○", "skipped"),
    };
    Look { mark, class, words: verdict.name() }
}

/// As what a sub-case counts: as its verdict, or as a failure that a quarantine excuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Of(Verdict),
    Quarantined,
}

impl Kind {
    /// As what this sub-case counts.
    pub(super) fn of(case: &CaseResult) -> Self {
        if case.is_excused() { Self::Quarantined } else { Self::Of(case.verdict) }
    }

    /// How the page shows it.
    pub(super) fn look(self) -> Look {
        match self {
            Self::Of(verdict) => look(verdict),
            Self::Quarantined => Look { mark: "✗", class: "quarantined", words: "failed in quarantine" },
        }
    }

    /// How many sub-cases count as this.
    pub(super) fn counted(self, counts: &Summary) -> u32 {
        match self {
            Self::Of(Verdict::Pass) => counts.pass,
            Self::Of(Verdict::Changed) => counts.changed,
            Self::Of(Verdict::Fail) => counts.fail,
            Self::Of(Verdict::Error) => counts.error,
            Self::Of(Verdict::NotApplicable) => counts.not_applicable,
            Self::Of(Verdict::Skipped) => counts.skipped,
            Self::Quarantined => counts.quarantined,
        }
    }
}

/// All kinds in the order of the page.
pub(super) const KINDS: [Kind; 7] = [
    Kind::Of(Verdict::Pass),
    Kind::Of(Verdict::Changed),
    Kind::Of(Verdict::Fail),
    Kind::Quarantined,
    Kind::Of(Verdict::Error),
    Kind::Of(Verdict::NotApplicable),
    Kind::Of(Verdict::Skipped),
];

/// Counts one more sub-case.
pub(super) fn add(counts: &mut Summary, case: &CaseResult) {
    match Kind::of(case) {
        Kind::Of(verdict) => counts.add(verdict),
        Kind::Quarantined => counts.quarantined += 1,
    }
}

/// The cases of a family.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Family {
    pub name: String,
    pub counts: String,
    pub groups: Vec<Group>,
}

/// A case with its sub-cases.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub id: String,
    pub fragment: String,
    pub title: String,
    /// Whether the case is its only sub-case.
    pub single: bool,
    /// Whether all sub-cases have this title. Otherwise it is what their titles begin with.
    pub whole: bool,
    pub rows: Vec<Row>,
}

/// A sub-case.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub fragment: String,
    pub label: String,
    /// The rest of the title of the sub-case, if not all of them have the same.
    pub title: String,
    pub class: &'static str,
    pub mark: &'static str,
    pub words: &'static str,
    pub failure: String,
    pub judged: String,
    pub time: String,
    /// The id of the sub-case, which says where the details are.
    id: String,
}

/// The table.
pub(super) fn families(result: &RunResult) -> Vec<Family> {
    let mut sorted: BTreeMap<&str, BTreeMap<&str, Vec<&CaseResult>>> = BTreeMap::new();
    for case in &result.cases {
        let id = case.id.split('/').next().unwrap_or_default();
        let family = id.split('-').next().unwrap_or_default();
        sorted.entry(family).or_default().entry(id).or_default().push(case);
    }
    let family = |(name, groups): (&str, BTreeMap<&str, Vec<&CaseResult>>)| {
        let all = Summary::of(groups.values().flatten().copied());
        let there = KINDS.into_iter().filter(|kind| kind.counted(&all) > 0);
        let counts: Vec<_> =
            there.map(|kind| format!("{} {}", count(kind.counted(&all) as usize), kind.look().words)).collect();
        let groups = groups.into_iter().map(|(id, cases)| group(id, &cases)).collect();
        Family { name: visible(name), counts: counts.join(", "), groups }
    };
    sorted.into_iter().map(family).collect()
}

fn group(id: &str, cases: &[&CaseResult]) -> Group {
    let single = matches!(cases, [only] if only.id == id);
    let titles: Vec<_> = cases.iter().map(|case| visible(&case.title)).collect();
    let (title, same) = common(&titles);
    // Many titles only end in the name of the sub-case, which is there already.
    let name = |case: &CaseResult| case.id.split_once('/').map(|(_, name)| format!("({name})"));
    let rest = |own: &String| own.get(title.len()..).unwrap_or(own).trim_start().to_owned();
    let own = |case: &CaseResult, own: &String| match rest(own) {
        _ if same => String::new(),
        rest if name(case).as_ref() == Some(&rest) => String::new(),
        rest => rest,
    };
    let rows = cases.iter().zip(&titles).map(|(case, title)| row(case, own(case, title))).collect();
    Group { id: visible(id), fragment: fragment(id), title, single, whole: same, rows }
}

/// The title of sub-cases, and whether they all have it. The title of a case may contain values of its matrix: then this is what the
/// titles begin with.
fn common(titles: &[String]) -> (String, bool) {
    let Some((first, others)) = titles.split_first() else { return (String::new(), true) };
    if others.iter().all(|other| other == first) {
        return (first.clone(), true);
    }
    let shared = |other: &String| first.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let length = others.iter().map(shared).min().unwrap_or_default();
    let start: String = first.chars().take(length).collect();
    (start.rfind(' ').map_or("", |end| &start[..end]).to_owned(), false)
}

fn row(case: &CaseResult, title: String) -> Row {
    let Look { mark, class, words } = Kind::of(case).look();
    let label = case.id.split_once('/').map_or(case.id.as_str(), |(_, name)| name);
    let judged = match case.judged() {
        (0, 0) => String::new(),
        (judged, all) => format!("{judged}/{all}"),
    };
    Row {
        fragment: fragment(&case.id),
        label: visible(label),
        title,
        class,
        mark,
        words,
        failure: case.failure.as_deref().filter(|_| case.verdict != Verdict::Pass).map(short).unwrap_or_default(),
        judged,
        time: if case.took_us == 0 { String::new() } else { duration(case.took_us) },
        id: case.id.clone(),
    }
}

/// The first lines of a failure, for a table.
pub(super) fn short(text: &str) -> String {
    const LONGEST: usize = 300;
    let text = visible(text);
    let mut start: String = text.chars().take(LONGEST).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

/// Numbers the different values of a list.
#[derive(Default)]
struct Numbers<T: Ord>(BTreeMap<T, usize>, Vec<T>);

impl<T: Ord + Clone> Numbers<T> {
    fn of(&mut self, value: T) -> usize {
        let next = self.1.len();
        *self.0.entry(value.clone()).or_insert_with(|| {
            self.1.push(value);
            next
        })
    }
}

/// What the script needs to know of the rows, in their order: chunk, line, and the number of a set of requirements, claims and reasons
/// why expectations were not judged. A row without details has the chunk -1.
pub(super) fn index(
    families: &[Family],
    result: &RunResult,
    places: &BTreeMap<String, Place>,
    (requirements, claims, inputs): (&[RequirementRow], &[ClaimRow], Option<&Inputs>),
    repeat: &str,
) -> Value {
    let cases: BTreeMap<&str, &CaseResult> = result.cases.iter().map(|case| (case.id.as_str(), case)).collect();
    let criteria: BTreeMap<&str, _> =
        inputs.iter().flat_map(|inputs| &inputs.criteria).map(|criteria| (criteria.id.as_str(), criteria)).collect();
    let requirement: BTreeMap<&str, usize> = (0..).zip(requirements).map(|(n, row)| (row.id.as_str(), n)).collect();
    let claim: BTreeMap<&str, usize> = (0..).zip(claims).map(|(n, row)| (row.name.as_str(), n)).collect();
    let (mut why, mut sets) = (Numbers::default(), Numbers::default());
    let mut rows: Vec<i64> = vec![];
    for row in families.iter().flat_map(|family| &family.groups).flat_map(|group| &group.rows) {
        let Some(case) = cases.get(row.id.as_str()) else { continue };
        let requires: Vec<_> = case.requires.iter().filter_map(|id| requirement.get(id.as_str()).copied()).collect();
        let rests_on = criteria.get(row.id.as_str()).into_iter().flat_map(|criteria| claims_of(criteria));
        let rests_on: Vec<_> = rests_on.filter_map(|name| claim.get(name).copied()).collect();
        let mut unjudged: Vec<_> =
            case.checks.iter().filter_map(|check| check.why.as_deref()).map(|reason| why.of(visible(reason))).collect();
        unjudged.sort_unstable();
        unjudged.dedup();
        let set = sets.of((requires, rests_on, unjudged));
        let (chunk, line) = places.get(&row.id).map_or((-1, 0), |(chunk, line)| (*chunk as i64, *line as i64));
        rows.extend([chunk, line, set as i64]);
    }
    json!({
        "repeat": repeat,
        "rows": rows,
        "sets": sets.1,
        "requires": requirements.iter().map(|row| visible(&row.id)).collect::<Vec<_>>(),
        "claims": claims.iter().map(|row| visible(&row.name)).collect::<Vec<_>>(),
        "why": why.1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tally;
    use taprig_model::samples::run;

    #[test]
    fn cases_are_grouped_by_family_and_case() {
        let mut result = Tally::of(&run()).result();
        let other = CaseResult {
            id: "ODA-004/rsa1152".into(),
            title: "The validator charges".into(),
            ..result.cases[2].clone()
        };
        result.cases.push(other);
        let families = families(&result);
        let names: Vec<_> = families.iter().map(|family| (family.name.as_str(), family.counts.as_str())).collect();
        assert_eq!(
            names,
            [("BUS", "1 pass"), ("ISO", "1 pass"), ("ODA", "2 fail"), ("SM2", "1 not applicable"), ("ZZZ", "1 error")]
        );
        assert!(families[0].groups[0].single);
        let group = &families[2].groups[0];
        let labels: Vec<_> = group.rows.iter().map(|row| (row.label.as_str(), row.title.as_str())).collect();
        assert_eq!(labels, [("rsa1024", "refuses a card whose dynamic signature is altered"), ("rsa1152", "charges")]);
        assert_eq!((group.title.as_str(), group.single), ("The validator", false));
        assert_eq!(group.rows[0].failure, "outcome: declined is expected, approved is seen");
    }

    #[test]
    fn the_index_has_a_row_for_each_sub_case_in_the_order_of_the_table() {
        let mut result = Tally::of(&run()).result();
        result.cases[1].requires = vec!["RIDE".into()];
        let families = families(&result);
        let requirements = super::super::matrix::requirements(&result, None);
        let places = [("ISO-002".to_owned(), (3, 7))].into();
        let index = index(&families, &result, &places, (&requirements, &[], None), "taprig run");
        assert_eq!(index["rows"], json!([-1, 0, 0, 3, 7, 1, -1, 0, 0, -1, 0, 0, -1, 0, 0]));
        assert_eq!(index["sets"], json!([[[], [], []], [[0], [], []]]));
        assert_eq!(index["requires"], json!(["RIDE"]));
    }
}
