//! Checks that types can't express: names that must exist, and values that must fit together.

macro_rules! path {
    ($($step:expr),* $(,)?) => { [$(PathStep::from($step)),*] };
}

mod acquirer;
mod bench;
pub(crate) mod device;

pub use bench::shared;

use super::diagnostic::{Diagnostic, Problems};
use super::document::{Kind, Node, PathStep};
use super::include;
use super::preset::Presets;
use super::project::{Fixture, Project};
use super::select::file_in;
use super::typed::typed;
use super::workshop::Workshop;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use taprig_card::PersonaliseError;
use taprig_model::card::Change;
use taprig_model::case::Case;
use taprig_model::device::{Device, claim};
use taprig_model::expect::{Expect, JournalExpect, StatusExpect, TagPattern};
use taprig_model::name::CaseId;
use taprig_model::reason::Reasons;
use taprig_model::requirement::Requirements;
use taprig_model::settings::{LONGEST, Settings};
use taprig_model::step::{self, TapStep};

/// The largest number of steps in a case, and of repetitions of a step.
const MAX_COUNT: u32 = 100_000;

/// Everything that cases may refer to. It is read once.
pub struct Known {
    project: Project,
    /// Ids of the requirements.
    requirements: BTreeSet<String>,
    /// Whether every file of requirements could be read. If one could not be read, unknown requirements are not reported, as with
    /// `all_devices`.
    all_requirements: bool,
    /// Claims that any device file makes or denies.
    claims: BTreeSet<String>,
    /// Messages that any device can show.
    messages: BTreeSet<String>,
    /// Reasons of `cases/reasons.yaml`. In a project without that file there are none, and reasons are not checked.
    reasons: Option<BTreeSet<String>>,
    /// Presets of `cases/presets.yaml`.
    pub presets: Presets,
    /// Whether every device file could be read. If one could not be read, an unknown word may belong to it, so unknown
    /// words are not reported: otherwise hundreds of problems in cases would hide the real one.
    all_devices: bool,
    /// Settings of the profiles that were needed so far. The value is `None` if a profile is wrong.
    profiles: BTreeMap<String, Option<Settings>>,
    /// Names of the fixtures, by kind.
    names: BTreeMap<Fixture, Vec<String>>,
    /// Makes the cards, so that changes that don't fit are reported before a run.
    pub workshop: Workshop,
}

impl Known {
    /// Reads the requirements and the device files. A device file that is wrong is a problem.
    pub fn read(project: &Project, problems: &mut Problems) -> Self {
        let mut wrong = Problems::default();
        let known = Self::for_run(project, problems, &mut wrong);
        problems.add(&wrong);
        known
    }

    /// The same for a run, which uses one device file: problems of device files go into `of_devices`. A file that somebody is
    /// still writing then stops no run of another device.
    pub fn for_run(project: &Project, problems: &mut Problems, of_devices: &mut Problems) -> Self {
        let mut known = Self {
            project: project.clone(),
            requirements: BTreeSet::new(),
            all_requirements: true,
            claims: BTreeSet::new(),
            messages: BTreeSet::new(),
            reasons: reasons(project, problems),
            presets: Presets::read(project, problems),
            all_devices: true,
            profiles: BTreeMap::new(),
            names: Fixture::ALL.into_iter().map(|fixture| (fixture, project.names(fixture))).collect(),
            workshop: Workshop::new(project),
        };
        // The suite comes first, so that the problem of a name that is there twice is shown in the project's own file.
        for path in project.shared("requirements.yaml").iter().rev() {
            let node = include::read_alone(path, problems);
            let read = node.and_then(|node| Some((typed::<Requirements>(&node, problems)?, node)));
            let Some((requirements, node)) = read else {
                known.all_requirements = false;
                continue;
            };
            node.once("requirements", "requirement", &known.requirements, problems);
            known.requirements.extend(requirements.requirements.into_keys());
        }
        for name in project.names(Fixture::Device) {
            match project.load::<Device>(Fixture::Device, &name) {
                Ok(device) => {
                    known.claims.extend(device.claims.into_keys().map(|claim| claim.to_string()));
                    known.claims.extend(claim::ALL.map(str::to_owned));
                    known.messages.extend(device.words.messages.into_values());
                }
                Err(wrong) => {
                    of_devices.add(&wrong);
                    known.all_devices = false;
                }
            }
        }
        known
    }

