//! `taprig history add` and `taprig history rebuild`.

use std::path::{Path, PathBuf};

use serde_json::json;
use taprig_case::{Diagnostic, Problems};
use taprig_history::file::{self, Added, Rebuilt};
use taprig_history::night;
use taprig_model::history::Night;
use taprig_record::{EVENTS, INPUTS, Inputs, Record, State};
use taprig_report::Tally;

use super::super::{Exit, Format, print, say};
use super::{tell, wrong};

/// How deep a folder is searched for records.
const MAX_DEPTH: usize = 6;

/// Adds records. All of them are read before anything is written.
pub(super) fn add(path: &Path, folders: &[PathBuf], format: Format) -> Result<Exit, Problems> {
    let mut problems = Problems::default();
    let nights: Vec<Night> = nights(folders, &mut problems);
    problems.into_result(())?;
    let (mut text, mut list) = (String::new(), vec![]);
    let (added, broken) = file::add(path, &nights).map_err(|error| wrong(path, &error))?;
    for (night, added) in nights.iter().zip(added) {
        let (record, started) = (&night.record, &night.started);
        text += &match added {
            Added::New => format!("added the run of {started} in {record}\n"),
            Added::Known => {
                format!("the run of {started} in {record} is in the history already; nothing was written\n")
            }
            Added::Continued => format!("added the run of {started} in {record} again, because it was resumed since\n"),
        };
        list.push(json!({ "record": record, "started": started, "run": night.run, "added": added }));
    }
    for broken in &broken {
        say(&format!(
            "taprig: reading {}, line {}: {}; the line stays as it is",
            path.display(),
            broken.line,
            broken.why
        ));
    }
    let printed = print(&match format {
        Format::Human => text,
        Format::Json => format!("{}\n", json!({ "records": list, "broken_lines": broken })),
    });
    Ok(if printed == Exit::Ok && !broken.is_empty() { Exit::BadInput } else { printed })
}

/// Makes the history again. Records that can't be read are told and left out.
pub(super) fn rebuild(path: &Path, folders: &[PathBuf], format: Format) -> Result<Exit, Problems> {
    let mut problems = Problems::default();
    let nights = nights(folders, &mut problems);
    if nights.is_empty() {
        problems.into_result(())?;
        let none = Diagnostic::of_file(&folders[0], "there is no record in this folder");
        return Err(none.help("name folders that `taprig run --report` wrote, or folders of them").into());
    }
    let rebuilt = file::rebuild(path, nights).map_err(|error| wrong(path, &error))?;
    tell(path, &[]);
    for broken in &rebuilt.broken {
        say(&format!("taprig: reading {}, line {}: {}; the line is left out", path.display(), broken.line, broken.why));
    }
    for problem in problems.iter() {
        say(&format!("taprig: left out: {problem}"));
    }
    let Rebuilt { from_records, kept, old, .. } = &rebuilt;
    let old = old.iter().map(|old| format!("; the old file is {}", old.display())).collect::<String>();
    let printed = print(&match format {
        Format::Human => format!(
            "{}: {from_records} nights from records, and {kept} nights whose records are gone{old}\n",
            path.display()
        ),
        Format::Json => format!("{}\n", json!(rebuilt)),
    });
    Ok(if printed == Exit::Ok && !problems.is_empty() { Exit::BadInput } else { printed })
}

/// The nights of all records in these folders.
fn nights(folders: &[PathBuf], problems: &mut Problems) -> Vec<Night> {
    let mut records = vec![];
    for folder in folders {
        let before = records.len();
        find(folder, 0, &mut records);
        if records.len() == before {
            let none = Diagnostic::of_file(folder, "there is no record in this folder");
            problems.push(none.help("name a folder that `taprig run --report` wrote, or a folder of such folders"));
        }
    }
    records.iter().filter_map(|folder| night(folder).map_err(|problem| problems.push(problem)).ok()).collect()
}

fn find(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    if folder.join(EVENTS).exists() {
        return found.push(folder.to_owned());
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    // Links are not followed: `latest` of a folder of nights is one of them.
    let mut folders: Vec<PathBuf> =
        entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect();
    folders.sort();
    if depth < MAX_DEPTH {
        folders.iter().for_each(|folder| find(folder, depth + 1, found));
    }
}

fn night(folder: &Path) -> Result<Night, Diagnostic> {
    let record = Record::open(folder).map_err(|error| Diagnostic::of_file(folder, error.to_string()))?;
    match record.cut() {
        Some(cut) if record.state == State::Complete => return Err(Diagnostic::of_file(folder, cut.to_string())),
        Some(cut) => say(&format!("taprig: {cut}; the night has the events before it")),
        None => {}
    }
    let inputs = match Inputs::read(folder) {
        Ok(inputs) => Some(inputs),
        Err(error) => {
            say(&format!("taprig: {error}; the cases of this night have no digests of their own ({INPUTS})"));
            None
        }
    };
    let result = Tally::of(&record.events).result();
    night::of(&record, &result, inputs.as_ref()).map_err(|error| Diagnostic::of_file(folder, error.to_string()))
}
