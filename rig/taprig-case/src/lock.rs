//! A maker's own project uses our suite, which is locked by version and digest.
//!
//! The project has a copy of the suite in its folder `suite`: our cases, reviewed transcripts, cards, keys, profiles and
//! the device file of the reference device. The file `suite/SHA256SUMS` lists the SHA-256 of each file, as `sha256sum`
//! does. The lock file `taprig.lock` names the version of the suite and the SHA-256 of that list. So one digest stands
//! for every byte of the suite, and a person can check it without taprig:
//! `cd suite && sha256sum SHA256SUMS && sha256sum --check SHA256SUMS`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use sha2::Digest as _;
use taprig_model::lock::{Lock, LockedSuite, Release, Sha256};
use taprig_record::units::lower_hex;

use super::diagnostic::{Diagnostic, Problems};
use super::include::read_alone;
use super::typed::typed;

mod content;

pub use content::{Content, ContentError};

/// Name of the lock file in a project.
pub const FILE: &str = "taprig.lock";

/// Folder of a project with the copy of the suite.
pub const FOLDER: &str = "suite";

/// The list of the suite's files.
pub const SUMS: &str = "SHA256SUMS";

/// The file with the version of the suite.
const VERSION: &str = "VERSION";

/// The folders whose files can affect a verdict. A file in them that is not listed is refused.
const FOLDERS: [&str; 2] = ["cases", "fixtures"];

/// What puts a suite right.
const UPDATE: &str = "`taprig suite update` puts the suite of the installed taprig in its place";

/// Whether this folder is a project's copy of the suite, and not a project.
#[must_use]
pub fn is_suite_folder(folder: &Path) -> bool {
    folder.ends_with(FOLDER) && folder.parent().is_some_and(|project| project.join(FILE).exists())
}

/// The version of this taprig.
#[must_use]
pub fn this_release() -> Release {
    // All crates have the version of the workspace. A test parses it.
    env!("CARGO_PKG_VERSION").parse().unwrap_or_else(|_| unreachable!("cargo accepts only versions"))
}

/// How a file of a suite differs from the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// It has another content.
    Changed,
    /// It is not there.
    Missing,
    /// The list does not name it.
    Unlisted,
    /// It can't be read.
    Unreadable(io::ErrorKind),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed => f.write_str("this file of the suite has been changed"),
            Self::Missing => f.write_str("this file of the suite is missing"),
            Self::Unlisted => f.write_str("this file does not belong to the suite"),
            Self::Unreadable(why) => write!(f, "this file of the suite can't be read: {why}"),
        }
    }
}

/// The lock of the project in this folder, or `None` if it has none.
///
/// # Errors
/// What is wrong with the lock file.
pub fn read(root: &Path) -> Result<Option<LockedSuite>, Problems> {
    let (path, mut problems) = (root.join(FILE), Problems::default());
    if !path.exists() {
        return Ok(None);
    }
    let lock = read_alone(&path, &mut problems).and_then(|tree| typed::<Lock>(&tree, &mut problems));
    problems.into_result(lock.map(|lock| lock.suite))
}

/// Makes sure that the suite of the project in this folder is the one that its lock file names. Returns the suite, or
/// `None` if the project has none.
///
/// # Errors
/// Everything that differs, with what to do.
pub fn verify(root: &Path) -> Result<Option<LockedSuite>, Problems> {
    let (lock, folder) = (root.join(FILE), root.join(FOLDER));
    let wrong = |path: &Path, what: String| Diagnostic::of_file(path, what);
    let Some(locked) = read(root)? else {
        return match folder.join(SUMS).is_file() {
            true => Err(wrong(&lock, format!("the project has a suite in `{FOLDER}`, but its lock file is missing"))
                .help(format!("put the file back, or write it anew: {UPDATE}"))
                .into()),
            false => Ok(None),
        };
    };
    let ours = this_release();
    if locked.version > ours {
        let what = format!("the suite is of version {}, but this taprig is {ours}", locked.version);
        return Err(wrong(&lock, what)
            .help(format!("install taprig {} or newer, or go back: {UPDATE}", locked.version))
            .into());
    }
    let sums = fs::read(folder.join(SUMS)).map_err(|error| {
        wrong(&folder.join(SUMS), format!("the list of the suite's files can't be read: {error}")).help(UPDATE)
    })?;
    let found = LockedSuite { version: version_in(&folder, locked.version), sha256: sha256(&sums) };
    if found != locked {
        let what = format!("the lock file names the suite {locked}, but the suite in `{FOLDER}` is {found}");
        let help = format!("put back what belongs together (`git status` shows changes); or {UPDATE}");
        return Err(wrong(&lock, what).help(help).into());
    }
    let mut problems = Problems::default();
    for (file, difference) in differences(&folder)? {
        let help = match difference {
            Difference::Unlisted => {
                "delete it; cases and fixtures of your own belong into `cases` and `fixtures`".into()
            }
            _ => format!("put it back (`git checkout {FOLDER}`); or {UPDATE}"),
        };
        problems.push(wrong(&folder.join(file), difference.to_string()).help(help));
    }
    problems.into_result(Some(locked))
}

