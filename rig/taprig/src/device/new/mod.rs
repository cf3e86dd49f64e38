//! Writes a device file from answers: those of a file, or those of a person who is asked one question after the other.
//!
//! [`ask`] makes [`Answers`] of what a person types, and [`page`] makes the text of the device file. Values that nobody knows
//! yet become notes that begin with [`UNFINISHED`], so that `taprig check` refuses the file
//! until they are written.

pub mod ask;
pub mod page;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use taprig_case::document::{Kind, Node, PathStep};
use taprig_case::project::Fixture;
use taprig_case::typed::typed;
use taprig_case::{Diagnostic, Problems, Project, include};
use taprig_model::device::answers::{Answers, InterfaceKind};
use taprig_model::device::rules::EventKind;
use taprig_model::device::{Device, UNFINISHED, claim};
use taprig_model::settings::Settings;
use taprig_model::validator::Validator;

/// The profile that most cases set.
const PROFILE: &str = "bus-base";

/// Claims that are made if nobody says anything else.
pub const FIRST_CLAIMS: [&str; 2] = ["bus", "oda-online"];

/// Labels that do not change what a validator does.
const LABELS: [&str; 5] = ["county", "line", "route", "bus", "driver"];

/// What a project knows about devices.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Every claim, and the sentence that says what it means, if a device file has one.
    pub claims: BTreeMap<String, Option<String>>,
    /// The messages that cases expect.
    pub messages: BTreeSet<String>,
    /// The settings that most cases make.
    pub settings: Settings,
}

impl Catalog {
    /// Reads the device files and the profile of a project. A file that is wrong is left out, because `taprig check` reports it.
    #[must_use]
    pub fn read(project: &Project) -> Self {
        let mut catalog = Self::default();
        catalog.claims.extend(claim::ALL.map(|claim| (claim.to_owned(), None)));
        let mut denied = BTreeMap::new();
        for name in project.names(Fixture::Device) {
            if let Ok(device) = project.load::<Device>(Fixture::Device, &name) {
                catalog.messages.extend(device.words.messages.into_values());
            }
            catalog.read_claims(project, &name, &mut denied);
        }
        for (claim, sentence) in denied {
            catalog.claims.entry(claim).or_default().get_or_insert(sentence);
        }
        if let Ok(profile) = project.load::<Validator>(Fixture::Validator, PROFILE) {
            catalog.settings = profile.settings;
        }
        catalog
    }

    /// The claims of a device file, with the comments behind them. A comment behind a claim that is not made may be about the
    /// device and not about the claim, so it is only `denied`.
    fn read_claims(&mut self, project: &Project, device: &str, denied: &mut BTreeMap<String, String>) {
        let path = project.file(Fixture::Device, device);
        let Some(tree) = project.tree(Fixture::Device, &path, &mut Problems::default()) else { return };
        let Some(Kind::Map(claims)) = tree.get("claims").map(|node| &node.kind) else { return };
        for (key, value) in claims {
            let text = value.place.source.text();
            let rest = text.get(value.place.bytes.end..).unwrap_or_default().lines().next().unwrap_or_default();
            let sentence = rest.trim_start().strip_prefix("# ").map(|sentence| sentence.trim().to_owned());
            let known = self.claims.entry(key.text.clone()).or_default();
            match sentence {
                Some(sentence) if value.text() == Some("true") => drop(known.get_or_insert(sentence)),
                Some(sentence) => drop(denied.entry(key.text.clone()).or_insert(sentence)),
                None => {}
            }
        }
    }

    /// The claims that a device with this interface can make by its answers, with their sentences.
    pub fn possible<'a>(&'a self, answers: &'a Answers) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let claims = self.claims.iter().map(|(name, sentence)| (name.as_str(), sentence.as_deref()));
        claims.filter(|(name, _)| can_claim(answers, name))
    }
}

/// The settings that the device can be told by a console that rules describe, by their names in templates.
pub(super) fn can_be_told(answers: &Answers) -> BTreeSet<String> {
    let console = &answers.console;
    let mut told: BTreeSet<String> = console.told.iter().cloned().collect();
    told.extend(console.settings.iter().flat_map(|template| template.names().map(str::to_owned)));
    // A fare is told as a whole.
    if ["fare", "discount", "one-cent"].iter().any(|part| told.contains(*part)) {
        told.extend(["fare", "discount", "one-cent"].map(str::to_owned));
    }
    for (setting, command) in
        [("clock", "clock"), ("keys", "key-add"), ("deny-list", "deny-add"), ("revoked", "revoke-add")]
    {
        if console.commands.contains_key(command) {
            told.insert(setting.to_owned());
        }
    }
    told
}

