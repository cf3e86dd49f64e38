//! What the lines of a foreign console mean, by the rules of its device file.

use std::collections::BTreeMap;

use taprig_model::device::Words;
use taprig_model::device::rules::{Command, EventKind, EventRule, Pattern, Rules, Template, value_name};
use taprig_model::event::{Fields, JournalRow, Signal, Status};

use super::super::Identity;
use super::super::words::{reason_of, word};

/// A part of the identity that the device does not tell.
pub(super) const UNTOLD: &str = "?";

/// Values by their names.
pub type Values = BTreeMap<String, String>;

/// The rules of a device and its words.
#[derive(Debug, Clone)]
pub struct Meanings {
    rules: Rules,
    words: Words,
}

/// The sums of a journal, as far as the device tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sums {
    pub count: Option<u32>,
    /// In fen.
    pub total: Option<u64>,
}

impl Meanings {
    /// The meanings by these rules and words.
    #[must_use]
    pub fn new(rules: &Rules, words: &Words) -> Self {
        Self { rules: rules.clone(), words: words.clone() }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What a line reports: a signal for each rule whose pattern matches, in the order of the rules, and the values in
    /// the device's own words.
    pub fn signals<'a>(&'a self, line: &'a str) -> impl Iterator<Item = (Signal, Fields)> + 'a {
        self.events(line).map(|(_, signal, said)| (signal, said))
    }

    /// The same, each with the index of its rule.
    pub(super) fn events<'a>(&'a self, line: &'a str) -> impl Iterator<Item = (usize, Signal, Fields)> + 'a {
        self.rules.events.iter().enumerate().filter_map(|(index, rule)| {
            let groups = rule.line.groups(line)?;
            let mut values = named(&groups, &rule.values);
            if let Some(fen) = self.amount(values.get("amount").map(String::as_str)) {
                values.insert("amount".into(), fen.to_string());
            }
            // Transcripts and displays show a message by these names.
            if let Some(code) = values.remove("message") {
                let meaning = self.words.messages.get(&code).unwrap_or(&code).clone();
                values.extend([("text".into(), meaning), ("id".into(), code.clone()), ("message".into(), code)]);
            }
            let said = values
                .iter()
                .filter(|(name, _)| *name != "message")
                .map(|(name, value)| (name.as_str(), value.clone()))
                .collect();
            Some((index, self.signal(rule, &values), said))
        })
    }

    fn signal(&self, rule: &EventRule, values: &Values) -> Signal {
        let value = |name: &str| values.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let words = &self.words;
        match rule.is {
            EventKind::Started => Signal::Started {},
            EventKind::Ready => Signal::Ready {},
            EventKind::Show => Signal::Show { message: word(&words.messages, value("message").unwrap_or_default()) },
            EventKind::Sound => Signal::Sound { sound: word(&words.sounds, value("sound").unwrap_or_default()) },
            EventKind::Gate => Signal::Gate { gate: word(&words.gates, value("gate").unwrap_or_default()) },
            EventKind::Result => Signal::Result {
                outcome: value("outcome").map(|said| word(&words.outcomes, said)),
                reason: value("reason").map(|said| reason_of(words, said)),
                charged: self.amount(value("charged")),
                held: None,
                cvm: value("cvm").map(|said| word(&words.cvms, said)),
            },
            EventKind::Fault => {
                let what = value("what").unwrap_or("unnamed");
                Signal::Fault { what: self.word_of_cases("what", what) }
            }
        }
    }

    /// The values that the lines of a reply tell together.
    #[must_use]
    pub fn values(&self, command: &Command, reply: &[String]) -> Values {
        named(&groups(&command.lines, reply), &command.values)
    }

    /// Everything that the lines of a reply mean: its values, and the records of a journal.
    #[must_use]
    pub fn reply(&self, command: &Command, reply: &[String]) -> (Values, Vec<JournalRow>) {
        (self.values(command, reply), self.journal(command, reply).0)
    }

    pub(super) fn identity(&self, command: &Command, reply: &[String]) -> Identity {
        let mut values = self.values(command, reply);
        let mut take = |name: &str| values.remove(name).filter(|value| !value.is_empty());
        let known = |value: Option<String>| value.unwrap_or_else(|| UNTOLD.into());
        Identity {
            device: known(take("device")),
            firmware: known(take("firmware")),
            board: take("board"),
            version: take("version"),
            digest: take("digest").map(|digest| digest.to_ascii_lowercase()),
        }
    }

    pub(super) fn status(&self, command: &Command, reply: &[String]) -> (Status, Fields) {
        let values = self.values(command, reply);
        let value = |name: &str| values.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let status = Status {
            state: value("state").map(|said| self.word_of_cases("state", said)),
            journal: value("journal").and_then(|said| said.parse().ok()),
            capacity: value("capacity").and_then(|said| said.parse().ok()),
            total: self.amount(value("total")),
            clock: value("clock").map(|said| self.time("clock", said)),
            settings: None,
        };
        (status, values.into_iter().collect())
    }

    /// The records of a listed journal, with the numbers of the device, and its sums.
    pub(super) fn journal(&self, command: &Command, reply: &[String]) -> (Vec<JournalRow>, Sums) {
        let mut records: Vec<Vec<(&str, String)>> = Vec::new();
        for line in reply {
            for (place, pattern) in command.rows.iter().enumerate() {
                let Some(groups) = pattern.groups(line) else { continue };
                match (place, records.last_mut()) {
                    (0, _) => records.push(groups),
                    (_, Some(record)) => record.extend(groups),
                    // A continuation without a record has no meaning.
                    (_, None) => {}
                }
            }
        }
        let rows = records.iter().map(|groups| self.row(&named(groups, &command.values))).collect();
        let sums = self.values(command, reply);
        let count = sums.get("count").and_then(|said| said.parse().ok());
        let has_lines = !command.lines.is_empty();
        let total = sums.get("total").filter(|_| has_lines);
        (rows, Sums { count: count.filter(|_| has_lines), total: self.amount(total.map(String::as_str)) })
    }

    fn row(&self, values: &Values) -> JournalRow {
        let value = |name: &str| values.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let text = |name: &str| value(name).map(|said| self.word_of_cases(name, said));
        JournalRow {
            number: value("number").and_then(|said| said.parse().ok()),
            time: value("time").map(|said| self.time("time", said)),
            account: value("account").map(|said| self.rules.forms.account(said)),
            sequence: text("sequence"),
            charged: self.amount(value("charged")),
            counter: value("counter").map(|said| self.rules.forms.counter.read(said)),
            cryptogram: text("cryptogram"),
            cryptogram_type: text("cryptogram-type"),
            kind: text("kind"),
            line: text("line"),
            said: values.iter().map(|(name, value)| (name.as_str(), value.clone())).collect(),
            ..JournalRow::default()
        }
    }

    fn amount(&self, said: Option<&str>) -> Option<u64> {
        self.rules.forms.amount.read(said?)
    }

    /// A time as cases write it. A word such as `unset`, and a text that is no time, stay as they are.
    fn time(&self, name: &str, said: &str) -> String {
        self.rules.forms.time.read(said).map_or_else(|| self.word_of_cases(name, said), |time| time.to_string())
    }

    /// The word of cases for a word of the device.
    fn word_of_cases(&self, name: &str, said: &str) -> String {
        self.rules.words.told.get(name).and_then(|words| words.get(said)).map_or(said, String::as_str).to_owned()
    }
}

/// The kind of event that this signal is.
pub(super) fn kind(signal: &Signal) -> Option<EventKind> {
    Some(match signal {
        Signal::Started {} => EventKind::Started,
        Signal::Ready {} => EventKind::Ready,
        Signal::Show { .. } => EventKind::Show,
        Signal::Sound { .. } => EventKind::Sound,
        Signal::Gate { .. } => EventKind::Gate,
        Signal::Result { .. } => EventKind::Result,
        Signal::Fault { .. } => EventKind::Fault,
        // Only a person says that something was not seen, and no rule says that a work at the uplink has ended.
        Signal::NotSeen { .. } | Signal::Uplink { .. } | Signal::Other { .. } => return None,
    })
}

fn groups<'p>(patterns: &'p [Pattern], reply: &[String]) -> Vec<(&'p str, String)> {
    let lines = reply.iter();
    lines.flat_map(|line| patterns.iter().filter_map(|pattern| pattern.groups(line)).flatten()).collect()
}

/// The values: the groups, and those that templates make of groups. A group that took no part is empty in a template.
/// If a group occurs in several lines, the last one counts.
fn named(groups: &[(&str, String)], templates: &BTreeMap<String, Template>) -> Values {
    let made: BTreeMap<&str, &String> = groups.iter().map(|(name, value)| (*name, value)).collect();
    let mut values: Values = made.iter().map(|(name, value)| (value_name(name), value.trim().to_owned())).collect();
    for (name, template) in templates {
        let value = template.fill(|group| Some(made.get(group).map_or("", |value| value.trim())));
        values.insert(name.clone(), value.unwrap_or_default());
    }
    values
}
