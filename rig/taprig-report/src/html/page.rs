//! Puts the page together.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use taprig_conformance::State as RequirementState;
use taprig_model::result::Summary;
use taprig_record::{Inputs, State};

use super::gather::Gathered;
use super::matrix::{self, ClaimRow, RequirementRow};
use super::nights::{self, Nights};
use super::quarantine::{self, Excused};
use super::since::Since;
use super::stored;
use super::summary::{self, Changed, Errored, Fact, Failed, Headline, Part, Reason, Tiles};
use super::table::{self, Family, Kind, look};
use super::text::{counted, fragment, visible};

pub(super) const STYLE: &str = include_str!("../../templates/report.css");
pub(super) const SCRIPT: &str = include_str!("../../templates/report.js");

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    policy: String,
    layout: String,
    title: String,
    style: &'a str,
    script: &'a str,
    eyebrow: String,
    headline: Headline,
    warnings: Vec<String>,
    unreadable: Vec<String>,
    tiles: Vec<Tiles>,
    bar: Vec<Part>,
    bar_words: String,
    tested: Vec<Fact>,
    laboratory: Vec<Fact>,
    changes: Option<Changed>,
    nights: Option<nights::Section>,
    excused: Vec<Excused>,
    more_excused: usize,
    faults: Vec<String>,
    errors: Vec<Errored>,
    more_errors: usize,
    failed: Vec<Failed>,
    more_failed: usize,
    repeat: String,
    not_applicable: Vec<Reason>,
    not_judged: Vec<Reason>,
    families: Vec<Family>,
    requirements_words: String,
    requirements: Vec<MatrixPart>,
    conformance: Option<Conformance>,
    run: Vec<Fact>,
    footer: String,
    index: String,
    shared: &'a str,
    chunks: &'a [String],
}

/// Rows of the requirement matrix with a common title.
struct MatrixPart {
    title: String,
    /// Whether the rows are hidden until somebody asks for them.
    folded: bool,
    columns: Vec<&'static str>,
    rows: Vec<MatrixRow>,
}

struct MatrixRow {
    id: String,
    fragment: String,
    text: String,
    source: String,
    strength: String,
    cells: Vec<Cell>,
    cases: Vec<CaseLink>,
}

struct Cell {
    key: &'static str,
    class: &'static str,
    count: u32,
}

struct CaseLink {
    id: String,
    fragment: String,
}

struct Conformance {
    words: String,
    columns: Vec<&'static str>,
    rows: Vec<ClaimView>,
    fixed: Vec<(String, String)>,
}

struct ClaimView {
    name: String,
    fragment: String,
    meaning: String,
    claimed: bool,
    number: Option<u32>,
    class: &'static str,
    words: &'static str,
    not_judged: Vec<Unjudged>,
    cells: Vec<Cell>,
}

/// Expectations that were not judged for one reason.
struct Unjudged {
    /// The reason, as the address of the filter has it.
    fragment: String,
    count: usize,
}

/// What is not in order with the record.
pub(super) struct Condition {
    pub state: State,
    pub torn: usize,
    /// Why the inputs of the run can't be read, if so.
    pub inputs: Option<String>,
}

