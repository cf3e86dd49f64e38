//! `include: other` merges a fixture with another one of the same kind.

use super::diagnostic::{Diagnostic, Problems};
use super::document::{self, Kind, Node};
use super::source::Source;
use std::path::{Path, PathBuf};

/// The tree of a file, merged with the files that it includes. The file's own keys take precedence. `settings` and
/// `claims` are merged key by key. `changes` are joined into one list, and those of the included file come first.
/// `find` takes the name of a fixture and returns its file and the names of all fixtures.
pub fn read(
    path: &Path,
    chain: &mut Vec<PathBuf>,
    problems: &mut Problems,
    find: &dyn Fn(&str) -> (PathBuf, Vec<String>),
) -> Option<Node> {
    let tree = Source::read(path).and_then(|source| document::parse(&source, problems));
    let mut tree = match tree {
        Ok(tree) => tree,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    if !matches!(tree.kind, Kind::Map(_)) {
        problems.push(tree.place.problem("the file has no keys").help("begin the file with `schema: 1`"));
        return None;
    }
    let Some((_, included)) = tree.take("include") else { return Some(tree) };
    let Some(name) = included.text() else {
        problems.push(included.place.problem("`include` needs a single name"));
        return None;
    };
    // A person who writes `include: other.yaml` means `include: other`.
    let name = name.strip_suffix(".yaml").unwrap_or(name);
    let (file, known) = find(name);
    if name.contains(['/', '\\']) || !known.iter().any(|known| known == name) {
        // This leaves out the file itself, whose name is often the longer one.
        let own = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        problems.push(
            included
                .place
                .problem(format!("there is no `{name}` to include"))
                .nearest(name, known.iter().map(String::as_str).filter(|known| *known != own)),
        );
        return None;
    }
    chain.push(path.into());
    if chain.contains(&file) {
        let way: Vec<String> =
            chain.iter().chain([&file]).filter_map(|path| Some(format!("`{}`", path.file_stem()?.to_str()?))).collect();
        problems.push(included.place.problem("the includes form a circle").help(way.join(" includes ")));
        return None;
    }
    let base = read(&file, chain, problems, find)?;
    chain.pop();
    Some(over(tree, base))
}

fn over(tree: Node, base: Node) -> Node {
    let (Kind::Map(entries), Kind::Map(mut merged)) = (tree.kind, base.kind) else {
        // `read` accepts no other kind.
        return Node { place: tree.place, kind: Kind::Map(Vec::new()) };
    };
    for (key, node) in entries {
        let Some((known_key, known)) = merged.iter_mut().find(|(known, _)| known.text == key.text) else {
            merged.push((key, node));
            continue;
        };
        match (key.text.as_str(), node.kind, &mut known.kind) {
            ("settings" | "claims", Kind::Map(own), Kind::Map(all)) => {
                for (name, value) in own {
                    all.retain(|(known, _)| known.text != name.text);
                    all.push((name, value));
                }
            }
            ("changes", Kind::List(own), Kind::List(changes)) => changes.extend(own),
            (_, kind, _) => {
                known.kind = kind;
                known.place = node.place;
                *known_key = key;
            }
        }
    }
    Node { place: tree.place, kind: Kind::Map(merged) }
}

/// Reads a file that can't include another file, such as a case.
pub fn read_alone(path: &Path, problems: &mut Problems) -> Option<Node> {
    let tree = Source::read(path).and_then(|source| document::parse(&source, problems));
    match tree {
        Ok(tree) if matches!(tree.kind, Kind::Map(_)) => Some(tree),
        Ok(tree) => {
            problems.push(tree.place.problem("the file has no keys").help("begin the file with `schema: 1`"));
            None
        }
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

/// The problem of a path that does not exist.
pub fn missing(path: &Path) -> Diagnostic {
    Diagnostic::of_file(path, "no such file or folder")
}
