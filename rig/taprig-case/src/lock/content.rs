//! The content of a suite, read from the files that come with taprig.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use taprig_model::lock::{LockedSuite, Release};

use super::{FOLDERS, SUMS, VERSION, differences, files_below, list, sha256, version_in};

/// A suite can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The folder has no cases.
    #[error("{} has no cases", .0.display())]
    NoCases(PathBuf),
    /// A file differs from the list that came with the suite.
    #[error("{}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How it differs.
        what: String,
    },
    /// A file can't be read.
    #[error("reading {} failed: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        cause: io::Error,
    },
    /// A file can't be written.
    #[error("writing {} failed: {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        cause: io::Error,
    },
}

/// All files of a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    version: Release,
    /// Everything but the list of files, by paths in the suite.
    files: BTreeMap<String, Vec<u8>>,
}

impl Content {
    /// Reads the suite in a folder: that of a package, which has a list of its files, or a repository, whose files are
    /// chosen by their places. The suite of a repository gets `version`. Both ways give the same suite for the same files.
    ///
    /// # Errors
    /// The folder has no cases, a file can't be read, or a file of a package is damaged.
    pub fn read(from: &Path, version: Release) -> Result<Self, ContentError> {
        let packed = from.join(SUMS).is_file();
        if packed {
            let damaged = |path: PathBuf, what: String| ContentError::Damaged { path, what };
            let differing = differences(from).map_err(|problem| damaged(problem.path, problem.message))?;
            if let Some((file, difference)) = differing.first_key_value() {
                return Err(damaged(from.join(file), difference.to_string()));
            }
        }
        let mut names = BTreeSet::new();
        for folder in FOLDERS {
            files_below(from, Path::new(folder), &mut names);
        }
        names.extend(["LICENSE-APACHE", "LICENSE-MIT"].map(str::to_owned));
        let mut files = BTreeMap::new();
        for name in names.into_iter().filter(|name| belongs(name)) {
            let path = from.join(&name);
            let content = fs::read(&path).map_err(|cause| ContentError::Read { path, cause })?;
            files.insert(name, content);
        }
        if !files.contains_key("cases/requirements.yaml") {
            return Err(ContentError::NoCases(from.to_owned()));
        }
        let version = if packed { version_in(from, version) } else { version };
        files.insert(VERSION.to_owned(), format!("{version}\n").into_bytes());
        Ok(Self { version, files })
    }

    /// Version and digest.
    #[must_use]
    pub fn suite(&self) -> LockedSuite {
        LockedSuite { version: self.version, sha256: sha256(list(&self.files).as_bytes()) }
    }

    /// How many files it has.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// How many cases it has.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.files.keys().filter(|file| is_case(file)).count()
    }

    /// Writes all files and their list into the folder `to`, which must not exist.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn write(&self, to: &Path) -> Result<(), ContentError> {
        let write = |name: &str, content: &[u8]| {
            let path = to.join(name);
            let folder = path.parent().unwrap_or(to);
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&path, content))
                .map_err(|cause| ContentError::Write { path: path.clone(), cause })
        };
        fs::create_dir(to).map_err(|cause| ContentError::Write { path: to.to_owned(), cause })?;
        for (name, content) in &self.files {
            write(name, content)?;
        }
        write(SUMS, list(&self.files).as_bytes())
    }
}

/// Whether a file of the repository belongs to the suite. The benches of the repository do not, because a bench belongs
/// to whoever has it, and neither do the examples of other devices.
fn belongs(file: &str) -> bool {
    let Some((folder, rest)) = file.split_once('/') else { return true };
    let is_text = [".yaml", ".snap", ".md"].iter().any(|end| file.ends_with(end)) || file == "cases/case.schema.json";
    let is_hidden = file.split('/').any(|part| part.starts_with('.'));
    let is_ours = match (folder, rest.split_once('/')) {
        ("cases", _) => true,
        ("fixtures", Some(("cards" | "keys" | "validators", _))) => true,
        ("fixtures", Some(("devices", name))) => name.starts_with("taprig-reference") && name.ends_with(".yaml"),
        _ => false,
    };
    is_text && is_ours && !is_hidden
}

/// Whether a file is a case: `cases/FAMILY/ID.yaml`.
fn is_case(file: &str) -> bool {
    let path = Path::new(file);
    file.starts_with("cases/") && path.components().count() == 3 && path.extension().is_some_and(|end| end == "yaml")
}
