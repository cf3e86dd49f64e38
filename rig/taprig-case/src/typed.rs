//! Converts a tree into a type of `taprig-model`, and reports every problem at its place.

use super::diagnostic::{Diagnostic, Problems, nearest};
use super::document::{Kind, Node, PathStep};
use serde::de::DeserializeOwned;
use serde_path_to_error::{Segment, Track};

/// The largest number of problems that are searched for in one file.
const MAX_PROBLEMS: usize = 20;

/// The value of a tree. serde stops at the first problem. So the wrong part is removed and the rest is tried again,
/// until the rest is right or no further problem can be located.
pub fn typed<T: DeserializeOwned>(root: &Node, problems: &mut Problems) -> Option<T> {
    let mut tree = root.clone();
    // Keys that were removed because of their value. It is not a problem of its own that they are missing afterwards.
    let mut removed = Vec::new();
    for _ in 0..MAX_PROBLEMS {
        let mut track = Track::new();
        let value = tree.to_value();
        let tracked = serde_path_to_error::Deserializer::new(&value, &mut track);
        let error = match serde_yaml::with::singleton_map_recursive::deserialize::<T, _>(tracked) {
            Ok(value) if removed.is_empty() => return Some(value),
            Ok(_) => return None,
            Err(error) => error.to_string(),
        };
        let path: Vec<PathStep> = track
            .path()
            .iter()
            .map_while(|segment| match segment {
                Segment::Seq { index } => Some(PathStep::Item(*index)),
                Segment::Map { key } => Some(PathStep::Key(key.clone())),
                Segment::Enum { .. } | Segment::Unknown => None,
            })
            .collect();
        if let Some(missing) = quoted(&error, "missing field `") {
            let mut full = path.clone();
            full.push(PathStep::from(missing));
            if !removed.contains(&full) {
                problems.push(tree.place(&path).problem(format!("key `{missing}` is missing")));
            }
            return None;
        }
        if !is_already_reported(&tree, &path) {
            problems.push(explain(&tree, &path, &error));
        }
        // In a map, the key is removed. In a list, the item is removed, and then the indices no longer match. Therefore
        // a part of a list item is never removed alone if its key is needed.
        if path.is_empty() || !tree.remove(&path) {
            return None;
        }
        removed.push(path.clone());
        // The value of a word (`wait: 3`) is removed together with the word, because the remaining map would be wrong
        // without it.
        let mut above = &path[..path.len() - 1];
        while let (Some(Kind::Map(entries)), false) = (tree.find(above).map(|node| &node.kind), above.is_empty()) {
            if !entries.is_empty() || !tree.remove(above) {
                break;
            }
            removed.push(above.to_vec());
            above = &above[..above.len() - 1];
        }
    }
    None
}

/// Whether this is an empty map that the file does not write as `{}`. It is what is left of a map whose keys have no
/// values, and those problems are already reported.
fn is_already_reported(tree: &Node, path: &[PathStep]) -> bool {
    tree.find(path).is_some_and(|node| {
        let written = node.place.source.text().get(node.place.bytes.start..).unwrap_or_default();
        let empty = written.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('}'));
        matches!(&node.kind, Kind::Map(entries) if entries.is_empty()) && !empty
    })
}

/// The first back-quoted word after `before`.
fn quoted<'a>(message: &'a str, before: &str) -> Option<&'a str> {
    let rest = &message[message.find(before)? + before.len()..];
    rest.split('`').next()
}

fn explain(tree: &Node, path: &[PathStep], error: &str) -> Diagnostic {
    let node = tree.find(path);
    for (before, what) in [("unknown field `", "key"), ("unknown variant `", "word")] {
        if let Some(wrong) = quoted(error, before) {
            let known: Vec<&str> = error
                .split_once(", ")
                .map(|(_, expected)| expected.split('`').skip(1).step_by(2).collect())
                .unwrap_or_default();
            let place = match (tree.key_place(path), path.last()) {
                (Some(place), Some(PathStep::Key(key))) if key == wrong => place,
                _ => node.map_or_else(
                    || tree.place(path),
                    |node| match &node.kind {
                        Kind::Map(entries) if entries.len() == 1 => entries[0].0.place.clone(),
                        _ => tree.place(path),
                    },
                ),
            };
            let problem = place.problem(format!("unknown {what} `{wrong}`"));
            return match nearest(wrong, &known) {
                Some(name) => problem.help(format!("did you mean `{name}`?")),
                None if known.is_empty() => problem.help("this place allows no key"),
                None => problem.help(format!("known names: `{}`", known.join("`, `"))),
            };
        }
    }
    let place = tree.place(path);
    if let Some((found, expected)) =
        error.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    {
        let expected = match expected {
            "a string" => "a text",
            "a boolean" => "`true` or `false`",
            "a sequence" => "a list",
            "a map" => "keys and values",
            "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
            text if text.starts_with("struct ") || text.starts_with("enum ") => "keys and values",
            text => text,
        };
        let found = match found.replace("string \"", "the text \"").as_str() {
            "map" => "keys and values".to_string(),
            "sequence" => "a list".to_string(),
            text => text.replace("boolean `", "the boolean `").replace("integer `", "the number `"),
        };
        let problem = place.problem(format!("expected {expected}, found {found}"));
        return match (expected, found.starts_with("the number") || found.starts_with("the boolean")) {
            ("a text", true) => problem.help("put it in quotes"),
            _ => problem,
        };
    }
    // The types of taprig-model report `what: write example`.
    match error.split_once(": write ") {
        Some((what, write)) => place.problem(what).help(format!("write {write}")),
        None => place.problem(error.replace("invalid value: ", "")),
    }
}
