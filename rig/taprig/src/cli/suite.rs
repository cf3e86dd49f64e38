//! `taprig suite`: shows the suite that a project uses, and locks the project to the installed one.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use taprig::installed::Installed;
use taprig_case::lock::{self, Content, ContentError, Difference};
use taprig_case::{Diagnostic, Problems, Project};

use super::{Exit, Format, print};

/// Commands of `taprig suite`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Suite {
    /// Show the suite that this project uses, and the one that is installed.
    Show(Show),
    /// Lock this project to the installed suite. The suite in the project's folder is replaced.
    Update(Update),
    /// Write the suite of a repository into a folder, for a package.
    #[command(hide = true)]
    Export(Export),
}

/// Arguments of `taprig suite show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// Format of the result.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// Arguments of `taprig suite update`.
#[derive(Debug, clap::Args)]
pub(crate) struct Update {
    /// Replace files of the suite although somebody has changed them.
    #[arg(long)]
    discard_changes: bool,
}

/// Arguments of `taprig suite export`.
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// The folder, which must not exist.
    to: PathBuf,
}

impl Export {
    /// The folder that this command writes.
    pub(super) fn writes(&self) -> PathBuf {
        self.to.clone()
    }
}

/// The installed suite.
pub(super) fn installed() -> Result<Content, Problems> {
    let Some(installed) = Installed::find() else {
        let why = "this program lies alone: it has neither `../share/taprig` nor a repository";
        return Err(Diagnostic::of_file(Path::new("taprig"), why).help("install taprig as its README says").into());
    };
    Content::read(installed.suite(), lock::this_release()).map_err(|error| {
        let (path, what) = match error {
            ContentError::Damaged { path, what } => (path, what),
            other => (installed.suite().to_owned(), format!("the installed suite can't be read: {other}")),
        };
        Diagnostic::of_file(&path, what).help(installed.advice()).into()
    })
}

/// A suite can't be written.
pub(super) fn unwritten(error: &ContentError) -> Problems {
    let path = match error {
        ContentError::Write { path, .. } => path.clone(),
        _ => PathBuf::from(lock::FOLDER),
    };
    Diagnostic::of_file(&path, error.to_string())
        .help("check that the folder can be written and that the disk has room")
        .into()
}

pub(super) fn show(project: &Project, args: &Show) -> Result<Exit, Problems> {
    let (verified, installed) = (project.verify(), installed().map(|content| content.suite()));
    let (locked, wrong) = match &verified {
        Ok(locked) => (locked.clone(), None),
        Err(problems) => (lock::read(project.root()).ok().flatten(), Some(problems)),
    };
    if args.format == Format::Json {
        let problem =
            |of: &Diagnostic| json!({ "file": project.shown(&of.path), "message": of.message, "help": of.help });
        let problems: Vec<_> = wrong.iter().flat_map(|problems| problems.iter()).map(problem).collect();
        let shown = print(&format!(
            "{}\n",
            json!({ "locked": locked, "installed": installed.as_ref().ok(), "problems": problems })
        ));
        return Ok(if wrong.is_some() { Exit::BadInput } else { shown });
    }
    let mut text = match &locked {
        Some(locked) => format!("this project  {locked}\n"),
        None => "this project  has no suite\n".to_owned(),
    };
    text += &match &installed {
        Ok(installed) if Some(installed) == locked.as_ref() => "installed     the same\n".to_owned(),
        Ok(installed) => format!("installed     {installed}\n"),
        Err(_) => "installed     none that can be read\n".to_owned(),
    };
    let shown = print(&text);
    verified.and(Ok(shown))
}

pub(super) fn update(project: &Project, args: &Update) -> Result<Exit, Problems> {
    let (lock_file, folder) = (project.root().join(lock::FILE), project.root().join(lock::FOLDER));
    if !lock_file.exists() && !folder.join(lock::SUMS).is_file() {
        return Err(Diagnostic::of_file(&lock_file, "this project has no suite")
            .help("`taprig new DIR` makes a project that has one")
            .into());
    }
    let content = installed()?;
    let before = lock::read(project.root()).ok().flatten();
    // What is only missing is nobody's work.
    let changed = lock::differences(&folder).unwrap_or_default().into_iter();
    let changed: Vec<_> = changed.filter(|(_, difference)| *difference != Difference::Missing).collect();
    if !args.discard_changes && !changed.is_empty() {
        let mut problems = Problems::default();
        for (file, difference) in changed {
            let help = "keep a copy if you need it, then add `--discard-changes`";
            problems.push(Diagnostic::of_file(&folder.join(file), difference.to_string()).help(help));
        }
        problems.into_result(())?;
    }
    if before == Some(content.suite()) && project.verify().is_ok() {
        return Ok(print(&format!("the suite is that of this taprig already: {}\n", content.suite())));
    }
    let suite = lock::install(project.root(), &content).map_err(|error| unwritten(&error))?;
    let was = before.map_or_else(String::new, |before| format!("was  {before}\n"));
    Ok(print(&format!("{was}is   {suite}\nnow run `taprig check`: a name of yours may be one of the suite by now\n")))
}

pub(super) fn export(args: &Export) -> Result<Exit, Problems> {
    let content = installed()?;
    if let Err(error) = content.write(&args.to) {
        // Half a suite is none. A folder that was there before is not removed.
        if !matches!(&error, ContentError::Write { path, .. } if *path == args.to) {
            let _ = fs::remove_dir_all(&args.to);
        }
        return Err(unwritten(&error));
    }
    Ok(print(&format!("{}\n", content.suite())))
}
