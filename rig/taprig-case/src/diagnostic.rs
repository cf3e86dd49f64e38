//! A problem in a file, described so that a person can fix it.

use super::source::Source;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One problem: the file, the place, what is wrong, and what to do about it.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// The file or folder.
    pub path: PathBuf,
    /// The text of the file and the bytes that are wrong, or `None` if the whole file is wrong.
    pub place: Option<(Arc<Source>, Range<usize>)>,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// If more names than this are known, a message shows only the most similar ones.
    const MANY: usize = 16;

    /// A problem of a whole file or folder.
    #[must_use]
    pub fn of_file(path: &Path, message: impl Into<String>) -> Self {
        Self { path: path.into(), place: None, message: clipped(message.into()), help: None }
    }

    /// A problem of these bytes.
    #[must_use]
    pub fn at(source: &Arc<Source>, bytes: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            path: source.path().into(),
            place: Some((Arc::clone(source), bytes)),
            message: clipped(message.into()),
            help: None,
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(clipped(help.into()));
        self
    }

    /// Adds the known name that is most similar. If none is similar enough, adds all known names if they are few, and
    /// the most similar ones if they are many.
    #[must_use]
    pub fn nearest<'a>(self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match nearest(wrong, &known) {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None if known.is_empty() => self,
            None if known.len() > Self::MANY => {
                let likest: Vec<&str> = by_likeness(wrong, &known).into_iter().map(|(_, name)| name).take(5).collect();
                self.help(format!("the most similar of {} known names: `{}`", known.len(), likest.join("`, `")))
            }
            None => self.help(format!("known names: `{}`", known.join("`, `"))),
        }
    }

    /// Line and column, both from 1.
    #[must_use]
    pub fn line_column(&self) -> Option<(usize, usize)> {
        self.place.as_ref().map(|(source, bytes)| source.line_column(bytes.start))
    }

    fn order(&self) -> (&Path, usize) {
        (&self.path, self.place.as_ref().map_or(0, |(_, bytes)| bytes.start))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some((line, column)) = self.line_column() {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, " ({help})"))
    }
}

impl std::error::Error for Diagnostic {}

/// Shortens a message. A message quotes the file, and that text may be long.
fn clipped(text: String) -> String {
    const LONGEST: usize = 400;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The known name that is most similar to an unknown one, if one is similar enough.
#[must_use]
pub fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    by_likeness(wrong, known).first().filter(|(likeness, _)| *likeness > 0.82).map(|(_, name)| *name)
}

/// The known names with their similarity to an unknown one, the most similar first.
fn by_likeness<'a>(wrong: &str, known: &[&'a str]) -> Vec<(f64, &'a str)> {
    let lower = wrong.to_lowercase();
    let mut names: Vec<(f64, &str)> = known
        .iter()
        .map(|name| {
            let known = name.to_lowercase();
            let likeness = strsim::jaro_winkler(&lower, &known);
            // A part of a long name counts as similar, although most of its letters are missing.
            (if lower.len() > 3 && known.contains(&lower) { likeness.max(0.9) } else { likeness }, *name)
        })
        .collect();
    names.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal));
    names
}

/// All problems of all files, in the order of files and lines. Each problem occurs once.
#[derive(Debug, Clone, Default)]
pub struct Problems {
    list: Vec<Diagnostic>,
}

impl Problems {
    /// The largest number of problems that are printed. More would not help a person.
    pub const SHOWN: usize = 50;

    /// Adds a problem. The same problem at the same place counts once, because a matrix meets it in each sub-case.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let same = |other: &Diagnostic| other.order() == diagnostic.order() && other.message == diagnostic.message;
        if !self.list.iter().any(same) {
            self.list.push(diagnostic);
        }
    }

    /// Adds all problems of another list.
    pub fn add(&mut self, others: &Self) {
        others.iter().for_each(|problem| self.push(problem.clone()));
    }

    /// Whether there is no problem.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Number of problems.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The problems in order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// Returns the value if nothing is wrong.
    ///
    /// # Errors
    /// The problems, in order.
    pub fn into_result<T>(mut self, value: T) -> Result<T, Self> {
        if self.list.is_empty() {
            return Ok(value);
        }
        self.list.sort_by(|a, b| a.order().cmp(&b.order()));
        Err(self)
    }
}

impl From<Diagnostic> for Problems {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { list: vec![diagnostic] }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in self.list.iter().take(Self::SHOWN) {
            writeln!(f, "{diagnostic}")?;
        }
        match self.list.len().saturating_sub(Self::SHOWN) {
            0 => Ok(()),
            more => writeln!(f, "and {more} more"),
        }
    }
}

impl std::error::Error for Problems {}
