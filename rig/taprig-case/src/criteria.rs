//! The criteria of a sub-case, made from the case and the places of its expectations.

use super::document::{Kind, Node, PathStep, Place};
use super::suite::SubCase;
use std::collections::{BTreeMap, BTreeSet};
use taprig_model::capability::CardCapability;
use taprig_model::card::change::{Change, Object};
use taprig_model::case::{Case, Snapshot};
use taprig_model::criteria::{Criteria, Needs, StepCriteria, StepWanted, WantedLines};
use taprig_model::device::claim;
use taprig_model::event::Criterion;
use taprig_model::expect::Expect;
use taprig_model::name::Name;
use taprig_model::settings::Settings;
use taprig_model::step::{self, Act, TapStep};

/// The criteria of a sub-case.
pub(crate) fn of(sub: &SubCase) -> Criteria {
    let case = &sub.case;
    // Claims are compared with the settings that were in force at their taps.
    let in_words = |settings: &Settings| match &case.given.acquirer {
        Some(_) => settings.in_words_without_lists().into_iter().collect(),
        None => BTreeMap::new(),
    };
    let steps = case.steps.iter().enumerate().map(|(index, step)| StepCriteria {
        wanted: wanted(step),
        lines: sub.lines.step(index).cloned().unwrap_or_default(),
        acts: match step {
            step::Step::Tap(tap) => tap.during.clone(),
            _ => vec![],
        },
        settings: match step {
            step::Step::Validator(settings) => in_words(settings),
            _ => BTreeMap::new(),
        },
    });
    Criteria {
        id: sub.id.to_string(),
        title: case.title.clone(),
        file: sub.file.display().to_string(),
        requires: case.requires.clone(),
        needs: Needs { settings: settings(sub), ..needs(case, &sub.settings) },
        settings: in_words(&sub.settings),
        steps: steps.collect(),
        expect: case.expect.clone(),
        lines: sub.lines.case().clone(),
        baseline: case.snapshot == Snapshot::Transcript,
    }
}

fn wanted(step: &step::Step) -> StepWanted {
    match step {
        step::Step::Tap(tap) => StepWanted::Tap(tap.expect.clone().unwrap_or_default()),
        step::Step::Validator(_) => StepWanted::Settings,
        step::Step::Status(status) => StepWanted::Status(status.clone()),
        step::Step::Journal(journal) => StepWanted::Journal(journal.clone()),
        step::Step::ClearJournal => StepWanted::ClearJournal,
        step::Step::Identity => StepWanted::Identity,
        step::Step::Console(console) => StepWanted::Console(console.clone()),
        step::Step::Upload(_)
        | step::Step::Settle(_)
        | step::Step::SignOn(_)
        | step::Step::SignOff(_)
        | step::Step::Download(_) => match step.work() {
            Some((work, expect)) => StepWanted::Work { work, expect },
            None => StepWanted::Nothing,
        },
        step::Step::Acquirer(wanted) => StepWanted::Acquirer(wanted.clone()),
        step::Step::Wait(_) | step::Step::PowerCycle | step::Step::Inject(_) => StepWanted::Nothing,
    }
}

/// What a case needs with the settings that its validator has before the first step: the claims that it names, the claims that
/// its steps and its fare policies depend on, and the capabilities of the card side.
pub(crate) fn needs(case: &Case, settings: &Settings) -> Needs {
    let mut needs = Needs { claims: case.applies.clone(), ..Needs::default() };
    let mut claim = |claim: &str| {
        if let Ok(name) = claim.parse::<Name>()
            && !needs.claims.contains(&name)
        {
            needs.claims.push(name);
        }
    };
    let mut able: Vec<CardCapability> = vec![];
    able.extend(is_about_frames(case.id.family()).then_some(CardCapability::Frames));
    able.extend(needed_by_expectation(&case.expect));
    let given = &case.given;
    if !given.inject.is_empty() {
        able.push(CardCapability::Faults);
    }
    for change in given.changes.iter().chain(given.cards.values().flat_map(|card| &card.changes)) {
        able.extend(needed_by(change));
    }
    let told = case.steps.iter().filter_map(|step| match step {
        step::Step::Validator(settings) => settings.fares.as_ref(),
        _ => None,
    });
    if given.full_deny_list || given.acquirer.as_ref().is_some_and(|acquirer| acquirer.fill_deny_list.is_some()) {
        claim(claim::DENY_CAPACITY);
    }
    settings.fares.iter().chain(told).flat_map(claim::of_policy).for_each(&mut claim);
    for step in &case.steps {
        match step {
            // A value that only the device can report is not judged if the device can't report it, so it needs no claim
            // here. An action that the device has to carry out for the case to go on does need one.
            step::Step::ClearJournal => claim(claim::JOURNAL),
            step::Step::Console(_) => claim(claim::NATIVE_CONSOLE),
            step::Step::Inject(_) => able.push(CardCapability::Faults),
            step::Step::Tap(TapStep { beside, hold, during, expect, .. }) => {
                able.extend(expect.iter().flat_map(needed_by_expectation));
                able.extend(beside.is_some().then_some(CardCapability::TwoCards));
                able.extend(hold.is_some().then_some(CardCapability::Removal));
                for during in during {
                    match &during.act {
                        Act::PowerCycle => {}
                        Act::Away { beside, .. } => {
                            able.push(CardCapability::Removal);
                            able.extend(beside.is_some().then_some(CardCapability::TwoCards));
                        }
                        Act::Console(_) => claim(claim::NATIVE_CONSOLE),
                    }
                }
            }
            step::Step::Upload(_)
            | step::Step::Settle(_)
            | step::Step::SignOn(_)
            | step::Step::SignOff(_)
            | step::Step::Download(_) => claim(claim::UPLINK),
            step::Step::Acquirer(_)
            | step::Step::Wait(_)
            | step::Step::PowerCycle
            | step::Step::Validator(_)
            | step::Step::Status(_)
            | step::Step::Journal(_)
            | step::Step::Identity => {}
        }
    }
    able.sort_unstable();
    able.dedup();
    needs.card_side = able;
    needs.acquirer = given.acquirer.is_some();
    needs
}