    /// All settings of a profile, with its includes applied.
    pub fn profile(&mut self, name: &str, problems: &mut Problems) -> Option<Settings> {
        if let Some(known) = self.profiles.get(name) {
            return known.clone();
        }
        let settings = match self.project.load::<taprig_model::validator::Validator>(Fixture::Validator, name) {
            Ok(validator) => Some(validator.settings),
            Err(wrong) => {
                problems.add(&wrong);
                None
            }
        };
        self.profiles.insert(name.into(), settings.clone());
        settings
    }

    fn name(&self, fixture: Fixture, name: &str, node: &Node, path: &[PathStep], problems: &mut Problems) -> bool {
        named(&self.names[&fixture], fixture, name, node, path, problems)
    }

    fn word(
        &self,
        known: &BTreeSet<String>,
        what: &str,
        word: &str,
        node: &Node,
        path: &[PathStep],
        problems: &mut Problems,
    ) {
        if !known.contains(word) {
            let problem = node.place(path).problem(format!("unknown {what} `{word}`"));
            problems.push(problem.nearest(word, known.iter().map(String::as_str)));
        }
    }

    /// Checks everything that a case refers to. `settings` are the settings of its validator before the first step.
    pub fn case(&mut self, case: &Case, node: &Node, file: &Path, problems: &mut Problems) -> Option<Settings> {
        let id = case.id.as_str();
        if file.file_stem().and_then(|stem| stem.to_str()) != Some(id) {
            let problem = node.place(&path!["id"]).problem(format!("the file of `{id}` has another name"));
            problems.push(problem.help(format!("call it `{id}.yaml`")));
        } else if let Some(cases) = self.project.case_folders().iter().find(|cases| file.starts_with(cases))
            && file != file_in(cases, &case.id)
        {
            let family = case.id.family().to_lowercase();
            let problem = node.place(&path!["id"]).problem(format!("`{id}` is in the folder of another family"));
            problems.push(problem.help(format!("put it into `cases/{family}`, or change its letters")));
        }
        for (at, requirement) in case.requires.iter().enumerate().filter(|_| self.all_requirements) {
            self.word(&self.requirements, "requirement", requirement, node, &path!["requires", at], problems);
        }
        for (at, claim) in case.applies.iter().enumerate().filter(|_| self.all_devices) {
            self.word(&self.claims, "claim", claim.as_str(), node, &path!["applies", at], problems);
        }
        let given = &case.given;
        let there =
            self.name(Fixture::Validator, given.validator.as_str(), node, &path!["given", "validator"], problems);
        let profile = if there { self.profile(given.validator.as_str(), problems) } else { None };
        settings(&self.project, &given.settings, node, &path!["given", "settings"], problems);
        if let Some(card) = &given.card {
            let way = path!["given", "card"];
            if self.name(Fixture::Card, card.as_str(), node, &way, problems) {
                let card = CardUse { image: card.as_str(), changes: &given.changes, way: &way[..1], key: "card" };
                made(&mut self.workshop, &card, node, problems);
            }
        } else if !given.changes.is_empty() {
            problems
                .push(node.place(&path!["given", "changes"]).problem("this changes a card, but the case has no card"));
        }
        for (name, card) in &given.cards {
            let way = path!["given", "cards", name.as_str(), "image"];
            if self.name(Fixture::Card, card.image.as_str(), node, &way, problems) {
                let card = CardUse { image: card.image.as_str(), changes: &card.changes, way: &way[..3], key: "image" };
                made(&mut self.workshop, &card, node, problems);
            }
        }
        self.steps(case, node, problems);
        self.expect(&case.expect, node, &path!["expect"], problems);
        if let Some(given) = &case.given.acquirer {
            for (at, key) in given.authority_keys.iter().enumerate() {
                let way = path!["given", "acquirer", "authority-keys", at];
                self.name(Fixture::Key, key.as_str(), node, &way, problems);
            }
            acquirer::given(given, node, problems);
        }
        if let Some(wanted) = &case.expect.acquirer {
            acquirer::wanted(case, wanted, node, &path!["expect", "acquirer"], problems);
        }
        if !states_something(case) {
            let problem = node.place(&path!["id"]).problem("this case expects nothing");
            problems
                .push(problem.help("add `expect:`; a transcript shows that something changed, not that it is right"));
        }
        Some(profile?.overlaid(&given.settings))
    }

