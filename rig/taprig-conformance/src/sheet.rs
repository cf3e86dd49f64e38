//! A statement and a matrix as titles, tables and fields to fill in, whatever the format.

use crate::depends::Dependents;
use crate::matrix::{Matrix, State};
use crate::statement::{Claimed, Function, Setting, Statement};
use taprig_model::requirement::Strength;

/// A document of several sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// Its title.
    pub title: String,
    /// What it is, in a paragraph.
    pub text: String,
    /// Its sections, in order.
    pub sections: Vec<Section>,
    /// What every printed page carries, such as the number of a report. With a mark, the sheet also says where it ends.
    pub mark: Option<String>,
}

/// A table with a title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its title.
    pub title: String,
    /// What it says, in a paragraph.
    pub text: String,
    /// The heads of the columns.
    pub columns: Vec<&'static str>,
    /// The rows. Each has as many cells as there are columns. An empty cell is a field to fill in, or says nothing.
    pub rows: Vec<Vec<String>>,
    /// Columns whose words are links, and what stands before a word in its address. Commas separate the words of a cell.
    pub links: Vec<(usize, String)>,
}

/// What stands where a value could be and is not.
pub(crate) const NONE: &str = "-";

/// Where an HTML report has the evidence of a claim and of a requirement: what stands before the name in the address.
const CLAIM: &str = "#c-";
const REQUIREMENT: &str = "#r-";

fn links(report: Option<&str>, columns: &[(usize, &str)]) -> Vec<(usize, String)> {
    report
        .iter()
        .flat_map(|report| columns.iter().map(move |(column, part)| (*column, format!("{report}{part}"))))
        .collect()
}

impl Statement {
    /// The statement as a form. `report` is the address of an HTML report of this device. Claims and requirements are links to their
    /// evidence in it.
    #[must_use]
    pub fn sheet(&self, report: Option<&str>) -> Sheet {
        Sheet {
            title: format!("Implementation conformance statement: {}", self.device.title),
            text: "This form says what the device claims to do. The letters in the column \"status\" are those of ISO/IEC 9646-7: \
                   m is mandatory, o is optional, o.1 is one of a group of which at least one is mandatory, and c depends on \
                   another claim. A requirement is only tested as far as the device makes the claims that its cases need."
                .into(),
            sections: vec![
                self.identification(),
                self.functions(report),
                self.settings(report),
                self.limits(),
                self.words(),
                self.open(),
                declaration(),
            ],
            mark: None,
        }
    }

    fn identification(&self) -> Section {
        let device = &self.device;
        let row = |what: &str, value: String| vec![what.to_owned(), value];
        Section {
            title: "1. Device".into(),
            text: "The device must answer with the second and the third value when it is asked who it is.".into(),
            columns: vec!["what", "value"],
            rows: vec![
                row("maker and model", device.title.clone()),
                row("device, as it tells it", device.device.clone()),
                row("firmware, as it tells it", device.firmware.clone()),
                row("interface to the rig", device.interface.to_owned()),
                row("speed of the console", device.baud.map_or(NONE.into(), |baud| format!("{baud} bit/s"))),
                row("tells by itself how a tap ended", yes(device.tells_result).into()),
                row("reviewed transcripts", device.baseline.clone()),
            ],
            links: vec![],
        }
    }

    fn functions(&self, report: Option<&str>) -> Section {
        let row = |of: &Function| {
            let needs = if of.needs.is_empty() { String::new() } else { format!("; needs {}", of.needs.join(", ")) };
            let claimed = match (of.claimed, of.number) {
                (Claimed::Yes, Some(number)) => format!("yes, {number}"),
                (Claimed::Yes, None) => "yes".into(),
                (Claimed::No, _) => "no".into(),
                (Claimed::NotStated, _) => "no (not stated)".into(),
            };
            vec![
                of.claim.clone(),
                of.meaning.unwrap_or("a claim of the project's own cases").to_owned(),
                of.status.letter().to_owned(),
                format!("{}{needs}", of.status.words()),
                claimed,
                ids(&of.requirements.wholly),
                ids(&of.requirements.partly),
            ]
        };
        Section {
            title: "2. Functions".into(),
            text: "Each line is a function that cases ask for. Without the claim, the requirements in the last but one column \
                   are not tested at all, and those in the last column only in part."
                .into(),
            columns: vec![
                "claim",
                "the device",
                "status",
                "when it is mandatory",
                "claimed",
                "requirements that depend on it wholly",
                "requirements that depend on it in part",
            ],
            rows: self.functions.iter().map(row).collect(),
            links: links(report, &[(0, CLAIM), (5, REQUIREMENT), (6, REQUIREMENT)]),
        }
    }