/// The version that the suite in this folder states, or `instead` if it states none. The list of files covers it.
fn version_in(folder: &Path, instead: Release) -> Release {
    let text = fs::read_to_string(folder.join(VERSION)).unwrap_or_default();
    text.trim().parse().unwrap_or(instead)
}

/// The files of the suite in this folder that differ from its list, by their paths in the folder.
///
/// # Errors
/// The list itself can't be used.
pub fn differences(folder: &Path) -> Result<BTreeMap<String, Difference>, Diagnostic> {
    let path = folder.join(SUMS);
    let wrong = |what: String| Diagnostic::of_file(&path, what).help(UPDATE);
    let text = fs::read_to_string(&path)
        .map_err(|error| wrong(format!("the list of the suite's files can't be read: {error}")))?;
    let listed = parse(&text).ok_or_else(|| wrong("this is not a list of files as `sha256sum` writes it".into()))?;
    let mut differences = BTreeMap::new();
    for (file, digest) in &listed {
        match fs::read(folder.join(file)) {
            Ok(content) if sha256(&content) == *digest => {}
            Ok(_) => drop(differences.insert(file.clone(), Difference::Changed)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                differences.insert(file.clone(), Difference::Missing);
            }
            Err(error) => drop(differences.insert(file.clone(), Difference::Unreadable(error.kind()))),
        }
    }
    let mut there = BTreeSet::new();
    for part in FOLDERS {
        files_below(folder, Path::new(part), &mut there);
    }
    for file in there.into_iter().filter(|file| is_read(Path::new(file)) && !listed.contains_key(file)) {
        differences.insert(file, Difference::Unlisted);
    }
    Ok(differences)
}

/// Whether taprig reads a file of this name when it looks for cases, fixtures or transcripts.
fn is_read(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "snap")
}

/// All files below a folder, by their paths in `root`.
fn files_below(root: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
        let path = folder.join(entry.file_name());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files_below(root, &path, found);
        } else {
            found.insert(path.to_string_lossy().into_owned());
        }
    }
}

/// The files and digests of a list. `None` if a line is not `DIGEST  FILE`, or if a path leads out of the folder.
fn parse(text: &str) -> Option<BTreeMap<String, Sha256>> {
    let line = |line: &str| {
        let (digest, file) = line.split_once("  ")?;
        let plain = |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
        (!file.is_empty() && Path::new(file).components().all(plain)).then_some(())?;
        Some((file.to_owned(), digest.parse().ok()?))
    };
    text.lines().map(line).collect()
}

/// The list of files as `sha256sum` writes it.
fn list(files: &BTreeMap<String, Vec<u8>>) -> String {
    files.iter().map(|(file, content)| format!("{}  {file}\n", sha256(content))).collect()
}

fn sha256(content: &[u8]) -> Sha256 {
    let digits = lower_hex(&sha2::Sha256::digest(content));
    digits.parse().unwrap_or_else(|_| unreachable!("these are 64 digits"))
}

/// The lock file of a project, as text.
///
/// The digest is quoted, because a number is not a digest.
#[must_use]
pub fn text(suite: &LockedSuite) -> String {
    format!(
        "# The suite that this project uses. `taprig suite update` writes this file; do not edit it.\n\
         schema: 1\nsuite:\n  version: \"{}\"\n  sha256: \"{}\"\n",
        suite.version, suite.sha256
    )
}

/// Writes the suite and its lock file into the project in `root`. The suite that was there is removed. If anything fails,
/// the project has either its earlier suite, or a lock file that does not fit, which every command refuses.
///
/// # Errors
/// A file can't be written.
pub fn install(root: &Path, content: &Content) -> Result<LockedSuite, ContentError> {
    let failed = |path: PathBuf| move |cause| ContentError::Write { path, cause };
    let (folder, fresh, old) = (root.join(FOLDER), root.join(".suite.new"), root.join(".suite.old"));
    for left in [&fresh, &old] {
        remove(left).map_err(failed(left.clone()))?;
    }
    if let Err(error) = content.write(&fresh) {
        let _ = remove(&fresh);
        return Err(error);
    }
    if folder.exists() {
        fs::rename(&folder, &old).map_err(failed(folder.clone()))?;
    }
    if let Err(cause) = fs::rename(&fresh, &folder) {
        let _ = fs::rename(&old, &folder);
        return Err(failed(folder)(cause));
    }
    let suite = content.suite();
    taprig_record::replace(&root.join(FILE), text(&suite).as_bytes()).map_err(failed(root.join(FILE)))?;
    remove(&old).map_err(failed(old.clone()))?;
    Ok(suite)
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
