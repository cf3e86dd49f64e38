//! A column map and a clearing file by it. The map ends with the line `---`; without such a line the map is the default.

use std::path::Path;

use taprig_books::{Books, Options, read, show};
use taprig_case::Problems;
use taprig_case::document::parse;
use taprig_case::source::Source;
use taprig_case::typed::typed;
use taprig_model::books::columns::Columns;
use taprig_model::books::result::{Side, Sum};

fn map(bytes: &[u8]) -> Option<Columns> {
    let source = Source::of_bytes(Path::new("columns.yaml"), bytes.to_vec()).ok()?;
    let mut problems = Problems::default();
    let tree = parse(&source, &mut problems).ok()?;
    typed(&tree, &mut problems).filter(|_| problems.is_empty())
}

/// Plays one input.
pub fn run(input: &[u8]) {
    let end = b"\n---\n";
    let split = input.windows(end.len()).position(|window| window == end);
    let (map, file) = match split {
        Some(at) => (map(&input[..at]), &input[at + end.len()..]),
        None => (Some(Columns::default()), input),
    };
    let Some(map) = map else { return };
    let mut books = Books::new();
    let id = books.file(Side::Clearing, "clearing.csv");
    if read::clearing::read(file, &map, id, &mut books).is_err() {
        return;
    }
    let result = books.reconcile(&Options::default());
    let side = &result.sides[0];
    let lines = file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && *line != b"\r").count() as u64;
    assert!(side.read.count + side.broken < lines.max(1), "each row is read or broken");
    let mut sum = Sum::default();
    result.classes.iter().for_each(|total| sum += total.sums.clearing);
    assert_eq!(sum, side.read, "the classes are the side");
    let mut csv = Vec::new();
    show::csv::write(&result, &mut csv).unwrap_or_else(|error| panic!("{error}"));
    assert!(!show::text::report(&result).is_empty());
}
