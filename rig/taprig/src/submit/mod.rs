//! A submission: the folder that a vendor hands in, made from a sealed record.
//!
//! [`refusals`] finds everything that a reviewer would refuse, [`cover`] makes the page that ISO/IEC 17025 asks for, and
//! [`write()`] puts the folder together.

mod cover;
mod folder;
#[cfg(test)]
mod tests;

pub use cover::cover;
pub use folder::{FILES, WriteFolderError, write};

use jiff::{SignedDuration, Timestamp, tz::Offset};
use serde::Serialize;
use taprig_conformance::{Matrix, Statement};
use taprig_model::event::{BaselineUse, Role};
use taprig_model::lab::{Lab, digest_in_words, is_no_digest};
use taprig_model::lock;
use taprig_model::result::{CaseResult, RunResult, Verdict};
use taprig_record::State;
use taprig_seal::Finding;

/// A record that is to be submitted.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// The state of the record.
    pub state: State,
    /// The result of its run.
    pub result: &'a RunResult,
    /// The ids of the sub-cases of the plan.
    pub planned: Vec<&'a str>,
    /// What of the suite the command of the run left out. `None` if it ran everything.
    pub left_out: Option<String>,
    /// The state of each requirement.
    pub matrix: &'a Matrix,
    /// What the device claims.
    pub statement: &'a Statement,
    /// What the laboratory file says, if there is one.
    pub lab: Option<&'a Lab>,
    /// Who has sealed the record, or what is wrong with the seal.
    pub seal: Result<Signer, &'a [Finding]>,
    /// Files of a submission that the record does not have.
    pub missing: Vec<&'static str>,
    /// When the tests ended, if the record says it.
    pub ended: Option<Timestamp>,
}

/// Who has sealed a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The name in the file of allowed signers. `None` if nobody said whose keys count.
    pub name: Option<String>,
    /// The kind of the key and its fingerprint.
    pub key: String,
    /// Who authorises the results, as the seal states.
    pub authorised_by: String,
}

/// Why a reviewer would refuse a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// What the reason is about.
    pub about: About,
    /// The reason.
    pub what: String,
    /// What to do.
    pub help: String,
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// The record does not hold the whole suite.
    Suite,
    /// A verdict is not one to hand in.
    Verdicts,
    /// The device ran another firmware than the one that is stated, or another device was tested.
    Item,
    /// The laboratory file.
    Laboratory,
    /// The conformance statement.
    Statement,
    /// The files of the record.
    Files,
    /// The seal.
    Seal,
}

impl About {
    /// The word in messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Suite => "suite",
            Self::Verdicts => "verdicts",
            Self::Item => "item",
            Self::Laboratory => "laboratory",
            Self::Statement => "statement",
            Self::Files => "files",
            Self::Seal => "seal",
        }
    }
}

/// Everything that a reviewer would refuse. If the list is empty, the record can be submitted.
#[must_use]
pub fn refusals(candidate: &Candidate<'_>) -> Vec<Refusal> {
    let mut found = Found(Vec::new());
    suite(candidate, &mut found);
    if let Some(lab) = candidate.lab {
        required(lab, candidate.result, &mut found);
    }
    verdicts(candidate.result, &mut found);
    item(candidate, &mut found);
    laboratory(candidate.lab, &mut found);
    if let Some(lab) = candidate.lab {
        issued(lab, candidate.ended, &mut found);
        authorised(lab, candidate.seal.as_ref().ok(), &mut found);
    }
    for point in &candidate.statement.open {
        found.add(About::Statement, point.clone(), "correct the device file and run the cases again");
    }
    for file in &candidate.missing {
        let what = format!("the record has no {file}");
        found.add(About::Files, what, "run the cases again with this version of taprig");
    }
    for finding in candidate.seal.as_ref().err().copied().unwrap_or_default() {
        let what = format!("{}: {}", finding.file.display(), finding.what);
        found.add(About::Seal, what, "seal the record by `taprig seal`; a record that was altered has to be run again");
    }
    found.0
}

struct Found(Vec<Refusal>);

impl Found {
    fn add(&mut self, about: About, what: impl Into<String>, help: &str) {
        self.0.push(Refusal { about, what: what.into(), help: help.to_owned() });
    }

