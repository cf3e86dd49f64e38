//! Where a case's expectations stand, so that a failure names the line that a person wrote.

use super::document::{Kind, Node, Place, Step};
use std::collections::BTreeMap;

/// Lines of a case's file, from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    case: Wanted,
    steps: Vec<Wanted>,
}

/// Expectations that stand together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of all of them: the word `expect`, or the step where it has none.
    line: Option<usize>,
    /// Of each, by the words of checks: `outcome`, `tag 9F26`.
    each: BTreeMap<String, usize>,
}

impl Lines {
    /// Of a case's tree, before or after it was typed: places stay what they are in the file.
    #[must_use]
    pub fn of(tree: &Node) -> Self {
        let steps = match tree.get("steps").map(|steps| &steps.kind) {
            Some(Kind::List(steps)) => (0..steps.len()).map(|index| Wanted::of_step(tree, index)).collect(),
            _ => vec![],
        };
        Self { case: Wanted::of(tree, &["expect".into()]), steps }
    }

    /// What the case expects of itself.
    #[must_use]
    pub fn case(&self) -> &Wanted {
        &self.case
    }

    /// What the case expects of a step, counted from 0.
    #[must_use]
    pub fn step(&self, index: usize) -> Option<&Wanted> {
        self.steps.get(index)
    }
}

impl Wanted {
    /// The line of an expectation, or that of the nearest thing around it.
    #[must_use]
    pub fn line(&self, what: &str) -> Option<usize> {
        self.each.get(what).copied().or(self.line)
    }

    fn of_step(tree: &Node, index: usize) -> Self {
        let step = vec!["steps".into(), Step::Item(index)];
        let below =
            |words: &[&str]| [&step[..], &words.iter().map(|word| Step::from(*word)).collect::<Vec<_>>()].concat();
        for words in [["tap", "expect"], ["console", "expect"]] {
            if tree.find(&below(&words)).is_some() {
                return Self::of(tree, &below(&words));
            }
        }
        Self::of(tree, &step)
    }

    fn of(tree: &Node, way: &[Step]) -> Self {
        let Some(node) = tree.find(way) else { return Self::default() };
        // That of the key, as its value may begin lines below.
        let line = line(&tree.key_place(way).unwrap_or_else(|| tree.place(way)));
        let mut each = BTreeMap::new();
        if let Kind::Map(entries) = &node.kind {
            for (key, value) in entries {
                each.insert(key.text.clone(), self::line(&key.place));
                if let (Kind::Map(tags), "tags") = (&value.kind, key.text.as_str()) {
                    let tags = tags.iter();
                    each.extend(
                        tags.map(|(tag, _)| (format!("tag {}", tag.text.to_uppercase()), self::line(&tag.place))),
                    );
                }
            }
        }
        Self { line: Some(line), each }
    }
}

fn line(place: &Place) -> usize {
    place.source.line_column(place.bytes.start).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Problems;
    use crate::document::parse;
    use crate::source::Source;
    use std::path::Path;

    const CASE: &str = "\
id: BUS-001
steps:
  - tap
  - tap:
      expect:
        outcome: approved
        tags:
          9f26: present
  - console:
      send: status
      expect:
        - ok*
  - tap: { card: other,
      expect: { charged: 1.00 CNY,
        gate: open } }
expect:
  shows:
    - approved
";

    #[test]
    fn each_expectation_has_its_line() {
        let source = Source::of_bytes(Path::new("BUS-001.yaml"), CASE.into()).unwrap();
        let lines = Lines::of(&parse(&source, &mut Problems::default()).unwrap());
        let step = |index, what: &str| lines.step(index).and_then(|wanted| wanted.line(what));
        assert_eq!(step(0, "ready again (tap 1)"), Some(3), "it expects nothing: its own line");
        assert_eq!((step(1, "outcome"), step(1, "tag 9F26"), step(1, "tap")), (Some(6), Some(8), Some(5)));
        assert_eq!(step(2, "reply to `status`"), Some(11));
        assert_eq!((step(3, "charged"), step(3, "gate")), (Some(14), Some(15)));
        assert_eq!(step(4, "outcome"), None);
        assert_eq!((lines.case().line("shows"), lines.case().line("transcript")), (Some(17), Some(16)));
        assert_eq!(Lines::default().case().line("shows"), None);
    }
}