    fn steps(&self, case: &Case, node: &Node, problems: &mut Problems) {
        if case.steps.is_empty() {
            problems.push(
                node.place(&path!["steps"]).problem("this case has no step").help("write at least `steps: [tap]`"),
            );
        }
        for (at, step) in case.steps.iter().enumerate() {
            match step {
                step::Step::Tap(tap) => {
                    let way = path!["steps", at, "tap"];
                    match &tap.card {
                        Some(card) if case.given.cards.contains_key(card) => {}
                        Some(card) => {
                            let given = case.given.cards.keys().map(ToString::to_string);
                            let known: BTreeSet<String> =
                                given.chain(self.names[&Fixture::Card].iter().cloned()).collect();
                            self.word(
                                &known,
                                "card",
                                card.as_str(),
                                node,
                                &path!["steps", at, "tap", "card"],
                                problems,
                            );
                        }
                        None if case.given.card.is_none() => problems.push(
                            node.place(&way)
                                .problem("this tap has no card")
                                .help("add `given.card` to the case, or `card` to the tap"),
                        ),
                        None => {}
                    }
                    count(tap.count, node, &path!["steps", at, "tap", "count"], problems);
                    acts(&tap.during, at, node, problems);
                    if let Some(expect) = &tap.expect {
                        if expect.acquirer.is_some() {
                            acquirer::of_tap(node, &path!["steps", at, "tap", "expect", "acquirer"], problems);
                        }
                        if expect.faults.is_some() {
                            problems.push(
                                node.place(&path!["steps", at, "tap", "expect", "faults"])
                                    .problem("`faults` is about the whole case, not about one tap")
                                    .help("move it to the `expect` of the case"),
                            );
                        }
                        for tag in
                            expect.tags.iter().filter(|(_, wanted)| **wanted == TagPattern::Random).map(|(tag, _)| tag)
                        {
                            let way = path!["steps", at, "tap", "expect", "tags", tag.to_string().as_str()];
                            let problem =
                                node.place(&way).problem("`random` is about all taps of the case, not about one");
                            problems.push(problem.help("move it to the `expect` of the case"));
                        }
                        self.expect(expect, node, &path!["steps", at, "tap", "expect"], problems);
                    }
                }
                step::Step::Validator(changed) => {
                    settings(&self.project, changed, node, &path!["steps", at, "validator"], problems);
                }
                step::Step::Console(console) => {
                    one_line(&console.send, node, &path!["steps", at, "console", "send"], problems);
                    count(console.count, node, &path!["steps", at, "console", "count"], problems);
                }
                step::Step::Status(wanted) if *wanted == StatusExpect::default() => {
                    let place = node.place(&path!["steps", at, "status"]);
                    problems.push(place.problem("this step reads the status but expects nothing"));
                }
                step::Step::Journal(wanted)
                    if JournalExpect { from: None, ..wanted.clone() } == JournalExpect::default() =>
                {
                    let place = node.place(&path!["steps", at, "journal"]);
                    problems.push(place.problem("this step reads the journal but expects nothing"));
                }
                step::Step::Status(_)
                | step::Step::Journal(_)
                | step::Step::ClearJournal
                | step::Step::Identity
                | step::Step::Inject(_)
                | step::Step::Wait(_)
                | step::Step::PowerCycle
                | step::Step::Upload(_)
                | step::Step::Settle(_)
                | step::Step::SignOn(_)
                | step::Step::SignOff(_)
                | step::Step::Download(_) => {}
                step::Step::Acquirer(wanted) => {
                    acquirer::wanted(case, wanted, node, &path!["steps", at, "acquirer"], problems);
                }
            }
        }
    }