    fn settings(&self, report: Option<&str>) -> Section {
        let row = |of: &Setting| {
            let value = match (&of.fixed, of.ignored) {
                (Some(value), _) => format!("fixed to {value}"),
                (None, true) => "the device has no such label".into(),
                (None, false) => "can be set".into(),
            };
            let Dependents { wholly, partly } = &of.requirements;
            vec![
                of.key.clone(),
                of.meaning.clone(),
                of.status.letter().to_owned(),
                match of.status {
                    crate::Status::Optional => "may be built in".into(),
                    status => status.words(),
                },
                value,
                ids(&[wholly.as_slice(), partly].concat()),
            ]
        };
        Section {
            title: "3. Settings".into(),
            text: "Each line is a setting that cases make. A case that needs another value than a fixed one is not applicable. The \
                   last column names the requirements with a case that sets another value than most cases do."
                .into(),
            columns: vec!["setting", "meaning", "status", "when it is mandatory", "value", "requirements that need other values"],
            rows: self.settings.iter().map(row).collect(),
            links: links(report, &[(5, REQUIREMENT)]),
        }
    }

    fn limits(&self) -> Section {
        let rows = self.limits.iter().map(|of| vec![of.of.clone(), of.value.clone(), of.status.letter().to_owned()]);
        Section {
            title: "4. Limits".into(),
            text: "The device keeps these limits. The first three are longest times.".into(),
            columns: vec!["limit", "value", "status"],
            rows: rows.collect(),
            links: vec![],
        }
    }

    fn words(&self) -> Section {
        let rows = self.words.iter().map(|of| vec![of.kind.to_owned(), of.word.clone(), of.device.join("; ")]);
        Section {
            title: "5. Words".into(),
            text: "What the device says, and what it means. For a kind of word without a line, the device uses the words of cases."
                .into(),
            columns: vec!["kind", "word of cases", "words of the device"],
            rows: rows.collect(),
            links: vec![],
        }
    }

    fn open(&self) -> Section {
        let text = match self.open.is_empty() {
            true => "The statement has no contradiction: everything mandatory is claimed.",
            false => "A reviewer will ask about these points.",
        };
        Section {
            title: "6. Open points".into(),
            text: text.into(),
            columns: vec!["point"],
            rows: self.open.iter().map(|point| vec![point.clone()]).collect(),
            links: vec![],
        }
    }
}

fn declaration() -> Section {
    Section {
        title: "7. Declaration".into(),
        text:
            "The undersigned declares for the maker that this form is true for the device and the firmware named above."
                .into(),
        columns: vec!["what", "to fill in"],
        rows: [
            "company",
            "name and role",
            "hardware version",
            "firmware version and SHA-256",
            "place and date",
            "signature",
        ]
        .map(|what| vec![what.to_owned(), String::new()])
        .into(),
        links: vec![],
    }
}

impl Matrix {
    /// The matrix as a document: how many requirements are in each state, and a line for each requirement. `report` is the address of
    /// the HTML report of the same run. Requirements are links to their evidence in it.
    #[must_use]
    pub fn sheet(&self, report: Option<&str>) -> Sheet {
        let counts = self
            .counts
            .iter()
            .map(|(state, count)| vec![state.word().to_owned(), count.to_string(), state.meaning().to_owned()]);
        let rows = self.rows.iter().map(|row| {
            let ran = |state: fn(&crate::Cell) -> bool| row.cases.iter().filter(|cell| state(cell)).count();
            vec![
                row.id.clone(),
                row.text.clone(),
                strength(row.strength).to_owned(),
                row.source.clone(),
                row.state.word().to_owned(),
                format!("{} of {}", ran(|cell| cell.excuse.is_none() && cell.verdict.is_some()), row.cases.len()),
            ]
        });
        Sheet {
            title: "Requirement matrix".into(),
            text: "The state of each requirement follows from the verdicts of its sub-cases.".into(),
            sections: vec![
                Section {
                    title: "States".into(),
                    text: String::new(),
                    columns: vec!["state", "requirements", "what it says"],
                    rows: counts.collect(),
                    links: vec![],
                },
                Section {
                    title: "Requirements".into(),
                    text: String::new(),
                    columns: vec!["requirement", "text", "strength", "source", "state", "sub-cases that ran"],
                    rows: rows.collect(),
                    links: links(report, &[(0, REQUIREMENT)]),
                },
            ],
            mark: None,
        }
    }

    /// The requirements in this state.
    pub fn in_state(&self, state: State) -> impl Iterator<Item = &crate::Row> {
        self.rows.iter().filter(move |row| row.state == state)
    }
}

/// The word of a strength.
pub(crate) const fn strength(strength: Strength) -> &'static str {
    match strength {
        Strength::Must => "must",
        Strength::Should => "should",
        Strength::May => "may",
    }
}

fn ids(ids: &[String]) -> String {
    if ids.is_empty() { NONE.to_owned() } else { ids.join(", ") }
}

const fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
