//! Verifies a sealed record: its signature, its files, its statement, and whether its verdicts follow from its events.

use crate::finding::Finding;
use crate::reports::{self, Compared};
use crate::signature::{Signature, Signers, verify_signature};
use crate::statement::{PREDICATE, SCHEMA, STATEMENT_TYPE, Statement};
use crate::sums::{Sums, SumsError, sha256};
use crate::time_stamp::{self, TimeStamp};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use taprig_judge::again;
use taprig_model::event::Body;
use taprig_model::result::{CaseResult, RunResult};
use taprig_record::seal::{SIGNATURE, STATEMENT, SUMS, TIME_STAMP};
use taprig_record::{EVENTS, INPUTS, Inputs, Record, ReportFile};
use taprig_report::Tally;

/// A sealed record that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The name of the signer in the file of allowed signers. `None` with [`Signers::Anyone`].
    pub signer: Option<String>,
    /// The kind of the signer's key and its fingerprint.
    pub key: String,
    /// What the seal states. Everything in it was computed again from the record, apart from who authorised the results and when
    /// they were sealed.
    pub statement: Statement,
    /// The time stamp, if the record has one.
    pub time_stamp: Option<TimeStamp>,
    /// Number of files that the seal covers.
    pub files: usize,
    /// SHA-256 of `SHA256SUMS`. It stands for the whole record.
    pub sums: String,
    /// Reports, or parts of them, that were not compared with the events, with the reason. The list is empty in most cases.
    pub not_compared: Vec<Finding>,
}

/// Verifies the record in `folder`. `authority` is a file of certificates in PEM that vouch for time-stamping authorities.
///
/// It checks the signature of `SHA256SUMS`, the sums of all files, the statement, and the time stamp if there is one. Then it
/// judges all events again, and compares the verdicts with those of the record and its statement. At last it makes the reports again, and
/// compares them with those of the record.
///
/// # Errors
/// Everything that is wrong. The list is never empty.
pub fn verify(folder: &Path, signers: &Signers, authority: Option<&Path>) -> Result<Verified, Vec<Finding>> {
    let read = |name: &str| {
        fs::read(folder.join(name)).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Finding::new(name, "it is missing, so the record is not sealed"),
            _ => Finding::new(name, format!("it can't be read: {error}")),
        })
    };
    let (sealed, list, text) = (read(SIGNATURE), read(SUMS), read(STATEMENT));
    if let (Err(finding), Err(_), Err(_)) = (&sealed, &list, &text) {
        // Nobody has sealed it. There is nothing to compare it with.
        return Err(vec![finding.clone()]);
    }
    // What can't be checked without a part that is missing is left out, and everything else is checked.
    let mut findings: Vec<Finding> =
        [&sealed, &list].into_iter().filter_map(|part| part.as_ref().err().cloned()).collect();
    let (sealed, list) = (sealed.ok(), list.ok());
    let signature = list.as_ref().filter(|_| sealed.is_some()).map(|list| signature(folder, list, signers));
    let signature = signature.and_then(|checked| checked.map_err(|finding| findings.push(finding)).ok());
    let stamp = sealed.map(|sealed| time_stamp(folder, &sealed, authority));
    let stamp = stamp.and_then(|checked| checked.map_err(|finding| findings.push(finding)).ok());
    let files = match list.as_ref().map(|list| files(folder, list)) {
        Some(Ok(files)) => Some(files),
        Some(Err(wrong)) => {
            findings.extend(wrong);
            None
        }
        None => None,
    };
    let stated = text.and_then(|text| statement(&text));
    if let Err(wrong) = &stated {
        findings.push(wrong.clone());
    }
    // The verdicts come last: they may be many, and what was altered explains them.
    let agreed = agrees(folder, stated.as_ref().ok());
    // That a file was altered after the record was sealed also explains why it says something else than the events.
    let altered: BTreeSet<PathBuf> = findings.iter().map(|finding| finding.file.clone()).collect();
    let reports = [ReportFile::Junit, ReportFile::Capture, ReportFile::Html].map(|file| PathBuf::from(file.name()));
    let explained = |finding: &Finding| altered.contains(&finding.file) && reports.contains(&finding.file);
    findings.extend(agreed.wrong.into_iter().filter(|finding| !explained(finding)));
    if let (Some(Signature { signer, key }), Some(time_stamp), Some(files), Ok(statement), Some(list), true) =
        (signature, stamp, files, stated, list, findings.is_empty())
    {
        let not_compared = agreed.not_compared;
        return Ok(Verified { signer, key, statement, time_stamp, files, sums: sha256(&list), not_compared });
    }
    let mut seen = BTreeSet::new();
    findings.retain(|finding| seen.insert(finding.clone()));
    Err(findings)
}

