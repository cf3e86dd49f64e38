//! Presets: `expect: rides` is replaced by the lines that it stands for.
//!
//! The replacement happens in the tree, after the values of the matrix are inserted and before anything is typed. A
//! value that comes from a preset has the place of the word that named the preset, so that a failure names a line of
//! the case.

use super::diagnostic::Problems;
use super::document::{Key, Kind, Node, Place};
use super::include::read_alone;
use super::project::Project;
use super::typed::typed;
use std::collections::BTreeMap;

/// The presets of a project.
#[derive(Debug, Default)]
pub struct Presets(BTreeMap<String, Node>);

/// The key that names a preset in an expectation that also has lines of its own.
const KEY: &str = "preset";

impl Presets {
    /// Reads `cases/presets.yaml` of the project and of its suite. A project without that file has no presets.
    pub fn read(project: &Project, problems: &mut Problems) -> Self {
        let mut all = BTreeMap::new();
        for path in project.shared("presets.yaml").iter().rev().filter(|path| path.exists()) {
            let before = problems.len();
            let Some(tree) = read_alone(path, problems) else { continue };
            // The types refuse what an expectation may not contain. The tree keeps what the file says.
            let typed = typed::<taprig_model::preset::Presets>(&tree, problems);
            if typed.is_none() || problems.len() > before {
                continue;
            }
            tree.once("presets", "preset", &all.keys().cloned().collect(), problems);
            let Some(Kind::Map(presets)) = tree.get("presets").map(|presets| &presets.kind) else { continue };
            all.extend(
                presets.iter().filter_map(|(key, preset)| Some((key.text.clone(), preset.get("expect")?.clone()))),
            );
        }
        Self(all)
    }

    /// Replaces the presets of a case: in its own expectation, and in those of its taps.
    pub fn put_into(&self, case: &mut Node, problems: &mut Problems) {
        let Kind::Map(entries) = &mut case.kind else { return };
        for (key, node) in entries {
            match (key.text.as_str(), &mut node.kind) {
                ("expect", _) => self.expand(node, problems),
                ("steps", Kind::List(steps)) => {
                    for step in steps {
                        if let Some(expect) = member(step, "tap").and_then(|tap| member(tap, "expect")) {
                            self.expand(expect, problems);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn expand(&self, expect: &mut Node, problems: &mut Problems) {
        let place = expect.place.clone();
        match &mut expect.kind {
            Kind::Scalar { text, .. } => {
                let name = text.clone();
                expect.kind = Kind::Map(self.entries(&name, &place, problems));
            }
            Kind::Map(own) => {
                let Some(at) = own.iter().position(|(key, _)| key.text == KEY) else { return };
                let (key, name) = own.remove(at);
                let Some(name) = name.text() else {
                    return problems.push(key.place.problem("`preset` needs a single name"));
                };
                for (line, node) in self.entries(name, &key.place, problems) {
                    if !own.iter().any(|(known, _)| known.text == line.text) {
                        own.push((line, node));
                    }
                }
            }
            Kind::List(_) => {}
        }
    }

    fn entries(&self, name: &str, place: &Place, problems: &mut Problems) -> Vec<(Key, Node)> {
        let Some(Node { kind: Kind::Map(entries), .. }) = self.0.get(name) else {
            let problem = place.problem(format!("there is no preset `{name}`"));
            problems.push(problem.nearest(name, self.0.keys().map(String::as_str)));
            return Vec::new();
        };
        let here = |(key, node): &(Key, Node)| {
            let mut node = node.clone();
            settle(&mut node, place);
            (Key { place: place.clone(), text: key.text.clone() }, node)
        };
        entries.iter().map(here).collect()
    }
}

fn member<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    match &mut node.kind {
        Kind::Map(entries) => entries.iter_mut().find(|(known, _)| known.text == key).map(|(_, node)| node),
        _ => None,
    }
}

/// Sets the place of a tree and of all its parts.
fn settle(node: &mut Node, place: &Place) {
    node.place = place.clone();
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().for_each(|item| settle(item, place)),
        Kind::Map(entries) => {
            for (key, node) in entries {
                key.place = place.clone();
                settle(node, place);
            }
        }
        Kind::Scalar { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;
    use crate::source::Source;
    use std::path::Path;

    fn tree(text: &str) -> Node {
        let source = Source::of_bytes(Path::new("test.yaml"), text.into()).unwrap();
        parse(&source, &mut Problems::default()).unwrap()
    }

    fn presets() -> Presets {
        let rides = tree("outcome: approved\nshows: [processing, approved]\ncharged: 1.00 CNY\n");
        Presets([("rides".to_owned(), rides)].into())
    }

    fn expanded(text: &str) -> (serde_json::Value, Problems) {
        let (mut case, mut problems) = (tree(text), Problems::default());
        presets().put_into(&mut case, &mut problems);
        (serde_json::to_value(case.to_value()).unwrap(), problems)
    }

    #[test]
    fn a_word_stands_for_its_lines_and_a_line_of_the_case_wins() {
        let text =
            "steps:\n- tap\n- tap: { expect: rides }\nexpect:\n  preset: rides\n  charged: 2.00 CNY\n  gate: open\n";
        let (case, problems) = expanded(text);
        assert!(problems.is_empty(), "{problems}");
        let rides =
            serde_json::json!({"outcome": "approved", "shows": ["processing", "approved"], "charged": "1.00 CNY"});
        assert_eq!(case["steps"][1]["tap"]["expect"], rides);
        let own = serde_json::json!({
            "charged": "2.00 CNY", "gate": "open", "outcome": "approved", "shows": ["processing", "approved"],
        });
        assert_eq!(case["expect"], own);
    }

    #[test]
    fn a_preset_that_is_not_there_is_told_with_the_nearest() {
        let (_, problems) = expanded("expect: ride\n");
        let text = problems.iter().map(ToString::to_string).collect::<String>();
        assert!(text.contains("there is no preset `ride`") && text.contains("rides"), "{text}");
    }

    #[test]
    fn a_case_without_presets_stays_as_it_is() {
        let text = "steps:\n- tap: { expect: { outcome: declined } }\n- wait: 3 s\nexpect: { gate: shut }\n";
        let (case, _) = expanded(text);
        assert_eq!(case, serde_json::to_value(tree(text).to_value()).unwrap());
    }
}
