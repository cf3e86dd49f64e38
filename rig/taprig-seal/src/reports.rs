//! Makes the reports of a record again and compares them with those that it holds.

use crate::finding::Finding;
use std::fs;
use std::path::Path;
use taprig_model::result::RunResult;
use taprig_record::{Record, ReportFile};
use taprig_report::{Capture, Html, Stored, junit};

/// The version of this program. Another version may write the same facts in other words.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What was found about `junit.xml`, `capture.pcapng` and `report.html`.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// Reports that say something else than the events.
    pub wrong: Vec<Finding>,
    /// Reports, or parts of them, that were not compared, with the reason.
    pub not_compared: Vec<Finding>,
}

/// Compares each report that is there. `result` is what the events of the record give.
pub(crate) fn compare(folder: &Path, record: &Record, result: &RunResult) -> Compared {
    let mut compared = Compared::default();
    let version = &result.run.version;
    let mut differs = |name: &'static str, what: &str| {
        if version == VERSION {
            compared.wrong.push(Finding::new(name, what));
        } else {
            let what = format!(
                "it was not compared with the events, because taprig {version} wrote it and this is taprig {VERSION}"
            );
            compared.not_compared.push(Finding::new(name, what));
        }
    };
    let stored = |file: ReportFile| fs::read(folder.join(file.name())).ok();
    if let Some(stored) = stored(ReportFile::Junit)
        && !junit(result, &record.events).is_ok_and(|own| own == stored)
    {
        differs(ReportFile::Junit.name(), "it is not what the events of the record give");
    }
    if let Some(stored) = stored(ReportFile::Capture)
        && Capture::of(&record.events).finish() != stored
    {
        differs(ReportFile::Capture.name(), "its packets or comments are not what the events of the record give");
    }
    let name = ReportFile::Html.name();
    let Some(page) = stored(ReportFile::Html) else { return compared };
    match Html::of(folder, None).map(|own| own.compared(&page)) {
        Ok(Stored::Follows { others: false }) => {}
        Ok(Stored::Follows { others: true }) => compared.not_compared.push(Finding::new(
            name,
            "what it says about an earlier run or about the last nights was not compared, because this record does not contain them",
        )),
        Ok(Stored::OtherLayout) => compared.not_compared.push(Finding::new(
            name,
            "it was not compared with the events, because another build of taprig made it; `taprig report html` makes the page of this build",
        )),
        Ok(Stored::Differs) => differs(name, "it says something that the record does not give"),
        Err(error) => compared.wrong.push(Finding::new(name, format!("it can't be made again: {error}"))),
    }
    compared
}
