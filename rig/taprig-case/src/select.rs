//! Selects files and cases by path, id, family or tag.

use super::diagnostic::{Diagnostic, Problems};
use super::include::{self, missing};
use super::lab;
use super::project::{Fixture, Project, QUARANTINE};
use std::path::{Path, PathBuf};
use taprig_model::name::{CaseId, Name, SubCaseId};

/// The deepest folder that is searched below a given one.
const MAX_DEPTH: usize = 16;

/// What a file contains. Its folder decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A case.
    Case,
    /// A fixture.
    Fixture(Fixture),
    /// What cases share: `requirements.yaml`, `reasons.yaml`, `presets.yaml`. The quarantine of a project counts
    /// as shared, too.
    Shared,
    /// The column map of a clearing file.
    Columns,
    /// A laboratory file.
    Lab,
    /// A file that another command reads as a whole, together with the files that it names.
    Elsewhere,
}

/// The folder of column maps below `fixtures`.
pub(crate) const COLUMNS: &str = "books";

/// Folders below `fixtures` whose files [`FileKind::Elsewhere`] is for: `taprig replay` and `taprig campaign` read them.
const ELSEWHERE: [&str; 3] = ["campaigns", "fleets", "replays"];

impl FileKind {
    /// The kind of a file at any place. If the file lies in no fixture folder and has no case name, its keys decide.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let kind = Self::of(path);
        if kind != Self::Case || stem.parse::<CaseId>().is_ok() {
            return kind;
        }
        let Some(tree) = include::read_alone(path, &mut Problems::default()) else { return kind };
        if tree.get("laboratory").is_some() {
            return Self::Lab;
        }
        // Each of these has a key that no other kind of file has.
        let own = [
            ("emulator", Fixture::Bench),
            ("applications", Fixture::Card),
            ("changes", Fixture::Card),
            ("settings", Fixture::Validator),
            ("console", Fixture::Device),
            ("key", Fixture::Key),
        ];
        own.into_iter().find(|(key, _)| tree.get(key).is_some()).map_or(kind, |(_, fixture)| Self::Fixture(fixture))
    }

    /// The kind of a file, by its place alone.
    fn of(path: &Path) -> Self {
        let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_string();
        if ["requirements.yaml", "reasons.yaml", "presets.yaml", QUARANTINE].contains(&name(path).as_str()) {
            return Self::Shared;
        }
        let folder = path.parent().map(name).unwrap_or_default();
        match folder.as_str() {
            COLUMNS => Self::Columns,
            folder if ELSEWHERE.contains(&folder) => Self::Elsewhere,
            folder => {
                // A bench in a laboratory may be called `lab` as well.
                let other = if name(path) == lab::FILE { Self::Lab } else { Self::Case };
                Fixture::ALL.into_iter().find(|fixture| fixture.folder() == folder).map_or(other, Self::Fixture)
            }
        }
    }
}

/// The meaning of one word on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// A file or folder.
    Path(PathBuf),
    /// A case with all its sub-cases, or one of them.
    Id(SubCaseId),
    /// All cases of a family.
    Family(String),
    /// All cases with a tag.
    Tag(Name),
}

impl Selector {
    /// The meaning of a word. If a path of that name exists, the word means the path.
    ///
    /// # Errors
    /// The word can only be a path, and the path does not exist.
    pub fn of(word: &str, project: &Project) -> Result<Self, Diagnostic> {
        let path = Path::new(word);
        for path in [path.to_path_buf(), project.root().join(path)] {
            match std::fs::symlink_metadata(&path) {
                // The path is made absolute, so that a case finds its project from any current folder.
                Ok(_) if !word.is_empty() => return Ok(Self::Path(std::path::absolute(&path).unwrap_or(path))),
                _ => {}
            }
        }
        if let Ok(id) = word.parse() {
            return Ok(Self::Id(id));
        }
        if word.len() == 3 && word.bytes().all(|b| b.is_ascii_uppercase()) {
            return Ok(Self::Family(word.into()));
        }
        // The folder of a family is found from any current folder.
        let folders = project.case_folders();
        let folder = folders.iter().map(|cases| cases.join(word)).find(|folder| folder.is_dir());
        if let Some(folder) = folder.filter(|_| !word.is_empty() && !word.contains(['/', '.'])) {
            return Ok(Self::Path(folder));
        }
        match word.parse() {
            Ok(tag) if !word.ends_with(".yaml") => Ok(Self::Tag(tag)),
            _ => Err(missing(path).help("name a file, a folder, a case id such as `ODA-004`, or a tag")),
        }
    }