fn signature(folder: &Path, list: &[u8], signers: &Signers) -> Result<Signature, Finding> {
    verify_signature(list, &folder.join(SIGNATURE), signers).map_err(|error| {
        let what = format!("the signature does not hold for `{SUMS}`, or its signer is not allowed ({error})");
        Finding::new(SIGNATURE, what)
    })
}

fn time_stamp(folder: &Path, signature: &[u8], authority: Option<&Path>) -> Result<Option<TimeStamp>, Finding> {
    let path = folder.join(TIME_STAMP);
    match (fs::symlink_metadata(&path), authority) {
        (Err(_), None) => Ok(None),
        (Err(_), Some(_)) => {
            Err(Finding::new(TIME_STAMP, "it is missing, so nobody but the signer says when the record was sealed"))
        }
        (Ok(_), _) => {
            time_stamp::check(signature, &path, authority).map(Some).map_err(|why| Finding::new(TIME_STAMP, why))
        }
    }
}

/// Compares the files with the list of their sums. Returns their number.
fn files(folder: &Path, list: &[u8]) -> Result<usize, Vec<Finding>> {
    let list = String::from_utf8_lossy(list);
    let listed = Sums::parse(&list).map_err(|error| vec![Finding::new(SUMS, error.to_string())])?;
    let (there, wrong) = Sums::of_all(folder);
    let mut findings: Vec<_> = wrong.iter().map(|error| no_part_of_a_seal(folder, error)).collect();
    let told: BTreeSet<PathBuf> = findings.iter().map(|finding| finding.file.clone()).collect();
    // A file that became a link is missing in the sums. That it is a link says more.
    let differ = listed.differences(&there).into_iter().map(|(name, what)| Finding::new(name, what));
    findings.extend(differ.filter(|finding| !told.contains(&finding.file)));
    findings.sort();
    if findings.is_empty() { Ok(there.0.len()) } else { Err(findings) }
}

/// Something in the folder that no seal can cover, under its name in the folder.
fn no_part_of_a_seal(folder: &Path, error: &SumsError) -> Finding {
    let (path, what) = match error {
        SumsError::Io { path, cause } => (path.as_path(), format!("it can't be read: {cause}")),
        SumsError::NoFile(path) => {
            (path.as_path(), "it is neither a file nor a folder, so the seal can't cover it".to_owned())
        }
        SumsError::Name(path) => (
            path.as_path(),
            "a name in a record may not have a line end or a backslash, and has to be UTF-8".to_owned(),
        ),
        SumsError::Line { .. } => (Path::new(SUMS), error.to_string()),
    };
    let inside = path.strip_prefix(folder).unwrap_or(path);
    Finding::new(if inside.as_os_str().is_empty() { Path::new(".") } else { inside }, what)
}

fn statement(text: &[u8]) -> Result<Statement, Finding> {
    let wrong = |what: String| Finding::new(STATEMENT, what);
    let head: serde_json::Value =
        serde_json::from_slice(text).map_err(|error| wrong(format!("it is not JSON: {error}")))?;
    if head["_type"] != STATEMENT_TYPE || head["predicateType"] != PREDICATE {
        return Err(wrong("it is not a statement about a record of taprig".into()));
    }
    if head["predicate"]["schema"].as_u64().is_none_or(|schema| schema > SCHEMA.into()) {
        return Err(wrong("a later version of taprig wrote it; verify it with that version".into()));
    }
    serde_json::from_value(head)
        .map_err(|error| wrong(format!("it is not a statement about a record of taprig: {error}")))
}

/// Computes the statement from the record again, if there is one, and judges the record again.
fn agrees(folder: &Path, stated: Option<&Statement>) -> Compared {
    let wrong = |name: &str, what: String| Compared { wrong: vec![Finding::new(name, what)], ..Compared::default() };
    let record = match Record::open(folder) {
        Ok(record) => record,
        Err(error) => return wrong(EVENTS, error.to_string()),
    };
    let inputs = match Inputs::read(folder) {
        Ok(inputs) => inputs,
        Err(error) => return wrong(INPUTS, error.to_string()),
    };
    let lines = match fs::read(folder.join(EVENTS)) {
        Ok(lines) => lines,
        Err(error) => return wrong(EVENTS, format!("it can't be read: {error}")),
    };
    let mut agreed = follows(folder, &record, &inputs);
    agreed.wrong.splice(0..0, stated.and_then(|stated| states(&lines, &record, &inputs, stated)));
    agreed
}

