//! What is wrong with rules that fit their types: values without a source, and claims that the rules can't keep.

use super::{Command, EventKind, Pattern, RuleCommands, Rules, Template};
use crate::device::{Device, claim};
use crate::expect::Sound;
use crate::settings::{OF_UPLINK, Settings};
use std::collections::{BTreeMap, BTreeSet};

/// One problem of a device file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// The way from the top of the device file to the place. Indices of lists are numbers.
    pub way: Vec<String>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub help: String,
}

/// Values that the record leaves unmasked because of their names, since long numbers are normal there. A group of
/// another meaning must not have such a name.
const UNMASKED: [&str; 5] = ["time", "ac", "digest", "serial", "cryptogram"];

/// Labels that don't change what a validator does.
const LABELS: [&str; 5] = ["county", "line", "route", "bus", "driver"];

const IDENTITY: &[(&str, bool)] =
    &[("device", true), ("firmware", true), ("board", false), ("version", false), ("digest", false)];
const ECHO: &[(&str, bool)] = &[("text", true)];
const STATUS: &[(&str, bool)] =
    &[("state", false), ("journal", false), ("capacity", false), ("total", false), ("clock", false)];
const SUMS: &[(&str, bool)] = &[("count", false), ("total", false)];
const ROW: &[(&str, bool)] = &[
    ("number", true),
    ("time", false),
    ("account", false),
    ("sequence", false),
    ("charged", false),
    ("counter", false),
    ("cryptogram", false),
    ("cryptogram-type", false),
    ("kind", false),
    ("line", false),
];

/// Claims that need a command, and the command.
const NEEDED: [(&str, &str); 6] = [
    (claim::STATUS, "status"),
    (claim::JOURNAL, "journal"),
    (claim::JOURNAL, "journal-clear"),
    ("exception-file", "deny-add"),
    ("revocation-list", "revoke-add"),
    ("sm2", "key-add-sm2"),
];

/// Claims that need a setting, and the setting.
const NEEDED_SETTINGS: [(&str, &str); 4] = [
    ("debit-bar", "debit"),
    ("journal-capacity", "capacity"),
    ("merchant-maximum-setting", "merchant-max"),
    ("ttq-setting", "ttq"),
];

/// Whether this is not a setting of its own, but a part of the setting `fare`.
fn is_part_of_fare(key: &str) -> bool {
    matches!(key, "discount" | "one-cent")
}

impl RuleCommands {
    /// All commands by their names, in the order of the file format.
    #[must_use]
    pub fn all(&self) -> Vec<(&'static str, &Command)> {
        [
            ("identity", Some(&self.identity)),
            ("echo", self.echo.as_ref()),
            ("status", self.status.as_ref()),
            ("clock", self.clock.as_ref()),
            ("key-add", self.key_add.as_ref()),
            ("key-add-sm2", self.key_add_sm2.as_ref()),
            ("key-clear", self.key_clear.as_ref()),
            ("deny-add", self.deny_add.as_ref()),
            ("deny-clear", self.deny_clear.as_ref()),
            ("revoke-add", self.revoke_add.as_ref()),
            ("revoke-clear", self.revoke_clear.as_ref()),
            ("journal", self.journal.as_ref()),
            ("journal-clear", self.journal_clear.as_ref()),
            ("factory", self.factory.as_ref()),
            ("reboot", self.reboot.as_ref()),
        ]
        .into_iter()
        .filter_map(|(name, command)| Some((name, command?)))
        .collect()
    }
}

impl Rules {
    /// Everything that is wrong with these rules of `device`.
    #[must_use]
    pub fn problems(&self, device: &Device) -> Vec<RuleProblem> {
        let mut problems = Problems(Vec::new());
        self.ends(&mut problems);
        for (index, rule) in self.events.iter().enumerate() {
            let way = ["events".to_owned(), index.to_string()];
            read(&way, "line", std::slice::from_ref(&rule.line), &rule.values, rule.is.values(), &mut problems);
            unknown_values(&way, &rule.values, &[rule.is.values()], &mut problems);
        }
        for (name, command) in self.commands.all() {
            command_problems(name, command, &mut problems);
        }
        self.setting_problems(device, &mut problems);
        self.claim_problems(device, &mut problems);
        problems.0
    }