    fn expect(&self, expect: &Expect, node: &Node, way: &[PathStep], problems: &mut Problems) {
        let shown = expect.shows.iter().flat_map(|shows| shows.0.iter().enumerate());
        for (at, message) in shown.filter(|_| self.all_devices) {
            let mut place = way.to_vec();
            place.extend(path!["shows", at]);
            self.word(&self.messages, "message", message, node, &place, problems);
        }
        if let (Some(reason), Some(known)) = (&expect.reason, &self.reasons) {
            self.word(known, "reason", reason, node, &[way, &path!["reason"]].concat(), problems);
        }
    }
}

/// What the rig does in the middle of the tap of step `at`.
fn acts(during: &[step::During], at: usize, node: &Node, problems: &mut Problems) {
    for (number, act) in during.iter().enumerate() {
        let way = path!["steps", at, "tap", "during", number];
        if let step::Act::Console(console) = &act.act {
            one_line(&console.send, node, &[&way[..], &path!["send"]].concat(), problems);
        }
        if act.act == step::Act::PowerCycle && during.len() > 1 {
            let problem = node.place(&way).problem("a power cycle ends the tap, so this tap can have no other act");
            problems.push(problem.help("write two taps"));
        }
        if during[..number].iter().any(|earlier| earlier.at == act.at) {
            let problem = node.place(&way).problem(format!("this tap has two acts at {}", act.at));
            problems.push(problem.help("give each act a command of its own, such as `read record 2`"));
        }
    }
}

/// Whether a case has an expectation besides its transcript.
fn states_something(case: &Case) -> bool {
    let stated = |step: &step::Step| match step {
        step::Step::Tap(TapStep { expect, .. }) => expect.as_ref().is_some_and(|expect| !expect.is_empty()),
        step::Step::Console(console) => console.expect.is_some(),
        step::Step::Upload(_)
        | step::Step::Settle(_)
        | step::Step::SignOn(_)
        | step::Step::SignOff(_)
        | step::Step::Download(_)
        | step::Step::Acquirer(_) => true,
        step::Step::Status(_) | step::Step::Journal(_) | step::Step::ClearJournal | step::Step::Identity => true,
        step::Step::Wait(_) | step::Step::PowerCycle | step::Step::Validator(_) | step::Step::Inject(_) => false,
    };
    !case.expect.is_empty() || case.steps.iter().any(stated)
}

/// The card of a case and the place where the case describes it. `way` is the path of the map that has the key
/// `changes` and, under `key`, the name of the image.
struct CardUse<'a> {
    image: &'a str,
    changes: &'a [Change],
    way: &'a [PathStep],
    key: &'a str,
}

/// Reports why changes do not fit their card.
fn made(workshop: &mut Workshop, card: &CardUse<'_>, node: &Node, problems: &mut Problems) {
    let Some(Err(wrong)) = workshop.card(card.image, card.changes, problems) else { return };
    let at = |step: &[PathStep]| node.place(&[card.way, step].concat());
    let (place, message) = match &wrong {
        PersonaliseError::Change { change, problem } => {
            match card.changes.iter().position(|known| known.to_string() == *change) {
                Some(index) => (at(&path!["changes", index]), problem.clone()),
                None => (at(&path![card.key]), wrong.to_string()),
            }
        }
        _ => (at(&path![card.key]), wrong.to_string()),
    };
    problems.push(place.problem(message));
}

