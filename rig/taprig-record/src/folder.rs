//! Prepares the folder of a record before anything is written to it. Files that are not taprig's stay as they are.

use super::{EVENTS, FIRMWARE, INPUTS, MARK, Mark, ReportFile, SERIAL, WriteError};
use std::fs;
use std::path::Path;

/// Whether the folder holds a record, which the new record replaces.
///
/// # Errors
/// The folder holds no record, but it has files with names that a record uses. taprig did not write them.
pub(super) fn check(folder: &Path) -> Result<bool, WriteError> {
    let mark = fs::read(folder.join(MARK)).ok();
    if mark.is_some_and(|mark| serde_json::from_slice::<Mark>(&mark).is_ok()) {
        return Ok(true);
    }
    let reports = ReportFile::ALL.map(ReportFile::name);
    let mut names = [MARK, EVENTS, FIRMWARE, INPUTS, SERIAL].into_iter().chain(reports);
    match names.find(|name| holds_something(&folder.join(name))) {
        None => Ok(false),
        Some(name) => {
            let why =
                format!("it holds no record of taprig, but taprig would replace its `{name}`; name another folder");
            Err(WriteError::Folder { path: folder.to_owned(), why })
        }
    }
}

/// A run that is killed before its first event leaves an empty file and an empty folder. Replacing them loses nothing.
/// What can't be read may hold anything, so it counts as not empty.
fn holds_something(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        Ok(meta) if meta.is_dir() => fs::read_dir(path).map_or(true, |mut entries| entries.next().is_some()),
        Ok(meta) => meta.len() > 0,
    }
}

/// Removes the raw bytes and the reports of an earlier record. All other files stay. Reports are written at the end of
/// a run, so if the new run is killed, the old reports would look as if they belonged to the new record.
pub(super) fn clear(folder: &Path) -> Result<(), WriteError> {
    let failed = |cause| WriteError::Io { doing: "clearing", path: folder.to_owned(), cause };
    for name in ReportFile::ALL.map(ReportFile::name).into_iter().chain([INPUTS]) {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    for entry in fs::read_dir(folder.join(SERIAL)).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "bin") && !path.is_dir() {
            fs::remove_file(&path).map_err(failed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Recorder};

    #[test]
    fn files_of_somebody_else_stay_as_they_are() {
        for name in [
            "record.json",
            "events.jsonl",
            "firmware.json",
            "serial/mine.bin",
            "results.json",
            "junit.xml",
            "capture.pcapng",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "{}").unwrap();
            let refused = Recorder::start(Some(folder.path()), Options::default(), vec![]).err().unwrap();
            let first = name.split('/').next().unwrap();
            assert!(refused.to_string().contains(&format!("would replace its `{first}`; name another")), "{refused}");
            assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is put beside it");
        }
    }

    #[test]
    fn a_record_is_replaced_and_what_lies_beside_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let again = || Recorder::start(Some(folder.path()), Options::default(), vec![]).unwrap().close(true).unwrap();
        fs::write(at("notes.txt"), "mine").unwrap();
        again();
        for name in ["serial/notes.txt", "serial/old-validator-console.bin", "results.json", "junit.xml"] {
            fs::write(at(name), "mine").unwrap();
        }
        again();
        assert_eq!(fs::read_to_string(at("notes.txt")).unwrap(), "mine");
        assert_eq!(fs::read_to_string(at("serial/notes.txt")).unwrap(), "mine");
        for gone in ["serial/old-validator-console.bin", "results.json", "junit.xml"] {
            assert!(!at(gone).exists(), "{gone}");
        }
    }

    #[test]
    fn what_a_killed_run_left_before_its_first_word_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(EVENTS), "").unwrap();
        fs::create_dir(folder.path().join(SERIAL)).unwrap();
        assert!(!check(folder.path()).unwrap());
    }
}