/// The page.
///
/// # Errors
/// The template can't be filled.
pub(super) fn page(
    gathered: &Gathered,
    inputs: Option<&Inputs>,
    condition: &Condition,
    since: Option<&Since>,
    nights: Option<&Nights>,
) -> Result<String, askama::Error> {
    let result = &gathered.result;
    let requirements = matrix::requirements(result, inputs);
    let claims = inputs.map(|inputs| matrix::claims(&result.cases, inputs)).unwrap_or_default();
    let families = table::families(result);
    let repeat = summary::repeat(result);
    let index = table::index(&families, result, &gathered.places, (&requirements, &claims, inputs), &repeat);
    let (bar, bar_words) = summary::bar(&result.summary);
    let (faults, errors, more_errors) = summary::errors(result);
    let (failed, more_failed) = summary::failed(result, &gathered.notable);
    let (excused, more_excused) = quarantine::excused(result);
    let headline = summary::headline(result);
    let tested = summary::tested(result, inputs);
    let device = tested.first().and_then(|device| device.values.first()).cloned().unwrap_or_default();
    let (unreadable, unreadable_count) = &gathered.unreadable;
    let mut unreadable: Vec<_> = unreadable.iter().map(|error| visible(&error.to_string())).collect();
    if *unreadable_count > unreadable.len() {
        unreadable.push(format!("and {} more", unreadable_count - unreadable.len()));
    }
    let (chunks, shared) = &gathered.packed;
    Page {
        policy: policy(),
        layout: stored::layout(),
        title: format!("{} · {device}", headline.words),
        style: STYLE,
        script: SCRIPT,
        eyebrow: format!("{device} · {}", visible(&result.run.started)),
        headline,
        warnings: warnings(gathered, condition),
        unreadable,
        tiles: summary::tiles(&result.summary),
        bar,
        bar_words,
        laboratory: summary::laboratory(result),
        changes: since.map(|since| summary::changed(since, result)),
        nights: nights.map(|nights| nights.section(result)).map(|section| nights::Section { data: in_script(&section.data), ..section }),
        excused,
        more_excused,
        faults,
        errors,
        more_errors,
        failed,
        more_failed,
        not_applicable: summary::not_applicable(result),
        not_judged: summary::not_judged(result),
        families,
        requirements_words: requirements_words(&requirements),
        requirements: matrix_parts(&requirements),
        conformance: inputs.map(|inputs| conformance(inputs, &claims)),
        run: summary::run(result),
        footer: format!(
            "Made by {} {} from the record of this run, without the time of day: the same record gives the same page. The verdicts concern the device that was tested only.",
            visible(&result.run.tool), visible(&result.run.version)
        ),
        tested,
        repeat: visible(&repeat),
        index: in_script(&index.to_string()),
        shared,
        chunks,
    }
    .render()
}

/// Only the script and the style of this page run, and nothing is loaded from anywhere.
fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

/// JSON that can't end the element around it.
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

fn warnings(gathered: &Gathered, condition: &Condition) -> Vec<String> {
    let result = &gathered.result;
    let mut warnings = vec![];
    let ran = format!(
        "{} of {} have a verdict",
        result.summary.ran(),
        counted(result.run.cases as usize, "planned sub-case")
    );
    match condition.state {
        State::Open => {
            warnings.push(format!("The record was not closed: the run is still going on, or it was killed. {ran}."));
        }
        State::Partial => warnings.push(format!("The run did not reach its end. {ran}.")),
        State::Complete if !result.complete => {
            warnings.push(format!("The end of the run is missing from the record. {ran}."));
        }
        State::Complete => {}
    }
    if condition.torn > 0 {
        let bytes = counted(condition.torn, "byte");
        warnings.push(format!("The last line of the record is cut off, so its {bytes} are left out."));
    }
    if let Some(why) = &condition.inputs {
        warnings.push(format!(
            "The inputs of the run can't be read: {}. So the texts of the requirements and the conformance statement are missing.",
            visible(why)
        ));
    }
    if gathered.without_details > 0 {
        let cases = counted(gathered.without_details, "sub-case");
        warnings.push(format!(
            "The details of {cases} are left out, because the page would become too large. The record has them."
        ));
    }
    warnings
}

fn cells(counts: &Summary, columns: &[Kind]) -> Vec<Cell> {
    let cell = |kind: &Kind| {
        let class = kind.look().class;
        Cell { key: class, class, count: kind.counted(counts) }
    };
    columns.iter().map(cell).collect()
}

/// The verdicts that occur in these rows. A column for any other would be empty.
fn columns<'a>(rows: impl Iterator<Item = &'a Summary> + Clone) -> Vec<Kind> {
    let occurs = |kind: &Kind| rows.clone().any(|counts| kind.counted(counts) > 0);
    table::KINDS.into_iter().filter(occurs).collect()
}

fn names(columns: &[Kind]) -> Vec<&'static str> {
    columns.iter().map(|kind| kind.look().words).collect()
}

