//! Compares what the device said of the two taps with its file: words without a meaning, words with a meaning that the
//! other signs contradict, and claims.

use std::collections::{BTreeMap, BTreeSet};

use taprig_case::document::PathStep;
use taprig_case::project::Fixture;
use taprig_case::{Problems, Project, check};
use taprig_judge::{TapEvents, taps};
use taprig_model::device::rules::EventKind;
use taprig_model::device::{Device, Interface, claim};
use taprig_model::event::{Body, Event, Fields, ReadyAgain, Reason, Signal, Word};
use taprig_model::expect::{Gate, Outcome, Sound};

use super::finding::{event, in_rules, way};
use super::{Cards, Check, Weight, approves};

/// Claims that the two taps and the commands show to be true or wrong.
const TRIED: [&str; 8] = [
    "bus",
    "oda-online",
    "oda-offline",
    "processing-message",
    claim::TELLS_REASON,
    claim::TELLS_CVM,
    claim::JOURNAL,
    claim::STATUS,
];

/// Messages that say nothing about the end of a tap.
const PASSING: [&str; 5] = ["welcome", "present card", "remove card", "processing", "card read ok"];

/// The words that cases use.
#[derive(Debug, Clone, Default)]
pub struct Words {
    messages: BTreeSet<String>,
    reasons: Option<BTreeSet<String>>,
}

impl Words {
    /// The words of a project: messages of all its device files except `device`, and reasons of its cases.
    #[must_use]
    pub fn read(project: &Project, device: &str) -> Self {
        let names = project.names(Fixture::Device);
        let devices = names.iter().filter(|name| *name != device);
        let devices = devices.filter_map(|name| project.load::<Device>(Fixture::Device, name).ok());
        let messages = devices.flat_map(|device| device.words.messages.into_values()).collect();
        let reasons = check::reasons(project, &mut Problems::default());
        Self { messages, reasons }
    }

    /// Whether cases know this message. Without any other device file nobody can tell.
    fn has_message(&self, text: &str) -> bool {
        self.messages.is_empty() || self.messages.contains(text)
    }

    fn has_reason(&self, meaning: &Reason) -> bool {
        self.reasons.as_ref().is_none_or(|reasons| meaning.all().iter().all(|reason| reasons.contains(reason)))
    }
}

/// What the device said of a tap, by kind: the word of the device, and its meaning if the file gives it one.
#[derive(Default)]
struct SaidOfTap {
    results: usize,
    outcome: Option<(String, Option<Outcome>)>,
    reason: Option<(String, Option<Reason>)>,
    cvm: Option<(String, bool)>,
    charged: Option<u64>,
    messages: Vec<(String, Option<String>)>,
    sound: Option<(String, Option<Sound>)>,
    gate: Option<(String, Option<Gate>)>,
    ready: Option<ReadyAgain>,
}

/// The word that the device said, and its meaning.
fn said<T: Clone>(word: &Word<T>, said: &Fields, name: &str, own: impl Fn(&T) -> String) -> (String, Option<T>) {
    match word {
        Word::Known(meaning) => (said.get(name).map_or_else(|| own(meaning), str::to_owned), Some(meaning.clone())),
        Word::Unknown(word) => (word.clone(), None),
    }
}

impl SaidOfTap {
    fn of(tap: TapEvents<'_>) -> Self {
        let mut told = Self::default();
        for event in tap.events {
            match &event.body {
                Body::Signal { signal, said } => told.signal(signal, said),
                Body::ReadyAgain { seen, .. } => told.ready = Some(*seen),
                _ => {}
            }
        }
        told
    }

    fn signal(&mut self, signal: &Signal, fields: &Fields) {
        match signal {
            Signal::Result { outcome, reason, charged, held: _, cvm } => {
                self.results += 1;
                self.charged = *charged;
                let outcome = outcome.as_ref();
                self.outcome = outcome.map(|word| said(word, fields, "outcome", |word| word.as_str().to_owned()));
                self.reason = reason.as_ref().map(|word| said(word, fields, "reason", ToString::to_string));
                self.cvm = cvm.as_ref().map(|word| {
                    let (word, meaning) = said(word, fields, "cvm", |word| word.as_str().to_owned());
                    (word, meaning.is_some())
                });
            }
            Signal::Show { message } => self.messages.push(said(message, fields, "id", Clone::clone)),
            Signal::Sound { sound } => self.sound = Some(said(sound, fields, "sound", |word| word.as_str().to_owned())),
            Signal::Gate { gate } => self.gate = Some(said(gate, fields, "gate", |word| word.as_str().to_owned())),
            Signal::Started {} | Signal::Ready {} | Signal::Fault { .. } => {}
            Signal::NotSeen { .. } | Signal::Uplink { .. } | Signal::Other { .. } => {}
        }
    }

