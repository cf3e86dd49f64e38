//! The baseline of a device: transcripts that a person has reviewed, in insta's files.
//!
//! The file `<ID>[__<sub-case>].snap` contains the reviewed transcript. It is in the folder `snapshots` beside its
//! case, or in a separate folder for the device. If a transcript differs, taprig writes it into the same folder as
//! `.snap.new`, which `cargo insta review` shows and accepts. This module only reads and writes files. The judge
//! compares.

use super::lock;
use insta::internals::SnapshotContents;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs, io};
use taprig_model::device::{Baseline, Device};

/// What taprig does with a transcript that differs from the reviewed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// taprig does not compare transcripts at all.
    Off,
    /// taprig compares transcripts and writes no file.
    Compare,
    /// taprig writes a `.snap.new` file for each transcript that differs from the reviewed one.
    Propose,
    /// The transcript replaces the reviewed one.
    Accept,
}

impl Mode {
    /// The mode that insta's own variable `INSTA_UPDATE` asks for: `no` compares, `always` accepts, and `new` proposes.
    /// If the variable is absent or has another value, the mode is to compare in CI, and to propose elsewhere.
    pub fn from_env() -> Self {
        match env::var("INSTA_UPDATE").as_deref() {
            Ok("no") => Self::Compare,
            Ok("always") => Self::Accept,
            Ok("new") => Self::Propose,
            _ if env::var_os("CI").is_some_and(|value| value != "false" && value != "0") => Self::Compare,
            _ => Self::Propose,
        }
    }
}

/// A snapshot can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{doing} snapshot {}: {cause}", path.display())]
pub struct SnapshotError {
    /// What taprig was doing.
    pub doing: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What went wrong.
    pub cause: io::Error,
}

/// Name of the snapshot of a sub-case: `ODA-004/rsa1024` becomes `ODA-004__rsa1024`.
pub fn name(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    id.split('/').map(|part| part.chars().map(plain).collect::<String>()).collect::<Vec<_>>().join("__")
}

/// The file of the reviewed snapshot `name` in `folder`.
pub fn file(folder: &Path, name: &str) -> PathBuf {
    // This does not use `with_extension`, because a name may contain a dot.
    folder.join(format!("{name}.snap"))
}

/// Where the reviewed transcripts of a device are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baselines {
    root: PathBuf,
    own: Option<PathBuf>,
    /// Whether the project's suite is locked.
    locks: bool,
}

impl Baselines {
    /// The baselines of a device in the project at `root`, or `None` if the device has no baseline.
    #[must_use]
    pub fn of(root: &Path, device: &Device) -> Option<Self> {
        let own = match device.baseline.as_ref()? {
            Baseline::BesideCases => None,
            Baseline::Folder(folder) => Some(root.join(folder)),
            Baseline::None => return None,
        };
        Some(Self { root: root.to_owned(), own, locks: root.join(lock::FILE).exists() })
    }

    /// Whether the transcript of a case belongs to the project's locked suite. taprig compares such a transcript, but it
    /// neither writes nor accepts one.
    #[must_use]
    pub fn is_locked(&self, case_file: &Path) -> bool {
        let folder = self.folder(case_file);
        self.locks && folder.strip_prefix(&self.root).is_ok_and(|folder| folder.starts_with(lock::FOLDER))
    }

    /// The folder for the sub-cases of a case file.
    fn folder(&self, case_file: &Path) -> PathBuf {
        match &self.own {
            Some(folder) => folder.clone(),
            None => self.root.join(case_file).parent().map(|folder| folder.join("snapshots")).unwrap_or_default(),
        }
    }

    /// The path of the reviewed transcript of a sub-case, whether the file exists or not. The path is relative to the
    /// project if the file lies in it.
    #[must_use]
    pub fn shown(&self, case_file: &Path, id: &str) -> PathBuf {
        let path = file(&self.folder(case_file), &name(id));
        path.strip_prefix(&self.root).map_or_else(|_| path.clone(), Path::to_owned)
    }

    /// The reviewed transcript of a sub-case, or `None` if there is none.
    ///
    /// # Errors
    /// The file can't be read, or it is not a snapshot.
    pub fn read(&self, case_file: &Path, id: &str) -> Result<Option<String>, SnapshotError> {
        reviewed(&file(&self.folder(case_file), &name(id)))
    }

    /// Writes a transcript beside the reviewed one, for review.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn propose(&self, case_file: &Path, id: &str, title: &str, text: &str) -> Result<(), SnapshotError> {
        let folder = self.folder(case_file);
        write(&folder, &proposed(&folder, &name(id)), title, text.trim_end())
    }

    /// Makes a transcript the reviewed one.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn accept(&self, case_file: &Path, id: &str, title: &str, text: &str) -> Result<(), SnapshotError> {
        let folder = self.folder(case_file);
        write(&folder, &file(&folder, &name(id)), title, text.trim_end())?;
        remove(&proposed(&folder, &name(id)))
    }

    /// Removes an earlier proposal, because the transcript equals the reviewed one again.
    ///
    /// # Errors
    /// The file can't be removed.
    pub fn settle(&self, case_file: &Path, id: &str) -> Result<(), SnapshotError> {
        remove(&proposed(&self.folder(case_file), &name(id)))
    }
}

fn proposed(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.snap.new"))
}

/// Files in `folder` that belong to no name in `wanted`: transcripts of cases that were deleted or renamed. No case
/// compares them any more, but they look as if one did. The list is empty if the folder does not exist.
pub fn left_over(folder: &Path, wanted: &BTreeSet<String>) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut left: Vec<PathBuf> = files
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let name = name.strip_suffix(".snap").or_else(|| name.strip_suffix(".snap.new"));
            name.is_some_and(|name| !wanted.contains(name))
        })
        .collect();
    left.sort();
    left
}

