//! YAML files that belong to no project.

use std::sync::Arc;

use taprig_case::document::parse;
use taprig_case::source::Source;
use taprig_case::typed::typed;
use taprig_case::{Diagnostic, Problems};

/// Adds the problems of a file to the others, so that all files are told at once.
pub(super) fn gather<T: serde::de::DeserializeOwned>(
    source: Result<Arc<Source>, Diagnostic>,
    all: &mut Problems,
) -> Option<T> {
    let mut problems = Problems::default();
    let value = source.and_then(|source| Ok((parse(&source, &mut problems)?, source)));
    let value = match value {
        Ok((tree, source)) => {
            let value = typed(&tree, &mut problems);
            if value.is_none() && problems.is_empty() {
                problems.push(Diagnostic::of_file(source.path(), "the file can't be understood"));
            }
            value
        }
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    all.add(&problems);
    value
}
