//! `cases/INDEX.md`. It is written from the cases, so no case can vanish unnoticed.

use super::suite::Suite;
use std::fmt::Write;

/// The index of all cases, with one table for each family.
#[must_use]
pub fn render(suite: &Suite) -> String {
    let mut text =
        String::from("# Cases\n\nWritten by `taprig index`; do not edit. Sub-cases are counted in the third column.\n");
    let mut family = "";
    let mut cases = suite.cases.iter().peekable();
    while let Some(case) = cases.next() {
        let mut subs = usize::from(case.id.sub.is_some());
        while cases.next_if(|next| next.id.case == case.id.case).is_some() {
            subs += 1;
        }
        if case.id.case.family() != family {
            family = case.id.case.family();
            let _ =
                write!(text, "\n## {family}\n\n| id | title | sub-cases | requirements |\n| --- | --- | --- | --- |\n");
        }
        let file = case.file.strip_prefix("cases").unwrap_or(&case.file).display();
        let count = if subs == 0 { String::new() } else { subs.to_string() };
        let title = case.title.replace('|', "\\|");
        let requires = case.case.requires.join(", ");
        let _ = writeln!(text, "| [{}]({file}) | {title} | {count} | {requires} |", case.id.case);
    }
    text
}
