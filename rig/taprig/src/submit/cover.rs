//! The first page of a submission: what ISO/IEC 17025 asks of a report.

use super::Candidate;
use taprig_conformance::{Section, Sheet, State};
use taprig_model::lab::{Lab, digest_in_words};
use taprig_model::result::RunResult;

/// What stands where a field is blank.
const BLANK: &str = "(blank)";

/// The first page, from what the laboratory file and the record say.
#[must_use]
pub fn cover(lab: &Lab, candidate: &Candidate<'_>) -> Sheet {
    let number = lab.report.number.clone().unwrap_or_else(|| BLANK.into());
    let title = lab.report.title.clone().unwrap_or_else(|| "Report".into());
    Sheet {
        title: format!("{title} {number}"),
        text: "The results relate only to the item that was tested (ISO/IEC 17025, 7.8.2.1 l).".into(),
        sections: vec![fields(lab), tests(candidate.result), verdicts(candidate), contents()],
        mark: Some(format!("Report {number}")),
    }
}

fn fields(lab: &Lab) -> Section {
    let row = |field: taprig_model::lab::Field| {
        vec![field.title.to_owned(), field.value.unwrap_or_else(|| BLANK.into()), field.clause.to_owned()]
    };
    Section {
        title: "1. Laboratory, customer and item".into(),
        text: String::new(),
        columns: vec!["field", "value", "clause of ISO/IEC 17025"],
        rows: lab.fields().into_iter().map(row).collect(),
        links: vec![],
    }
}

/// What the record knows by itself.
fn tests(result: &RunResult) -> Section {
    let run = &result.run;
    let environment = |key: &str| run.environment.get(key).cloned();
    let mut rows = vec![
        ["start of the tests (UTC, 7.8.2.1 i)".to_owned(), run.started.clone()],
        ["duration of the tests".to_owned(), format!("{} s", result.took_us.div_ceil(1_000_000))],
        ["tool".to_owned(), format!("{} {}", run.tool, run.version)],
        ["command".to_owned(), format!("{} {}", run.tool, run.arguments.join(" "))],
    ];
    let suite = environment("suite").or_else(|| environment("cases-and-fixtures"));
    rows.extend(suite.map(|suite| ["suite".to_owned(), suite]));
    rows.extend(run.device.clone().map(|device| ["device file".to_owned(), device]));
    for (name, bench) in &result.benches {
        let boards: Vec<String> = bench.boards.iter().map(|(role, kind)| format!("{role} {kind}")).collect();
        let modelled = bench.time == taprig_model::event::TimeBasis::Modelled;
        let times = if modelled { "times are computed from frames" } else { "times are measured" };
        rows.push([format!("bench {name}"), format!("{}; {times}", boards.join(", "))]);
        for (role, said) in &bench.identities {
            let said = said.to_string().replace(&"0".repeat(64), digest_in_words(&"0".repeat(64)));
            rows.push([format!("the {role} on {name} said"), said]);
        }
    }
    for image in &result.firmware {
        rows.push([format!("image of the {}", image.role), format!("sha256 {}", image.digest)]);
    }
    Section {
        title: "2. Tests".into(),
        text: "This part is computed from the record.".into(),
        columns: vec!["what", "value"],
        rows: rows.into_iter().map(Vec::from).collect(),
        links: vec![],
    }
}

fn verdicts(candidate: &Candidate<'_>) -> Section {
    let summary = &candidate.result.summary;
    let mut rows = vec![
        ["sub-cases that passed".to_owned(), summary.pass.to_string()],
        ["sub-cases that changed since the baseline".to_owned(), summary.changed.to_string()],
        ["sub-cases that failed".to_owned(), summary.fail.to_string()],
        ["sub-cases that ended in an error of the rig".to_owned(), summary.error.to_string()],
        ["sub-cases that are not applicable".to_owned(), summary.not_applicable.to_string()],
    ];
    for (state, count) in &candidate.matrix.counts {
        rows.push([format!("requirements: {}", state.word()), format!("{count} ({})", state.meaning())]);
    }
    for state in [State::NotOnThisBench, State::PartlyJudged] {
        let ids: Vec<&str> = candidate.matrix.in_state(state).map(|row| row.id.as_str()).collect();
        if !ids.is_empty() {
            rows.push([format!("{}: which", state.word()), ids.join(", ")]);
        }
    }
    Section {
        title: "3. Results".into(),
        text: "The requirement matrix has the state of each requirement. record/report.html has each result with its evidence.".into(),
        columns: vec!["what", "value"],
        rows: rows.into_iter().map(Vec::from).collect(),
        links: vec![],
    }
}

fn contents() -> Section {
    Section {
        title: "4. Parts of this report".into(),
        text: "All parts carry the number of the report. The report ends after this table.".into(),
        columns: vec!["file", "what it is"],
        rows: super::FILES.map(|(file, what)| vec![file.to_owned(), what.to_owned()]).into(),
        // The files lie beside this page.
        links: vec![(0, String::new())],
    }
}
