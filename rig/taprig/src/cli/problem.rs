//! Prints the problems of files.

use super::{Exit, Format, print, say};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use serde_json::json;
use std::fmt;
use std::io::IsTerminal;
use std::path::Path;
use taprig_case::{Diagnostic, Problems};

/// The longest line that is shown. No editor window can show a longer one.
const LONGEST_LINE: usize = 240;

/// Prints all problems: on standard error for a person, on standard output for a program.
pub(crate) fn report(problems: &Problems, format: Format) -> Exit {
    if format == Format::Json {
        let list: Vec<_> = problems
            .iter()
            .map(|problem| {
                let place = problem.line_column();
                json!({
                    "file": shown(&problem.path),
                    "line": place.map(|(line, _)| line),
                    "column": place.map(|(_, column)| column),
                    "message": problem.message,
                    "help": problem.help,
                })
            })
            .collect();
        let _ = print(&format!("{}\n", json!({ "problems": list })));
        return Exit::BadInput;
    }
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(110).with_context_lines(1).with_links(false);
    for problem in problems.iter().take(Problems::SHOWN) {
        let mut text = String::new();
        match handler.render_report(&mut text, &Shown::of(problem)) {
            Ok(()) => say(text.trim_end_matches('\n')),
            Err(fmt::Error) => say(&problem.to_string()),
        }
    }
    if problems.len() > Problems::SHOWN {
        say(&format!("and {} more", problems.len() - Problems::SHOWN));
    }
    let count = if problems.len() == 1 { "1 problem".into() } else { format!("{} problems", problems.len()) };
    say(&format!("{count}; nothing was run"));
    Exit::BadInput
}

/// A path as a person would type it in the current folder.
pub(crate) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).unwrap_or(path);
    let path = path.strip_prefix(".").unwrap_or(path);
    if path.as_os_str().is_empty() { ".".into() } else { path.display().to_string() }
}

/// A problem as miette shows it.
#[derive(Debug)]
struct Shown<'a> {
    problem: &'a Diagnostic,
    source: Option<NamedSource<String>>,
}

impl<'a> Shown<'a> {
    fn of(problem: &'a Diagnostic) -> Self {
        let source = problem.place.as_ref().and_then(|(source, bytes)| {
            let text = source.text();
            let line = text.lines().nth(source.line_column(bytes.start).0 - 1).unwrap_or_default();
            (line.len() <= LONGEST_LINE).then(|| NamedSource::new(shown(&problem.path), text.to_string()))
        });
        Self { problem, source }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source.is_none() {
            write!(f, "{}: ", shown(&self.problem.path))?;
            if let Some((line, column)) = self.problem.line_column() {
                write!(f, "line {line}, column {column}: ")?;
            }
        }
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (source, bytes) = self.problem.place.as_ref()?;
        self.source.as_ref()?;
        // If a place has several lines, only the first is underlined.
        let text = source.text().get(bytes.clone()).unwrap_or_default();
        let length = text.lines().next().unwrap_or_default().len();
        Some(Box::new(std::iter::once(LabeledSpan::underline((bytes.start, length)))))
    }
}
