//! Statements and matrices of handmade devices, cases and runs.

use crate::{Cell, Claimed, Coverage, Covered, Evidence, Excuse, Matrix, State, Statement, show};
use proptest::prelude::*;
use serde_json::{Value, json};
use taprig_model::capability::{BenchCapabilities, CardCapability};
use taprig_model::criteria::Criteria;
use taprig_model::device::Device;
use taprig_model::requirement::Requirements;
use taprig_model::result::{Attempt, CaseResult, RunResult, Verdict};

fn device(claims: &Value, fixed: &Value) -> Device {
    serde_json::from_value(json!({
        "schema": 1, "title": "A | validator <b>", "identity": { "device": "d", "firmware": "f" }, "claims": claims, "fixed": fixed,
        "words": { "messages": { "OK": "approved", "GO": "approved" }, "reasons": { "E1": ["expired", "revoked"] } },
        "interface": { "adapter": { "command": ["adapter"] } },
    }))
    .unwrap()
}

fn criteria(id: &str, requires: &[&str], claims: &[&str], retap: &str) -> Criteria {
    serde_json::from_value(json!({
        "id": id, "title": "t", "file": "cases/a.yaml", "requires": requires, "steps": [], "baseline": false,
        "needs": { "claims": claims, "settings": { "retap": [retap] } },
    }))
    .unwrap()
}

fn requirements(ids: &[&str]) -> Requirements {
    let one =
        |id: &&str| ((*id).to_owned(), json!({ "text": "It, \"works\".", "strength": "must", "source": "A book, 1" }));
    let all: serde_json::Map<String, Value> = ids.iter().map(one).collect();
    serde_json::from_value(json!({ "schema": 1, "requirements": all })).unwrap()
}

/// A result with one expectation, which was judged or not.
fn result(id: &str, verdict: Verdict, judged: bool) -> CaseResult {
    let check = json!({ "seen_by": "person", "what": "outcome", "wanted": "a", "seen": "a", "result": if judged { "holds" } else { "not-judged" } });
    CaseResult {
        id: id.into(),
        title: "t".into(),
        file: "cases/a.yaml".into(),
        requires: vec![],
        bench: None,
        power: None,
        verdict,
        failure: (verdict != Verdict::Pass).then(|| "=1+1".to_owned()),
        took_us: 0,
        air_us: vec![],
        own_time: vec![],
        quarantine: None,
        checks: vec![serde_json::from_value(check).unwrap()],
        attempts: vec![Attempt { number: 1, verdict, took_us: 0, failure: None }],
    }
}

fn function<'a>(statement: &'a Statement, claim: &str) -> &'a crate::Function {
    statement.functions.iter().find(|of| of.claim == claim).unwrap()
}

