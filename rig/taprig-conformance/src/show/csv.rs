//! A matrix as CSV, for spreadsheets.

use crate::matrix::{Cell, Matrix, Row};
use crate::sheet::strength;
use std::io;

/// The names of the columns.
pub const COLUMNS: [&str; 11] = [
    "requirement",
    "strength",
    "state",
    "text",
    "source",
    "claims",
    "case",
    "verdict",
    "judged",
    "expectations",
    "why",
];

/// Writes a row for each sub-case of each requirement. A requirement without a sub-case has one row, in which the last five
/// values are empty.
///
/// # Errors
/// The output can't be written.
pub fn csv(matrix: &Matrix, output: impl io::Write) -> io::Result<()> {
    let mut writer = ::csv::Writer::from_writer(output);
    writer.write_record(COLUMNS)?;
    for row in &matrix.rows {
        if row.cases.is_empty() {
            writer.write_record(values(row, None).map(|value| harmless(&value)))?;
        }
        for cell in &row.cases {
            writer.write_record(values(row, Some(cell)).map(|value| harmless(&value)))?;
        }
    }
    writer.flush()
}

fn values(row: &Row, cell: Option<&Cell>) -> [String; 11] {
    let claims: Vec<&str> = row.claims.iter().map(taprig_model::name::Name::as_str).collect();
    let of = |value: fn(&Cell) -> String| cell.map(value).unwrap_or_default();
    [
        row.id.clone(),
        strength(row.strength).to_owned(),
        row.state.word().to_owned(),
        row.text.clone(),
        row.source.clone(),
        claims.join(" "),
        of(|cell| cell.case.clone()),
        of(|cell| cell.verdict.map_or_else(|| "none".to_owned(), |verdict| verdict.to_string())),
        of(|cell| cell.judged.to_string()),
        of(|cell| cell.expectations.to_string()),
        of(|cell| cell.why.clone().unwrap_or_default()),
    ]
}

/// A text that a spreadsheet does not take for a formula. Reasons quote what a device said, so they may hold anything.
fn harmless(text: &str) -> String {
    let begins = text.trim_start().starts_with(['=', '+', '-', '@']) || text.starts_with(['\t', '\r']);
    if begins { format!("'{text}") } else { text.to_owned() }
}
