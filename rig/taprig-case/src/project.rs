//! The folder that a run works in: `cases` and `fixtures`.

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

/// Kinds of fixture, one folder each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fixture {
    /// How validators are set.
    Validator,
    /// Card images.
    Card,
    /// Keys.
    Key,
    /// Devices: conformance statement and console adapter.
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

    /// For messages.
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

/// Files that a run may be judged by.
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

/// The folder that a run works in.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// The project around a folder: the nearest folder upwards that has `cases` and `fixtures`.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(from: &Path) -> Result<Self, Diagnostic> {
        let from = std::path::absolute(from).unwrap_or_else(|_| from.into());
        from.ancestors()
            .find(|folder| folder.join("cases").is_dir() && folder.join("fixtures").is_dir())
            .map(Self::at)
            .ok_or_else(|| {
                Diagnostic::of_file(&from, "no project here: no folder upwards has `cases` and `fixtures`")
                    .help("go to the project's folder, or name it by --project")
            })
    }

    /// The project in this very folder.
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

    /// The file that a word of a command line means: a fixture's name, or a path, from here or from the project on.
    ///
    /// # Errors
    /// There is no such fixture, with the names that are near.
    pub fn meant(&self, fixture: Fixture, word: &str) -> Result<PathBuf, Diagnostic> {
        let is_path = word.contains('/') || word.ends_with(".yaml") || word.ends_with(".yml");
        if is_path {
            for path in [PathBuf::from(word), self.root.join(word)] {
                if path.is_file() {
                    return Ok(path);
                }
            }
        }
        // `phone.yaml` is meant as `phone`.
        let name = Path::new(word).file_stem().and_then(|stem| stem.to_str()).filter(|_| is_path).unwrap_or(word);
        let path = self.file(fixture, name);
        if path.is_file() && !word.contains('/') {
            return Ok(path);
        }
        let problem = match is_path {
            true => Diagnostic::of_file(Path::new(word), format!("there is no {} in this place", fixture.word())),
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

    /// SHA-256 over all cases, fixtures and reviewed transcripts, paths and contents in order: what a run was judged by, for
    /// a record that is read when the files have changed.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut files = Vec::new();
        for folder in ["cases", "fixtures"] {
            files_below(&self.root.join(folder), &mut files);
        }
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

    /// Cases and fixtures as they are written, by their paths from the project on, for a record. Files of keys are left out:
    /// some of them are private. So are reviewed transcripts, which a record keeps for the cases that it holds.
    #[must_use]
    pub fn texts(&self) -> BTreeMap<PathBuf, String> {
        let mut files = Vec::new();
        for folder in ["cases", "fixtures"] {
            files_below(&self.root.join(folder), &mut files);
        }
        let keys = self.folder(Fixture::Key);
        files.retain(|path| !path.starts_with(&keys) && path.extension().is_some_and(|extension| extension == "yaml"));
        let read = |path: PathBuf| Some((self.shown(&path).to_owned(), std::fs::read_to_string(&path).ok()?));
        files.into_iter().filter_map(read).collect()
    }

    /// A path as it is shown: relative to the project, where it is in it.
    #[must_use]
    pub fn shown<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    /// A fixture by name, its includes applied: `project.load::<Device>(Fixture::Device, "taprig-reference")`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load<T: DeserializeOwned>(&self, fixture: Fixture, name: &str) -> Result<T, Problems> {
        let path = self.file(fixture, name);
        if !path.is_file() {
            let known = self.names(fixture);
            return Err(self.unknown(fixture, name).nearest(name, known.iter().map(String::as_str)).into());
        }
        self.load_file(fixture, &path)
    }

    /// A fixture by its file, its includes applied.
    ///
    /// # Errors
    /// All that is wrong with it.
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

    /// The tree of a fixture, its includes applied.
    pub fn tree(&self, fixture: Fixture, path: &Path, problems: &mut Problems) -> Option<Node> {
        include::read(path, &mut Vec::new(), problems, &|name| (self.file(fixture, name), self.names(fixture)))
    }
}
