//! Checks of a device file: claims that its interface can't keep, and rules that lack something.

use std::collections::BTreeSet;
use std::path::Path;

use taprig_model::device::{Claim, Device, Fixed, Interface, NOT_WRITTEN, UNFINISHED, claim};

use super::settings;
use crate::diagnostic::Problems;
use crate::document::{Key, Kind, Node, PathStep, parse};
use crate::project::Project;
use crate::source::Source;
use crate::typed::typed;

/// Reports everything that types can't express.
pub(super) fn check(project: &Project, node: &Node, problems: &mut Problems) {
    native(node, problems);
    if let Some(fixed) = node.get("fixed").and_then(|node| typed::<Fixed>(node, &mut Problems::default())) {
        settings(project, &fixed.settings, node, &path!["fixed"], problems);
        let lists = [
            ("deny-list", fixed.settings.deny_list.map(|list| list.len())),
            ("revoked", fixed.settings.revoked.map(|list| list.len())),
        ];
        for (key, _) in lists.iter().filter(|(_, length)| length.is_some_and(|length| length > 0)) {
            let problem = node.place(&path!["fixed", *key]).problem("a list that can't be told has to be empty");
            problems.push(problem.help(format!("write `{key}: []`; no case could use the entries")));
        }
    }
    let before = problems.len();
    unfinished(node, problems);
    if problems.len() > before {
        // Whether the rules fit together shows only when all of them are there.
        return;
    }
    // Whatever does not fit the types is reported by the caller.
    let Some(device) = typed::<Device>(node, &mut Problems::default()) else { return };
    reasons(project, &device, node, problems);
    if device.claims(claim::UPLINK) && device.interface.native().is_none() {
        let problem =
            node.place(&path!["claims", claim::UPLINK]).problem("only the interface `native` can keep this claim");
        problems.push(problem.help("withdraw the claim"));
    }
    for (name, stated) in &device.claims {
        let in_numbers = claim::IN_NUMBERS.contains(&name.as_str());
        let (what, help) = match stated {
            Claim::Made(true) if in_numbers => {
                ("this claim is a number", "write the number, or `false` if the device does not have the function")
            }
            Claim::Number(_) if !in_numbers => ("this claim is no number", "write `true` or `false`"),
            Claim::Made(_) | Claim::Number(_) => continue,
        };
        problems.push(node.place(&path!["claims", name.as_str()]).problem(what).help(help));
    }
    for claim in claim::OF_FARES {
        if device.claims(claim) && matches!(device.interface, Interface::Rules(_)) {
            let problem = node.place(&path!["claims", claim]).problem("the interface `rules` can't set a fare policy");
            problems.push(problem.help("withdraw the claim, or write an adapter program"));
        }
    }
    if let Interface::Rules(rules) = &device.interface {
        settings(project, &rules.initial, node, &path!["interface", "rules", "initial"], problems);
        for problem in rules.problems(&device) {
            let place = node.place(&steps(node, &problem.way));
            problems.push(place.problem(problem.what).help(problem.help));
        }
    }
}

/// Reports each value that is still a note of what has to stand there. Most types would take it for a value.
fn unfinished(node: &Node, problems: &mut Problems) {
    match &node.kind {
        Kind::Scalar { text, .. } => {
            if let Some(wanted) = text.strip_prefix(UNFINISHED) {
                let problem = node.place.problem(NOT_WRITTEN);
                problems.push(problem.help(format!("replace the text with {}", wanted.trim())));
            }
        }
        Kind::List(items) => items.iter().for_each(|item| unfinished(item, problems)),
        Kind::Map(entries) => entries.iter().for_each(|(_, node)| unfinished(node, problems)),
    }
}

/// The device file of the reference device. It lists every claim of the suite, with its meaning.
const REFERENCE: &str = include_str!("../../../../fixtures/devices/taprig-reference.yaml");

