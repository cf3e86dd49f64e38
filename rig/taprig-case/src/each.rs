//! The matrix, which makes several sub-cases from one file.

use super::diagnostic::Problems;
use super::document::{Key, Kind, Node, Place};
use std::collections::{BTreeMap, BTreeSet};
use taprig_model::name::Name;

/// A sub-case before it is typed.
pub struct Expanded {
    /// The value that names the sub-case, or `None` for a case without a matrix.
    pub name: Option<Name>,
    /// The tree of the case, with the values inserted and `each` removed.
    pub tree: Node,
}

/// The sub-cases of a case. Problems of the matrix are added to `problems`.
pub fn expand(mut tree: Node, problems: &mut Problems) -> Vec<Expanded> {
    let Some((key, each)) = tree.take("each") else {
        let refused = refuse_names(&tree, &BTreeSet::new(), problems);
        return if refused { Vec::new() } else { vec![Expanded { name: None, tree }] };
    };
    let Kind::List(entries) = &each.kind else {
        problems
            .push(key.place.problem("`each` must be a list").help("write `each:` and below it `- {name: value, ...}`"));
        return Vec::new();
    };
    if entries.is_empty() {
        problems.push(key.place.problem("`each` is empty").help("remove it"));
        return Vec::new();
    }
    let mut used = BTreeSet::new();
    names_in(&tree, &mut |name, _| {
        used.insert(name.to_string());
    });
    let mut seen: BTreeMap<Name, usize> = BTreeMap::new();
    let mut all = Vec::new();
    let mut first_names: Option<BTreeSet<&str>> = None;
    for entry in entries {
        let Kind::Map(values) = &entry.kind else {
            problems.push(entry.place.problem("an entry of `each` must be a map").help("write `- {name: value, ...}`"));
            continue;
        };
        if let Some((key, _)) = values.iter().find(|(_, value)| value.text().is_none()) {
            problems.push(key.place.problem(format!("value `{}` of `each` is not a single word", key.text)));
            continue;
        }
        let names: BTreeSet<&str> = values.iter().map(|(key, _)| key.text.as_str()).collect();
        for (key, _) in values {
            if key.text != "name" && !used.contains(&key.text) {
                let problem = key.place.problem(format!("`{{{}}}` is not used in this case", key.text));
                problems.push(problem.nearest(&key.text, used.iter().map(String::as_str)));
            }
        }
        match &first_names {
            None => first_names = Some(names),
            Some(first) => {
                if let Some(missing) = first.iter().find(|name| !names.contains(*name) && **name != "name") {
                    problems
                        .push(entry.place.problem(format!("this entry has no `{missing}`, but other entries have it")));
                    continue;
                }
            }
        }
        let Some(name) = name_of(values, problems) else { continue };
        let line = entry.place.source.line_column(entry.place.bytes.start).0;
        if let Some(first) = seen.insert(name.clone(), line) {
            problems.push(
                entry
                    .place
                    .problem(format!("two sub-cases have the name `{name}`"))
                    .help(format!("the other one is in line {first}; give each entry its own `name`")),
            );
            continue;
        }
        let known = values.iter().map(|(key, _)| key.text.clone()).collect();
        if refuse_names(&tree, &known, problems) {
            continue;
        }
        let mut sub = tree.clone();
        put_in(&mut sub, values);
        all.push(Expanded { name: Some(name), tree: sub });
    }
    all
}

/// The value of `name`, or else the first value, in characters that names allow.
fn name_of(values: &[(Key, Node)], problems: &mut Problems) -> Option<Name> {
    let (_, value) = values.iter().find(|(key, _)| key.text == "name").or_else(|| values.first())?;
    let text = value.text()?;
    let mut slug = String::new();
    for c in text.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' | '.' => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    match slug.trim_end_matches(['-', '.']).trim_start_matches('.').parse() {
        Ok(name) => Some(name),
        Err(_) => {
            problems.push(
                value
                    .place
                    .problem(format!("`{text}` can't be the name of a sub-case"))
                    .help("give the entry a `name` of letters and digits"),
            );
            None
        }
    }
}

/// The parts of a text: plain text and names in braces.
fn parts(text: &str) -> Vec<(bool, &str)> {
    let mut parts = Vec::new();
    let mut rest = text;
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let mut from = 0;
    while let Some(open) = rest[from..].find('{').map(|at| from + at) {
        match rest[open + 1..].find('}').map(|at| open + 1 + at) {
            Some(close) if is_name(&rest[open + 1..close]) => {
                parts.push((false, &rest[..open]));
                parts.push((true, &rest[open + 1..close]));
                rest = &rest[close + 1..];
                from = 0;
            }
            _ => from = open + 1,
        }
    }
    parts.push((false, rest));
    parts
}

fn names_in(node: &Node, visit: &mut dyn FnMut(&str, &Place)) {
    let mut visit_text = |text: &str, place: &Place| {
        for (_, name) in parts(text).into_iter().filter(|(is_name, _)| *is_name) {
            visit(name, place);
        }
    };
    match &node.kind {
        Kind::Scalar { text, .. } => visit_text(text, &node.place),
        Kind::List(items) => items.iter().for_each(|item| names_in(item, visit)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                for (_, name) in parts(&key.text).into_iter().filter(|(is_name, _)| *is_name) {
                    visit(name, &key.place);
                }
                names_in(value, visit);
            }
        }
    }
}

/// Reports a name in braces if it is unknown. Returns true in that case.
fn refuse_names(tree: &Node, known: &BTreeSet<String>, problems: &mut Problems) -> bool {
    let mut refused = false;
    names_in(tree, &mut |name, place| {
        if !known.contains(name) {
            let problem = place.problem(format!("the matrix has no value `{{{name}}}`"));
            problems.push(match known.is_empty() {
                true => problem.help("this case has no `each`"),
                false => problem.nearest(name, known.iter().map(String::as_str)),
            });
            refused = true;
        }
    });
    refused
}

fn put_in(node: &mut Node, values: &[(Key, Node)]) {
    let value = |name: &str| values.iter().find(|(key, _)| key.text == name).map(|(_, value)| &value.kind);
    let as_text = |text: &str| -> String {
        parts(text)
            .into_iter()
            .map(|(is_name, part)| match value(part).filter(|_| is_name) {
                Some(Kind::Scalar { text, .. }) => text.as_str(),
                _ => part,
            })
            .collect()
    };
    match &mut node.kind {
        Kind::Scalar { text, .. } => match parts(text)[..] {
            // If the value is the whole text, it keeps its type. A number stays a number.
            [(_, ""), (true, name), (_, "")] => {
                if let Some(kind) = value(name) {
                    node.kind = kind.clone();
                }
            }
            [_] => {}
            _ => *text = as_text(text),
        },
        Kind::List(items) => items.iter_mut().for_each(|item| put_in(item, values)),
        Kind::Map(entries) => {
            for (key, node) in entries {
                key.text = as_text(&key.text);
                put_in(node, values);
            }
        }
    }
}
