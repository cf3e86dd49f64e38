//! No two modules know each other: what is below does not look up. The compiler holds that between crates; this holds it
//! within every crate of the workspace.

#![expect(clippy::unwrap_used, reason = "a helper of tests, too")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Graph = BTreeMap<String, BTreeSet<String>>;

/// What a module knows although the other one knows it, too, over others or directly: crate, module, and what it knows. All else
/// that modules know must be free of circles. An entry that is no longer needed has to be taken out here.
const EXCUSED: [(&str, &str, &str); 7] = [
    // A command acts on the device that received it. The device knows only how to carry out a line.
    ("firmware/validator", "command", "device"),
    // The store opens the journal and writes its records. The journal's own file says how the store appends a ride.
    ("firmware/validator", "store", "journal"),
    // A project checks each fixture that it loads, and a check loads the fixtures that this fixture names.
    ("rig/taprig-case", "project", "check"),
    // A sub-case knows the lines of its criteria, and the criteria are made of a sub-case.
    ("rig/taprig-case", "criteria", "suite"),
    // A diagnostic shows its place in a source, and a source that can't be read is a diagnostic.
    ("rig/taprig-case", "source", "diagnostic"),
    // A run's result holds what its events tell, and its last event holds the sum of the result.
    ("rig/taprig-model", "event", "result"),
    // A recorder makes the scopes that emit into it.
    ("rig/taprig-record", "writer", "scope"),
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

/// Words behind `crate::`, or behind another way to the top of a crate, also those in braces.
fn named(text: &str, top: &str) -> BTreeSet<String> {
    let is_part = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_';
    let word = |text: &str| text.chars().take_while(is_part).collect::<String>();
    // `super::super::` does not contain `super::`, and `my_crate::` does not contain `crate::`.
    let begins = |at: &usize| !text[..*at].ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'));
    let mut names = BTreeSet::new();
    for (at, way) in text.match_indices(top).filter(|(at, _)| begins(at)) {
        let rest = &text[at + way.len()..];
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
        if matches!(parts[0], "lib" | "main" | "bin") || parts.contains(&"tests") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines();
        let code = code.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        // From the module of `link/port.rs` two `super` lead to the top, from that of `link/mod.rs` one.
        let depth = parts.iter().filter(|part| **part != "mod").count();
        let known = graph.entry(parts[0].to_owned()).or_default();
        known.extend(named(&code, "crate::"));
        known.extend(named(&code, &"super::".repeat(depth)));
    }
    let modules: BTreeSet<String> = graph.keys().cloned().collect();
    for (module, names) in &mut graph {
        names.retain(|name| name != module && modules.contains(name));
    }
    graph
}

/// The folders of all crates: whatever has a manifest.
fn crates(root: &Path, inside: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join(inside)).unwrap() {
        let name = format!("{inside}/{}", entry.unwrap().file_name().to_str().unwrap());
        if root.join(&name).join("Cargo.toml").is_file() {
            found.push(name);
        } else if root.join(&name).is_dir() {
            found.extend(crates(root, &name));
        }
    }
    found
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

/// What is wrong with the modules of a crate whose modules know each other like this, if these are excused.
fn wrong(graph: &Graph, excused: &[(&str, &str)]) -> Vec<String> {
    let without = |excused: &[(&str, &str)]| {
        let mut graph = graph.clone();
        for (module, known) in excused {
            graph.get_mut(*module).map(|names| names.remove(*known));
        }
        circles(&graph)
    };
    let mut wrong = Vec::new();
    let left = without(excused);
    if !left.is_empty() {
        wrong.push(format!("these modules know each other: {left:?}"));
    }
    for (at, (module, known)) in excused.iter().enumerate() {
        if without(&[&excused[..at], &excused[at + 1..]].concat()) == left {
            wrong.push(format!("it is needless to excuse that {module} knows {known}"));
        }
    }
    wrong
}

#[test]
fn modules_of_a_crate_know_each_other_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let crates = [crates(&root, "rig"), crates(&root, "firmware")].concat();
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let members = manifest.split("members = [").nth(1).unwrap().split(']').next().unwrap();
    for member in members.split('"').skip(1).step_by(2).filter(|member| !member.starts_with("ci/")) {
        assert!(crates.iter().any(|name| name == member), "{member} is not looked at");
    }
    for (name, ..) in EXCUSED {
        assert!(crates.iter().any(|known| known == name), "there is no crate {name}");
    }
    let mut large = 0;
    for name in &crates {
        let excused: Vec<_> =
            EXCUSED.iter().filter(|(of, ..)| of == name).map(|(_, one, other)| (*one, *other)).collect();
        let graph = graph(&root.join(name).join("src"));
        large += usize::from(graph.values().any(|known| !known.is_empty()));
        assert_eq!(wrong(&graph, &excused), Vec::<String>::new(), "{name}");
    }
    assert!(large > 20, "in only {large} crates a module knows another one: this test does not see them");
}

#[test]
fn a_circle_is_seen_and_a_chain_is_none() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let graph = |pairs: &[(&str, &[&str])]| pairs.iter().map(|(name, to)| ((*name).to_owned(), names(to))).collect();
    assert_eq!(circles(&graph(&[("a", &["b"]), ("b", &["c"]), ("c", &[])])), BTreeSet::new());
    let ring = circles(&graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"])]));
    assert_eq!(ring.len(), 3, "{ring:?}");
    let code = "use crate::{a::B, c};\nlet d = crate::e2::f();\nuse super::g;\nuse super::super::h;\nuse my_crate::i;";
    assert_eq!(named(code, "crate::"), names(&["a", "c", "e2"]));
    assert_eq!(named(code, "super::super::"), names(&["h"]));
    // One level down, `super::super` is beyond the crate.
    assert_eq!(named(code, "super::"), names(&["g", "super"]));
}

#[test]
fn an_excuse_must_be_needed_and_enough() {
    let graph = |pairs: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (one, other) in pairs {
            graph.entry((*one).to_owned()).or_default().insert((*other).to_owned());
            graph.entry((*other).to_owned()).or_default();
        }
        graph
    };
    let ring = graph(&[("a", "b"), ("b", "a"), ("b", "c")]);
    assert!(wrong(&ring, &[("b", "a")]).is_empty());
    assert!(wrong(&ring, &[])[0].contains("know each other"));
    for needless in [[("b", "a"), ("b", "c")], [("b", "a"), ("x", "y")]] {
        assert_eq!(wrong(&ring, &needless).len(), 1, "{needless:?}");
    }
    assert!(wrong(&graph(&[("a", "b")]), &[("a", "b")])[0].contains("needless"));
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
