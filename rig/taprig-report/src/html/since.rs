//! What changed since an earlier run.

use std::collections::BTreeMap;
use std::path::Path;

use taprig_model::event::Role;
use taprig_model::lock::ENVIRONMENT;
use taprig_model::result::{RunResult, Verdict};
use taprig_record::{ReadError, ReportFile, Stream};

use crate::Tally;

/// An earlier run, with which a report compares its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Since {
    result: RunResult,
}

impl Since {
    /// Reads the record of an earlier run.
    ///
    /// # Errors
    /// The record can't be read as a whole. A comparison with a part of a run would show cases as new that are not.
    pub fn read(folder: &Path) -> Result<Self, ReadError> {
        let mut tally = Tally::default();
        for event in Stream::open(folder)?.without_raw_bytes() {
            tally.add(&event?);
        }
        Ok(Self { result: tally.result() })
    }

    /// The run whose reports are in `folder`, which another run is about to replace. There is none if the reports are missing or can't be
    /// read.
    #[must_use]
    pub fn replaced(folder: &Path) -> Option<Self> {
        let text = std::fs::read(folder.join(ReportFile::Results.name())).ok()?;
        let result: RunResult = serde_json::from_slice(&text).ok()?;
        (result.schema == taprig_model::result::SCHEMA).then_some(Self { result })
    }

    /// When the earlier run started.
    pub(super) fn started(&self) -> &str {
        &self.result.run.started
    }

    /// What changed from the earlier run to this one.
    pub(super) fn changes(&self, now: &RunResult) -> Changes {
        let mut changes = Changes { around: around(&self.result, now), ..Changes::default() };
        let before: BTreeMap<&str, Verdict> =
            self.result.cases.iter().map(|case| (case.id.as_str(), case.verdict)).collect();
        for case in &now.cases {
            let id = case.id.clone();
            match (before.get(case.id.as_str()), case.verdict) {
                (None, verdict) => changes.new.push((id, verdict)),
                (Some(was), is) if *was == is => changes.same += 1,
                (Some(was), is @ Verdict::Fail) => changes.worse.push((id, *was, is)),
                (Some(was @ Verdict::Fail), is @ (Verdict::Pass | Verdict::Changed)) => {
                    changes.better.push((id, *was, is));
                }
                (Some(was), is) => changes.other.push((id, *was, is)),
            }
        }
        let here: BTreeMap<&str, ()> = now.cases.iter().map(|case| (case.id.as_str(), ())).collect();
        changes.gone =
            before.into_iter().filter(|(id, _)| !here.contains_key(id)).map(|(id, was)| (id.to_owned(), was)).collect();
        changes
    }
}

/// The differences between two runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Sub-cases that fail now and did not before: id, verdict before, verdict now.
    pub worse: Vec<(String, Verdict, Verdict)>,
    /// Sub-cases that failed before and do not now.
    pub better: Vec<(String, Verdict, Verdict)>,
    /// Other sub-cases whose verdict differs.
    pub other: Vec<(String, Verdict, Verdict)>,
    /// Sub-cases that the earlier run did not have.
    pub new: Vec<(String, Verdict)>,
    /// Sub-cases that only the earlier run had.
    pub gone: Vec<(String, Verdict)>,
    /// Number of sub-cases with the same verdict.
    pub same: usize,
    /// What else differs: name, value before, value now.
    pub around: Vec<(String, String, String)>,
}

/// Firmware, cases, bench and tool of two runs, as far as they differ.
fn around(before: &RunResult, now: &RunResult) -> Vec<(String, String, String)> {
    let facts = |result: &RunResult| -> BTreeMap<String, String> {
        let mut facts = BTreeMap::from([
            ("Device file".to_owned(), result.run.device.clone().unwrap_or_default()),
            ("taprig".to_owned(), result.run.version.clone()),
        ]);
        for image in &result.firmware {
            facts.insert(format!("Firmware of the {}", image.role), image.digest.clone());
        }
        for (name, bench) in &result.benches {
            facts.insert(format!("Serial number on {name}"), bench.serial_number.clone().unwrap_or_default());
            let said = bench.identities.get(&Role::Validator);
            if let Some(version) = said.and_then(|said| said.get("version")) {
                facts.insert(format!("Version that the device reports on {name}"), version.to_owned());
            }
        }
        for (key, name) in
            [("cases-and-fixtures", "Cases and fixtures"), ("bench", "Bench"), ("qemu", "QEMU"), (ENVIRONMENT, "Suite")]
        {
            facts.insert(name.to_owned(), result.run.environment.get(key).cloned().unwrap_or_default());
        }
        facts
    };
    let (before, now) = (facts(before), facts(now));
    let names = before.keys().chain(now.keys().filter(|name| !before.contains_key(*name)));
    let value = |of: &BTreeMap<String, String>, name: &str| of.get(name).cloned().unwrap_or_default();
    names
        .map(|name| (name.clone(), value(&before, name), value(&now, name)))
        .filter(|(_, before, now)| before != now)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_model::samples::run;

    #[test]
    fn verdicts_that_differ_are_told_by_their_kind() {
        let now = Tally::of(&run()).result();
        let mut before = now.clone();
        let since = Since { result: before.clone() };
        assert_eq!(since.changes(&now), Changes { same: 5, ..Changes::default() });
        before.cases[0].verdict = Verdict::Fail;
        before.cases[2].verdict = Verdict::Pass;
        before.cases[3].verdict = Verdict::Skipped;
        before.cases[4].id = "ZZZ-000".into();
        before.run.version = "0.0.9".into();
        let changes = Since { result: before }.changes(&now);
        assert_eq!(
            changes,
            Changes {
                worse: vec![("ODA-004/rsa1024".into(), Verdict::Pass, Verdict::Fail)],
                better: vec![("BUS-001".into(), Verdict::Fail, Verdict::Pass)],
                other: vec![("SM2-001".into(), Verdict::Skipped, Verdict::NotApplicable)],
                new: vec![("ZZZ-001".into(), Verdict::Error)],
                gone: vec![("ZZZ-000".into(), Verdict::Error)],
                same: 1,
                around: vec![("taprig".into(), "0.0.9".into(), "0.1.0".into())],
            }
        );
    }

    #[test]
    fn the_run_that_is_replaced_is_known_by_its_results() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Since::replaced(folder.path()), None);
        let result = Tally::of(&run()).result();
        crate::write(folder.path(), &result, &run()).unwrap();
        assert_eq!(Since::replaced(folder.path()), Some(Since { result }));
        std::fs::write(folder.path().join("results.json"), "{").unwrap();
        assert_eq!(Since::replaced(folder.path()), None);
    }
}
