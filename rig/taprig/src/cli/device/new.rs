//! `taprig device new`: writes a device file from answers.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use taprig::device::new::ask::{Desk, Ended, ask};
use taprig::device::new::page::device_file;
use taprig::device::new::{Catalog, read, unfinished};
use taprig_case::project::Fixture;
use taprig_case::{Diagnostic, Problems, Project};
use taprig_model::device::Device;
use taprig_model::device::answers::Answers;
use taprig_model::name::Name;

use crate::cli::problem::shown;
use crate::cli::{Exit, interrupt, print, rig_failed, say};

/// Arguments of `taprig device new`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the device file: fixtures/devices/NAME.yaml. A file that exists is never overwritten.
    name: Option<String>,
    /// Takes the answers from this file and asks nothing. What it leaves out takes its default. `taprig schema answers`
    /// prints the format.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
}

/// The terminal of this process.
struct Terminal;

impl Desk for Terminal {
    fn line(&mut self, text: &str) -> io::Result<Option<String>> {
        let mut out = io::stderr();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line)?;
        Ok((read > 0).then_some(line))
    }
}

pub(super) fn run(project: &Project, args: &Args) -> Result<Exit, Problems> {
    let mut desk = Terminal;
    let given = Path::new("taprig device new");
    if args.answers.is_none() && !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        let problem = Diagnostic::of_file(given, "there is no terminal to ask the questions on");
        return Err(problem.help("run it in a terminal, or give the answers in a file with --answers").into());
    }
    if args.answers.is_none() {
        // A shell may start this with Ctrl-C ignored, as it does with its background commands.
        interrupt::end_at_once("taprig: interrupted; no device file was written");
    }
    let name = match (&args.name, &args.answers) {
        (Some(name), _) => name.clone(),
        (None, Some(_)) => {
            let problem = Diagnostic::of_file(given, "the device file has no name");
            return Err(problem.help("write `taprig device new NAME --answers FILE`").into());
        }
        (None, None) => match desk.line("Name of the device file, such as lumiqin-lq9: ") {
            Ok(Some(line)) => line.trim().to_owned(),
            Ok(None) => return Err(ended(Ended::NoMore)),
            Err(error) => return Err(ended(Ended::Terminal(error))),
        },
    };
    let name: Name = name.parse().map_err(|error| Diagnostic::of_file(Path::new(&name), format!("{error}")))?;
    let path = project.file(Fixture::Device, name.as_str());
    // Before the questions, so that nobody answers them in vain.
    if path.symlink_metadata().is_ok() {
        return Err(there_already(&path));
    }
    let catalog = Catalog::read(project);
    let answers: Answers = match &args.answers {
        Some(file) => read(file, &catalog)?,
        None => ask(&mut desk, name.as_str(), &catalog).map_err(ended)?,
    };
    let text = device_file(name.as_str(), &answers, &catalog);
    match write(&path, &text) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(there_already(&path)),
        Err(error) => {
            say(&format!("taprig: writing {}: {error}; nothing was written", path.display()));
            return Ok(rig_failed(&error));
        }
    }
    Ok(print(&written(project, &path, &text)))
}

fn ended(why: Ended) -> Problems {
    let what = match why {
        Ended::NoMore => "the answers ended before the questions did, so no device file was written".to_owned(),
        Ended::Terminal(error) => format!("the terminal can't be used: {error}; no device file was written"),
    };
    Diagnostic::of_file(Path::new("taprig device new"), what).into()
}

fn there_already(path: &Path) -> Problems {
    let problem = Diagnostic::of_file(path, "this device file exists already, and it is never overwritten");
    problem.help("choose another name, or remove the file").into()
}

/// Writes the whole file or nothing, and never over another file.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile_in(folder, path)?;
    let done = file.1.write_all(text.as_bytes()).and_then(|()| file.1.sync_all()).and_then(|()| {
        match renameat_with(CWD, &file.0, CWD, path, RenameFlags::NOREPLACE) {
            // Some file systems can't do this.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => std::fs::hard_link(&file.0, path),
            renamed => Ok(renamed?),
        }
    });
    // After a rename there is nothing left to remove.
    let _ = std::fs::remove_file(&file.0);
    done
}

/// A new file beside the device file. Its name begins with a dot, so that it is no device file.
fn tempfile_in(folder: &Path, path: &Path) -> io::Result<(PathBuf, std::fs::File)> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{stem}.{}.new", std::process::id()));
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&temporary)?;
    Ok((temporary, file))
}

/// What was written, and what is left to do.
fn written(project: &Project, path: &Path, text: &str) -> String {
    let file = shown(path);
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let left = unfinished(text);
    let mut said = format!("{file} is written\n");
    if left > 0 {
        let values = if left == 1 { "1 value is".into() } else { format!("{left} values are") };
        said += &format!("{values} left to write; `taprig check {file}` lists them\n");
    } else if let Err(problems) = project.load_file::<Device>(Fixture::Device, path) {
        let count = problems.len();
        let problems = if count == 1 { "1 problem".into() } else { format!("{count} problems") };
        said += &format!("`taprig check {file}` finds {problems} in it\n");
    }
    said += &format!("then try it: `taprig device check {name} --bench BENCH`\n");
    said
}