    /// A reply and the start of the device need a sign that they have ended.
    fn ends(&self, problems: &mut Problems) {
        if self.prompt.is_none() {
            if self.replies.ok.is_none()
                && let Some((name, _)) = self.commands.all().iter().find(|(_, command)| command.ok.is_none())
            {
                let what = format!("nothing ends the reply to `{name}`");
                problems.add(&["commands", name], what, "add `replies: { ok: ... }`, or a `prompt`");
            }
            if !self.tells(EventKind::Ready) && !self.tells(EventKind::Started) {
                let what = "nothing tells that the device has become ready after its power came on";
                problems.add(&["events"], what, "add a rule with `is: ready` or `is: started`, or a `prompt`");
            }
        }
    }

    fn setting_problems(&self, device: &Device, problems: &mut Problems) {
        let keys = Settings::keys_of_pairs();
        let mut told = BTreeSet::new();
        let initial: BTreeSet<_> =
            self.initial.overlaid(&device.fixed.settings).pairs().into_iter().map(|(key, _)| key).collect();
        for (index, command) in self.settings.iter().enumerate() {
            let way = ["settings".to_owned(), index.to_string()];
            let here = |key: &str| [&way[0], &way[1], key].map(str::to_owned);
            let names: BTreeSet<&str> = command.send.names().collect();
            if names.is_empty() {
                problems.push(&here("send"), "this command sets nothing".into(), "put `{name}` of a setting into it");
            }
            for name in &names {
                if !keys.contains(name) {
                    let what = format!("there is no setting `{name}` to put in");
                    problems.push(&here("send"), what, &format!("known names: `{}`", keys.join("`, `")));
                } else if names.len() > 1 && !initial.contains(name) {
                    let what = format!("a case may leave out `{name}`, and then this template lacks its value");
                    let help = match is_part_of_fare(name) {
                        true => format!(
                            "add `fare` under `initial`: `{name}` is a part of it. Without more, `fare: 1.00 CNY` has no \
                             discount and no promotion"
                        ),
                        false => format!("add `{name}` under `initial`"),
                    };
                    problems.push(&here("send"), what, &help);
                }
                if !told.insert((*name).to_owned()) {
                    let what = format!("a command above sets `{name}` already");
                    problems.push(&here("send"), what, "set each setting by one command");
                }
            }
            no_answer(&way, command, problems);
        }
        let commands = &self.commands;
        told.extend(commands.clock.is_some().then(|| "clock".to_owned()));
        for (list, add, clear) in [
            ("keys", commands.key_add.is_some(), commands.key_clear.is_some()),
            ("deny-list", commands.deny_add.is_some(), commands.deny_clear.is_some()),
            ("revoked", commands.revoke_add.is_some(), commands.revoke_clear.is_some()),
        ] {
            if add != clear {
                let what = format!(
                    "the list `{list}` can be {}",
                    if add { "filled but not emptied" } else { "emptied but not filled" }
                );
                problems.add(&["commands"], what, "give both commands of a list, or put the list under `fixed`");
            }
            told.extend(add.then(|| list.to_owned()));
        }
        let fixed: BTreeSet<String> = device.fixed.in_words().into_iter().map(|(key, _)| key).collect();
        let is_fixed = |key: &str| fixed.contains(key) || (is_part_of_fare(key) && fixed.contains("fare"));
        for part in ["discount", "one-cent"].into_iter().filter(|part| fixed.contains(*part) && fixed.contains("fare"))
        {
            let (way, what) = (["fixed", part], format!("the fare is fixed as a whole, so `{part}` is fixed twice"));
            problems.0.push(RuleProblem {
                way: way.map(str::to_owned).into(),
                what,
                help: format!("write `fare` with its `{part}`, or remove `fare`"),
            });
        }
        for (index, label) in self.ignored.iter().enumerate() {
            if !LABELS.contains(&label.as_str()) {
                let what = format!("`{label}` is no label, so it can't be ignored");
                let help = format!("labels: `{}`; put another setting under `fixed`", LABELS.join("`, `"));
                problems.push(&["ignored".to_owned(), index.to_string()], what, &help);
            }
        }
        for key in keys.into_iter().chain(["clock", "keys", "deny-list", "revoked"]) {
            // No device by rules has an uplink that the rig can command.
            let ignored = OF_UPLINK.contains(&key) || self.ignored.iter().any(|label| label == key);
            match (told.contains(key), is_fixed(key)) {
                (true, true) => problems.add(
                    &["settings"],
                    format!("a command sets `{key}`, but `fixed` says that the device can't be told"),
                    "remove one of the two",
                ),
                (false, false) if !ignored => problems.add(
                    &["settings"],
                    format!("no command sets `{key}`"),
                    match LABELS.contains(&key) {
                        true => {
                            "add a command; or, if the device does not have this label, put its name under `ignored`"
                        }
                        false => "add a command, or put what the device is set to under `fixed`",
                    },
                ),
                _ => {}
            }
        }
    }

