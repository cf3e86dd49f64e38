//! A YAML file as a tree that knows the place of each word.
//!
//! For every kind of file, the parser refuses anchors and aliases (and so every "YAML bomb"), tags, several documents,
//! keys that are not words, duplicate keys, keys without a value, and nesting beyond [`MAX_DEPTH`].

use super::diagnostic::{Diagnostic, Problems};
use super::source::Source;
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_yaml::{Mapping, Number, Value};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// The deepest nesting that is allowed. No file format of taprig nests even half as deep.
pub const MAX_DEPTH: usize = 24;

/// A range of bytes in a file.
#[derive(Debug, Clone)]
pub struct Place {
    /// The file.
    pub source: Arc<Source>,
    /// The bytes.
    pub bytes: Range<usize>,
}

impl Place {
    /// A problem at this place.
    #[must_use]
    pub fn problem(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(&self.source, self.bytes.clone(), message)
    }
}

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// The text of a scalar, or the first character of a list or map.
    pub place: Place,
    /// The value.
    pub kind: Kind,
}

/// A value.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A scalar.
    Scalar {
        /// The text without quotes.
        text: String,
        /// Whether the file has it without quotes, so that it may be a number or a boolean.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// Keys and values, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Debug, Clone)]
pub struct Key {
    /// The place.
    pub place: Place,
    /// The word.
    pub text: String,
}

/// One step of a path: from a node to a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathStep {
    /// The index in a list.
    Item(usize),
    /// The key in a map.
    Key(String),
}

impl From<usize> for PathStep {
    fn from(index: usize) -> Self {
        Self::Item(index)
    }
}

impl From<&str> for PathStep {
    fn from(key: &str) -> Self {
        Self::Key(key.into())
    }
}

impl Node {
    /// The value of a key of this map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|(known, _)| known.text == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// Removes a key and its value from this map.
    pub fn take(&mut self, key: &str) -> Option<(Key, Self)> {
        match &mut self.kind {
            Kind::Map(entries) => {
                let at = entries.iter().position(|(known, _)| known.text == key)?;
                Some(entries.remove(at))
            }
            _ => None,
        }
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The place of a part. If the part does not exist, this is the place of the last part on the path that does. The
    /// place of a scalar is its text. The place of a list or map is the key that leads to it.
    #[must_use]
    pub fn place(&self, path: &[PathStep]) -> Place {
        let (mut node, mut place) = (self, self.place.clone());
        for step in path {
            let next = match (&node.kind, step) {
                (Kind::List(items), PathStep::Item(index)) => items.get(*index).map(|item| match &item.kind {
                    // A map without braces begins with its first key and has no characters of its own.
                    Kind::Map(entries) if item.place.bytes.is_empty() && !entries.is_empty() => {
                        (entries[0].0.place.clone(), item)
                    }
                    _ => (item.place.clone(), item),
                }),
                (Kind::Map(entries), PathStep::Key(key)) => {
                    entries.iter().find(|(known, _)| known.text == *key).map(|(known, node)| match node.kind {
                        Kind::Scalar { .. } => (node.place.clone(), node),
                        _ => (known.place.clone(), node),
                    })
                }
                _ => None,
            };
            match next {
                Some(next) => (place, node) = next,
                None => break,
            }
        }
        place
    }

    /// The place of the key that is the last step of the path.
    #[must_use]
    pub fn key_place(&self, path: &[PathStep]) -> Option<Place> {
        let (last, way) = path.split_last()?;
        match (&self.find(way)?.kind, last) {
            (Kind::Map(entries), PathStep::Key(key)) => {
                entries.iter().find(|(known, _)| known.text == *key).map(|(known, _)| known.place.clone())
            }
            _ => None,
        }
    }

    /// The part at this path.
    #[must_use]
    pub fn find(&self, path: &[PathStep]) -> Option<&Self> {
        path.iter().try_fold(self, |node, step| match (&node.kind, step) {
            (Kind::List(items), PathStep::Item(index)) => items.get(*index),
            (Kind::Map(_), PathStep::Key(key)) => node.get(key),
            _ => None,
        })
    }

    /// Removes the part at this path. Returns false if it does not exist.
    pub fn remove(&mut self, path: &[PathStep]) -> bool {
        let Some((last, way)) = path.split_last() else { return false };
        let node = way.iter().try_fold(self, |node, step| match (&mut node.kind, step) {
            (Kind::List(items), PathStep::Item(index)) => items.get_mut(*index),
            (Kind::Map(entries), PathStep::Key(key)) => {
                entries.iter_mut().find(|(known, _)| known.text == *key).map(|(_, node)| node)
            }
            _ => None,
        });
        match (node.map(|node| &mut node.kind), last) {
            (Some(Kind::List(items)), PathStep::Item(index)) if *index < items.len() => {
                items.remove(*index);
                true
            }
            (Some(Kind::Map(entries)), PathStep::Key(key)) => {
                let before = entries.len();
                entries.retain(|(known, _)| known.text != *key);
                entries.len() < before
            }
            _ => false,
        }
    }

    /// Reports each key of the map `list` that is among the names of the suite, `known`.
    pub(crate) fn once(&self, list: &str, what: &str, known: &BTreeSet<String>, problems: &mut Problems) {
        let Some(Kind::Map(entries)) = self.get(list).map(|node| &node.kind) else { return };
        for (key, _) in entries.iter().filter(|(key, _)| known.contains(&key.text)) {
            let problem = key.place.problem(format!("the suite has a {what} `{}` as well", key.text));
            problems.push(problem.help("give yours another name"));
        }
    }

    /// The value as JSON, for typing. A plain scalar becomes a boolean or a number only if that value would be written
    /// in exactly the same way. `1E3`, `017` and `1.0` stay words, because they may be tags, line numbers or versions.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar { text, plain: true } => match text.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                text => match text.parse::<i64>() {
                    Ok(number) if number.to_string() == text => Value::Number(Number::from(number)),
                    _ => Value::String(text.into()),
                },
            },
            Kind::Scalar { text, plain: false } => Value::String(text.clone()),
            Kind::List(items) => Value::Sequence(items.iter().map(Self::to_value).collect()),
            Kind::Map(entries) => Value::Mapping(
                entries
                    .iter()
                    .map(|(key, node)| (Value::String(key.text.clone()), node.to_value()))
                    .collect::<Mapping>(),
            ),
        }
    }
}

