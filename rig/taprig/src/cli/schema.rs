//! `taprig schema`: prints the JSON Schemas of the file formats, for editors.

use super::{Exit, print};
use std::path::Path;
use taprig_case::{Diagnostic, Problems};

/// Arguments of `taprig schema`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the format. Without it, the names of all formats are printed.
    name: Option<String>,
}

/// The text of a schema, as it is printed and stored.
pub(super) fn text(name: &str) -> Option<String> {
    Some(format!("{:#}\n", taprig_model::schema::of(name)?.to_value()))
}

pub(super) fn run(args: &Args) -> Result<Exit, Problems> {
    let names = taprig_model::schema::NAMES;
    let Some(name) = &args.name else { return Ok(print(&format!("{}\n", names.join("\n")))) };
    match text(name) {
        Some(text) => Ok(print(&text)),
        None => Err(Diagnostic::of_file(Path::new(name), "no format has this name").nearest(name, names).into()),
    }
}
