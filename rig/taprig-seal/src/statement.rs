//! The statement about a record: an in-toto Statement v1 with a predicate of our own.
//!
//! in-toto's own predicate for test results knows only passed, warned and failed. A run of taprig has more verdicts, and the rig's
//! own errors must not look like failures of the device.
//!
//! Everything in the statement apart from `authorised_by` and `sealed` follows from the record. [`verify`](crate::verify)
//! computes it again.

use crate::sums::sha256;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
pub use taprig_model::event::FirmwareImage;
use taprig_model::event::{BaselineUse, Body, Event, Role};
use taprig_model::result::{BenchResult, RunResult, Summary, Verdict};
use taprig_record::Inputs;
use taprig_report::Tally;

/// The type of every in-toto Statement v1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// The type of our predicate.
pub const PREDICATE: &str = "urn:taprig:record:v1";

/// The version of the predicate. It is raised when a field changes its meaning.
pub const SCHEMA: u32 = 1;

/// The content of `statement.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The firmware images of the run. If the rig knows no image of the validator, because the device came with its firmware, the
    /// digest that the device reports takes its place. If there is none either, this is the file `events.jsonl` of the record:
    /// in-toto requires a subject.
    pub subject: Vec<Subject>,
    /// [`PREDICATE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What is said about the subjects.
    pub predicate: Predicate,
}

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The role and the file of an image: `validator target/boards/stm32f405-validator.elf`. Or `validator, as it reports itself`,
    /// or `events.jsonl`.
    pub name: String,
    /// `sha256` and the digest in lower-case hexadecimal. For an image it covers the content that goes into flash.
    pub digest: BTreeMap<String, String>,
}

/// What the record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predicate {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The program that ran the cases.
    pub tool: Tool,
    /// The run.
    pub run: Run,
    /// The device under test.
    pub device: Device,
    /// The benches with their card sides, their boards, the serial numbers of the devices, and the basis of times.
    pub benches: BTreeMap<String, BenchResult>,
    /// The images of all boards, with their roles. The digest of the image with the role `validator` says which firmware was
    /// tested.
    pub firmware: Vec<FirmwareImage>,
    /// Counts of verdicts. `error` counts the faults of the rig.
    pub verdicts: Summary,
    /// Number of faults of the rig that belong to no case.
    pub faults: u32,
    /// Each sub-case, in the order of the ids.
    pub cases: Vec<Case>,
    /// Who authorised the results. The person who seals the record states it.
    pub authorised_by: String,
    /// When the record was sealed, in UTC by RFC 3339, by the clock of the computer that sealed it. Only a time stamp proves a
    /// time.
    pub sealed: String,
}

/// The program that ran the cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// `taprig`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// How a run was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Start of the run, in UTC by RFC 3339.
    pub started: String,
    /// The command line without the name of the program.
    pub arguments: Vec<String>,
    /// Number of sub-cases that the run was to play.
    pub planned: u32,
    /// Whether the run reached its end.
    pub complete: bool,
    /// The part of the suite that the run took, if other machines took the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// What a changed transcript means for the run.
    pub baseline: BaselineUse,
    /// The environment: operating system, host, digest of cases and fixtures, and more.
    pub environment: BTreeMap<String, String>,
}

/// The device under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Path of the device file in the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Maker and model, as the device file says.
    pub title: String,
    /// The name that the device must give itself.
    pub device: String,
    /// The name of the firmware that the device must give.
    pub firmware: String,
}

/// A sub-case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Id of the sub-case.
    pub id: String,
    /// The verdict of its last attempt.
    pub verdict: Verdict,
    /// SHA-256 of the lines of `events.jsonl` that belong to the sub-case, each with its line end, in their order. It covers all
    /// attempts.
    pub sha256: String,
}

impl Statement {
    /// The statement about a record: `lines` is the content of its `events.jsonl`, from which `events` were read.
    pub(crate) fn of(lines: &[u8], events: &[Event], inputs: &Inputs, authorised_by: &str, sealed: &str) -> Self {
        let RunResult { run, firmware, benches, cases, faults, summary, complete, .. } = Tally::of(events).result();
        let hashes = hashes(lines, events);
        let cases = cases.into_iter().map(|case| {
            let sha256 = hashes.get(case.id.as_str()).cloned().unwrap_or_default();
            Case { id: case.id, verdict: case.verdict, sha256 }
        });
        let cases = cases.collect();
        let device = Device {
            file: run.device.clone(),
            title: inputs.device.title.clone(),
            device: inputs.device.identity.device.to_string(),
            firmware: inputs.device.identity.firmware.to_string(),
        };
        let partition = run.partition.clone();
        Self {
            statement_type: STATEMENT_TYPE.into(),
            subject: subjects(&firmware, &reported(&benches), lines),
            predicate_type: PREDICATE.into(),
            predicate: Predicate {
                schema: SCHEMA,
                tool: Tool { name: run.tool, version: run.version },
                run: Run {
                    started: run.started,
                    arguments: run.arguments,
                    planned: run.cases,
                    complete,
                    partition,
                    baseline: run.baseline,
                    environment: run.environment,
                },
                device,
                benches,
                firmware,
                verdicts: summary,
                faults: u32::try_from(faults.len()).unwrap_or(u32::MAX),
                cases,
                authorised_by: authorised_by.to_owned(),
                sealed: sealed.to_owned(),
            },
        }
    }

    /// The digests of the validator's images, in lower-case hexadecimal: the firmware that was tested. If the rig knows no image,
    /// these are the digests that the devices report. The list is empty if nobody knows the firmware, and it has several entries if
    /// benches with different firmware shared the run.
    #[must_use]
    pub fn firmware_under_test(&self) -> Vec<&str> {
        let images = self.predicate.firmware.iter().filter(|image| image.role == Role::Validator);
        let mut digests: Vec<&str> = images.map(|image| image.digest.as_str()).collect();
        if digests.is_empty() {
            digests = reported(&self.predicate.benches);
        }
        digests.sort_unstable();
        digests.dedup();
        digests
    }

