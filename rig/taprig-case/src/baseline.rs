//! Transcripts held against the ones that a person has reviewed, in insta's files.
//!
//! `cases/<subject>/snapshots/<ID>[__<sub>].snap` is the reviewed one. Another transcript is left beside it as `.snap.new`,
//! which `cargo insta review` shows and accepts.

use insta::internals::SnapshotContents;
use similar::TextDiff;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What to leave behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Compare,
    /// `.snap.new` for what is not as reviewed.
    Propose,
    /// The transcript becomes the reviewed one.
    Accept,
}

impl Mode {
    /// As insta's own `INSTA_UPDATE` says: `no`, `always`, anything else proposes; in CI nothing is left without it.
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

/// What the comparison came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// As reviewed.
    Match,
    /// Not as reviewed.
    Mismatch {
        /// Lines that differ with three around, `-` reviewed, `+` seen.
        diff: String,
    },
    /// None was reviewed.
    Missing,
}

/// A snapshot can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{doing} snapshot {}: {cause}", path.display())]
pub struct SnapshotError {
    /// What was being done.
    pub doing: &'static str,
    /// On what.
    pub path: PathBuf,
    /// What went wrong.
    pub cause: io::Error,
}

/// Name of a sub-case's snapshot: `ODA-004/rsa1024` is `ODA-004__rsa1024`.
pub fn name(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    id.split('/').map(|part| part.chars().map(plain).collect::<String>()).collect::<Vec<_>>().join("__")
}

/// The file of the reviewed snapshot `name` in `folder`.
pub fn file(folder: &Path, name: &str) -> PathBuf {
    // Not `with_extension`: a name may hold a dot.
    folder.join(format!("{name}.snap"))
}

/// Holds `text` against the reviewed snapshot `name` in `folder`. `title` is for those who review.
///
/// # Errors
/// A file can't be read or written, or is no snapshot.
pub fn check(folder: &Path, name: &str, title: &str, text: &str, mode: Mode) -> Result<Compared, SnapshotError> {
    let path = file(folder, name);
    let proposed = folder.join(format!("{name}.snap.new"));
    // As insta keeps it: no white space at the end.
    let text = text.trim_end();
    let compared = match reviewed(&path)? {
        None => Compared::Missing,
        Some(old) if old.trim_end() == text => Compared::Match,
        Some(old) => {
            let diff = TextDiff::from_lines(&format!("{}\n", old.trim_end()), &format!("{text}\n"))
                .unified_diff()
                .context_radius(3)
                .to_string();
            Compared::Mismatch { diff }
        }
    };
    match (&compared, mode) {
        (_, Mode::Compare) => {}
        (Compared::Match, _) => remove(&proposed)?,
        (_, Mode::Propose) => write(folder, &proposed, title, text)?,
        (_, Mode::Accept) => {
            write(folder, &path, title, text)?;
            remove(&proposed)?;
        }
    }
    Ok(compared)
}

/// Files in `folder` that belong to no name in `wanted`: transcripts of cases that are gone or were renamed. Nobody
/// compares them any more, and they look as if somebody did. None when there is no such folder.
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
        SnapshotContents::Binary(_) => Err(failed(io::Error::other("it is no text"))),
    }
}

fn write(folder: &Path, path: &Path, title: &str, text: &str) -> Result<(), SnapshotError> {
    // A JSON string is a YAML string, whatever the title holds.
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

    const TITLE: &str = "A card with \"quotes\": does not ride";

    #[test]
    fn from_nothing_to_reviewed_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("snapshots");
        let check = |text: &str, mode| check(&folder, "ODA-004__1.00", TITLE, text, mode).unwrap();
        let proposed = folder.join("ODA-004__1.00.snap.new");
        assert_eq!(check("1 tap\n  > gpo", Mode::Compare), Compared::Missing);
        assert!(!folder.exists());
        assert_eq!(check("1 tap\n  > gpo", Mode::Propose), Compared::Missing);
        assert!(proposed.exists());
        assert_eq!(check("1 tap\n  > gpo", Mode::Accept), Compared::Missing);
        assert!(!proposed.exists());
        assert_eq!(check("1 tap\n  > gpo\n", Mode::Compare), Compared::Match);
        let Compared::Mismatch { diff } = check("1 tap\n  > select", Mode::Propose) else { panic!("no mismatch") };
        assert_eq!(diff, "@@ -1,2 +1,2 @@\n 1 tap\n-  > gpo\n+  > select\n");
        assert!(proposed.exists());
        assert_eq!(check("1 tap\n  > gpo", Mode::Propose), Compared::Match);
        assert!(!proposed.exists());
    }

    #[test]
    fn insta_itself_accepts_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let text = "---\n1 tap\n  > gpo 卡";
        check(folder.path(), "ODA-004", TITLE, text, Mode::Accept).unwrap();
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
