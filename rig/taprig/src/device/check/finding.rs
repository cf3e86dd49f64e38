//! What a check of a device file has found, and where in the file.

use std::path::Path;

use taprig_case::document::{Node, PathStep};
use taprig_case::project::Fixture;
use taprig_case::{Diagnostic, Problems, Project};
use taprig_model::device::rules::Rules;
use taprig_model::device::{Device, Interface};
use taprig_record::mask;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The device contradicts its file, or the file lacks something that verdicts need.
    Wrong,
    /// A person should know it, but verdicts do not suffer from it.
    Note,
}

impl Weight {
    /// The word for it in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Note => "note",
        }
    }
}

/// A finding: its weight, its place in the device file, what was seen, and what to do.
#[derive(Debug, Clone)]
pub struct Finding {
    /// How much it weighs.
    pub weight: Weight,
    /// The place, what was seen, and what to do. Account numbers are masked.
    pub problem: Diagnostic,
}

/// Everything that a check has found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What was tried, in order.
    pub tried: Vec<String>,
    /// What the check can't try, or did not come to.
    pub untried: Vec<String>,
    /// The findings, in the order in which they were made.
    pub findings: Vec<Finding>,
    /// Lines of the device that no rule explains, masked. Each occurs once.
    pub unexplained: Vec<String>,
}

impl Report {
    /// The number of findings of this weight.
    #[must_use]
    pub fn count(&self, weight: Weight) -> usize {
        self.findings.iter().filter(|finding| finding.weight == weight).count()
    }

    /// Notes what was tried.
    pub(super) fn tried(&mut self, what: impl Into<String>) {
        self.tried.push(what.into());
    }

    /// Notes what was not tried.
    pub(super) fn untried(&mut self, what: impl Into<String>) {
        self.untried.push(what.into());
    }
}

/// The places in a device file.
#[derive(Debug)]
pub struct Places {
    tree: Node,
}

impl Places {
    /// Reads the places of this device file, with the files that it includes.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn read(project: &Project, path: &Path) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let tree = project.tree(Fixture::Device, path, &mut problems);
        match problems.into_result(tree)? {
            Some(tree) => Ok(Self { tree }),
            None => Err(Diagnostic::of_file(path, "the file can't be understood").into()),
        }
    }

    /// A finding at this way through the file. If the file lacks the end of the way, the place is the last part that it has.
    #[must_use]
    pub fn finding(&self, weight: Weight, way: &[PathStep], what: &str, help: &str) -> Finding {
        let masked = |text: &str| {
            let mut text = text.to_owned();
            mask::text(&mut text);
            text
        };
        let problem = match self.tree.get(first(way)) {
            Some(_) => self.tree.place(way).problem(masked(what)),
            None => Diagnostic::of_file(self.tree.place.source.path(), masked(what)),
        };
        Finding { weight, problem: problem.help(masked(help)) }
    }
}

fn first(way: &[PathStep]) -> &str {
    match way.first() {
        Some(PathStep::Key(key)) => key,
        _ => "",
    }
}

/// A way through a device file, from its top: `way(&["claims", "journal"])`.
#[must_use]
pub(super) fn way(keys: &[&str]) -> Vec<PathStep> {
    keys.iter().map(|key| PathStep::from(*key)).collect()
}

/// A way below `interface.rules`.
#[must_use]
pub(super) fn in_rules(keys: &[&str]) -> Vec<PathStep> {
    way(&[&["interface", "rules"], keys].concat())
}

/// The rule for events with this index.
#[must_use]
pub(super) fn event(index: usize) -> Vec<PathStep> {
    let mut way = in_rules(&["events"]);
    way.extend([PathStep::from(index), PathStep::from("line")]);
    way
}

/// Where the file says how a setting is changed, by its name in cases.
#[must_use]
pub(super) fn setting(device: &Device, key: &str) -> Vec<PathStep> {
    match &device.interface {
        Interface::Rules(rules) => rule_of_setting(rules, key),
        Interface::Native(_) => way(&["interface", "native", "commands", native_command(key)]),
        Interface::Adapter(_) | Interface::Operator(_) => way(&["interface"]),
    }
}

fn rule_of_setting(rules: &Rules, key: &str) -> Vec<PathStep> {
    let command = match key {
        "clock" => Some("clock"),
        "keys" => Some("key-add"),
        "deny-list" => Some("deny-add"),
        "revoked" => Some("revoke-add"),
        _ => None,
    };
    if let Some(command) = command {
        return in_rules(&["commands", command, "send"]);
    }
    let mut way = in_rules(&["settings"]);
    if let Some(index) = rules.settings.iter().position(|command| command.send.names().any(|name| name == key)) {
        way.extend([PathStep::from(index), PathStep::from("send")]);
    }
    way
}

fn native_command(key: &str) -> &'static str {
    match key {
        "clock" => "clock",
        "keys" => "key-add",
        "deny-list" => "deny-add",
        "revoked" => "revoke-add",
        _ => "set",
    }
}
