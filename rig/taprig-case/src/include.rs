//! `include: other`: a fixture over another one of its kind.

use super::diagnostic::{Diagnostic, Problems};
use super::document::{self, Kind, Node};
use super::source::Source;
use std::path::{Path, PathBuf};

/// The tree of a file over those that it includes. The file's own keys win; `settings` and `claims` are taken together
/// key by key, and `changes` one after the other, those of the included file first. `find` gives the file of a name, and all names.
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
        problems.push(tree.place.problem("the file has no keys").help("begin with `schema: 1`"));
        return None;
    }
    let Some((_, included)) = tree.take("include") else { return Some(tree) };
    let Some(name) = included.text() else {
        problems.push(included.place.problem("`include` takes one name"));
        return None;
    };
    // `include: other.yaml` is meant as `include: other`.
    let name = name.strip_suffix(".yaml").unwrap_or(name);
    let (file, known) = find(name);
    if name.contains(['/', '\\']) || !known.iter().any(|known| known == name) {
        // Not the file itself, whose name is often the longer one.
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
        problems.push(included.place.problem("the includes go in a circle").help(way.join(" includes ")));
        return None;
    }
    let base = read(&file, chain, problems, find)?;
    chain.pop();
    Some(over(tree, base))
}

fn over(tree: Node, base: Node) -> Node {
    let (Kind::Map(entries), Kind::Map(mut merged)) = (tree.kind, base.kind) else {
        // `read` lets no other kind through.
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

/// Reads a file that includes nothing, such as a case.
pub fn read_alone(path: &Path, problems: &mut Problems) -> Option<Node> {
    let tree = Source::read(path).and_then(|source| document::parse(&source, problems));
    match tree {
        Ok(tree) if matches!(tree.kind, Kind::Map(_)) => Some(tree),
        Ok(tree) => {
            problems.push(tree.place.problem("the file has no keys").help("begin with `schema: 1`"));
            None
        }
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

/// For a path that is no file at all.
pub fn missing(path: &Path) -> Diagnostic {
    Diagnostic::of_file(path, "no such file or folder")
}
