//! The project folder of a run, which has the folders `cases` and `fixtures`.

use super::check;
use super::diagnostic::{Diagnostic, Problems};
use super::document::Node;
use super::include;
use super::typed::typed;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use taprig_record::units::lower_hex;

/// Kinds of fixture. Each kind has its own folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fixture {
    /// Validator profiles.
    Validator,
    /// Card images.
    Card,
    /// Keys.
    Key,
    /// Devices: a conformance statement and a console adapter.
    Device,
    /// Benches.
    Bench,
}

impl Fixture {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Validator, Self::Card, Self::Key, Self::Device, Self::Bench];

    /// Name of the folder below `fixtures`.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Validator => "validators",
            Self::Card => "cards",
            Self::Key => "keys",
            Self::Device => "devices",
            Self::Bench => "benches",
        }
    }

    /// The word that messages use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Validator => "validator",
            Self::Card => "card",
            Self::Key => "key",
            Self::Device => "device",
            Self::Bench => "bench",
        }
    }
}

/// Files that may affect the verdicts of a run.
fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files_below(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "snap") {
            files.push(path);
        }
    }
}

/// The project folder of a run.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// The project that contains a folder: the nearest folder upwards that has `cases` and `fixtures`.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn find(from: &Path) -> Result<Self, Diagnostic> {
        let from = std::path::absolute(from).unwrap_or_else(|_| from.into());
        from.ancestors()
            .find(|folder| folder.join("cases").is_dir() && folder.join("fixtures").is_dir())
            .map(Self::at)
            .ok_or_else(|| {
                Diagnostic::of_file(
                    &from,
                    "this folder is not in a project: no folder upwards has `cases` and `fixtures`",
                )
                .help("change to the project's folder, or name it with --project")
            })
    }

    /// The project in exactly this folder.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: std::path::absolute(root).unwrap_or_else(|_| root.into()) }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of cases.
    #[must_use]
    pub fn cases(&self) -> PathBuf {
        self.root.join("cases")
    }

    /// The folder of a kind of fixture.
    #[must_use]
    pub fn folder(&self, fixture: Fixture) -> PathBuf {
        self.root.join("fixtures").join(fixture.folder())
    }

    /// The file of a fixture.
    #[must_use]
    pub fn file(&self, fixture: Fixture, name: &str) -> PathBuf {
        self.folder(fixture).join(format!("{name}.yaml"))
    }

    /// The file that a word on the command line means: the name of a fixture, or a path. A path is looked up from the
    /// current folder first, then from the project.
    ///
    /// # Errors
    /// There is no such fixture. The problem shows similar names.
    pub fn meant(&self, fixture: Fixture, word: &str) -> Result<PathBuf, Diagnostic> {
        let is_path = word.contains('/') || word.ends_with(".yaml") || word.ends_with(".yml");
        if is_path {
            for path in [PathBuf::from(word), self.root.join(word)] {
                if path.is_file() {
                    return Ok(path);
                }
            }
        }
        // A person who writes `phone.yaml` means `phone`.
        let name = Path::new(word).file_stem().and_then(|stem| stem.to_str()).filter(|_| is_path).unwrap_or(word);
        let path = self.file(fixture, name);
        if path.is_file() && !word.contains('/') {
            return Ok(path);
        }
        let problem = match is_path {
            true => Diagnostic::of_file(Path::new(word), format!("there is no {} at this path", fixture.word())),
            false => self.unknown(fixture, name),
        };
        Err(problem.nearest(name, self.names(fixture).iter().map(String::as_str)))
    }

    fn unknown(&self, fixture: Fixture, name: &str) -> Diagnostic {
        Diagnostic::of_file(&self.file(fixture, name), format!("there is no {} `{name}`", fixture.word()))
    }

    /// Names of the fixtures of a kind, sorted.
    #[must_use]
    pub fn names(&self, fixture: Fixture) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.folder(fixture))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".yaml")?.to_string()))
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }

    /// SHA-256 over the paths and contents of all cases, fixtures and reviewed transcripts, in order. It tells a reader
    /// of a record whether the files have changed since.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut files = self.inputs();
        files.sort();
        let mut digest = Sha256::new();
        for path in files {
            let content = std::fs::read(&path).unwrap_or_default();
            let name = self.shown(&path).as_os_str().as_encoded_bytes();
            for part in [name, &content] {
                digest.update((part.len() as u64).to_be_bytes());
                digest.update(part);
            }
        }
        lower_hex(&digest.finalize())
    }

    /// The text of cases and fixtures by their paths in the project, for a record. Key files are left out, because some
    /// keys are private. Reviewed transcripts are left out too, because a record keeps those of the cases that it
    /// contains.
    #[must_use]
    pub fn texts(&self) -> BTreeMap<PathBuf, String> {
        let mut files = self.inputs();
        let keys = self.folder(Fixture::Key);
        files.retain(|path| !path.starts_with(&keys) && path.extension().is_some_and(|extension| extension == "yaml"));
        let read = |path: PathBuf| Some((self.shown(&path).to_owned(), std::fs::read_to_string(&path).ok()?));
        files.into_iter().filter_map(read).collect()
    }

    /// Every file below the folders of cases and fixtures, in no particular order.
    fn inputs(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for folder in ["cases", "fixtures"] {
            files_below(&self.root.join(folder), &mut files);
        }
        files
    }

    /// The path as messages show it: relative to the project if it lies in it.
    #[must_use]
    pub fn shown<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    /// The fixture of this name, with its includes applied: `project.load::<Device>(Fixture::Device,
    /// "taprig-reference")`.
    ///
    /// # Errors
    /// Everything that is wrong with the fixture.
    pub fn load<T: DeserializeOwned>(&self, fixture: Fixture, name: &str) -> Result<T, Problems> {
        let path = self.file(fixture, name);
        if !path.is_file() {
            let known = self.names(fixture);
            return Err(self.unknown(fixture, name).nearest(name, known.iter().map(String::as_str)).into());
        }
        self.load_file(fixture, &path)
    }

    /// The fixture in this file, with its includes applied.
    ///
    /// # Errors
    /// Everything that is wrong with the fixture.
    pub fn load_file<T: DeserializeOwned>(&self, fixture: Fixture, path: &Path) -> Result<T, Problems> {
        let mut problems = Problems::default();
        let value = self.tree(fixture, path, &mut problems).and_then(|tree| {
            check::fixture(self, fixture, &tree, &mut problems);
            typed(&tree, &mut problems)
        });
        match value {
            Some(value) => problems.into_result(value),
            None => {
                if problems.is_empty() {
                    problems.push(Diagnostic::of_file(path, "the file can't be understood"));
                }
                Err(problems.into_result(()).err().unwrap_or_default())
            }
        }
    }

    /// The tree of a fixture, with its includes applied.
    pub fn tree(&self, fixture: Fixture, path: &Path, problems: &mut Problems) -> Option<Node> {
        include::read(path, &mut Vec::new(), problems, &|name| (self.file(fixture, name), self.names(fixture)))
    }
}