/// The claims that something rests on: those of the suite, those that the engine names, and those that the cases of the
/// project name. A project may have only some cases of the suite, so its cases alone are not enough.
pub(crate) fn known_claims<'a>(cases: impl IntoIterator<Item = &'a Node>) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = claim::ALL.map(str::to_owned).into();
    let reference = Source::of_bytes(Path::new("taprig-reference.yaml"), REFERENCE.into()).ok();
    let reference = reference.and_then(|source| parse(&source, &mut Problems::default()).ok());
    known.extend(claims_of(reference.as_ref()).map(|claim| claim.text.clone()));
    for case in cases {
        if let Some(Kind::List(claims)) = case.get("applies").map(|node| &node.kind) {
            known.extend(claims.iter().filter_map(Node::text).map(str::to_owned));
        }
    }
    known
}

/// Reports claims that nothing rests on. Such a claim is misspelled: the cases that need the right one would not apply.
pub(crate) fn claims(node: &Node, known: &BTreeSet<String>, problems: &mut Problems) {
    for claim in claims_of(Some(node)).filter(|claim| !known.contains(&claim.text)) {
        let problem = claim.place.problem(format!("no case needs the claim `{}`", claim.text));
        problems.push(problem.nearest(&claim.text, known.iter().map(String::as_str)));
    }
}

fn claims_of(device: Option<&Node>) -> impl Iterator<Item = &Key> {
    let entries = match device.and_then(|device| device.get("claims")).map(|claims| &claims.kind) {
        Some(Kind::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().map(|(claim, _)| claim)
}

/// A code of the device stands for reasons that cases may expect.
fn reasons(project: &Project, device: &Device, node: &Node, problems: &mut Problems) {
    let known = super::reasons(project, &mut Problems::default());
    for (code, meant) in &device.words.reasons {
        let way = path!["words", "reasons", code.as_str()];
        if meant.0.is_empty() {
            let problem = node.place(&way).problem(format!("the code `{code}` stands for no reason"));
            problems.push(problem.help("name at least one reason, or leave the code out: then it is not judged"));
        }
        for reason in &meant.0 {
            let Some(known) = known.as_ref().filter(|known| !known.contains(reason)) else { continue };
            let problem = node.place(&way).problem(format!("unknown reason `{reason}`"));
            problems.push(problem.nearest(reason, known.iter().map(String::as_str)));
        }
    }
}

/// The way through the tree. A number is an index where the tree has a list.
fn steps(node: &Node, way: &[String]) -> Vec<PathStep> {
    let mut steps: Vec<PathStep> = Vec::new();
    for step in way {
        let is_list = node.find(&steps).is_some_and(|node| matches!(node.kind, Kind::List(_)));
        steps.push(match step.parse() {
            Ok(index) if is_list => PathStep::Item(index),
            _ => PathStep::from(step.as_str()),
        });
    }
    steps
}

/// A device that claims to report something needs the command by which the rig asks for it. One that claims SM2 needs the
/// command that gives it such a key.
fn native(node: &Node, problems: &mut Problems) {
    let needed = [
        (claim::STATUS, "status"),
        (claim::JOURNAL, "journal"),
        (claim::JOURNAL, "journal-clear"),
        (claim::UPLINK, "uplink"),
        ("sm2", "key-add-sm2"),
    ];
    for (claim, command) in needed.into_iter().chain(claim::OF_FARES.map(|claim| (claim, "fares"))) {
        let way = path!["claims", claim];
        let claimed = node.find(&way).and_then(Node::text) == Some("true");
        let native = node.find(&path!["interface", "native", "commands"]);
        if claimed && native.is_some() && node.find(&path!["interface", "native", "commands", command]).is_none() {
            let problem = node.place(&way).problem(format!("this claim needs the command `{command}`"));
            problems.push(problem.help("add it under `interface.native.commands`, or withdraw the claim"));
        }
    }
}
