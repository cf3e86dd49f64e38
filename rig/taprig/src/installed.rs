//! The files that come with the program: our suite, and what boards run.
//!
//! They are found by their place relative to the program, without environment variables. An installed program
//! (`bin/taprig`) has them in `share/taprig` beside `bin`. A program that was built in the repository has them in the
//! repository.

use std::path::{Path, PathBuf};

/// Where the files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    suite: PathBuf,
    boards: PathBuf,
    /// The repository in which the program was built. An installed program has none.
    repository: Option<PathBuf>,
}

impl Installed {
    /// The files of this program. `None` if the program lies alone.
    #[must_use]
    pub fn find() -> Option<Self> {
        // The path of the program itself, and not of a link to it.
        Self::of(&std::env::current_exe().ok()?)
    }

    /// The files of the program at this path.
    #[must_use]
    pub fn of(program: &Path) -> Option<Self> {
        let folder = program.parent()?;
        let share = folder.parent()?.join("share/taprig");
        if share.is_dir() {
            return Some(Self { suite: share.join("suite"), boards: share.join("boards"), repository: None });
        }
        let is_repository = |folder: &&Path| {
            ["cases/requirements.yaml", "ci/firmware", "ci/rig"].iter().all(|file| folder.join(file).is_file())
        };
        let repository = folder.ancestors().find(is_repository)?;
        Some(Self {
            suite: repository.to_owned(),
            boards: repository.join(BOARDS),
            repository: Some(repository.to_owned()),
        })
    }

    /// The folder with our suite, which `taprig_case::lock::Content` reads.
    #[must_use]
    pub fn suite(&self) -> &Path {
        &self.suite
    }

    /// The path of something that boards need, such as `sim-board`.
    #[must_use]
    pub fn board(&self, name: impl AsRef<Path>) -> PathBuf {
        self.boards.join(name)
    }

    /// Whether the program was built in the repository and not installed.
    #[must_use]
    pub fn is_repository(&self) -> bool {
        self.repository.is_some()
    }

    /// How a person starts the program from any folder.
    #[must_use]
    pub fn command(&self) -> String {
        match &self.repository {
            Some(repository) => repository.join("ci/rig").display().to_string(),
            None => "taprig".into(),
        }
    }

    /// What a person does if one of the files is missing.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match &self.repository {
            Some(_) => "`ci/firmware` builds the boards' firmware into target/boards",
            None => "install taprig again: this file belongs to its package",
        }
    }
}

/// The folder in which `ci/firmware` puts what boards need, in the repository. A bench file may name a file of it in any
/// project.
pub const BOARDS: &str = "target/boards";

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn an_installed_program_has_its_files_beside_its_folder() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("usr/bin/taprig");
        assert_eq!(Installed::of(&program), None, "the program lies alone");
        fs::create_dir_all(root.path().join("usr/share/taprig")).unwrap();
        let installed = Installed::of(&program).unwrap();
        assert_eq!(installed.suite(), root.path().join("usr/share/taprig/suite"));
        assert_eq!(installed.board("sim-board"), root.path().join("usr/share/taprig/boards/sim-board"));
        assert_eq!((installed.command().as_str(), installed.is_repository()), ("taprig", false));
    }

    #[test]
    fn a_program_in_the_repository_has_them_there() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        let installed = Installed::find().unwrap();
        assert_eq!(installed.suite(), repository);
        assert_eq!(installed.board("sim-board"), repository.join("target/boards/sim-board"));
        assert_eq!(Path::new(&installed.command()), repository.join("ci/rig"));
    }
}