    /// The gate and the sound, as far as they say whether the rider may ride.
    fn signs(&self) -> Vec<Sign<'_>> {
        let gate = self.gate.as_ref().and_then(|(word, gate)| {
            let gate = (*gate)?;
            Some(Sign { map: "gates", word, meaning: gate.as_str(), accepts: gate == Gate::Open })
        });
        let sound = self.sound.as_ref().and_then(|(word, sound)| {
            let sound = (*sound).filter(|sound| matches!(sound, Sound::Accepted | Sound::Refused))?;
            Some(Sign { map: "sounds", word, meaning: sound.as_str(), accepts: sound == Sound::Accepted })
        });
        gate.into_iter().chain(sound).collect()
    }
}

/// A sign that the device gave: the word, and what the file says that it means.
struct Sign<'a> {
    /// The map under `words`.
    map: &'static str,
    word: &'a str,
    meaning: &'static str,
    /// Whether the rider may ride, by this sign.
    accepts: bool,
}

/// Whether the device clearly refused the card of the last tap, so that there is no ride.
pub(super) fn refused(events: &[Event]) -> bool {
    let taps = taps(events);
    let Some(told) = taps.last().map(|tap| SaidOfTap::of(*tap)) else { return true };
    let outcome = told.outcome.as_ref().and_then(|(_, meaning)| *meaning);
    let signs = told.signs();
    let accepted = outcome == Some(Outcome::Approved) || signs.iter().any(|sign| sign.accepts);
    !accepted && (outcome.is_some() || !signs.is_empty())
}

/// A tap of the check.
struct TriedTap<'a> {
    /// Its card for a person.
    card: &'a str,
    /// Whether the device has to accept the card.
    good: bool,
    told: SaidOfTap,
}