    fn claim_problems(&self, device: &Device, problems: &mut Problems) {
        let mut denied = |claim: &str, what: &str, help: &str| {
            if device.claims(claim) {
                let way = vec!["claims".to_owned(), claim.to_owned()];
                problems.0.push(RuleProblem { way, what: format!("this claim needs {what}"), help: help.into() });
            }
        };
        let commands = self.commands.all();
        for (claim, needed) in NEEDED {
            if !commands.iter().any(|(name, _)| *name == needed) {
                denied(claim, &format!("the command `{needed}`"), "add it under `commands`, or withdraw the claim");
            }
        }
        for (claim, needed) in NEEDED_SETTINGS {
            if !self.settings.iter().any(|command| command.send.names().any(|name| name == needed)) {
                denied(
                    claim,
                    &format!("a command that sets `{needed}`"),
                    "add it under `settings`, or withdraw the claim",
                );
            }
        }
        for (claim, value) in [(claim::TELLS_REASON, "reason"), (claim::TELLS_CVM, "cvm")] {
            let told = self.events.iter().any(|rule| {
                rule.is == EventKind::Result
                    && (rule.values.contains_key(value) || rule.line.names().any(|name| name == value))
            });
            if !told {
                denied(claim, &format!("an event `result` with the value `{value}`"), "add it, or withdraw the claim");
            }
        }
        let sounds = &device.words.sounds;
        if !sounds.is_empty() && !sounds.values().any(|sound| *sound == Sound::Attention) {
            denied(
                claim::ATTENTION_SOUND,
                "a word for `attention`",
                "add it under `words.sounds`, or withdraw the claim",
            );
        }
        let help = "withdraw the claim: cases that talk to the console of the reference device don't apply";
        denied(claim::NATIVE_CONSOLE, "the interface `native`", help);
    }
}

/// Checks a command that is no setting.
fn command_problems(name: &str, command: &Command, problems: &mut Problems) {
    let way = ["commands".to_owned(), name.to_owned()];
    let (needed, optional): (&[&str], &[&str]) = match name {
        "echo" => (&["text"], &[]),
        "clock" => (&["time"], &[]),
        "key-add" => (&["rid", "index", "exponent", "modulus"], &[]),
        "key-add-sm2" => (&["rid", "index", "point"], &[]),
        "deny-add" => (&["pan"], &["psn"]),
        "revoke-add" => (&["rid", "index", "serial"], &[]),
        "journal" => (&[], &["from"]),
        _ => (&[], &[]),
    };
    let names: BTreeSet<&str> = command.send.names().collect();
    let send = [&way[0], &way[1], "send"].map(str::to_owned);
    for missing in needed.iter().filter(|value| !names.contains(*value)) {
        problems.push(
            &send,
            format!("this template lacks its value `{{{missing}}}`"),
            "put it where the device expects it",
        );
    }
    for name in names.iter().filter(|name| !needed.contains(name) && !optional.contains(name)) {
        let known: Vec<_> = needed.iter().chain(optional).map(|name| format!("`{{{name}}}`")).collect();
        let help = if known.is_empty() {
            "this command has no values".into()
        } else {
            format!("known values: {}", known.join(", "))
        };
        problems.push(&send, format!("there is no value `{name}` to put in"), &help);
    }
    match name {
        "identity" => asks(&way, command, IDENTITY, problems),
        "echo" => asks(&way, command, ECHO, problems),
        "status" => asks(&way, command, STATUS, problems),
        "journal" => {
            if command.rows.is_empty() {
                problems.push(&way, "the records have no pattern".into(), "add `rows`");
            } else {
                read(&way, "rows", &command.rows, &command.values, ROW, problems);
            }
            read(&way, "lines", &command.lines, &command.values, SUMS, problems);
            unknown_values(&way, &command.values, &[ROW, SUMS], problems);
        }
        _ => no_answer(&way, command, problems),
    }
}

