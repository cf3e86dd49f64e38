//! From a tree to a type of `taprig-model`, with every problem at its place.

use super::diagnostic::{Diagnostic, Problems, nearest};
use super::document::{Kind, Node, Step};
use serde::de::DeserializeOwned;
use serde_path_to_error::{Segment, Track};

/// Most problems that are looked for in one file.
const MAX_PROBLEMS: usize = 20;

/// The value of a tree. serde stops at the first problem; so the part that is wrong is taken out and the rest tried
/// again, until it is right or nothing more can be told.
pub fn typed<T: DeserializeOwned>(root: &Node, problems: &mut Problems) -> Option<T> {
    let mut tree = root.clone();
    // Keys taken out because of their value: that they are missing afterwards is no problem of its own.
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
        let path: Vec<Step> = track
            .path()
            .iter()
            .map_while(|segment| match segment {
                Segment::Seq { index } => Some(Step::Item(*index)),
                Segment::Map { key } => Some(Step::Key(key.clone())),
                Segment::Enum { .. } | Segment::Unknown => None,
            })
            .collect();
        if let Some(missing) = quoted(&error, "missing field `") {
            let mut full = path.clone();
            full.push(Step::from(missing));
            if !removed.contains(&full) {
                problems.push(tree.place(&path).problem(format!("key `{missing}` is missing")));
            }
            return None;
        }
        if !told(&tree, &path) {
            problems.push(explain(&tree, &path, &error));
        }
        // Out of a map goes the key. Out of a list goes the item, and then places in the list no longer fit, so that a
        // part of a list's item is never taken out by itself when the key is needed.
        if path.is_empty() || !tree.remove(&path) {
            return None;
        }
        removed.push(path.clone());
        // What a word was about (`wait: 3`) goes with the word: the map that is left would be wrong for want of it.
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

/// An empty map that is not written as one is what is left of a map whose keys have no values, which has been told.
fn told(tree: &Node, path: &[Step]) -> bool {
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

fn explain(tree: &Node, path: &[Step], error: &str) -> Diagnostic {
    let node = tree.find(path);
    for (before, what) in [("unknown field `", "key"), ("unknown variant `", "word")] {
        if let Some(wrong) = quoted(error, before) {
            let known: Vec<&str> = error
                .split_once(", ")
                .map(|(_, expected)| expected.split('`').skip(1).step_by(2).collect())
                .unwrap_or_default();
            let place = match (tree.key_place(path), path.last()) {
                (Some(place), Some(Step::Key(key))) if key == wrong => place,
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
                None if known.is_empty() => problem.help("no key is known here"),
                None => problem.help(format!("known here: `{}`", known.join("`, `"))),
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
            text => text.replace("boolean `", "the switch `").replace("integer `", "the number `"),
        };
        let problem = place.problem(format!("expected {expected}, found {found}"));
        return match (expected, found.starts_with("the number") || found.starts_with("the switch")) {
            ("a text", true) => problem.help("put it in quotes"),
            _ => problem,
        };
    }
    // Our own types say `what: write example`.
    match error.split_once(": write ") {
        Some((what, write)) => place.problem(what).help(format!("write {write}")),
        None => place.problem(error.replace("invalid value: ", "")),
    }
}