impl Check<'_> {
    /// Reports everything that the taps show.
    pub(super) fn taps(&mut self, events: &[Event], cards: &Cards) {
        let played = taps(events);
        let whole: Vec<TriedTap<'_>> = [(&cards.good, true), (&cards.refused, false)]
            .into_iter()
            .zip(&played)
            .map(|((card, good), tap)| TriedTap { card: &card.name, good, told: SaidOfTap::of(*tap) })
            .collect();
        for tap in &whole {
            self.words(tap);
            self.outcome(tap);
        }
        if let Some(tap) = whole.iter().find(|tap| tap.told.ready == Some(ReadyAgain::Not)) {
            let rules = matches!(self.subject.device.interface, Interface::Rules(_));
            let place = if rules { in_rules(&["repeats-ready"]) } else { way(&["interface"]) };
            let what = format!("after the card {}, the device was not ready again within 1 s", tap.card);
            let help = "if the device tells only after power-on that it is ready, write `repeats-ready: false`";
            self.wrong(&place, &what, help);
        }
        if self.taps == 2 {
            self.kinds_of_signals(&whole);
            self.claims(&whole);
        } else {
            self.report.untried("the claims");
        }
    }

    /// Where a map of the words of the device is, or the entry of a word in it.
    fn word(&self, map: &str, word: Option<&str>) -> Vec<PathStep> {
        let mut place = way(&["words", map]);
        place.extend(word.map(PathStep::from));
        place
    }

    /// Words that have no meaning in cases.
    fn words(&mut self, tap: &TriedTap<'_>) {
        let told = &tap.told;
        let mut unknown: BTreeMap<&str, &str> = BTreeMap::new();
        if let Some((word, None)) = &told.outcome {
            unknown.insert("outcomes", word);
        }
        if let Some((word, None)) = &told.sound {
            unknown.insert("sounds", word);
        }
        if let Some((word, None)) = &told.gate {
            unknown.insert("gates", word);
        }
        for (map, word) in unknown {
            let what = format!("at the card {}, the device said `{word}`, which is not under `words.{map}`", tap.card);
            self.wrong(&self.word(map, None), &what, &format!("add `\"{word}\": MEANING` to `words.{map}`"));
        }
        if let Some((word, false)) = &told.cvm {
            let what = format!("the device said `{word}`, which is not under `words.cvms`");
            self.note(&self.word("cvms", None), &what, &format!("add `\"{word}\": MEANING` to `words.cvms`"));
        }
        if let Some((word, meaning)) = &told.reason {
            let known = meaning.as_ref().is_some_and(|meaning| self.subject.words.has_reason(meaning));
            if !known {
                let what = format!("the device said the reason `{word}`, which cases do not know");
                let help = format!(
                    "add `\"{word}\": REASON` to `words.reasons`, or a list if the code stands for several reasons of \
                     cases/reasons.yaml"
                );
                self.note(&self.word("reasons", None), &what, &help);
            }
        }
        self.messages(tap);
    }

    /// Messages that cases do not know. Such a message matters if no other message tells how the tap ended.
    fn messages(&mut self, tap: &TriedTap<'_>) {
        let words = self.subject.words;
        let known = |meaning: &Option<String>| meaning.clone().filter(|meaning| words.has_message(meaning));
        let ends = tap.told.messages.iter().filter_map(|(_, meaning)| known(meaning));
        let ended = ends.filter(|text| !PASSING.contains(&text.as_str())).count() > 0;
        let mut reported = BTreeSet::new();
        for (word, _) in tap.told.messages.iter().filter(|(_, meaning)| known(meaning).is_none()) {
            if reported.insert(word) {
                let what = format!("at the card {}, the display showed `{word}`, which cases do not know", tap.card);
                let help = format!("add `\"{word}\": MEANING` to `words.messages`");
                let weight = if ended { Weight::Note } else { Weight::Wrong };
                self.add(weight, &self.word("messages", None), &what, &help);
            }
        }
    }

    /// The outcome against the other signs.
    fn outcome(&mut self, tap: &TriedTap<'_>) {
        let device = self.subject.device;
        let (told, card) = (&tap.told, tap.card);
        if device.interface.operator().is_some() {
            return;
        }
        if device.tells_result() && told.results == 0 {
            let what = format!("the tap of the card {card} came to no result within 2 s");
            let help = "check that the card reaches the reader, and compare the rule for `result` with the lines that no rule \
                        explains";
            return self.wrong(&self.event_place(EventKind::Result), &what, help);
        }
        let signs = told.signs();
        let outcome = told.outcome.as_ref().and_then(|(word, meaning)| {
            let meaning = (*meaning)?;
            Some(Sign { map: "outcomes", word, meaning: meaning.as_str(), accepts: meaning == Outcome::Approved })
        });
        let expected = !tap.good || approves(&self.settings, device);
        let all: Vec<&Sign<'_>> = outcome.iter().chain(&signs).collect();
        let unfit: Vec<&&Sign<'_>> = all.iter().filter(|sign| sign.accepts != tap.good).collect();
        match (&unfit[..], expected) {
            ([], _) | (_, false) => {}
            // All signs agree, so the file is likely to be right about them.
            (unfit, true) if unfit.len() == all.len() => self.other_outcome(tap, unfit[0].meaning),
            (unfit, true) => unfit.iter().for_each(|sign| self.contradiction(tap, sign, &all)),
        }
        self.amount(tap);
    }

    /// One sign says the opposite of the others, and does not fit the card. It is likely to be mapped wrongly.
    fn contradiction(&mut self, tap: &TriedTap<'_>, sign: &Sign<'_>, all: &[&Sign<'_>]) {
        let others = all.iter().filter(|other| other.accepts != sign.accepts);
        let others: Vec<String> = others.map(|other| format!("`{}` ({})", other.word, other.meaning)).collect();
        let Sign { map, word, meaning, .. } = sign;
        let what = format!(
            "at the card {}, the device said `{word}`, which the file maps to `{meaning}`, but the device also said the \
             opposite: {}",
            tap.card,
            others.join(" and "),
        );
        let help = format!("correct the meaning of `{word}` under `words.{map}`; two meanings may be swapped");
        self.wrong(&self.word(map, Some(word)), &what, &help);
    }

    fn other_outcome(&mut self, tap: &TriedTap<'_>, outcome: &str) {
        let reason = tap.told.reason.as_ref().map(|(word, _)| format!(", reason `{word}`")).unwrap_or_default();
        let what = match tap.good {
            true => format!("the device did not accept the card {}, which it must accept: {outcome}{reason}", tap.card),
            false => format!("the device accepted the card {}, which it must refuse: {outcome}{reason}", tap.card),
        };
        let help = match tap.good {
            true => {
                "check the CA keys, the clock, what is under `fixed`, and the claims `oda-online` and `oda-offline`"
            }
            false => {
                "check whether the device got the clock; if it did, the device has a defect, which the suite will show"
            }
        };
        let claim = if self.settings.mode == Some(taprig_model::settings::Mode::Offline) {
            "oda-offline"
        } else {
            "oda-online"
        };
        self.wrong(&way(&["claims", claim]), &what, help);
    }

    fn amount(&mut self, tap: &TriedTap<'_>) {
        let Some(fare) = self.fare() else { return };
        let approved = matches!(tap.told.outcome, Some((_, Some(Outcome::Approved))));
        match tap.told.charged.unwrap_or(0) {
            0 if tap.good && approved => {
                let what = format!("the device took the card {}, but its result tells no amount", tap.card);
                let help = "add the group `charged` to the rule for `result`, or correct `forms.amount`: as it is, each case that expects \
                            an amount fails";
                self.wrong(&self.event_place(EventKind::Result), &what, help);
            }
            charged if tap.good && approved && charged != fare => {
                let what = format!("the fare is {fare} fen, but the device says that it charged {charged} fen");
                let rules = matches!(self.subject.device.interface, Interface::Rules(_));
                let place = if rules { in_rules(&["forms", "amount"]) } else { way(&["interface"]) };
                self.wrong(&place, &what, "correct `forms.amount`, the command for `fare`, or the group `charged`");
            }
            _ => {}
        }
    }

    /// The rule for events of this kind, or where the interface is described.
    fn event_place(&self, kind: EventKind) -> Vec<PathStep> {
        match &self.subject.device.interface {
            Interface::Rules(rules) => match rules.events.iter().position(|rule| rule.is == kind) {
                Some(index) => event(index),
                None => in_rules(&["events"]),
            },
            Interface::Native(_) => way(&["interface", "native", "events", &kind.to_string()]),
            Interface::Adapter(_) | Interface::Operator(_) => way(&["interface"]),
        }
    }

    /// Kinds of events that never came. Those of rules are reported by their patterns.
    fn kinds_of_signals(&mut self, taps: &[TriedTap<'_>]) {
        if self.subject.device.interface.operator().is_some() {
            return;
        }
        let never = |has: fn(&SaidOfTap) -> bool| !taps.iter().any(|tap| has(&tap.told));
        let kinds = [
            (EventKind::Show, never(|told| !told.messages.is_empty()), "a case that expects a message fails"),
            (EventKind::Sound, never(|told| told.sound.is_some()), "a case that expects a sound fails"),
            (EventKind::Gate, never(|told| told.gate.is_some()), "a case that expects an open gate fails"),
        ];
        for (kind, never, meaning) in kinds {
            let by_rule = match &self.subject.device.interface {
                Interface::Rules(rules) => rules.tells(kind),
                _ => false,
            };
            if never && !by_rule {
                let weight =
                    if self.subject.device.interface.native().is_some() { Weight::Wrong } else { Weight::Note };
                let what = format!("the event `{kind}` never came: {meaning}");
                self.add(weight, &self.event_place(kind), &what, "let the device tell it, if it can");
            }
        }
    }

    /// Claims that what was told contradicts, and claims that could be made.
    fn claims(&mut self, taps: &[TriedTap<'_>]) {
        let device = self.subject.device;
        let words = self.subject.words;
        let reasons: Vec<_> = taps.iter().filter_map(|tap| tap.told.reason.as_ref()).collect();
        let known = |(_, meaning): &&(String, Option<Reason>)| {
            meaning.as_ref().is_some_and(|meaning| words.has_reason(meaning))
        };
        let told: Vec<&str> = reasons.iter().map(|(word, _)| word.as_str()).collect();
        self.claim(claim::TELLS_REASON, !told.is_empty(), reasons.iter().any(known), &told);
        let cvms: Vec<_> = taps.iter().filter_map(|tap| tap.told.cvm.as_ref()).collect();
        let told: Vec<&str> = cvms.iter().map(|(word, _)| word.as_str()).collect();
        self.claim(claim::TELLS_CVM, !told.is_empty(), cvms.iter().any(|(_, known)| *known), &told);
        let processing = taps.iter().filter(|tap| tap.good).flat_map(|tap| &tap.told.messages);
        let processing = processing.filter(|(_, meaning)| meaning.as_deref() == Some("processing")).count() > 0;
        if device.claims("processing-message") && !processing {
            let what = "the device claims `processing-message`, but showed no message that means `processing`";
            self.wrong(&way(&["claims", "processing-message"]), what, "map the message, or withdraw the claim");
        }
        let untried = device.claims.iter().filter(|(name, claim)| claim.is_made() && !TRIED.contains(&name.as_str()));
        let untried: Vec<&str> = untried.map(|(name, _)| name.as_str()).collect();
        if !untried.is_empty() {
            self.report.untried(format!("the claims {}", untried.join(", ")));
        }
    }

    /// A claim to tell something. `came` says whether the device told it at all, and `known` whether the file gave it a meaning.
    fn claim(&mut self, name: &str, came: bool, known: bool, told: &[&str]) {
        let what = match (self.subject.device.claims(name), came, known) {
            (true, false, _) => format!("the device claims `{name}`, but told nothing of the kind at two taps"),
            (true, true, false) => {
                format!("the device claims `{name}`, but cases know none of its words: {}", told.join(", "))
            }
            (false, _, true) => {
                let what = format!("the device does not claim `{name}`, but it told {}", told.join(", "));
                return self.note(
                    &way(&["claims", name]),
                    &what,
                    &format!("add `{name}: true`: more can be judged then"),
                );
            }
            _ => return,
        };
        self.wrong(&way(&["claims", name]), &what, "correct the rules and the words, or withdraw the claim");
    }
}