/// What an expectation needs from the card side. A time limit for a tap is about the device, so the card side may not
/// take longer than a card.
fn needed_by_expectation(expect: &Expect) -> impl Iterator<Item = CardCapability> + use<> {
    let exact = expect.within.map(|_| CardCapability::ExactDelays);
    let about_frames = expect.frames.is_some() || !expect.never_sent.is_empty();
    exact.into_iter().chain(about_frames.then_some(CardCapability::Frames))
}

/// Whether the cases of a family are about the frames themselves. Then a transcript shows them, and the card side has to
/// report them. In other cases a record holds the frames if the card side reports them and its times are modelled.
pub(crate) fn is_about_frames(family: &str) -> bool {
    family == "ISO"
}

/// The values of settings that a sub-case sets at its start and in its steps.
fn settings(sub: &SubCase) -> BTreeMap<String, BTreeSet<String>> {
    let steps = sub.case.steps.iter().filter_map(|step| match step {
        step::Step::Validator(settings) => Some(settings),
        _ => None,
    });
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for settings in std::iter::once(&sub.settings).chain(steps) {
        for (key, value) in settings.in_words_without_lists() {
            all.entry(key).or_default().insert(value);
        }
        // A device may have only parts of the fare fixed.
        if let Some(fare) = settings.fare {
            all.entry("discount".into()).or_default().insert(fare.discount.to_string());
            all.entry("one-cent".into()).or_default().insert(fare.one_cent.to_string());
        }
    }
    all
}

/// What a change of a card needs from the card side beyond answering commands.
fn needed_by(change: &Change) -> Option<CardCapability> {
    let object = match change {
        Change::Set(assignment) | Change::Replace(assignment) => &assignment.object,
        Change::Flip(flip) => &flip.object,
        Change::Drop(target) | Change::Duplicate(target) => &target.object,
        Change::Truncate(truncation) => &truncation.object,
        Change::Extend(extension) | Change::Insert(extension) => &extension.object,
        Change::Length(length) => &length.object,
        Change::Delay(_) => return Some(CardCapability::ExactDelays),
        Change::Mute(_) => return Some(CardCapability::Faults),
        Change::Answer(_) | Change::Respond(_) | Change::Expire(_) => return None,
    };
    matches!(object, Object::Front(_)).then_some(CardCapability::Activation)
}

/// Where the expectations of a case are, so that a failure names the line that a person wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    case: WantedLines,
    steps: Vec<WantedLines>,
}

impl Lines {
    /// Reads the places from the tree of a case, before or after it was typed. Places always refer to the file.
    #[must_use]
    pub fn of(tree: &Node) -> Self {
        let steps = match tree.get("steps").map(|steps| &steps.kind) {
            Some(Kind::List(steps)) => (0..steps.len()).map(|index| of_step(tree, index)).collect(),
            _ => vec![],
        };
        Self { case: lines(tree, &["expect".into()]), steps }
    }

    /// The places of the expectations for the whole case.
    #[must_use]
    pub fn case(&self) -> &WantedLines {
        &self.case
    }

    /// The places of the expectations of one step, counted from 0.
    #[must_use]
    pub fn step(&self, index: usize) -> Option<&WantedLines> {
        self.steps.get(index)
    }
}

fn of_step(tree: &Node, index: usize) -> WantedLines {
    let step = vec!["steps".into(), PathStep::Item(index)];
    let below =
        |words: &[&str]| [&step[..], &words.iter().map(|word| PathStep::from(*word)).collect::<Vec<_>>()].concat();
    for words in [&["tap", "expect"][..], &["console", "expect"], &["status"], &["journal"], &["acquirer"]] {
        if tree.find(&below(words)).is_some() {
            return lines(tree, &below(words));
        }
    }
    lines(tree, &step)
}

