//! The known state that every case starts from.
//!
//! Settings outlive a power cycle, and telling a validator all of them takes longer than most taps. So the settings
//! are given a name that is the digest of the lines that make them; a device that still bears the name has them, and
//! one that bears the name of the case before is told what differs.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest, Sha256};
use taprig_model::device::{Adapter, Commands};
use taprig_model::event::{Body, ConsoleReply, Fields, Role, Source};
use taprig_model::settings::{DenyEntry, Revocation, Settings};

use taprig_bench::link::LinkError;
use taprig_bench::link::console::{Console, Reply};
use taprig_bench::{BenchError, Links};
use taprig_record::Scope;
use taprig_record::units::lower_hex;

/// Bytes of commands on their way at a time; every console buffers as much.
const WINDOW: usize = 512;

/// A CA public key as the console takes it: all hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaKey {
    /// Registered application provider identifier.
    pub rid: String,
    /// CA public key index (8F).
    pub index: String,
    /// Exponent.
    pub exponent: String,
    /// Modulus.
    pub modulus: String,
}

/// Settings as console lines, and the name they make.
#[derive(Debug, Clone)]
pub struct Situation {
    /// The lines by what they set; each group can be sent again on its own.
    groups: Groups,
    tag: String,
    clock: Option<String>,
}

/// Lines by the setting, key store or list that they are about.
type Groups = BTreeMap<String, Vec<String>>;

/// What a bench's validator was last told: its settings' name and their lines.
#[derive(Debug, Default)]
pub struct Told(Option<(String, Groups)>);

impl Situation {
    /// The lines that bring a device from its factory state to `settings`.
    #[must_use]
    pub fn new(settings: &Settings, keys: &[CaKey], adapter: &Adapter) -> Self {
        let groups: Groups = changes(settings, keys, adapter).into_iter().collect();
        let mut digest = Sha256::new();
        for line in groups.values().flatten() {
            digest.update(line.as_bytes());
            digest.update(b"\n");
        }
        let tag = lower_hex(&digest.finalize()[..8]);
        Self { groups, tag, clock: settings.clock.map(|clock| clock.to_string()) }
    }

    /// The lines that lead from what the device bears to this. What only the device's factory state can undo takes all
    /// of them.
    fn lines(&self, borne: Option<&str>, told: &Told, commands: &Commands) -> Vec<String> {
        let name = Commands::fill(&commands.profile, &[("tag", &self.tag)]);
        match &told.0 {
            Some((tag, groups)) if borne == Some(tag) && groups.keys().all(|key| self.groups.contains_key(key)) => {
                let other = self.groups.iter().filter(|(key, lines)| groups.get(*key) != Some(lines));
                other.flat_map(|(_, lines)| lines.clone()).chain([commands.journal_clear.clone(), name]).collect()
            }
            _ => {
                let all = self.groups.values().flatten().cloned();
                std::iter::once(commands.factory.clone()).chain(all).chain([name]).collect()
            }
        }
    }

    /// Brings the validator into this state: settings, empty journal, clock; then proves with `nonce` that both boards
    /// answer for this case and no other.
    ///
    /// # Errors
    /// [`BenchError`]; the device is then in no known state.
    pub async fn establish(
        &self,
        links: &mut Links,
        told: &mut Told,
        adapter: &Adapter,
        nonce: [u8; 8],
        scope: &Scope,
    ) -> Result<(), BenchError> {
        let within: Duration = adapter.reply_within.into();
        let commands = &adapter.commands;
        let console = &mut links.console;
        let status = console.command(&commands.status, within).await?.fields();
        let mut lines = Vec::new();
        if status.get("profile") != Some(self.tag.as_str()) {
            lines.extend(self.lines(status.get("profile"), told, commands));
        } else if status.get("journal") != Some("0") {
            lines.push(commands.journal_clear.clone());
        }
        if let Some(clock) = &self.clock {
            lines.push(Commands::fill(&commands.clock, &[("time", clock)]));
        }
        let nonce_text = lower_hex(&nonce);
        lines.push(Commands::fill(&commands.echo, &[("text", &nonce_text)]));
        let replies = send_all(console, &lines, within).await?;
        let echoed = replies.last().map(|reply| reply.ok.clone()).unwrap_or_default();
        if echoed.trim() != nonce_text {
            return Err(BenchError::Nonce { role: Role::Validator, seen: echoed });
        }
        told.0 = Some((self.tag.clone(), self.groups.clone()));
        links.relay.echo(nonce, within).await.map_err(|error| match error {
            LinkError::Deadline { .. } => BenchError::Nonce { role: Role::Emulator, seen: "nothing".into() },
            error => error.into(),
        })?;
        scope.emit(Source::Rig, Body::Note { text: format!("settings {}", self.tag) });
        Ok(())
    }
}

