//! `taprig new`: makes a project for cases of one's own, beside our suite.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use taprig::installed::Installed;
use taprig_case::lock::{self, Content};
use taprig_case::{Diagnostic, Problems};

use super::{Exit, print, suite};

/// Arguments of `taprig new`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the project. It must be empty, or absent in a folder that exists.
    dir: PathBuf,
}

/// The files of a new project, by their paths in it.
const FILES: [(&str, &str); 10] = [
    ("README.md", include_str!("../../template/README.md")),
    (".gitattributes", include_str!("../../template/gitattributes")),
    (".gitignore", include_str!("../../template/gitignore")),
    ("cases/README.md", include_str!("../../template/cases/README.md")),
    ("cases/requirements.yaml", include_str!("../../template/cases/requirements.yaml")),
    ("cases/xmy/XMY-001.yaml", include_str!("../../template/cases/xmy/XMY-001.yaml")),
    ("fixtures/benches/README.md", include_str!("../../template/fixtures/benches/README.md")),
    ("fixtures/benches/qemu.yaml", include_str!("../../template/fixtures/benches/qemu.yaml")),
    ("fixtures/benches/sim.yaml", include_str!("../../template/fixtures/benches/sim.yaml")),
    ("fixtures/devices/README.md", include_str!("../../template/fixtures/devices/README.md")),
];

/// The folder within the new one in which everything is written first.
const UNFINISHED: &str = ".taprig-new";

impl Args {
    /// The folder that this command writes.
    pub(super) fn writes(&self) -> PathBuf {
        self.dir.clone()
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, Problems> {
    let dir = &args.dir;
    let content = suite::installed()?;
    let made = make_room(dir)?;
    let written = write(&dir.join(UNFINISHED), &content).and_then(|()| put_in_place(dir));
    if let Err(problems) = written {
        let _ = fs::remove_dir_all(dir.join(UNFINISHED));
        if made {
            let _ = fs::remove_dir(dir);
        }
        return Err(problems);
    }
    let command = Installed::find().map_or_else(|| "taprig".into(), |installed| installed.command());
    let dir = dir.display();
    Ok(print(&format!(
        "{dir} is a project with 1 case of your own and {} of the suite {}\n\
         next: cd {dir} && {command} run XMY --bench sim\n\
         {dir}/README.md says how to go on\n",
        content.cases(),
        content.suite().version,
    )))
}

/// Makes sure that the folder is there and empty. Returns whether it was made.
fn make_room(dir: &Path) -> Result<bool, Problems> {
    let wrong = |what: String, help: &str| Err(Diagnostic::of_file(dir, what).help(help.to_owned()).into());
    match fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            None => Ok(false),
            Some(_) => wrong("this folder is not empty".into(), "name a new folder or an empty one"),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::create_dir(dir) {
            Ok(()) => Ok(true),
            Err(error) => wrong(
                format!("the folder can't be made: {error}"),
                "check that the folder above it exists and that you may write there",
            ),
        },
        Err(error) => wrong(format!("this can't be used as a folder: {error}"), "name a new folder or an empty one"),
    }
}

/// Writes the whole project into a folder that does not exist.
fn write(to: &Path, content: &Content) -> Result<(), Problems> {
    for (file, text) in FILES {
        let path = to.join(file);
        fs::create_dir_all(path.parent().unwrap_or(to))
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| unwritten(&path, &error))?;
    }
    lock::install(to, content).map_err(|error| suite::unwritten(&error))?;
    Ok(())
}

/// Moves everything from the unfinished folder to its place. If anything fails, nothing stays.
fn put_in_place(dir: &Path) -> Result<(), Problems> {
    let from = dir.join(UNFINISHED);
    let moved = |moved: &mut Vec<PathBuf>| -> io::Result<()> {
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            let to = dir.join(entry.file_name());
            fs::rename(entry.path(), &to)?;
            moved.push(to);
        }
        fs::remove_dir(&from)
    };
    let mut done = Vec::new();
    moved(&mut done).map_err(|error| {
        for path in &done {
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
        unwritten(dir, &error)
    })
}

fn unwritten(path: &Path, error: &io::Error) -> Problems {
    Diagnostic::of_file(path, format!("this can't be written: {error}"))
        .help("nothing was kept; check that the folder can be written and that the disk has room")
        .into()
}