fn count(count: Option<u32>, node: &Node, path: &[PathStep], problems: &mut Problems) {
    if count.is_some_and(|count| count == 0 || count > MAX_COUNT) {
        problems.push(node.place(path).problem(format!("a count must be between 1 and {MAX_COUNT}")));
    }
}

/// A line for the console must be a single line. A line end within it would make a second command.
fn one_line(text: &str, node: &Node, path: &[PathStep], problems: &mut Problems) {
    if text.trim().is_empty() || !text.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        problems.push(
            node.place(path).problem("this text can't be sent as one line on a console").help("use printable ASCII"),
        );
    }
}

fn settings(project: &Project, settings: &Settings, node: &Node, way: &[PathStep], problems: &mut Problems) {
    let at = |key: &str| [way, &path![key]].concat();
    for (key, text, length) in [
        ("county", &settings.county, None),
        ("line", &settings.line, None),
        ("route", &settings.route, None),
        ("bus", &settings.bus, None),
        ("driver", &settings.driver, None),
        ("terminal", &settings.terminal, Some(8)),
        ("merchant", &settings.merchant, Some(15)),
    ] {
        let Some(text) = text else { continue };
        one_line(text, node, &at(key), problems);
        match length {
            Some(length) if text.chars().count() != length => {
                let seen = text.chars().count();
                problems.push(node.place(&at(key)).problem(format!("this has {seen} characters; it needs {length}")));
            }
            Some(_) => {}
            None => {
                let longest = LONGEST.iter().find(|(name, _)| *name == key).map(|(_, longest)| *longest);
                if let Some(longest) = longest.filter(|longest| text.len() > *longest) {
                    let problem = format!("this has {} characters; the limit is {longest}", text.len());
                    problems.push(node.place(&at(key)).problem(problem).help("no validator has to accept more"));
                }
            }
        }
    }
    if settings.retap.is_some_and(|retap| retap.us % 1_000_000 != 0) {
        problems.push(
            node.place(&at("retap"))
                .problem("validators count this time in whole seconds")
                .help("write for example `retap: 3 s`"),
        );
    }
    for (steps, what) in settings.fares.iter().flat_map(taprig_model::settings::Fares::problems) {
        let index = |step: &String| step.parse().map_or_else(|_| PathStep::from(step.as_str()), PathStep::Item);
        let steps: Vec<PathStep> = steps.iter().map(index).collect();
        problems.push(node.place(&[way, &path!["fares"], &steps].concat()).problem(what));
    }
    let known = project.names(Fixture::Key);
    for (index, key) in settings.keys.iter().flatten().enumerate() {
        named(&known, Fixture::Key, key.as_str(), node, &[way, &path!["keys", index]].concat(), problems);
    }
    for (index, revocation) in settings.revoked.iter().flatten().enumerate() {
        for (key, bytes, length) in
            [("rid", &revocation.rid, 5), ("index", &revocation.index, 1), ("serial", &revocation.serial, 3)]
        {
            if bytes.0.len() != length {
                let place = node.place(&[way, &path!["revoked", index, key]].concat());
                problems.push(place.problem(format!("this has {} bytes; it needs {length}", bytes.0.len())));
            }
        }
    }
}