fn lines(tree: &Node, way: &[PathStep]) -> WantedLines {
    let Some(node) = tree.find(way) else { return WantedLines::default() };
    // This takes the line of the key, because the value may begin some lines below.
    let own = line(&tree.key_place(way).unwrap_or_else(|| tree.place(way)));
    let mut each = BTreeMap::new();
    if matches!(way.last(), Some(PathStep::Key(key)) if key == "acquirer") {
        of_acquirer(node, &mut each);
        return WantedLines { line: Some(own), each };
    }
    if let Kind::Map(entries) = &node.kind {
        let is_status = matches!(way.last(), Some(PathStep::Key(key)) if key == "status");
        for (key, value) in entries {
            let at = line(&key.place);
            match (key.text.as_str(), &value.kind) {
                (name, _) if is_status => {
                    each.insert(Criterion::Status(name.into()), at);
                }
                ("acquirer", _) => of_acquirer(value, &mut each),
                ("tags", Kind::Map(tags)) => {
                    let tags = tags.iter();
                    each.extend(tags.map(|(tag, _)| (Criterion::Tag(tag.text.to_uppercase()), line(&tag.place))));
                }
                ("records", Kind::List(records)) => {
                    each.insert(Criterion::Records, at);
                    for (place, record) in (1..).zip(records) {
                        let Kind::Map(values) = &record.kind else { continue };
                        each.extend(values.iter().map(|(value, _)| {
                            (Criterion::Record { place, value: value.text.clone() }, line(&value.place))
                        }));
                    }
                }
                (name, _) => {
                    if let Ok(criterion) = name.parse() {
                        each.insert(criterion, at);
                    }
                }
            }
        }
    }
    WantedLines { line: Some(own), each }
}

/// Where the expectations of an acquirer are.
fn of_acquirer(node: &Node, each: &mut BTreeMap<Criterion, usize>) {
    let Kind::Map(entries) = &node.kind else { return };
    for (key, value) in entries {
        let mut put = |what: String, place: &Place| each.insert(Criterion::Acquirer(what), line(place));
        put(key.text.clone(), &key.place);
        match &value.kind {
            // `accepted: { count: 1 }` is the criterion `accepted count`.
            Kind::Map(values) => {
                for (value, _) in values {
                    put(format!("{} {}", key.text, value.text), &value.place);
                }
            }
            Kind::List(claims) if key.text == "claims" => {
                for (place, claim) in (1..).zip(claims) {
                    let Kind::Map(values) = &claim.kind else { continue };
                    for (value, _) in values {
                        put(format!("claim {place} {}", value.text), &value.place);
                    }
                }
            }
            _ => {}
        }
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
  - status: { state: ready,
      journal: 2 }
  - journal:
      records:
        - number: 1
        - { charged: 1.00 CNY }
  - acquirer:
      claims:
        - state: accepted
          sent: 1
expect:
  acquirer: { accepted:
     { count: 1 } }
  shows:
    - approved
";

    #[test]
    fn each_expectation_has_its_line() {
        let source = Source::of_bytes(Path::new("BUS-001.yaml"), CASE.into()).unwrap();
        let lines = Lines::of(&parse(&source, &mut Problems::default()).unwrap());
        let criterion = |what: &str| what.parse::<Criterion>().unwrap();
        let step = |index, what: &str| lines.step(index).and_then(|wanted| wanted.of(&criterion(what)));
        assert_eq!(step(0, "ready again"), Some(3), "it expects nothing: its own line");
        assert_eq!((step(1, "outcome"), step(1, "tag 9F26"), step(1, "tap")), (Some(6), Some(8), Some(5)));
        assert_eq!(step(2, "reply to `status`"), Some(11));
        assert_eq!((step(3, "charged"), step(3, "gate")), (Some(14), Some(15)));
        assert_eq!(step(7, "outcome"), None);
        assert_eq!((lines.case().of(&Criterion::Shows), lines.case().of(&Criterion::Baseline)), (Some(29), Some(26)));
        assert_eq!(Lines::default().case().of(&Criterion::Shows), None);
        assert_eq!((step(4, "status journal"), step(4, "status state")), (Some(17), Some(16)));
        assert_eq!(
            (step(6, "acquirer claim 1 sent"), step(6, "acquirer claims"), step(6, "gate")),
            (Some(25), Some(23), Some(22))
        );
        assert_eq!(lines.case().of(&criterion("acquirer accepted count")), Some(28));
        assert_eq!((step(5, "record 2 charged"), step(5, "records"), step(5, "total")), (Some(21), Some(19), Some(18)));
    }
}
