//! The groups of a result as CSV, for programs and spreadsheets.

use std::io;
use taprig_model::books::result::{Reconciliation, Side};

/// The names of the columns.
pub const COLUMNS: [&str; 13] = [
    "day",
    "merchant",
    "terminal",
    "batch",
    "line",
    "product",
    "class",
    "journal_count",
    "journal_fen",
    "acquirer_count",
    "acquirer_fen",
    "clearing_count",
    "clearing_fen",
];

/// Writes a row for each group.
///
/// # Errors
/// The output can't be written.
pub fn write(result: &Reconciliation, output: impl io::Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(output);
    writer.write_record(COLUMNS)?;
    for group in &result.groups {
        let mut row = vec![
            group.day.clone().unwrap_or_default(),
            group.merchant.clone(),
            group.terminal.clone(),
            group.batch.to_string(),
            group.line.clone().unwrap_or_default(),
            group.product.clone().unwrap_or_default(),
            group.class.word().to_owned(),
        ];
        for side in Side::ALL {
            let sum = group.sums.of(side);
            row.extend([sum.count.to_string(), sum.fen.to_string()]);
        }
        writer.write_record(row)?;
    }
    writer.flush()
}
