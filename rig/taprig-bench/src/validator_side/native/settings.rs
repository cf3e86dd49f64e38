//! The known state in which every case begins, as lines for the console.
//!
//! Settings outlive a power cycle, and sending all of them to a validator takes longer than most taps. So the settings
//! get a name: the digest of the lines that make them. A device that still has this name has the settings. A device
//! that has the name of the case before gets only the lines that differ.

use std::collections::BTreeMap;

use super::Adapter;
use sha2::{Digest, Sha256};
use taprig_model::device::Commands;
use taprig_model::settings::{DenyEntry, Revocation, Settings};
use taprig_model::situation::{AuthorityKey, PublicKey, Situation};

use taprig_record::units::lower_hex;

/// Lines by the setting, key store or list that they concern.
type Groups = BTreeMap<String, Vec<String>>;

/// Settings as console lines, with the name that follows from the lines.
#[derive(Debug, Clone)]
pub(super) struct Named {
    /// The lines by what they set. Each group can be sent again on its own.
    groups: Groups,
    /// The name.
    pub tag: String,
}

/// What a device holds, as far as it reports it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Borne<'a> {
    /// The name of its settings.
    pub tag: Option<&'a str>,
    /// Whether its journal is empty.
    pub journal_is_empty: bool,
}

impl Named {
    /// The lines that bring a device from its factory state into `situation`.
    pub(super) fn new(situation: &Situation, adapter: &Adapter) -> Self {
        let groups: Groups = changes(&situation.settings, &situation.keys, adapter)
            .into_iter()
            .map(|change| (change.group, change.lines))
            .collect();
        let mut digest = Sha256::new();
        for line in groups.values().flatten() {
            digest.update(line.as_bytes());
            digest.update(b"\n");
        }
        let tag = lower_hex(&digest.finalize()[..8]);
        Self { groups, tag }
    }

    /// The line that gives the settings their name.
    fn name(&self, commands: &Commands) -> Option<String> {
        commands.profile.as_ref().map(|template| Commands::fill(template, &[("tag", &self.tag)]))
    }

    /// Whether this line gives the settings their name.
    pub(super) fn is_named_by(&self, line: &str, commands: &Commands) -> bool {
        self.name(commands).is_some_and(|name| name == line)
    }

    /// The lines that bring a device from what it holds to these settings and an empty journal. `told` is the state
    /// that it was last brought into. If only the device's factory state can undo a difference, or if the device keeps
    /// no name, all lines are needed.
    pub(super) fn lines(&self, borne: Borne<'_>, before: Option<&Self>, commands: &Commands) -> Vec<String> {
        let name = self.name(commands);
        if borne.tag == Some(&self.tag) && borne.journal_is_empty {
            return vec![];
        }
        if let (Some(name), Some(clear), Some(tag)) = (&name, &commands.journal_clear, borne.tag) {
            if tag == self.tag {
                return vec![clear.clone()];
            }
            if let Some(before) = before
                && tag == before.tag
                && before.groups.keys().all(|key| self.groups.contains_key(key))
            {
                let other = self.groups.iter().filter(|(key, lines)| before.groups.get(*key) != Some(lines));
                let lines = other.flat_map(|(_, lines)| lines.clone());
                return lines.chain([clear.clone(), name.clone()]).collect();
            }
        }
        let all = self.groups.values().flatten().cloned();
        std::iter::once(commands.factory.clone()).chain(all).chain(name).collect()
    }
}

/// Lines that change one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// The key under which the lines are kept and named together.
    group: String,
    /// What the lines set, in the words of cases.
    pub what: String,
    /// The lines, in the order to send them.
    pub lines: Vec<String>,
}

/// The lines that make `settings` hold on a device, whatever it held before: by what they set, in the order to send
/// them. The clock is not included.
pub(super) fn changes(settings: &Settings, keys: &[AuthorityKey], adapter: &Adapter) -> Vec<Change> {
    let commands = &adapter.native.commands;
    let mut changes: Vec<Change> = Vec::new();
    for (key, value) in settings.pairs() {
        let value = if value.contains(' ') { format!("\"{value}\"") } else { value };
        let line = Commands::fill(&commands.set, &[("key", adapter.native.setting(key)), ("value", &value)]);
        // Discount and promotion are parts of the fare, and change with it.
        match changes.last_mut() {
            Some(fare) if matches!(key, "discount" | "one-cent") => fare.lines.push(line),
            _ => changes.push(Change { group: format!("set {key}"), what: key.to_owned(), lines: vec![line] }),
        }
    }
    let mut list = |what: &str, clear: &str, entries: Vec<String>| {
        let lines = std::iter::once(clear.to_owned()).chain(entries).collect();
        changes.push(Change { group: what.to_owned(), what: what.to_owned(), lines });
    };
    if settings.keys.is_some() {
        let add = |key: &AuthorityKey| {
            let (rid, index) = (key.rid.to_string(), key.index.to_string());
            match &key.key {
                PublicKey::Rsa { exponent, modulus } => {
                    let (exponent, modulus) = (exponent.to_string(), modulus.to_string());
                    let values = [("rid", &*rid), ("index", &index), ("exponent", &exponent), ("modulus", &modulus)];
                    Some(Commands::fill(&commands.key_add, &values))
                }
                PublicKey::Sm2 { point } => {
                    let template = commands.key_add_sm2.as_ref()?;
                    Some(Commands::fill(template, &[("rid", &rid), ("index", &index), ("point", &point.to_string())]))
                }
            }
        };
        list("keys", &commands.key_clear, keys.iter().filter_map(add).collect());
    }
    if let Some(entries) = &settings.deny_list {
        let add = |entry: &DenyEntry| Commands::fill(&commands.deny_add, &[("entry", &entry.to_string())]);
        list("deny-list", &commands.deny_clear, entries.iter().map(add).collect());
    }
    if let Some(entries) = &settings.revoked {
        let add = |entry: &Revocation| {
            let (rid, index, serial) = (entry.rid.to_string(), entry.index.to_string(), entry.serial.to_string());
            Commands::fill(&commands.revoke_add, &[("rid", &rid), ("index", &index), ("serial", &serial)])
        };
        list("revoked", &commands.revoke_clear, entries.iter().map(add).collect());
    }
    if let (Some(fares), Some(commands)) = (&settings.fares, &commands.fares) {
        let rules = fares.rules().into_iter().map(|rule| Commands::fill(&commands.rule, &[("rule", &rule)]));
        let lines = std::iter::once(commands.clear.clone()).chain(rules).chain([commands.in_force.clone()]).collect();
        // Groups are sent in the order of their names, and a policy needs the mode that is set before it.
        changes.push(Change { group: "use fares".to_owned(), what: "fares".to_owned(), lines });
    }
    changes
}

/// The line that says at which stop the bus is. A device forgets it with its power, so that it is not one of the settings that
/// have a name. If the settings have a fare policy and no stop, nobody knows where the bus is.
pub(super) fn stop(settings: &Settings, commands: &Commands) -> Option<String> {
    let template = &commands.fares.as_ref()?.stop;
    let stop = match (settings.stop, &settings.fares) {
        (Some(stop), _) => stop.to_string(),
        (None, Some(_)) => "none".to_owned(),
        (None, None) => return None,
    };
    Some(Commands::fill(template, &[("stop", &stop)]))
}

/// The line that sets the clock, if the settings have one.
pub(super) fn clock(settings: &Settings, commands: &Commands) -> Option<String> {
    settings.clock.map(|clock| Commands::fill(&commands.clock, &[("time", &clock.to_string())]))
}
