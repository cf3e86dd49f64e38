//! The known state that every case starts from.
//!
//! Settings outlive a power cycle, and telling a validator all of them takes longer than most taps. So the settings
//! are given a name that is the digest of the lines that make them; a device that still bears the name has them.

use std::time::Duration;

use sha2::{Digest, Sha256};
use taprig_model::device::{Adapter, Commands};
use taprig_model::event::{Body, ConsoleReply, Fields, Role, Source};
use taprig_model::settings::Settings;

use crate::bench::{BenchError, Links};
use crate::link::LinkError;
use crate::link::console::{Console, Reply};
use crate::record::Scope;

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
    lines: Vec<String>,
    tag: String,
    clock: Option<String>,
}

impl Situation {
    /// The lines that bring a device from its factory state to `settings`.
    #[must_use]
    pub fn new(settings: &Settings, keys: &[CaKey], adapter: &Adapter) -> Self {
        let mut lines = vec![adapter.commands.factory.clone()];
        lines.extend(changes(settings, keys, adapter));
        let mut digest = Sha256::new();
        for line in &lines {
            digest.update(line.as_bytes());
            digest.update(b"\n");
        }
        let tag = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { lines, tag, clock: settings.clock.map(|clock| clock.to_string()) }
    }

    /// Brings the validator into this state: settings, empty journal, clock; then proves with `nonce` that both boards
    /// answer for this case and no other.
    ///
    /// # Errors
    /// [`BenchError`]; the device is then in no known state.
    pub async fn establish(
        &self,
        links: &mut Links,
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
            lines.extend(self.lines.iter().cloned());
            lines.push(Commands::fill(&commands.profile, &[("tag", &self.tag)]));
        } else if status.get("journal") != Some("0") {
            lines.push(commands.journal_clear.clone());
        }
        if let Some(clock) = &self.clock {
            lines.push(Commands::fill(&commands.clock, &[("time", clock)]));
        }
        let nonce_text: String = nonce.iter().map(|byte| format!("{byte:02x}")).collect();
        lines.push(Commands::fill(&commands.echo, &[("text", &nonce_text)]));
        let replies = send_all(console, &lines, within).await?;
        let echoed = replies.last().map(|reply| reply.ok.clone()).unwrap_or_default();
        if echoed.trim() != nonce_text {
            return Err(BenchError::Nonce { role: Role::Validator, seen: echoed });
        }
        links.relay.echo(nonce, within).await.map_err(|error| match error {
            LinkError::Deadline { .. } => BenchError::Nonce { role: Role::Emulator, seen: "nothing".into() },
            error => error.into(),
        })?;
        scope.emit(Source::Rig, Body::Note { text: format!("settings {}", self.tag) });
        Ok(())
    }
}

/// The lines that make `settings` hold on a device, whatever it had of them before.
#[must_use]
pub fn changes(settings: &Settings, keys: &[CaKey], adapter: &Adapter) -> Vec<String> {
    let commands = &adapter.commands;
    let mut lines = Vec::new();
    for (key, value) in settings.pairs() {
        let value = if value.contains(' ') { format!("\"{value}\"") } else { value };
        lines.push(Commands::fill(&commands.set, &[("key", adapter.setting(key)), ("value", &value)]));
    }
    if settings.keys.is_some() {
        lines.push(commands.key_clear.clone());
        for key in keys {
            lines.push(Commands::fill(
                &commands.key_add,
                &[("rid", &key.rid), ("index", &key.index), ("exponent", &key.exponent), ("modulus", &key.modulus)],
            ));
        }
    }
    if let Some(list) = &settings.deny_list {
        lines.push(commands.deny_clear.clone());
        lines.extend(list.iter().map(|entry| Commands::fill(&commands.deny_add, &[("entry", &entry.to_string())])));
    }
    if let Some(list) = &settings.revoked {
        lines.push(commands.revoke_clear.clone());
        for entry in list {
            let (rid, index, serial) = (entry.rid.to_string(), entry.index.to_string(), entry.serial.to_string());
            lines.push(Commands::fill(&commands.revoke_add, &[("rid", &rid), ("index", &index), ("serial", &serial)]));
        }
    }
    lines
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