/// Whether the answers leave room for a claim. What the interface can't do is not claimed.
fn can_claim(answers: &Answers, claim: &str) -> bool {
    // Such a claim is no answer to a question of yes or no.
    if claim::IN_NUMBERS.contains(&claim) {
        return false;
    }
    let tells_itself = [claim::STATUS, claim::JOURNAL, claim::TELLS_REASON, claim::TELLS_CVM];
    match answers.interface {
        InterfaceKind::Native => true,
        InterfaceKind::Adapter => claim != claim::NATIVE_CONSOLE,
        InterfaceKind::Operator => claim != claim::NATIVE_CONSOLE && !tells_itself.contains(&claim),
        InterfaceKind::Rules => {
            let console = &answers.console;
            let has = |command: &str| console.commands.contains_key(command);
            let told = can_be_told(answers);
            let result = page::tells(console).contains(&EventKind::Result);
            let pattern = console.events.get(&EventKind::Result);
            let group = |name: &str| result && pattern.is_none_or(|pattern| pattern.names().any(|group| group == name));
            match claim {
                claim::NATIVE_CONSOLE => false,
                claim::STATUS => has("status"),
                claim::JOURNAL => has("journal") && has("journal-clear"),
                claim::TELLS_REASON => group("reason"),
                claim::TELLS_CVM => group("cvm"),
                "exception-file" => has("deny-add"),
                "revocation-list" => has("revoke-add"),
                "debit-bar" => told.contains("debit"),
                "journal-capacity" => told.contains("capacity"),
                "merchant-maximum-setting" => told.contains("merchant-max"),
                "ttq-setting" => told.contains("ttq"),
                _ => true,
            }
        }
    }
}

/// Reads answers from a file.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn read(path: &Path, catalog: &Catalog) -> Result<Answers, Problems> {
    let mut problems = Problems::default();
    let Some(tree) = include::read_alone(path, &mut problems) else {
        return Err(problems.into_result(()).err().unwrap_or_default());
    };
    let answers: Option<Answers> = typed(&tree, &mut problems);
    if let Some(answers) = &answers {
        names(answers, &tree, catalog, &mut problems);
    }
    match problems.into_result(answers)? {
        Some(answers) => Ok(answers),
        None => Err(Diagnostic::of_file(path, "the file can't be understood").into()),
    }
}

/// Reports names that do not exist. They would be lost silently otherwise.
fn names(answers: &Answers, tree: &Node, catalog: &Catalog, problems: &mut Problems) {
    let mut check = |way: &[PathStep], what: &str, name: &str, known: &[&str]| {
        if !known.contains(&name) {
            let place = tree.key_place(way).unwrap_or_else(|| tree.place(way));
            problems.push(place.problem(format!("unknown {what} `{name}`")).nearest(name, known.iter().copied()));
        }
    };
    let way = |steps: &[&str]| steps.iter().map(|step| PathStep::from(*step)).collect::<Vec<_>>();
    let commands = page::COMMANDS.map(|(name, ..)| name);
    let console = &answers.console;
    for name in console.commands.keys() {
        check(&way(&["console", "commands", name]), "command", name, &commands);
    }
    for name in console.lines.keys() {
        check(&way(&["console", "lines", name]), "command", name, &commands);
    }
    let settings = Settings::keys_of_pairs();
    for (index, name) in console.told.iter().enumerate() {
        let mut way = way(&["console", "told"]);
        way.push(PathStep::from(index));
        check(&way, "setting", name, &settings);
    }
    let claims: Vec<&str> = catalog.claims.keys().map(String::as_str).collect();
    for claim in answers.claims.iter().flatten() {
        check(&way(&["claims"]), "claim", claim.as_str(), &claims);
    }
}

/// The number of values in a text of a device file that are not written yet.
#[must_use]
pub fn unfinished(text: &str) -> usize {
    let begins = format!("'{UNFINISHED}");
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.map(|line| line.matches(&begins).count()).sum()
}