/// The tree of a file. Duplicate keys and empty values are added to `problems`, and the tree does not contain them. If
/// a problem casts doubt on the whole tree, it is the error.
///
/// # Errors
/// The file is not YAML of the kind that is described above.
pub fn parse(source: &Arc<Source>, problems: &mut Problems) -> Result<Node, Diagnostic> {
    let mut builder = Builder { source, problems, open: Vec::new(), root: None, documents: 0 };
    let mut parser = Parser::new_from_str(source.text());
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => builder.event(event, span)?,
            Err(error) => {
                let at = error.marker().index();
                // This is the parser's own limit. The parser can reach it before ours because it looks ahead.
                let message = match error.info().contains("recursion limit") {
                    true => format!("this is nested more than {MAX_DEPTH} deep"),
                    false => format!("this is not YAML: {}", error.info()),
                };
                let help = match error.info() {
                    info if info.contains("mapping values") => {
                        "put a text that contains a colon in quotes; otherwise check the indentation"
                    }
                    info if info.contains("anchor") => "the format has no aliases: write the value out",
                    _ => "check indentation, colons and quotes here and in the line above",
                };
                return Err(Diagnostic::at(source, source.bytes(at..at + 1), message).help(help));
            }
        }
    }
    builder
        .root
        .ok_or_else(|| Diagnostic::of_file(source.path(), "the file is empty").help("begin the file with `schema: 1`"))
}

struct Builder<'a> {
    source: &'a Arc<Source>,
    problems: &'a mut Problems,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

/// A list or map that is still incomplete.
struct Open {
    node: Node,
    /// The key whose value comes next.
    key: Option<Key>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        let bytes = self.source.bytes(span.start.index()..span.end.index());
        let place = Place { source: Arc::clone(self.source), bytes };
        let anchor = match &event {
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                *anchor
            }
            _ => 0,
        };
        if anchor != 0 || matches!(event, Event::Alias(_)) {
            let what = if anchor == 0 { "an alias (`*name`)" } else { "an anchor (`&name`)" };
            return Err(place
                .problem(format!("the format does not allow {what}"))
                .help("write the value out, or use `include` or `each`; quote a word that begins with `&` or `*`"));
        }
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(place
                        .problem("this file has a second document")
                        .help("put each case or fixture into its own file"));
                }
            }
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                return Err(place.problem("the format does not allow a YAML tag (`!name`)").help("remove it"));
            }
            Event::Scalar(text, style, _, None) => {
                self.value(Node {
                    place,
                    kind: Kind::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain },
                })?;
            }
            Event::SequenceStart(_, None) => self.open(place, Kind::List(Vec::new()))?,
            Event::MappingStart(_, None) => self.open(place, Kind::Map(Vec::new()))?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.value(open.node)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, place: Place, kind: Kind) -> Result<(), Diagnostic> {
        if self.open.len() >= MAX_DEPTH {
            return Err(place
                .problem(format!("this is nested more than {MAX_DEPTH} deep"))
                .help("no format of taprig needs such depth"));
        }
        self.open.push(Open { node: Node { place, kind }, key: None });
        Ok(())
    }

    fn value(&mut self, node: Node) -> Result<(), Diagnostic> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut open.node.kind, open.key.take()) {
            (Kind::Map(_), None) => match node.kind {
                Kind::Scalar { text, .. } if !text.is_empty() => open.key = Some(Key { place: node.place, text }),
                _ => {
                    return Err(node.place.problem("this key is not a word").help(
                        "put braces in quotes: `\"{name}\"` is a value of the matrix, but `{name}` is a map within a map",
                    ));
                }
            },
            (Kind::Map(entries), Some(key)) => {
                if let Some((first, _)) = entries.iter().find(|(known, _)| known.text == key.text) {
                    let line = first.place.source.line_column(first.place.bytes.start).0;
                    self.problems.push(
                        key.place
                            .problem(format!("this map has the key `{}` twice", key.text))
                            .help(format!("the first one is in line {line}")),
                    );
                } else if is_null(&node) {
                    let braces = self.source.text()[..key.place.bytes.start].trim_end().ends_with('{');
                    let help = if braces {
                        format!("to use a value of the matrix, write `\"{{{}}}\"` in quotes", key.text)
                    } else {
                        "add a value, or remove the key".into()
                    };
                    self.problems.push(key.place.problem(format!("key `{}` has no value", key.text)).help(help));
                } else {
                    entries.push((key, node));
                }
            }
            (Kind::List(_), _) if is_null(&node) => {
                self.problems.push(open.node.place.problem("an item of this list is empty").help("remove it"));
            }
            (Kind::List(items), _) => items.push(node),
            (Kind::Scalar { .. }, _) => {}
        }
        Ok(())
    }
}

fn is_null(node: &Node) -> bool {
    matches!(&node.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
}