#[test]
fn a_claim_that_is_a_number_is_stated_with_it() {
    let device = device(&json!({ "bus": true, "exception-file": true, "deny-capacity": 512 }), &json!({}));
    let statement = Statement::of(&device, &[]);
    let of = function(&statement, "deny-capacity");
    assert_eq!((of.claimed, of.number), (Claimed::Yes, Some(512)));
    assert_eq!(function(&statement, "bus").number, None);
    let sheet = serde_json::to_value(&statement).unwrap();
    assert!(sheet.to_string().contains(r#""number":512"#), "{sheet}");
}

#[test]
fn a_statement_has_every_function_and_what_depends_on_it() {
    let cases = [
        criteria("BUS-001", &["R-A", "R-B"], &["bus", "journal"], "3 s"),
        criteria("BUS-002", &["R-B"], &["bus"], "3 s"),
        criteria("XMY-001", &["R-C"], &["x-lift"], "0 s"),
    ];
    let device = device(
        &json!({ "bus": true, "journal": false, "oda-online": true, "x-lift": true }),
        &json!({ "retap": "3 s" }),
    );
    let statement = Statement::of(&device, &cases);
    assert_eq!(statement.functions.len(), crate::known().len() + 1, "and the maker's own claim");
    let journal = function(&statement, "journal");
    assert_eq!((journal.claimed, journal.status.letter()), (Claimed::No, "o"));
    assert_eq!(
        (journal.requirements.wholly.as_slice(), journal.requirements.partly.as_slice()),
        (&["R-A".to_owned()][..], &["R-B".to_owned()][..])
    );
    assert_eq!(
        (function(&statement, "sm2").claimed, function(&statement, "sm2").requirements.is_empty()),
        (Claimed::NotStated, true)
    );
    assert_eq!(function(&statement, "x-lift").meaning, None);
    let retap = statement.settings.iter().find(|of| of.key == "retap").unwrap();
    assert_eq!((retap.fixed.as_deref(), retap.requirements.wholly.as_slice()), (Some("3 s"), &["R-C".to_owned()][..]));
    assert!(retap.meaning.starts_with("Within this time the same card"), "{}", retap.meaning);
    let words: Vec<_> = statement.words.iter().map(|of| (of.kind, of.word.as_str(), of.device.join(" "))).collect();
    assert_eq!(words[0], ("message", "approved", "GO OK".to_owned()));
    assert_eq!(words[1..].iter().map(|(_, word, _)| *word).collect::<Vec<_>>(), ["expired", "revoked"]);
}

#[test]
fn every_setting_of_the_model_is_in_the_statement() {
    let statement = Statement::of(&device(&json!({}), &json!({})), &[]);
    let keys: Vec<&str> = statement.settings.iter().map(|of| of.key.as_str()).collect();
    for key in taprig_model::settings::Settings::keys_of_pairs().into_iter().chain([
        "clock",
        "deny-list",
        "fares",
        "keys",
        "revoked",
        "stop",
    ]) {
        assert!(keys.contains(&key), "{key} is not in {keys:?}");
    }
    assert!(statement.settings.iter().all(|of| of.meaning.len() > 8), "{:?}", statement.settings);
}

#[test]
fn what_contradicts_a_status_is_told() {
    let open = |claims: Value, fixed: Value| Statement::of(&device(&claims, &fixed), &[]).open;
    let good = json!({ "bus": true, "non-volatile": true, "online-request": true });
    assert_eq!(open(good.clone(), json!({})), Vec::<String>::new());
    let with = |name: &str| {
        let mut claims = good.clone();
        claims[name] = true.into();
        claims
    };
    assert_eq!(
        open(json!({}), json!({})),
        [
            "`bus` is mandatory and is not claimed",
            "`non-volatile` is mandatory and is not claimed",
            "none of `oda-offline`, `oda-online`, `online-request` is claimed, and at least one is mandatory",
        ]
    );
    let missing: Vec<String> = ["exception-file", "fdda-v00", "fdda-v01", "revocation-list"]
        .map(|name| format!("`{name}` is mandatory, because `oda-online` is claimed, and is not claimed"))
        .into();
    assert_eq!(open(with("oda-online"), json!({})), missing);
    assert_eq!(open(with("asks-balance"), json!({})), ["`asks-balance` is claimed without `e-cash`, which it needs"]);
    assert_eq!(
        open(with("ttq-setting"), json!({ "ttq": "auto" })),
        ["the setting `ttq` is fixed, although `ttq-setting` is claimed"]
    );
}

/// The state of a requirement with these sub-cases, all of which need the claim `bus`.
fn state(cases: &[(Option<Verdict>, bool)]) -> State {
    let criteria: Vec<Criteria> =
        cases.iter().enumerate().map(|(n, _)| criteria(&format!("BUS-00{n}"), &["R-A"], &["bus"], "3 s")).collect();
    let results = cases
        .iter()
        .enumerate()
        .filter_map(|(n, (verdict, judged))| Some(result(&format!("BUS-00{n}"), (*verdict)?, *judged)));
    let run = RunResult { cases: results.collect(), ..RunResult::default() };
    let evidence = Evidence {
        criteria: &criteria,
        device: &device(&json!({ "bus": true }), &json!({})),
        bench: &BenchCapabilities::default(),
        result: &run,
    };
    let matrix = Matrix::of(&requirements(&["R-A"]), evidence);
    assert_eq!(matrix.counts.iter().map(|(_, count)| count).sum::<usize>(), 1);
    matrix.rows[0].state
}

#[test]
fn the_state_of_a_requirement_follows_from_its_sub_cases() {
    use Verdict::{Changed, Error, Fail, NotApplicable, Pass, Skipped};
    let (pass, blind) = ((Some(Pass), true), (Some(Pass), false));
    assert_eq!(state(&[]), State::NotRun);
    assert_eq!(state(&[pass, (Some(Changed), true), (Some(NotApplicable), true)]), State::Met);
    assert_eq!(state(&[pass, blind]), State::PartlyJudged);
    assert_eq!(state(&[pass, (Some(Error), true), (Some(Fail), true)]), State::Failed);
    assert_eq!(state(&[pass, (Some(Error), true), (None, true)]), State::Error);
    assert_eq!(state(&[pass, (Some(Skipped), true)]), State::Incomplete);
    assert_eq!(state(&[pass, (None, true)]), State::Incomplete);
    assert_eq!(state(&[(Some(Skipped), true), (Some(NotApplicable), true)]), State::NotRun);
    assert_eq!(state(&[(Some(NotApplicable), true)]), State::NotApplicable);
}

#[test]
fn what_the_bench_lacks_is_no_excuse_of_the_device() {
    let excuse = |claims: &[&str], card_side: Vec<CardCapability>| {
        let mut needy = criteria("BUS-001", &["R-A"], claims, "3 s");
        needy.needs.card_side = vec![CardCapability::Faults];
        let run = RunResult { cases: vec![result("BUS-001", Verdict::NotApplicable, true)], ..RunResult::default() };
        let evidence = Evidence {
            criteria: &[needy],
            device: &device(&json!({ "bus": true }), &json!({})),
            bench: &BenchCapabilities { card_side, acquirer: false },
            result: &run,
        };
        let matrix = Matrix::of(&requirements(&["R-A"]), evidence);
        (matrix.rows[0].cases[0].excuse.unwrap(), matrix.rows[0].state)
    };
    assert_eq!(excuse(&["bus"], vec![]), (Excuse::Bench, State::NotOnThisBench));
    assert_eq!(excuse(&["bus", "sm2"], vec![]), (Excuse::Device, State::NotApplicable), "another bench would not help");
    assert_eq!(excuse(&["bus"], vec![CardCapability::Faults]), (Excuse::NothingToJudge, State::NotApplicable));
}

#[test]
fn a_matrix_as_csv_has_a_row_for_each_sub_case_and_no_formula() {
    let run = RunResult { cases: vec![result("BUS-001", Verdict::Fail, true)], ..RunResult::default() };
    let cases = [criteria("BUS-001", &["R-A"], &["bus"], "3 s"), criteria("BUS-002", &["R-A"], &["bus"], "3 s")];
    let evidence = Evidence {
        criteria: &cases,
        device: &device(&json!({ "bus": true }), &json!({})),
        bench: &BenchCapabilities::default(),
        result: &run,
    };
    let matrix = Matrix::of(&requirements(&["R-A", "R-B"]), evidence);
    let mut text = Vec::new();
    show::csv(&matrix, &mut text).unwrap();
    let lines: Vec<String> = String::from_utf8(text).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(
        lines,
        [
            "requirement,strength,state,text,source,claims,case,verdict,judged,expectations,why",
            "R-A,must,failed,\"It, \"\"works\"\".\",\"A book, 1\",bus,BUS-001,fail,1,1,'=1+1",
            "R-A,must,failed,\"It, \"\"works\"\".\",\"A book, 1\",bus,BUS-002,none,0,0,",
            "R-B,must,not run,\"It, \"\"works\"\".\",\"A book, 1\",,,,,,",
        ]
    );
    let cells: Vec<&Cell> = matrix.rows[0].cases.iter().collect();
    assert_eq!((cells[0].verdict, cells[1].verdict), (Some(Verdict::Fail), None));
}

#[test]
fn a_form_shows_texts_of_a_device_file_as_they_are() {
    let sheet = Statement::of(&device(&json!({}), &json!({})), &[]).sheet(None);
    let page = show::html(&sheet);
    assert!(page.contains("A | validator &lt;b&gt;") && !page.contains("<b>"), "{page}");
    let text = show::markdown(&sheet);
    assert!(text.starts_with("# Implementation conformance statement: A \\| validator \\<b\\>\n"), "{text}");
    for (line, table) in text.lines().filter(|line| line.starts_with('|')).map(|line| (line, line.replace("\\|", ""))) {
        let columns = table.matches('|').count() - 1;
        assert!([1, 2, 3, 6, 7].contains(&columns), "{columns}: {line}");
    }
    assert!(page.contains("<th scope=\"row\">signature</th><td></td>"), "a field to fill in");
}

#[test]
fn names_lead_to_their_evidence_in_the_report_of_the_same_run() {
    let statement = Statement::of(&device(&json!({}), &json!({})), &[]);
    assert!(!show::html(&statement.sheet(None)).contains("<a "));
    let page = show::html(&statement.sheet(Some("record/report.html")));
    let claim = &statement.functions[0].claim;
    let link = format!("<th scope=\"row\"><a href=\"record/report.html#c-{claim}\">{claim}</a></th>");
    assert!(page.contains(&link), "{page}");
    let mut sheet = statement.sheet(None);
    sheet.sections[0].rows = vec![vec!["A, B".into(), "-".into()]];
    sheet.sections[0].links = vec![(0, "x#r-".into()), (1, "x#r-".into())];
    let page = show::html(&sheet);
    let links = "<th scope=\"row\"><a href=\"x#r-A\">A</a>, <a href=\"x#r-B\">B</a></th><td>-</td>";
    assert!(page.contains(links), "{page}");
}

proptest! {
    /// Whatever a device file holds, a table keeps its shape and a page its markup.
    #[test]
    fn any_text_stays_in_its_cell(title in "\\PC{0,40}", control in "[\\x00-\\x1f|<&`*]{0,8}") {
        let mut device = device(&json!({}), &json!({}));
        device.title = format!("{title}{control}");
        let sheet = Statement::of(&device, &[]).sheet(None);
        let text = show::markdown(&sheet);
        let row = text.lines().find(|line| line.starts_with("| maker and model |")).unwrap();
        prop_assert_eq!(row.replace("\\\\", "").replace("\\|", "").matches('|').count(), 3);
        let page = show::html(&sheet);
        let plain = Statement::of(&self::device(&json!({}), &json!({})), &[]).sheet(None);
        prop_assert_eq!(page.matches('<').count(), show::html(&plain).matches('<').count());
        prop_assert!(!page.chars().any(|c| c.is_control() && c != '\n'));
    }
}

#[test]
fn coverage_names_what_has_no_partner() {
    let run = RunResult {
        cases: vec![
            result("BUS-001", Verdict::Pass, true),
            result("BUS-002", Verdict::Fail, true),
            result("BUS-003", Verdict::NotApplicable, true),
            result("BUS-004", Verdict::Pass, false),
        ],
        ..RunResult::default()
    };
    let cases = [
        criteria("BUS-001", &["R-A"], &["bus"], "3 s"),
        criteria("BUS-002", &["R-B", "R-A2"], &["bus"], "3 s"),
        criteria("BUS-003", &["R-C"], &["sm2"], "3 s"),
        criteria("BUS-004", &["R-D"], &["bus"], "3 s"),
        criteria("BUS-005", &[], &["bus"], "3 s"),
    ];
    let evidence = Evidence {
        criteria: &cases,
        device: &device(&json!({ "bus": true }), &json!({})),
        bench: &BenchCapabilities::default(),
        result: &run,
    };
    let coverage = Coverage::of(&Matrix::of(&requirements(&["R-A", "R-B", "R-C", "R-D", "R-E"]), evidence), &cases);
    let covered: Vec<Covered> = coverage.rows.iter().map(|row| row.covered).collect();
    let wanted = [Covered::Verified, Covered::Failing, Covered::NotClaimed, Covered::NotJudged, Covered::Uncovered];
    assert_eq!(covered, wanted);
    assert_eq!(coverage.strangers, [("BUS-002".to_owned(), "R-A2".to_owned())]);
    assert_eq!(coverage.loose, ["BUS-005"]);
    assert!(coverage.has_orphans());
    let whole = Coverage::of(&Matrix::of(&requirements(&["R-A"]), evidence), &cases[..1]);
    assert!(!whole.has_orphans());
}