/// The lines that make `settings` hold on a device, whatever it had of them before: by what they set, in the order to
/// send them.
#[must_use]
pub fn changes(settings: &Settings, keys: &[CaKey], adapter: &Adapter) -> Vec<(String, Vec<String>)> {
    let commands = &adapter.commands;
    let mut groups = Vec::new();
    for (key, value) in settings.pairs() {
        let value = if value.contains(' ') { format!("\"{value}\"") } else { value };
        let line = Commands::fill(&commands.set, &[("key", adapter.setting(key)), ("value", &value)]);
        groups.push((format!("set {key}"), vec![line]));
    }
    let mut group = |name: &str, clear: &str, entries: Vec<String>| {
        groups.push((name.to_owned(), std::iter::once(clear.to_owned()).chain(entries).collect()));
    };
    if settings.keys.is_some() {
        let add = |key: &CaKey| {
            Commands::fill(
                &commands.key_add,
                &[("rid", &key.rid), ("index", &key.index), ("exponent", &key.exponent), ("modulus", &key.modulus)],
            )
        };
        group("keys", &commands.key_clear, keys.iter().map(add).collect());
    }
    if let Some(list) = &settings.deny_list {
        let add = |entry: &DenyEntry| Commands::fill(&commands.deny_add, &[("entry", &entry.to_string())]);
        group("deny list", &commands.deny_clear, list.iter().map(add).collect());
    }
    if let Some(list) = &settings.revoked {
        let add = |entry: &Revocation| {
            let (rid, index, serial) = (entry.rid.to_string(), entry.index.to_string(), entry.serial.to_string());
            Commands::fill(&commands.revoke_add, &[("rid", &rid), ("index", &index), ("serial", &serial)])
        };
        group("revocations", &commands.revoke_clear, list.iter().map(add).collect());
    }
    groups
}

/// Sends lines without waiting for each reply, as many as the device's buffer takes. Replies come in order.
///
/// # Errors
/// The first that is refused or has no answer.
pub async fn send_all(console: &mut Console, lines: &[String], within: Duration) -> Result<Vec<Reply>, LinkError> {
    let mut replies = Vec::with_capacity(lines.len());
    let (mut sent, mut on_their_way) = (0, 0);
    while replies.len() < lines.len() {
        while sent < lines.len() && (on_their_way == 0 || on_their_way + lines[sent].len() < WINDOW) {
            console.send(&lines[sent]).await?;
            on_their_way += lines[sent].len() + 1;
            sent += 1;
        }
        let line = &lines[replies.len()];
        replies.push(console.reply(line, within).await?);
        on_their_way -= line.len() + 1;
    }
    Ok(replies)
}

/// Sends one line, and tells of it and of its reply; a refusal is a reply like another.
///
/// # Errors
/// [`LinkError`] when there is no reply.
pub async fn converse(
    console: &mut Console,
    line: &str,
    within: Duration,
    scope: &Scope,
) -> Result<Result<Reply, String>, LinkError> {
    scope.emit(Source::Rig, Body::ConsoleSent { line: line.to_owned() });
    let (answer, told) = match console.command(line, within).await {
        Ok(reply) => {
            let data = reply.data.iter().map(|line| Fields::parse(line)).collect();
            let told = ConsoleReply { data, ok: true, code: None, text: reply.ok.clone() };
            (Ok(reply), told)
        }
        Err(LinkError::Refused { why, .. }) => {
            let (code, text) = why.split_once(' ').unwrap_or((&why, ""));
            let told = ConsoleReply { data: vec![], ok: false, code: Some(code.to_owned()), text: text.to_owned() };
            (Err(why.clone()), told)
        }
        Err(error) => return Err(error),
    };
    scope.emit(Source::Validator, Body::ConsoleReply(told));
    Ok(answer)
}

#[cfg(test)]
mod tests;
