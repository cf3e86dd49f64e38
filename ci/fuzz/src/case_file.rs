//! A case file of any bytes: read or refused.

use std::path::Path;

use taprig_case::source::Source;
use taprig_case::{Problems, document, each, typed};
use taprig_model::case::Case;

/// One input.
pub fn run(input: &[u8]) {
    let Ok(source) = Source::of_bytes(Path::new("fuzz.yaml"), input.to_vec()) else { return };
    let mut problems = Problems::default();
    let Ok(tree) = document::parse(&source, &mut problems) else { return };
    for expanded in each::expand(tree, &mut problems) {
        let _ = typed::typed::<Case>(&expanded.tree, &mut problems);
    }
}
