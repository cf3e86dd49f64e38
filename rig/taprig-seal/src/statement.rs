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
    /// The firmware images of the run. If the rig knows no image, because the device came with its firmware, this is the file
    /// `events.jsonl` of the record: in-toto requires a subject.
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
    /// The role and the file of an image: `validator target/boards/sim-board`. Or `events.jsonl`.
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
            subject: subjects(&firmware, lines),
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

    /// The digests of the validator's images, in lower-case hexadecimal: the firmware that was tested. It is empty if the rig
    /// knows no image, and it has several entries if benches with different images shared the run.
    #[must_use]
    pub fn firmware_under_test(&self) -> Vec<&str> {
        let images = self.predicate.firmware.iter().filter(|image| image.role == Role::Validator);
        let mut digests: Vec<&str> = images.map(|image| image.digest.as_str()).collect();
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

fn subjects(firmware: &[FirmwareImage], lines: &[u8]) -> Vec<Subject> {
    let subject = |name: String, digest: String| Subject { name, digest: [("sha256".to_owned(), digest)].into() };
    let mut all: Vec<Subject> = vec![];
    for image in firmware {
        let image = subject(format!("{} {}", image.role, image.path), image.digest.clone());
        if !all.contains(&image) {
            all.push(image);
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
