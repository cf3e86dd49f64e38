//! The project folder of a run, which has the folders `cases` and `fixtures`. A maker's own project also has the folder
//! `suite` with a copy of our cases and fixtures: see [`lock`].

use super::check;
use super::diagnostic::{Diagnostic, Problems};
use super::document::Node;
use super::typed::typed;
use super::{include, lock};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use taprig_model::lock::LockedSuite;
use taprig_record::units::lower_hex;

/// The file of a project that names cases whose failure does not fail a run.
pub const QUARANTINE: &str = "quarantine.yaml";

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

/// Names of the fixtures in a folder, in no particular order.
fn names_in(folder: &Path) -> impl Iterator<Item = String> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".yaml")?.to_string()))
        .filter(|name| !name.starts_with('.'))
}

/// The project folder of a run.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
    /// The folder with a copy of our suite, if the project has a lock file.
    suite: Option<PathBuf>,
}

impl Project {
    /// The project that contains a folder: the nearest folder upwards that has `cases` and `fixtures`.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn find(from: &Path) -> Result<Self, Diagnostic> {
        let from = std::path::absolute(from).unwrap_or_else(|_| from.into());
        from.ancestors()
            .find(|folder| {
                folder.join("cases").is_dir() && folder.join("fixtures").is_dir() && !lock::is_suite_folder(folder)
            })
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
        let root = std::path::absolute(root).unwrap_or_else(|_| root.into());
        let suite = root.join(lock::FILE).exists().then(|| root.join(lock::FOLDER));
        Self { root, suite }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the project's own cases.
    #[must_use]
    pub fn cases(&self) -> PathBuf {
        self.root.join("cases")
    }

    /// The folder with a copy of our suite. `None` if the project has no lock file.
    #[must_use]
    pub fn suite(&self) -> Option<&Path> {
        self.suite.as_deref()
    }

    /// Whether a file is part of the project's copy of our suite.
    #[must_use]
    pub fn is_in_suite(&self, file: &Path) -> bool {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.into());
        self.suite.as_ref().is_some_and(|suite| file.starts_with(suite) || real(file).starts_with(real(suite)))
    }

    /// The folders that have `cases` and `fixtures`: first the project itself, then its suite.
    fn roots(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(self.root.as_path()).chain(self.suite.as_deref())
    }

    /// The folders of cases: the project's own, then that of its suite.
    #[must_use]
    pub fn case_folders(&self) -> Vec<PathBuf> {
        self.roots().map(|root| root.join("cases")).collect()
    }

    /// The files of this name that cases share, such as `presets.yaml`: the project's own, then that of its suite. The
    /// own file of a project with a suite may be absent.
    #[must_use]
    pub fn shared(&self, name: &str) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = self.roots().map(|root| root.join("cases").join(name)).collect();
        files.retain(|file| self.suite.is_none() || self.is_in_suite(file) || file.exists());
        files
    }

    /// The folder of the project's own fixtures of a kind.
    #[must_use]
    pub fn folder(&self, fixture: Fixture) -> PathBuf {
        Self::folder_in(&self.root, fixture)
    }

    fn folder_in(root: &Path, fixture: Fixture) -> PathBuf {
        root.join("fixtures").join(fixture.folder())
    }

    /// The folders of a kind of fixture: the project's own, then that of its suite.
    #[must_use]
    pub fn folders(&self, fixture: Fixture) -> Vec<PathBuf> {
        self.roots().map(|root| Self::folder_in(root, fixture)).collect()
    }

    /// The file of a fixture: that of the suite if the suite has a fixture of this name, and the project's own otherwise.
    #[must_use]
    pub fn file(&self, fixture: Fixture, name: &str) -> PathBuf {
        let [own, suite] = [Some(&self.root), self.suite.as_ref()]
            .map(|root| root.map(|root| Self::folder_in(root, fixture).join(format!("{name}.yaml"))));
        suite.filter(|file| file.is_file()).or(own).unwrap_or_default()
    }

    /// The fixtures of a kind that the project has itself although its suite has one of the same name, sorted.
    #[must_use]
    pub fn clashes(&self, fixture: Fixture) -> Vec<String> {
        let Some(suite) = &self.suite else { return Vec::new() };
        let theirs: BTreeSet<String> = names_in(&Self::folder_in(suite, fixture)).collect();
        let mut names: Vec<String> = names_in(&self.folder(fixture)).collect();
        names.retain(|name| theirs.contains(name));
        names.sort();
        names
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

    /// Makes sure that the suite is the one that the lock file names, and that no fixture of the project has the name of
    /// one of the suite. Returns the suite, or `None` if the project has none.
    ///
    /// # Errors
    /// Everything that differs, with what to do.
    pub fn verify(&self) -> Result<Option<LockedSuite>, Problems> {
        let locked = lock::verify(&self.root)?;
        let mut problems = Problems::default();
        for (fixture, name) in
            Fixture::ALL.into_iter().flat_map(|kind| self.clashes(kind).into_iter().map(move |name| (kind, name)))
        {
            let own = Self::folder_in(&self.root, fixture).join(format!("{name}.yaml"));
            let problem = format!("the suite has a {} `{name}` as well", fixture.word());
            problems.push(Diagnostic::of_file(&own, problem).help("give yours another name"));
        }
        problems.into_result(locked)
    }

    /// Names of the fixtures of a kind, sorted.
    #[must_use]
    pub fn names(&self, fixture: Fixture) -> Vec<String> {
        let names: BTreeSet<String> = self.folders(fixture).iter().flat_map(|folder| names_in(folder)).collect();
        names.into_iter().collect()
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
        let keys = self.folders(Fixture::Key);
        let is_key = |path: &Path| keys.iter().any(|folder| path.starts_with(folder));
        files.retain(|path| !is_key(path) && path.extension().is_some_and(|extension| extension == "yaml"));
        // No verdict depends on it, so it is not one of the inputs.
        files.extend(Some(self.root.join(QUARANTINE)).filter(|path| path.is_file()));
        let read = |path: PathBuf| Some((self.shown(&path).to_owned(), std::fs::read_to_string(&path).ok()?));
        files.into_iter().filter_map(read).collect()
    }

    /// Every file below the folders of cases and fixtures, in no particular order.
    fn inputs(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for (root, folder) in self.roots().flat_map(|root| ["cases", "fixtures"].map(|folder| (root, folder))) {
            files_below(&root.join(folder), &mut files);
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