/// Whether a statement is the one that follows from the record.
fn states(lines: &[u8], record: &Record, inputs: &Inputs, stated: &Statement) -> Option<Finding> {
    let own = &stated.predicate;
    let is = Statement::of(lines, &record.events, inputs, &own.authorised_by, &own.sealed);
    (is != *stated).then(|| {
        let parts: Vec<&str> = [
            ("its subjects", is.subject == stated.subject),
            ("the tool", is.predicate.tool == own.tool),
            ("the run", is.predicate.run == own.run),
            ("the device", is.predicate.device == own.device),
            ("the benches", is.predicate.benches == own.benches),
            ("the firmware", is.predicate.firmware == own.firmware),
            ("the counts of verdicts", is.predicate.verdicts == own.verdicts && is.predicate.faults == own.faults),
            ("the sub-cases", is.predicate.cases == own.cases),
        ]
        .into_iter()
        .filter_map(|(part, same)| (!same).then_some(part))
        .collect();
        let what = format!("what it says about {} does not follow from the record", parts.join(", "));
        Finding::new(STATEMENT, what)
    })
}

/// Differences of a kind that are told one by one. An altered event may change hundreds of verdicts.
const TOLD: usize = 10;

/// The first of these findings about the events, and how many more there are.
fn first(all: impl Iterator<Item = String>, more: &str) -> Vec<Finding> {
    let all: Vec<String> = all.collect();
    let rest = all.len().saturating_sub(TOLD);
    let mut told: Vec<Finding> = all.into_iter().take(TOLD).map(|what| Finding::new(EVENTS, what)).collect();
    if rest > 0 {
        told.push(Finding::new(EVENTS, format!("and {rest} more {more}")));
    }
    told
}

/// Whether verdicts, checks and reports follow from the events. Nobody needs to trust whoever sealed the record for that.
pub(crate) fn follows(folder: &Path, record: &Record, inputs: &Inputs) -> Compared {
    let judged = again::stored(record, inputs);
    let differ = judged.differences.iter().map(|differs| {
        let word = |verdict: Option<_>| verdict.map_or_else(|| "nothing".to_owned(), |verdict| format!("{verdict}"));
        let why = differs.why.as_deref().and_then(|why| why.lines().next()).unwrap_or_default();
        let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
        let (id, was, now) = (&differs.id, word(differs.was), word(differs.now));
        format!("{id}: the verdict is {was}, but {now} follows from the events{why}")
    });
    let mut findings = first(differ, "verdicts that do not follow from the events");
    // What the end of the run says of the verdicts before it, and what they are.
    let (mut tally, mut said) = (Tally::default(), None);
    for event in &record.events {
        if let Body::RunFinished { summary, .. } = &event.body {
            said = Some((*summary, tally.result().summary));
        }
        tally.add(event);
    }
    let stated = tally.result();
    let own = Tally::of(&judged.events).result();
    let checks = |result: &RunResult| -> BTreeMap<String, Vec<String>> {
        let words = |case: &CaseResult| {
            case.checks.iter().map(|check| format!("{} {:?}", check.title(), check.result)).collect()
        };
        result.cases.iter().map(|case| (case.id.clone(), words(case))).collect()
    };
    let (was, now) = (checks(&stated), checks(&own));
    let known = |id: &str| judged.differences.iter().any(|differs| differs.id == id);
    let differ = was.iter().filter(|(id, checks)| !known(id) && now.get(*id) != Some(checks));
    let differ = differ.map(|(id, _)| format!("{id}: its checks do not follow from the events"));
    findings.extend(first(differ, "sub-cases whose checks do not follow from the events"));
    if let Some((said, counts)) = said
        && said != counts
    {
        findings.push(Finding::new("events.jsonl", "the counts at the end of the run are not those of its verdicts"));
    }
    findings.extend(results(folder, &stated));
    let mut compared = reports::compare(folder, record, &stated);
    findings.append(&mut compared.wrong);
    Compared { wrong: findings, ..compared }
}

/// Whether `results.json` is what the events give, if it is there.
fn results(folder: &Path, is: &RunResult) -> Option<Finding> {
    let name = ReportFile::Results.name();
    let text = fs::read(folder.join(name)).ok()?;
    let finding = |what: String| Some(Finding::new(name, what));
    let stated: RunResult = match serde_json::from_slice(&text) {
        Ok(stated) => stated,
        Err(error) => return finding(format!("it is not the result of a run: {error}")),
    };
    let of = |result: &RunResult| -> BTreeMap<String, CaseResult> {
        result.cases.iter().map(|case| (case.id.clone(), case.clone())).collect()
    };
    let (stated_cases, cases) = (of(&stated), of(is));
    let differ = |id: &&String| stated_cases.get(*id) != cases.get(*id);
    if let Some(id) = stated_cases.keys().chain(cases.keys()).find(differ) {
        return finding(format!("what it says about {id} does not follow from the events"));
    }
    (stated != *is).then(|| Finding::new(name, "what it says about the run does not follow from the events"))
}