/// Checks what a fixture refers to.
pub fn fixture(project: &Project, kind: Fixture, node: &Node, problems: &mut Problems) {
    match kind {
        Fixture::Validator => {
            if let Some(own) = node.get("settings").and_then(|node| typed::<Settings>(node, &mut Problems::default())) {
                settings(project, &own, node, &path!["settings"], problems);
            }
        }
        Fixture::Bench => bench::check(project, node, problems),
        Fixture::Card => {
            let applications = match node.get("applications").map(|node| &node.kind) {
                Some(Kind::List(applications)) => applications.len(),
                _ => 0,
            };
            let keys: [&[&str]; 8] = [
                &["oda", "authority"],
                &["oda", "issuer"],
                &["oda", "card"],
                &["cryptogram", "key"],
                &["sm", "oda", "authority"],
                &["sm", "oda", "issuer"],
                &["sm", "oda", "card"],
                &["sm", "cryptogram-key"],
            ];
            let known = project.names(Fixture::Key);
            for (at, key) in (0..applications).flat_map(|at| keys.map(|key| (at, key))) {
                let mut way = path!["applications", at].to_vec();
                way.extend(key.iter().map(|step| PathStep::from(*step)));
                if let Some(key) = node.find(&way).and_then(Node::text) {
                    named(&known, Fixture::Key, key, node, &way, problems);
                }
            }
        }
        Fixture::Device => device::check(project, node, problems),
        Fixture::Key => {}
    }
}

/// Checks that a fixture exists if a file names it.
fn named(
    known: &[String],
    fixture: Fixture,
    name: &str,
    node: &Node,
    way: &[PathStep],
    problems: &mut Problems,
) -> bool {
    let there = known.iter().any(|known| known == name);
    if !there {
        let problem = node.place(way).problem(format!("there is no {} `{name}`", fixture.word()));
        problems.push(problem.nearest(name, known.iter().map(String::as_str)));
    }
    there
}

/// The words that cases use for reasons, or `None` if neither the project nor its suite has such a file.
pub fn reasons(project: &Project, problems: &mut Problems) -> Option<BTreeSet<String>> {
    let mut all: Option<BTreeSet<String>> = None;
    for path in project.shared("reasons.yaml").iter().rev().filter(|path| path.exists()) {
        let Some(node) = include::read_alone(path, problems) else { continue };
        let Some(reasons) = typed::<Reasons>(&node, problems) else { continue };
        let known = all.get_or_insert_default();
        node.once("reasons", "reason", known, problems);
        known.extend(reasons.reasons.into_keys().map(|name| name.to_string()));
    }
    all
}

/// Cases of a project's own are in families of its own: they begin with X. No family of our suite ever does, so that a
/// later suite never has the id of a case of the project.
pub(super) fn family(project: &Project, node: &Node, file: &Path, problems: &mut Problems) {
    let Some(Ok(id)) = node.get("id").and_then(Node::text).map(str::parse::<CaseId>) else { return };
    let family = id.family();
    let Some(suite) = project.suite() else { return };
    if family.starts_with('X') || project.is_in_suite(file) {
        return;
    }
    let what = match suite.join("cases").join(family.to_lowercase()).is_dir() {
        true => format!("the family {family} belongs to the suite"),
        false => format!("the family {family} is reserved for the suite"),
    };
    let help = "the family of a case of your own begins with X, such as `XAB-001`";
    problems.push(node.place(&path!["id"]).problem(what).help(help));
}

/// Reports requirements that no case of the project is about, so that nobody believes they are tested.
pub fn requirements_without_case(path: &Path, used: &BTreeSet<&str>, problems: &mut Problems) {
    let Some(node) = include::read_alone(path, problems) else { return };
    let Some(Kind::Map(entries)) = node.get("requirements").map(|node| &node.kind) else { return };
    for (id, _) in entries.iter().filter(|(id, _)| !used.contains(id.text.as_str())) {
        let problem = id.place.problem(format!("no case requires `{}`", id.text));
        problems.push(problem.help("write a case for it, or delete the requirement"));
    }
}

/// The problem that two files have the same id.
pub fn same_id(id: &str, first: &Path, node: &Node) -> Diagnostic {
    node.place(&path!["id"])
        .problem(format!("two files have the case id `{id}`"))
        .help(format!("the other file is {}; each case needs its own id", first.display()))
}