    /// The serial numbers of the devices under test that the bench files give.
    #[must_use]
    pub fn serial_numbers(&self) -> Vec<&str> {
        let mut numbers: Vec<&str> =
            self.predicate.benches.values().filter_map(|bench| bench.serial_number.as_deref()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

/// The digests that the validators report. A hosted validator has no flash, and reports zeros.
fn reported(benches: &BTreeMap<String, BenchResult>) -> Vec<&str> {
    let identities = benches.values().filter_map(|bench| bench.identities.get(&Role::Validator));
    let digests = identities.filter_map(|identity| identity.get("digest"));
    let is_digest = |digest: &&str| digest.len() == 64 && digest.bytes().all(|digit| digit.is_ascii_hexdigit());
    digests.filter(is_digest).filter(|digest| digest.bytes().any(|digit| digit != b'0')).collect()
}

fn subjects(firmware: &[FirmwareImage], reported: &[&str], lines: &[u8]) -> Vec<Subject> {
    let subject = |name: String, digest: String| Subject { name, digest: [("sha256".to_owned(), digest)].into() };
    let mut all: Vec<Subject> = vec![];
    for image in firmware {
        let image = subject(format!("{} {}", image.role, image.path), image.digest.clone());
        if !all.contains(&image) {
            all.push(image);
        }
    }
    if firmware.iter().all(|image| image.role != Role::Validator) {
        for digest in reported {
            let device = subject("validator, as it reports itself".into(), digest.to_lowercase());
            if !all.contains(&device) {
                all.push(device);
            }
        }
    }
    if all.is_empty() {
        all.push(subject("events.jsonl".into(), sha256(lines)));
    }
    all
}

/// The hash of each sub-case.
fn hashes<'a>(lines: &[u8], events: &'a [Event]) -> BTreeMap<&'a str, String> {
    use sha2::{Digest, Sha256};
    let mut all: BTreeMap<&str, Sha256> = BTreeMap::new();
    for (line, event) in lines.split_inclusive(|&byte| byte == b'\n').zip(events) {
        if let Some(id) = &event.case {
            all.entry(id).or_default().update(line);
        }
    }
    all.into_iter().map(|(id, hash)| (id, taprig_record::units::lower_hex(&hash.finalize()))).collect()
}

/// Whether events say how their run ended. A record whose writer was killed does not.
pub(crate) fn is_closed(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event.body, Body::RunFinished { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_model::event::Fields;
    use taprig_model::samples::{event, run};

    fn inputs() -> Inputs {
        let device = serde_json::json!({
            "schema": 1, "title": "A validator", "identity": { "device": "d", "firmware": "f" }, "claims": {},
            "interface": { "adapter": { "command": ["adapter"] } },
        });
        Inputs {
            criteria: vec![],
            device: serde_json::from_value(device).unwrap(),
            bench: Default::default(),
            baselines: None,
            files: BTreeMap::new(),
        }
    }

    fn of(events: &[Event]) -> (Statement, String) {
        let lines = events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect::<String>();
        (Statement::of(lines.as_bytes(), events, &inputs(), "Li", "2018-05-21T08:00:00Z"), lines)
    }

    #[test]
    fn it_counts_verdicts_and_hashes_the_lines_of_each_case() {
        let (statement, lines) = of(&run());
        let verdicts = &statement.predicate.verdicts;
        assert_eq!((verdicts.pass, verdicts.fail, verdicts.error, verdicts.not_applicable), (2, 1, 1, 1));
        let case = &statement.predicate.cases[0];
        let own: String = lines.split_inclusive('\n').filter(|line| line.contains(r#""case":"BUS-001""#)).collect();
        assert_eq!((case.id.as_str(), case.sha256.as_str()), ("BUS-001", sha256(own.as_bytes()).as_str()));
        assert!(!statement.predicate.run.complete);
        let again: Statement = serde_json::from_str(&serde_json::to_string(&statement).unwrap()).unwrap();
        assert_eq!(again, statement);
    }

    #[test]
    fn its_subject_is_an_image_or_what_the_device_reports_or_the_events() {
        let digest = |digit: &str| digit.repeat(64);
        let image = |role, digit: &str| {
            let path = format!("{role}.elf");
            event(15, None, Body::Firmware(FirmwareImage { role, path, digest: digest(digit), bytes: 4 }))
        };
        let reports = |digit: &str| {
            let identity = Fields::from_iter([("device", "d"), ("digest", digest(digit).as_str())]);
            event(16, None, Body::Identified { role: Role::Validator, identity })
        };
        let names = |more: Vec<Event>| {
            let (statement, _) = of(&[run(), more].concat());
            let names: Vec<_> = statement.subject.iter().map(|subject| subject.name.clone()).collect();
            (names.join(", "), statement.firmware_under_test().join(", "))
        };
        let (validator, emulator) = (|| image(Role::Validator, "a"), || image(Role::Emulator, "b"));
        let both = "validator validator.elf, emulator emulator.elf";
        assert_eq!(names(vec![validator(), emulator(), reports("c")]), (both.into(), digest("a")));
        let itself = "emulator emulator.elf, validator, as it reports itself";
        assert_eq!(names(vec![emulator(), reports("c")]), (itself.into(), digest("c")));
        assert_eq!(names(vec![reports("0")]), ("events.jsonl".into(), String::new()));
        let (statement, lines) = of(&run());
        assert_eq!(statement.subject[0].digest["sha256"], sha256(lines.as_bytes()));
    }
}
