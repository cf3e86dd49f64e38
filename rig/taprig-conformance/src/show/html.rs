//! A sheet as a page of HTML that needs nothing else: no script, no other file.

use crate::sheet::{NONE, Sheet};
use std::fmt::Write as _;

/// The style of the page. An empty cell is a field to fill in by hand.
const STYLE: &str = include_str!("sheet.css");

/// The text of the page.
#[must_use]
pub fn html(sheet: &Sheet) -> String {
    let title = escaped(&sheet.title);
    // No policy by hashes is needed for the style: nothing on the page can hold markup of somebody else.
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n<p>{}</p>\n",
        escaped(&sheet.text)
    );
    for section in &sheet.sections {
        let _ = writeln!(page, "<h2>{}</h2>", escaped(&section.title));
        if !section.text.is_empty() {
            let _ = writeln!(page, "<p>{}</p>", escaped(&section.text));
        }
        if section.rows.is_empty() {
            continue;
        }
        let title = escaped(&section.title);
        // A wide table scrolls by itself, also by the keyboard.
        let _ = writeln!(
            page,
            "<div class=\"table\" role=\"region\" aria-label=\"{title}\" tabindex=\"0\"><table>\n<thead><tr>"
        );
        for column in &section.columns {
            let _ = writeln!(page, "<th scope=\"col\">{}</th>", escaped(column));
        }
        page.push_str("</tr></thead>\n<tbody>\n");
        for row in &section.rows {
            page.push_str("<tr>");
            for (index, value) in row.iter().enumerate() {
                let value = match section.links.iter().find(|(column, _)| *column == index) {
                    Some((_, before)) if value != NONE => linked(before, value),
                    _ => escaped(value),
                };
                let _ = match index {
                    0 => write!(page, "<th scope=\"row\">{value}</th>"),
                    _ => write!(page, "<td>{value}</td>"),
                };
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody></table></div>\n");
    }
    if let Some(mark) = &sheet.mark {
        // Printed, the footer is on each page.
        let mark = escaped(mark);
        let _ = writeln!(page, "<p class=\"end\">End of this part of {mark}.</p>\n<footer>{mark}</footer>");
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// Each word of a text as a link. Names of requirements, claims and files need no other escape than that of HTML.
fn linked(before: &str, words: &str) -> String {
    let link = |word: &str| format!("<a href=\"{}{}\">{}</a>", escaped(before), escaped(word), escaped(word));
    words.split(", ").map(link).collect::<Vec<_>>().join(", ")
}

/// A text as HTML. Control characters would be errors in the page.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}
