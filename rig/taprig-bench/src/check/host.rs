//! Checks of this machine: the folder for state, and the disk for records.

use std::path::Path;

use super::{CheckStep, Finding};
use crate::slot::bench_folder;
use crate::state_dir;

const PART: &str = "this machine";

/// Free space below which a run may not reach its end, in bytes. The record of a run of all cases has 30 MB, and records of
/// soak runs have more.
const LEAST: u64 = 100 << 20;

/// Free space below which a laboratory should tidy up, in bytes.
const LITTLE: u64 = 2 << 30;

/// Checks this machine for a bench of this name. `records` is the folder in which records are written.
#[must_use]
pub fn check(bench: &str, records: &Path) -> Vec<Finding> {
    vec![state(bench), disk("records", records), disk("state", &state_dir())]
}

/// Whether the folder for state can be written.
fn state(bench: &str) -> Finding {
    let folder = bench_folder(bench);
    // A lock, a mark and the flash of emulated boards are written there.
    let tried = folder.join(format!(".check-{}", std::process::id()));
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(&tried, ""))
        .and_then(|()| std::fs::remove_file(&tried));
    match written {
        Ok(()) => Finding::ok(CheckStep::Host, PART, format!("{} can be written", folder.display())),
        Err(error) => Finding::failed(
            CheckStep::Host,
            PART,
            format!("{} can't be written: {error}", folder.display()),
            "set TAPRIG_STATE to a folder that you may write",
        ),
    }
}

fn disk(what: &str, folder: &Path) -> Finding {
    // The folder may not exist yet. Then its nearest ancestor has its disk.
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    match rustix::fs::statvfs(there) {
        Ok(stat) => free(what, there, stat.f_bavail.saturating_mul(stat.f_frsize)),
        Err(error) => Finding::failed(
            CheckStep::Host,
            PART,
            format!("the free disk of {} can't be read: {error}", there.display()),
            "check that the disk is mounted",
        ),
    }
}

fn free(what: &str, folder: &Path, bytes: u64) -> Finding {
    let seen = format!("{} MB free for {what} in {}", bytes >> 20, folder.display());
    match bytes {
        ..LEAST => Finding::failed(
            CheckStep::Host,
            PART,
            seen,
            "make room: the record of a run of all cases has 30 MB, and a full disk ends the run",
        ),
        LEAST..LITTLE => Finding::warning(CheckStep::Host, PART, seen, "delete old records soon"),
        LITTLE.. => Finding::ok(CheckStep::Host, PART, seen),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_full_disk_is_not_fit() {
        let state = |bytes| free("records", Path::new("/x"), bytes).state;
        assert_eq!(
            [0, LEAST - 1, LEAST, LITTLE - 1, LITTLE].map(state),
            [State::Failed, State::Failed, State::Warning, State::Warning, State::Ok]
        );
        assert_eq!(free("records", Path::new("/x"), 3 << 20).seen, "3 MB free for records in /x");
    }

    #[test]
    fn the_disk_of_a_folder_that_does_not_exist_is_that_of_its_parent() {
        let folder = tempfile::tempdir().unwrap();
        let seen = disk("records", &folder.path().join("a/b")).seen;
        assert!(seen.ends_with(&format!("in {}", folder.path().display())), "{seen}");
    }
}
