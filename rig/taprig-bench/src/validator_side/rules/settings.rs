//! Settings as commands of a foreign console.

use std::collections::BTreeMap;

use taprig_model::device::rules::{Command, Rules};
use taprig_model::settings::Settings;
use taprig_model::situation::{AuthorityKey, PublicKey};

/// A command with its line.
#[derive(Debug, Clone)]
pub(super) struct Sending {
    /// The command.
    pub command: Command,
    /// The line, with all values.
    pub line: String,
    /// The settings that the line sets, in the words of cases.
    keys: Vec<String>,
}

impl Sending {
    /// Whether the line sets this setting.
    pub(super) fn sets(&self, key: &str) -> bool {
        self.keys.iter().any(|set| set == key)
    }
}

/// A list of a validator.
#[derive(Debug, Clone, Copy)]
pub(super) enum List {
    /// CA public keys.
    Keys,
    /// Cards that may not ride.
    Deny,
    /// Revoked issuer certificates.
    Revoked,
}

impl List {
    /// All lists.
    pub(super) const ALL: [Self; 3] = [Self::Keys, Self::Deny, Self::Revoked];

    const fn key(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Deny => "deny-list",
            Self::Revoked => "revoked",
        }
    }

    /// Whether the settings contain the list.
    pub(super) fn is_in(self, settings: &Settings) -> bool {
        match self {
            Self::Keys => settings.keys.is_some(),
            Self::Deny => settings.deny_list.is_some(),
            Self::Revoked => settings.revoked.is_some(),
        }
    }
}

/// Settings whose values are amounts.
const AMOUNTS: [&str; 5] = ["fare", "tx-limit", "floor-limit", "cvm-limit", "merchant-max"];

/// The commands that make `settings` hold, as far as the device has commands for them. If `only` is given, these are only
/// the commands that set something of it.
pub(super) fn commands(rules: &Rules, settings: &Settings, only: Option<&Settings>) -> Vec<Sending> {
    let values: BTreeMap<_, _> = settings.pairs().into_iter().collect();
    let changed: Option<Vec<&str>> = only.map(|only| only.pairs().into_iter().map(|(key, _)| key).collect());
    let mut sendings = Vec::new();
    for command in &rules.settings {
        if changed.as_ref().is_some_and(|changed| !command.send.names().any(|name| changed.contains(&name))) {
            continue;
        }
        if let Some(line) = command.send.fill(|name| Some(sent(rules, name, values.get(name)?))) {
            let whole =
                |name: &str| if matches!(name, "discount" | "one-cent") { "fare".into() } else { name.to_owned() };
            sendings.push(Sending { command: command.clone(), line, keys: command.send.names().map(whole).collect() });
        }
    }
    sendings
}

/// The commands that fill a list, which they empty first. They are none if the device can't be told.
pub(super) fn list(rules: &Rules, list: List, settings: &Settings, keys: &[AuthorityKey]) -> Vec<Sending> {
    let commands = &rules.commands;
    let (clear, add) = match list {
        List::Keys => (&commands.key_clear, &commands.key_add),
        List::Deny => (&commands.deny_clear, &commands.deny_add),
        List::Revoked => (&commands.revoke_clear, &commands.revoke_add),
    };
    let (Some(clear), Some(add)) = (clear, add) else { return Vec::new() };
    let entries: Vec<(&Command, Vec<(&str, String)>)> = match list {
        List::Keys => {
            let entry = |key: &AuthorityKey| {
                let (rid, index) = (("rid", key.rid.to_string()), ("index", key.index.to_string()));
                match &key.key {
                    PublicKey::Rsa { exponent, modulus } => {
                        let values = [rid, index, ("exponent", exponent.to_string()), ("modulus", modulus.to_string())];
                        Some((add, values.into()))
                    }
                    PublicKey::Sm2 { point } => {
                        let add = commands.key_add_sm2.as_ref()?;
                        Some((add, [rid, index, ("point", point.to_string())].into()))
                    }
                }
            };
            keys.iter().filter_map(entry).collect()
        }
        List::Deny => {
            let entries = settings.deny_list.iter().flatten();
            let psn = |psn: Option<u8>| psn.map_or_else(|| "none".into(), |psn| format!("{psn:02}"));
            entries.map(|entry| (add, vec![("pan", entry.pan.to_string()), ("psn", psn(entry.psn))])).collect()
        }
        List::Revoked => {
            let entries = settings.revoked.iter().flatten();
            let entry = |entry: &taprig_model::settings::Revocation| {
                let values = vec![
                    ("rid", entry.rid.to_string()),
                    ("index", entry.index.to_string()),
                    ("serial", entry.serial.to_string()),
                ];
                (add, values)
            };
            entries.map(entry).collect()
        }
    };
    let line = |command: &Command, values: &[(&str, String)]| {
        let value = |name: &str| values.iter().find(|(known, _)| *known == name);
        let line = command.send.fill(|name| Some(sent(rules, name, &value(name)?.1)))?;
        Some(Sending { command: command.clone(), line, keys: vec![list.key().to_owned()] })
    };
    line(clear, &[]).into_iter().chain(entries.iter().filter_map(|(add, values)| line(add, values))).collect()
}

/// The command that sets the clock, if the settings have one.
pub(super) fn clock(rules: &Rules, settings: &Settings) -> Option<Sending> {
    let (command, clock) = (rules.commands.clock.as_ref()?, settings.clock?);
    let line = command.send.fill(|name| (name == "time").then(|| rules.forms.time.write(clock)))?;
    Some(Sending { command: command.clone(), line, keys: vec!["clock".into()] })
}

/// A value as the device wants it.
fn sent(rules: &Rules, name: &str, value: &str) -> String {
    if let Some(word) = rules.words.sent.get(name).and_then(|words| words.get(value)) {
        return word.clone();
    }
    match value.parse() {
        Ok(fen) if AMOUNTS.contains(&name) => rules.forms.amount.write(fen),
        _ => value.to_owned(),
    }
}