fn reviewed(path: &Path) -> Result<Option<String>, SnapshotError> {
    let failed = |cause| SnapshotError { doing: "reading", path: path.to_owned(), cause };
    match path.try_exists() {
        Ok(false) => return Ok(None),
        Ok(true) => {}
        Err(cause) => return Err(failed(cause)),
    }
    let snapshot = insta::Snapshot::from_file(path).map_err(|cause| failed(io::Error::other(cause.to_string())))?;
    match snapshot.contents() {
        SnapshotContents::Text(text) => Ok(Some(text.to_string())),
        SnapshotContents::Binary(_) => Err(failed(io::Error::other("it is not a text"))),
    }
}

fn write(folder: &Path, path: &Path, title: &str, text: &str) -> Result<(), SnapshotError> {
    // Every JSON string is a YAML string, so the title may contain any character.
    let content = format!("---\nsource: taprig\nexpression: {}\n---\n{text}\n", serde_json::Value::from(title));
    fs::create_dir_all(folder)
        .and_then(|()| taprig_record::replace(path, content.as_bytes()))
        .map_err(|cause| SnapshotError { doing: "writing", path: path.to_owned(), cause })
}

fn remove(path: &Path) -> Result<(), SnapshotError> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(SnapshotError { doing: "removing", path: path.to_owned(), cause })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Project;
    use crate::project::Fixture;

    const TITLE: &str = "A card with \"quotes\": does not ride";

    fn beside(root: &Path) -> Baselines {
        Baselines { root: root.to_owned(), own: None, locks: false }
    }

    #[test]
    fn from_nothing_to_reviewed_and_back() {
        let root = tempfile::tempdir().unwrap();
        let (baselines, case) = (beside(root.path()), Path::new("cases/oda/ODA-004.yaml"));
        let folder = root.path().join("cases/oda/snapshots");
        let read = || baselines.read(case, "ODA-004/1.00").unwrap();
        assert_eq!(read(), None);
        assert!(!folder.exists());
        baselines.propose(case, "ODA-004/1.00", TITLE, "1 tap\n  > gpo").unwrap();
        assert_eq!(read(), None);
        assert!(folder.join("ODA-004__1.00.snap.new").exists());
        baselines.accept(case, "ODA-004/1.00", TITLE, "1 tap\n  > gpo\n").unwrap();
        assert_eq!(read().as_deref(), Some("1 tap\n  > gpo"));
        assert!(!folder.join("ODA-004__1.00.snap.new").exists());
        baselines.propose(case, "ODA-004/1.00", TITLE, "another").unwrap();
        baselines.settle(case, "ODA-004/1.00").unwrap();
        baselines.settle(case, "ODA-004/1.00").unwrap();
        assert!(!folder.join("ODA-004__1.00.snap.new").exists());
        assert_eq!(baselines.shown(case, "ODA-004/1.00"), Path::new("cases/oda/snapshots/ODA-004__1.00.snap"));
    }

    #[test]
    fn another_device_has_a_folder_of_its_own_or_none() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("fixtures/baselines/acme");
        let own = Baselines { own: Some(folder), ..beside(root.path()) };
        let case = Path::new("cases/oda/ODA-004.yaml");
        own.accept(case, "ODA-004", TITLE, "1 tap").unwrap();
        assert_eq!(own.shown(case, "ODA-004"), Path::new("fixtures/baselines/acme/ODA-004.snap"));
        assert!(root.path().join("fixtures/baselines/acme/ODA-004.snap").exists());
        assert_eq!(beside(root.path()).read(case, "ODA-004").unwrap(), None);
    }

    #[test]
    fn a_device_file_can_leave_the_baseline_of_the_one_that_it_includes() {
        let project = Project::at(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
        let of = |name| Baselines::of(project.root(), &project.load(Fixture::Device, name).unwrap());
        assert!(of("taprig-reference").is_some());
        assert_eq!(of("taprig-reference-silent"), None);
    }

    #[test]
    fn a_transcript_of_the_locked_suite_is_known_as_such() {
        let root = tempfile::tempdir().unwrap();
        let project = Project::at(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
        let device: Device = project.load(Fixture::Device, "taprig-reference").unwrap();
        let (own, theirs) = (Path::new("cases/xab/XAB-001.yaml"), Path::new("suite/cases/oda/ODA-004.yaml"));
        let locked = |device: &Device| {
            let baselines = Baselines::of(root.path(), device).unwrap();
            (baselines.is_locked(own), baselines.is_locked(theirs))
        };
        assert_eq!(locked(&device), (false, false), "a project without a lock file has no suite");
        fs::write(root.path().join(lock::FILE), "").unwrap();
        assert_eq!(locked(&device), (false, true));
        let with_folder = Device { baseline: Some(Baseline::Folder("fixtures/baselines/acme".into())), ..device };
        assert_eq!(locked(&with_folder), (false, false), "these transcripts are the maker's own");
    }

    #[test]
    fn insta_itself_accepts_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let text = "---\n1 tap\n  > gpo 卡";
        let own = Baselines { own: Some(folder.path().to_owned()), ..beside(Path::new("")) };
        own.accept(Path::new("x"), "ODA-004", TITLE, text).unwrap();
        let mut settings = insta::Settings::new();
        settings.set_snapshot_path(folder.path());
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| insta::assert_snapshot!("ODA-004", text));
    }

    #[test]
    fn names_are_file_names() {
        assert_eq!(name("ODA-004"), "ODA-004");
        assert_eq!(name("PRE-003/1.00 CNY"), "PRE-003__1.00-CNY");
        assert_eq!(name("PRE-003/.."), "PRE-003__..");
    }
}