    /// Adds a reason about sub-cases, unless there are none.
    fn add_cases(&mut self, about: About, ids: &[&str], what: &str, help: &str) {
        if !ids.is_empty() {
            let count = if ids.len() == 1 { "1 sub-case".to_owned() } else { format!("{} sub-cases", ids.len()) };
            self.add(about, format!("{count} {what}: {}", some(ids)), help);
        }
    }
}

/// The first few names of a list.
fn some(names: &[&str]) -> String {
    const SHOWN: usize = 6;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The whole suite has to be there, played to its end.
fn suite(candidate: &Candidate<'_>, found: &mut Found) {
    let result = candidate.result;
    if candidate.state != State::Complete || !result.complete {
        found.add(About::Suite, "the run did not reach its end", "finish it by `taprig run --resume DIR`");
    }
    if let Some(left_out) = &candidate.left_out {
        found.add(About::Suite, left_out.clone(), "run all cases: name no case, no part and no earlier record");
    }
    let ended = |id: &&str| {
        let case = result.cases.iter().find(|case| case.id == **id);
        case.is_some_and(CaseResult::has_verdict)
    };
    let open: Vec<&str> = candidate.planned.iter().copied().filter(|id| !ended(id)).collect();
    found.add_cases(About::Suite, &open, "of the plan without a verdict", "play them by `taprig run --resume DIR`");
    let rows = candidate.matrix.rows.iter().filter(|row| row.cases.is_empty());
    let without: Vec<&str> = rows.map(|row| row.id.as_str()).collect();
    if !without.is_empty() {
        let what = format!("no case of these requirements is in the plan: {}", some(&without));
        found.add(About::Suite, what, "run the whole suite; `taprig suite show` says whether it is complete");
    }
}

fn verdicts(result: &RunResult, found: &mut Found) {
    let with = |fits: &dyn Fn(&CaseResult) -> bool| {
        result.cases.iter().filter(|case| fits(case)).map(|case| case.id.as_str()).collect::<Vec<_>>()
    };
    let of = |verdict| with(&|case| case.verdict == verdict);
    found.add_cases(About::Verdicts, &of(Verdict::Fail), "failed", "correct the device, and run the cases again");
    if result.run.baseline == BaselineUse::Require {
        let help = "review their transcripts, and run the cases again";
        found.add_cases(About::Verdicts, &of(Verdict::Changed), "changed since the baseline", help);
    }
    let help = "repair the bench, and play them by `taprig run --resume DIR`";
    found.add_cases(About::Verdicts, &of(Verdict::Error), "ended in an error of the rig", help);
    let help = "wait until they pass again, and remove them from quarantine.yaml";
    found.add_cases(About::Verdicts, &with(&|case| case.quarantine.is_some()), "in quarantine", help);
    let flaky = with(&CaseResult::is_flaky);
    let help = "find out why their attempts differ, and run the cases again into a new record";
    found.add_cases(About::Verdicts, &flaky, "had attempts with different verdicts", help);
    if !result.faults.is_empty() {
        let faults: Vec<String> = result.faults.iter().map(ToString::to_string).collect();
        let faults: Vec<&str> = faults.iter().map(String::as_str).collect();
        found.add(
            About::Verdicts,
            format!("the rig failed: {}", some(&faults)),
            "repair the bench, and run the cases again",
        );
    }
    if !result.summary.judged_any() {
        found.add(About::Verdicts, "no case was judged", "find out by `taprig report matrix DIR` why no case applies");
    }
}

/// The cases have to be those that the method asks for, if it says which these are.
fn required(lab: &Lab, result: &RunResult, found: &mut Found) {
    let Some(wanted) = lab.suite.as_ref().map(ToString::to_string) else { return };
    let digests = lock::digests(&result.run.environment);
    if !digests.contains(&wanted.as_str()) {
        let is = if digests.is_empty() { "says none".to_owned() } else { format!("has {}", digests.join(" and ")) };
        let what = format!("the laboratory file requires the suite {wanted}, and the record {is}");
        found.add(About::Suite, what, "run the cases again with the required suite, or correct the laboratory file");
    }
}

/// The device that was tested has to be the one that is stated, with the firmware that is stated.
fn item(candidate: &Candidate<'_>, found: &mut Found) {
    let Some(lab) = candidate.lab else { return };
    let (result, firmware) = (candidate.result, &lab.item.firmware);
    let mut compared = false;
    for (bench, used) in &result.benches {
        if let Some(said) = used.identities.get(&Role::Validator) {
            let told = said.get("version").filter(|_| firmware.version.is_some());
            // A digest that is not known says nothing, although two of them are equal.
            let digest = said.get("digest").filter(|digest| firmware.sha256.is_some() && !is_no_digest(digest));
            compared |= told.or(digest).is_some();
            if let Some((what, stated, told)) = lab.differs(|key| said.get(key)) {
                let what = format!("firmware {what} {stated} is stated, and the device on {bench} said {told}");
                found.add(About::Item, what, "state the firmware that was tested, or test the one that is stated");
            }
        }
        match (&lab.item.serial_number, &used.serial_number) {
            (Some(stated), Some(printed)) if stated != printed => {
                let what = format!("the serial number {stated} is stated, and the device on {bench} has {printed}");
                found.add(About::Item, what, "correct the laboratory file, or test the device that is stated");
            }
            // Nothing would connect the record with the device that the report is about.
            (Some(stated), None) => {
                let what =
                    format!("the serial number {stated} is stated, and the record has none of the device on {bench}");
                let help =
                    "run the cases again with `--serial-number NUMBER`, or write `serial-number` into the bench file";
                found.add(About::Item, what, help);
            }
            _ => {}
        }
    }
    if let Some(stated) = firmware.sha256.as_ref().map(ToString::to_string) {
        for image in result.firmware.iter().filter(|image| image.role == Role::Validator) {
            compared = true;
            if image.digest != stated {
                let (stated, ran) = (digest_in_words(&stated), &image.digest);
                let what = format!("firmware sha256 {stated} is stated, and the device ran {ran}");
                found.add(About::Item, what, "state the firmware that was tested, or test the one that is stated");
            }
        }
    }
    if !compared && (firmware.version.is_some() || firmware.sha256.is_some()) {
        let what = "nothing in the record says whether the device ran the firmware that is stated";
        found.add(About::Item, what, "let the device tell its version, or let the rig flash it");
    }
}

fn laboratory(lab: Option<&Lab>, found: &mut Found) {
    let Some(lab) = lab else {
        let what = "there is no laboratory file";
        return found.add(
            About::Laboratory,
            what,
            "run the cases with `--lab FILE`, or give `--lab FILE` to this command",
        );
    };
    let blank: Vec<String> = lab.blank().iter().map(|field| format!("{} ({})", field.key, field.clause)).collect();
    if !blank.is_empty() {
        let what = format!("these fields are blank: {}", blank.join(", "));
        let help =
            "fill them in; where there is nothing to say, write `none`, but for a day write one such as `2026-11-30`";
        found.add(About::Laboratory, what, help);
    }
}

/// A report can't be issued before its tests have ended.
fn issued(lab: &Lab, ended: Option<Timestamp>, found: &mut Found) {
    let (Some(issued), Some(ended)) = (lab.dates.issued, ended) else { return };
    // The day of issue is one of the laboratory, and the record has UTC. Nowhere on Earth is the day an earlier one than twelve hours
    // behind.
    let behind = Offset::UTC.to_datetime(ended.checked_sub(SignedDuration::from_hours(12)).unwrap_or(ended)).date();
    if issued.to_string() < behind.to_string() {
        let what =
            format!("dates.issued is {issued}, and the tests ended on {}", Offset::UTC.to_datetime(ended).date());
        found.add(
            About::Laboratory,
            what,
            "write the day on which the report is issued, which can't be before the tests",
        );
    }
}

/// The person who authorises the report is the one whom the seal names. The seal may add more to the name: `Li Wei, head of laboratory`.
fn authorised(lab: &Lab, signer: Option<&Signer>, found: &mut Found) {
    let (Some(name), Some(signer)) = (&lab.authorised_by.name, signer) else { return };
    let rest = signer.authorised_by.trim().strip_prefix(name.trim());
    if !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([',', ';', ' ', '('])) {
        let what =
            format!("the laboratory file is authorised by {name}, and the seal by {}", signer.authorised_by.trim());
        let help = "name the person who authorised the results in `authorised-by`, or make a record that this person seals: \
                    `taprig seal DIR --key KEY --by NAME`";
        found.add(About::Seal, what, help);
    }
}