fn asks(way: &[String], command: &Command, wanted: &'static [(&'static str, bool)], problems: &mut Problems) {
    if !command.rows.is_empty() {
        problems.push(way, "only the journal has rows".into(), "write `lines` in place of `rows`");
    }
    if command.lines.is_empty() {
        problems.push(way, "the answer has no pattern".into(), "add `lines`");
        return;
    }
    read(way, "lines", &command.lines, &command.values, wanted, problems);
    unknown_values(way, &command.values, &[wanted], problems);
}

/// A command that only has an effect.
fn no_answer(way: &[String], command: &Command, problems: &mut Problems) {
    if !command.lines.is_empty() || !command.rows.is_empty() || !command.values.is_empty() {
        problems.push(
            way,
            "this command tells nothing that the rig needs".into(),
            "remove `lines`, `rows` and `values`",
        );
    }
}

/// Checks patterns that tell values: each group has a use, and each needed value has a source.
fn read(
    way: &[String],
    key: &str,
    patterns: &[Pattern],
    values: &BTreeMap<String, Template>,
    wanted: &'static [(&'static str, bool)],
    problems: &mut Problems,
) {
    let at = |index: usize| match key {
        "line" => [way, &[key.to_owned()]].concat(),
        _ => [way, &[key.to_owned(), index.to_string()]].concat(),
    };
    let is_wanted = |name: &str| wanted.iter().any(|(value, _)| *value == name);
    let used: BTreeSet<&str> = values.values().flat_map(Template::names).collect();
    let mut groups = BTreeSet::new();
    for (index, pattern) in patterns.iter().enumerate() {
        for group in pattern.names() {
            groups.insert(group);
            if is_wanted(&super::value_name(group)) {
                continue;
            }
            if UNMASKED.contains(&group) {
                let what = format!("the group `{group}` has a name that is kept for another meaning");
                problems.push(
                    &at(index),
                    what,
                    "give the group another name: the record does not mask values of this name",
                );
            } else if !used.contains(group) {
                let names: Vec<_> = wanted.iter().map(|(name, _)| name.replace('-', "_")).collect();
                let what = format!("nothing uses the group `{group}`");
                let help = match names.is_empty() {
                    true => "remove its name; a line of this kind has no values".to_owned(),
                    false => format!("known groups: `{}`; or use it under `values`", names.join("`, `")),
                };
                problems.push(&at(index), what, &help);
            }
        }
    }
    for (name, template) in values.iter().filter(|(name, _)| is_wanted(name)) {
        for missing in template.names().filter(|group| !groups.contains(group)) {
            let what = format!("this template lacks its value: no pattern here has the group `{missing}`");
            problems.push(
                &[way, &["values".to_owned(), name.clone()]].concat(),
                what,
                "name a group of the pattern so",
            );
        }
    }
    for (name, _) in wanted.iter().filter(|(_, needed)| *needed) {
        if !groups.iter().any(|group| super::value_name(group) == *name) && !values.contains_key(*name) {
            let what = format!("nothing tells the value `{name}`");
            let help = format!("add a group `(?<{}>...)`, or `{name}` under `values`", name.replace('-', "_"));
            problems.push(&at(0), what, &help);
        }
    }
}

fn unknown_values(
    way: &[String],
    values: &BTreeMap<String, Template>,
    wanted: &[&'static [(&'static str, bool)]],
    problems: &mut Problems,
) {
    let known: Vec<&str> = wanted.iter().flat_map(|values| values.iter().map(|(name, _)| *name)).collect();
    for name in values.keys().filter(|name| !known.contains(&name.as_str())) {
        let help = if known.is_empty() {
            "it has no values".into()
        } else {
            format!("known values: `{}`", known.join("`, `"))
        };
        problems.push(
            &[way, &["values".to_owned(), name.clone()]].concat(),
            format!("there is no value `{name}`"),
            &help,
        );
    }
}

/// Collects problems. Ways are relative to the rules.
struct Problems(Vec<RuleProblem>);

impl Problems {
    fn add(&mut self, way: &[&str], what: impl Into<String>, help: &str) {
        let way: Vec<String> = way.iter().map(|step| (*step).to_owned()).collect();
        self.push(&way, what.into(), help);
    }

    fn push(&mut self, way: &[String], what: String, help: &str) {
        let way = ["interface", "rules"].into_iter().map(str::to_owned).chain(way.iter().cloned()).collect();
        self.0.push(RuleProblem { way, what, help: help.to_owned() });
    }
}
