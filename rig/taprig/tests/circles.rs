//! No two modules know each other: what is below does not look up. The compiler holds that between crates; this holds it
//! within those whose modules are meant to be layers.

#![expect(clippy::unwrap_used, reason = "a helper of tests, too")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Graph = BTreeMap<String, BTreeSet<String>>;

/// Crates, and pairs in them that know each other nevertheless. A pair that is no more has to be taken out here.
const CRATES: [(&str, &[(&str, &str)]); 4] = [
    ("firmware/validator", &[("command", "device"), ("journal", "store")]),
    ("rig/taprig-campaign", &[]),
    ("rig/taprig-card", &[]),
    // A run's result holds what its events tell, and its last event holds the sum of the result.
    ("rig/taprig-model", &[("event", "result")]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Words behind `crate::`, also those in braces.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_';
    let word = |text: &str| text.chars().take_while(is_part).collect::<String>();
    let mut names = BTreeSet::new();
    for (_, rest) in text.match_indices("crate::").map(|(at, name)| text.split_at(at + name.len())) {
        match rest.strip_prefix('{').and_then(|rest| rest.split_once(';')) {
            Some((list, _)) => names.extend(list.split([',', '{']).map(|part| word(part.trim_start()))),
            None => drop(names.insert(word(rest))),
        }
    }
    names
}

/// Which top modules of a crate each of them names, tests and comments left out.
fn graph(folder: &Path) -> Graph {
    let mut files = Vec::new();
    sources(folder, &mut files);
    let mut graph = Graph::new();
    for file in files {
        let inside = file.strip_prefix(folder).unwrap().with_extension("");
        let parts: Vec<_> = inside.iter().map(|part| part.to_str().unwrap()).collect();
        if matches!(parts[0], "lib" | "main") || parts.contains(&"tests") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines();
        let code: Vec<_> = code.filter(|line| !line.trim_start().starts_with("//")).collect();
        graph.entry(parts[0].to_owned()).or_default().extend(named(&code.join("\n")));
    }
    let modules: BTreeSet<String> = graph.keys().cloned().collect();
    for (module, names) in &mut graph {
        names.retain(|name| name != module && modules.contains(name));
    }
    graph
}

/// All modules that one leads to.
fn reached(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(module) = next.pop() {
        for name in graph.get(&module).into_iter().flatten() {
            if seen.insert(name.clone()) {
                next.push(name.clone());
            }
        }
    }
    seen
}

/// Pairs that know each other, over others or directly.
fn circles(graph: &Graph) -> BTreeSet<(String, String)> {
    let reached: BTreeMap<&str, _> = graph.keys().map(|module| (module.as_str(), reached(graph, module))).collect();
    let pairs = graph.keys().flat_map(|one| graph.keys().map(move |other| (one, other)));
    pairs
        .filter(|(one, other)| one < other && reached[one.as_str()].contains(*other))
        .filter(|(one, other)| reached[other.as_str()].contains(*one))
        .map(|(one, other)| (one.clone(), other.clone()))
        .collect()
}

#[test]
fn modules_of_a_crate_know_each_other_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (name, known) in CRATES {
        let known: BTreeSet<_> = known.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect();
        let graph = graph(&root.join(name).join("src"));
        assert!(graph.len() > 3, "{name}: {graph:?}");
        assert_eq!(circles(&graph), known, "{name}");
    }
}

#[test]
fn a_circle_is_seen_and_a_chain_is_none() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let graph = |pairs: &[(&str, &[&str])]| pairs.iter().map(|(name, to)| ((*name).to_owned(), names(to))).collect();
    assert_eq!(circles(&graph(&[("a", &["b"]), ("b", &["c"]), ("c", &[])])), BTreeSet::new());
    let ring = circles(&graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"])]));
    assert_eq!(ring.len(), 3, "{ring:?}");
    assert_eq!(named("use crate::{a::B, c};\nlet d = crate::e2::f();"), names(&["a", "c", "e2"]));
}

/// The crates of this repository that a manifest depends on, tests left out.
fn depends(root: &Path, name: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root.join("rig").join(name).join("Cargo.toml")).unwrap();
    let section = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let names = section.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
    let workspace = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let ours = |name: &&str| !name.is_empty() && workspace.contains(&format!("\n{name} = {{ path = "));
    names.filter(ours).map(str::to_owned).collect()
}

#[test]
fn the_manifests_agree_with_the_architecture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let table = text.split("| crate | knows |\n| --- | --- |\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let words = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let mut above: BTreeSet<String> = BTreeSet::new();
    for row in table.lines() {
        let cells: Vec<_> = row.split('|').collect();
        let name = words(cells[1]).remove(0);
        let mut stated: BTreeSet<String> = words(cells[2]).into_iter().collect();
        if let Some((but, _)) = cells[2].split_once(", and `board-sim`") {
            let but: BTreeSet<String> = words(but.trim_start_matches(" all crates above")).into_iter().collect();
            stated = &above - &but;
            stated.insert("board-sim".into());
        }
        assert_eq!(depends(&root, &name), stated, "{name}: ARCHITECTURE.md says otherwise than its manifest");
        above.insert(name);
    }
    let crates = fs::read_dir(root.join("rig"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().join("Cargo.toml").is_file());
    assert_eq!(crates.count(), above.len(), "a crate of rig/ is missing in the table");
}
