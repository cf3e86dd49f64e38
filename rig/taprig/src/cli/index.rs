//! `taprig index`: writes the files that are generated from the cases and the types.

use super::{Exit, print, schema};
use taprig_case::{Diagnostic, Problems, Project, Suite, index};

/// Arguments of `taprig index`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write nothing, and fail if a file is not up to date.
    #[arg(long)]
    check: bool,
}

impl Args {
    /// Whether this command writes into the project.
    pub(super) const fn writes(&self) -> bool {
        !self.check
    }
}

pub(super) fn run(project: &Project, args: &Args) -> Result<Exit, Problems> {
    let mut suite = Suite::load(project, &[])?;
    // The suite of a project has an index already.
    suite.cases.retain(|case| !project.is_in_suite(&project.root().join(&case.file)));
    let mut problems = Problems::default();
    let mut written = String::new();
    for (name, text) in
        [("INDEX.md", index::render(&suite)), ("case.schema.json", schema::text("case").unwrap_or_default())]
    {
        let path = project.cases().join(name);
        // A file that can't be read does not count as up to date.
        if std::fs::read_to_string(&path).is_ok_and(|now| now == text) {
            continue;
        }
        if args.check {
            problems.push(Diagnostic::of_file(&path, "the file is not up to date").help("run `taprig index`"));
        } else if let Err(error) = std::fs::write(&path, text) {
            problems.push(Diagnostic::of_file(&path, format!("the file can't be written: {error}")));
        } else {
            written += &format!("wrote {}\n", project.shown(&path).display());
        }
    }
    problems.into_result(print(&written))
}
