//! A sheet as Markdown.

use crate::sheet::Sheet;
use std::fmt::Write as _;

/// The text of a sheet.
#[must_use]
pub fn markdown(sheet: &Sheet) -> String {
    let mut text = format!("# {}\n\n{}\n", cell(&sheet.title), sheet.text);
    for section in &sheet.sections {
        let _ = write!(text, "\n## {}\n", cell(&section.title));
        if !section.text.is_empty() {
            let _ = write!(text, "\n{}\n", section.text);
        }
        if section.rows.is_empty() {
            continue;
        }
        let heads = section.columns.join(" | ");
        let _ = write!(text, "\n| {heads} |\n|{}\n", " --- |".repeat(section.columns.len()));
        for row in &section.rows {
            let cells: Vec<String> = row.iter().map(|value| cell(value)).collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
    }
    if let Some(mark) = &sheet.mark {
        let _ = write!(text, "\nEnd of this part of {}.\n", cell(mark));
    }
    text
}

/// A text that stays in its cell and is shown as it is written. A device file may hold anything.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '#' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}