    /// Whether the word selects this sub-case. A path always does, because paths are resolved before files are read.
    #[must_use]
    pub fn fits(&self, id: &SubCaseId, tags: &[Name]) -> bool {
        match self {
            Self::Path(_) => true,
            Self::Id(wanted) => wanted.case == id.case && (wanted.sub.is_none() || wanted.sub == id.sub),
            Self::Family(family) => id.case.family() == family,
            Self::Tag(tag) => tags.contains(tag),
        }
    }
}

/// The YAML files of a path, sorted. The path is a file or a folder.
pub fn files(path: &Path, problems: &mut Problems) -> Vec<PathBuf> {
    let mut found = Vec::new();
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => {
            let before = problems.len();
            found = files_if_any(path, problems);
            if found.is_empty() && problems.len() == before {
                problems.push(Diagnostic::of_file(path, "this folder has no case").help("a case is a `.yaml` file"));
            }
        }
        Ok(_) => found.push(path.into()),
        Err(error) => problems.push(match error.kind() {
            std::io::ErrorKind::NotFound => missing(path),
            _ => Diagnostic::of_file(path, format!("the file can't be read: {error}")),
        }),
    }
    found.sort();
    found
}

/// The YAML files of a folder, sorted. The folder may have none, and it may be absent.
pub fn files_if_any(folder: &Path, problems: &mut Problems) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if folder.exists() {
        walk(folder, 0, &mut Vec::new(), &mut found, problems);
    }
    found.sort();
    found
}

fn walk(folder: &Path, depth: usize, above: &mut Vec<PathBuf>, found: &mut Vec<PathBuf>, problems: &mut Problems) {
    let unread = |error: std::io::Error| Diagnostic::of_file(folder, format!("the folder can't be read: {error}"));
    let real = match folder.canonicalize() {
        Ok(real) => real,
        Err(error) => return problems.push(unread(error)),
    };
    if above.contains(&real) || depth > MAX_DEPTH {
        return problems.push(
            Diagnostic::of_file(folder, format!("a link in this folder leads back to `{}`", real.display()))
                .help("remove the link"),
        );
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return problems.push(unread(error)),
    };
    above.push(real);
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if name.starts_with('.') || name == "snapshots" {
            continue;
        }
        match std::fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => walk(&path, depth + 1, above, found, problems),
            Ok(_) if extension == "yml" => problems.push(
                Diagnostic::of_file(&path, "taprig does not read a file with this name")
                    .help("rename it so that it ends in `.yaml`"),
            ),
            Ok(_) if extension == "yaml" => found.push(path),
            Ok(_) => {}
            Err(error) => problems.push(Diagnostic::of_file(&path, format!("the file can't be read: {error}"))),
        }
    }
    above.pop();
}

/// The path of a case's file, found by the id alone. If neither the project nor its suite has the case, the path is
/// that of a case of the project.
#[must_use]
pub fn file_of(project: &Project, id: &CaseId) -> PathBuf {
    let files: Vec<PathBuf> = project.case_folders().iter().map(|cases| file_in(cases, id)).collect();
    let first = files.iter().find(|file| file.is_file()).or_else(|| files.first());
    first.cloned().unwrap_or_default()
}

/// The path of a case's file in this folder of cases.
#[must_use]
pub fn file_in(cases: &Path, id: &CaseId) -> PathBuf {
    cases.join(id.family().to_lowercase()).join(format!("{id}.yaml"))
}