fn requirements_words(rows: &[RequirementRow]) -> String {
    let of = |state| rows.iter().filter(|row| row.state == state).count();
    let parts = PARTS.into_iter().map(|(state, _)| state).filter(|state| of(*state) > 0);
    let parts: Vec<_> = parts.map(|state| format!("{} {}", of(state), state.word())).collect();
    let words = if parts.is_empty() { "none is known".to_owned() } else { parts.join(", ") };
    format!(
        "{}: {words}. The state of a requirement follows from the verdicts of its sub-cases. Each number leads to its sub-cases.",
        counted(rows.len(), "requirement")
    )
}

/// The states of requirements in the order of the page, and whether their rows are hidden until somebody asks for them.
const PARTS: [(RequirementState, bool); 8] = [
    (RequirementState::Failed, false),
    (RequirementState::Error, false),
    (RequirementState::Incomplete, false),
    (RequirementState::NotOnThisBench, false),
    (RequirementState::PartlyJudged, false),
    (RequirementState::Met, false),
    (RequirementState::NotApplicable, true),
    (RequirementState::NotRun, true),
];

fn matrix_parts(rows: &[RequirementRow]) -> Vec<MatrixPart> {
    let view = |row: &RequirementRow, columns: &[Kind]| MatrixRow {
        id: visible(&row.id),
        fragment: fragment(&row.id),
        text: row.requirement.as_ref().map(|requirement| visible(&requirement.text)).unwrap_or_default(),
        source: row.requirement.as_ref().map(|requirement| visible(&requirement.source)).unwrap_or_default(),
        strength: row.strength(),
        cells: cells(&row.counts, columns),
        cases: row.cases.iter().map(|id| CaseLink { id: visible(id), fragment: fragment(id) }).collect(),
    };
    PARTS
        .into_iter()
        .map(|(state, folded)| {
            let mine = rows.iter().filter(move |row| row.state == state);
            let columns = columns(mine.clone().map(|row| &row.counts));
            let rows = mine.map(|row| view(row, &columns)).collect();
            let (first, rest) = state.word().split_at(1);
            let title = format!("{}{rest}: {}", first.to_uppercase(), state.meaning());
            MatrixPart { title, folded, columns: names(&columns), rows }
        })
        .filter(|part| !part.rows.is_empty())
        .collect()
}

fn conformance(inputs: &Inputs, claims: &[ClaimRow]) -> Conformance {
    let columns = columns(claims.iter().map(|row| &row.counts));
    let made = claims.iter().filter(|row| row.claimed).count();
    let view = |row: &ClaimRow| ClaimView {
        name: visible(&row.name),
        fragment: fragment(&row.name),
        meaning: visible(&row.meaning),
        claimed: row.claimed,
        number: row.number,
        class: row.verdict().map(|verdict| look(verdict).class).unwrap_or_default(),
        words: row.words(),
        not_judged: row
            .not_judged
            .iter()
            .map(|(why, count)| Unjudged { fragment: fragment(&visible(why)), count: *count })
            .collect(),
        cells: cells(&row.counts, &columns),
    };
    Conformance {
        words: format!(
            "{} claims {made} of {}. The numbers count the sub-cases that rest on a claim, and lead to them.",
            visible(&inputs.device.title),
            counted(claims.len(), "function")
        ),
        columns: names(&columns),
        rows: claims.iter().map(view).collect(),
        fixed: inputs
            .device
            .fixed
            .in_words()
            .into_iter()
            .map(|(name, value)| (visible(&name), visible(&value)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_the_index_ends_no_script() {
        assert_eq!(in_script(r#"{"a":"</script><script>"}"#), r#"{"a":"\u003c/script>\u003cscript>"}"#);
        assert!(!SCRIPT.contains("</script") && !STYLE.contains("</style"));
    }

    #[test]
    fn nothing_of_the_script_makes_markup_of_a_text() {
        for way in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser"]
        {
            assert!(!SCRIPT.contains(way), "{way}");
        }
    }
}
