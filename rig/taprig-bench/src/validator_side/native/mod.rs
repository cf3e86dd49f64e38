//! The adapter of devices whose console works like that of the reference device: text lines, with the words of the
//! device file ([`Native`] and [`Words`]).

mod settings;
pub(super) mod words;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use taprig_model::acquirer::Work;
use taprig_model::device::{Commands, Device, Native, Words};
use taprig_model::event::{ConsoleReply, Fields, Freshness, Role, Signal, Status};
use taprig_model::settings::Settings;
use taprig_model::situation::{AuthorityKey, Situation};
use tokio::time::Instant;

use super::{
    Applied, Conversation, Established, Identity, JournalPage, LastSituation, Noise, ValidatorCapability,
    ValidatorSide, unsupported,
};
use crate::BenchError;
use crate::board::Start;
use crate::link::LinkError;
use crate::link::console::{Console, Reply};
use settings::{Borne, Named, changes, clock, stop};
use taprig_record::units::lower_hex;

/// The largest number of command bytes that are on their way at the same time. Every console can buffer as many.
const WINDOW: usize = 512;

/// The longest time for an identity. A board computes the digest of its flash when it is asked for the first time.
const IDENTITY: Duration = Duration::from_secs(2);

/// What the adapter knows of the device file.
#[derive(Debug, Clone)]
struct Adapter {
    native: Native,
    words: Words,
    /// The longest time that a reply may take.
    reply_within: Duration,
}

/// A device at its console.
#[derive(Debug)]
pub struct NativeValidator {
    console: Console,
    adapter: Adapter,
    capabilities: BTreeSet<ValidatorCapability>,
}

impl NativeValidator {
    /// The device at this console. `native` is the interface of `device`.
    #[must_use]
    pub fn new(console: Console, native: &Native, device: &Device) -> Self {
        let (native, words) = (native.clone(), device.words.clone());
        Self::with(console, Adapter { native, words, reply_within: device.deadlines.reply.into() })
    }

    fn with(console: Console, adapter: Adapter) -> Self {
        let commands = &adapter.native.commands;
        let has = |template: &Option<String>, capability| template.is_some().then_some(capability);
        let capabilities = [
            has(&commands.echo, ValidatorCapability::Nonce),
            has(&commands.profile, ValidatorCapability::SettingsName),
            has(&commands.status, ValidatorCapability::Status),
            has(&commands.journal, ValidatorCapability::Journal),
            has(&commands.journal_clear, ValidatorCapability::ClearJournal),
            commands.uplink.as_ref().map(|_| ValidatorCapability::Uplink),
            Some(ValidatorCapability::NativeConsole),
        ];
        let capabilities = capabilities.into_iter().flatten().collect();
        Self { console, adapter, capabilities }
    }

    fn within(&self) -> Duration {
        self.adapter.reply_within
    }

    /// Sends a line that the device may refuse. Returns its reply, or why it refused.
    async fn ask(&mut self, line: &str) -> Result<Result<Reply, String>, LinkError> {
        self.console.send(line).await?;
        self.heard(line).await
    }

    /// The reply to the oldest line that has none yet, or why the device refuses it.
    async fn heard(&mut self, line: &str) -> Result<Result<Reply, String>, LinkError> {
        match self.console.reply(line, self.within()).await {
            Ok(reply) => Ok(Ok(reply)),
            Err(LinkError::Refused { why, .. }) => Ok(Err(why)),
            Err(error) => Err(error),
        }
    }
}

#[async_trait(?Send)]
impl ValidatorSide for NativeValidator {
    fn capabilities(&self) -> &BTreeSet<ValidatorCapability> {
        &self.capabilities
    }

    async fn close(self: Box<Self>) {
        self.console.close().await;
    }

    fn noise_to(&mut self, hear: Noise) {
        self.console.noise_to(hear);
    }

    fn hear_out(&mut self) {
        self.console.hear_out();
    }

    async fn starts(&mut self, how: Start, within: Duration) -> Result<(), LinkError> {
        let (commands, events) = (&self.adapter.native.commands, &self.adapter.native.events);
        if how == Start::StillOn {
            self.console.send(&commands.reboot).await?;
        }
        // The port may be open before the device loses its power or is reset, and a device that was ready becomes ready
        // again. Only what follows the start counts.
        let deadline = Instant::now() + within;
        self.console.wait_for(&events.started, within).await?;
        self.console.wait_for(&events.ready, deadline.saturating_duration_since(Instant::now())).await.map(drop)
    }

    async fn identity(&mut self) -> Result<Identity, LinkError> {
        let reply = self.console.command(&self.adapter.native.commands.identity, IDENTITY).await?;
        Ok(words::identity(&reply.fields()))
    }

    async fn establish(
        &mut self,
        situation: &Situation,
        last: &mut LastSituation,
        nonce: [u8; 8],
    ) -> Result<Established, BenchError> {
        let within = self.within();
        let commands = &self.adapter.native.commands;
        let wanted = Named::new(situation, &self.adapter);
        let before = last.situation().map(|situation| Named::new(situation, &self.adapter));
        let status = match &commands.status {
            Some(line) => words::status(&self.console.command(line, within).await?.fields()),
            None => Status::default(),
        };
        let borne = Borne { tag: status.settings.as_deref(), journal_is_empty: status.journal == Some(0) };
        let mut lines = wanted.lines(borne, before.as_ref(), commands);
        lines.extend(clock(&situation.settings, commands));
        lines.extend(stop(&situation.settings, commands));
        let nonce = lower_hex(&nonce);
        let echo = commands.echo.as_ref().map(|template| Commands::fill(template, &[("text", &nonce)]));
        lines.extend(echo.clone());
        // The lines are on their way together. The device gets the name of the settings only when it has taken all of them: with a
        // name that it has not earned, it would be believed in the next case.
        let named = lines.iter().position(|line| wanted.is_named_by(line, commands)).unwrap_or(0);
        let (settings, rest) = lines.split_at(named);
        send_all(&mut self.console, settings, within).await?;
        let replies = send_all(&mut self.console, rest, within).await?;
        let by = match echo {
            // Since its power came on, its port was opened and the rig has waited for its start.
            None => Freshness::PowerOn,
            Some(_) => {
                let seen = replies.last().map(|reply| reply.ok.clone()).unwrap_or_default();
                if seen.trim() != nonce {
                    return Err(BenchError::Nonce { role: Role::Validator, seen });
                }
                Freshness::Nonce
            }
        };
        last.remember(situation);
        let named = commands.profile.is_some();
        Ok(Established { by, settings: named.then_some(wanted.tag) })
    }

    async fn apply(&mut self, settings: &Settings, keys: &[AuthorityKey]) -> Result<Vec<Applied>, LinkError> {
        let changes = changes(settings, keys, &self.adapter).into_iter().map(|change| (change.what, change.lines));
        let commands = &self.adapter.native.commands;
        let clock = clock(settings, commands).map(|line| ("clock".to_owned(), vec![line]));
        let stop = stop(settings, commands).map(|line| ("stop".to_owned(), vec![line]));
        let written = settings.in_words();
        let value = |what: &str| written.iter().find(|(key, _)| key == what).map(|(_, value)| value.as_str());
        let mut applied = Vec::new();
        for (what, lines) in changes.chain(clock).chain(stop) {
            let mut refused = None;
            for line in lines {
                if let Err(why) = self.ask(&line).await? {
                    refused.get_or_insert(why);
                }
            }
            let what = value(&what).map_or_else(|| what.clone(), |value| format!("{what} {value}"));
            applied.push(Applied { what, refused });
        }
        Ok(applied)
    }

    async fn status(&mut self) -> Result<(Status, Fields), LinkError> {
        let line =
            self.adapter.native.commands.status.clone().ok_or_else(|| unsupported(ValidatorCapability::Status))?;
        let said = self.console.command(&line, self.within()).await?.fields();
        Ok((words::status(&said), said))
    }

    async fn journal(&mut self, from: u32) -> Result<JournalPage, LinkError> {
        let Some(template) = &self.adapter.native.commands.journal else {
            return Err(unsupported(ValidatorCapability::Journal));
        };
        let line = Commands::fill(template, &[("from", &from.to_string())]);
        Ok(words::journal(&self.console.command(&line, self.within()).await?, &self.adapter))
    }

    async fn clear_journal(&mut self) -> Result<Option<String>, LinkError> {
        let line = self.adapter.native.commands.journal_clear.clone();
        let line = line.ok_or_else(|| unsupported(ValidatorCapability::ClearJournal))?;
        Ok(self.ask(&line).await?.err())
    }

    async fn uplink(&mut self, work: Work) -> Result<Option<String>, LinkError> {
        let commands = self.adapter.native.commands.uplink.as_ref();
        let line = commands.map(|commands| commands.of(work).to_owned());
        let line = line.ok_or_else(|| unsupported(ValidatorCapability::Uplink))?;
        Ok(self.ask(&line).await?.err())
    }

    async fn signal(&mut self, deadline: Instant) -> Result<Option<(Signal, Fields)>, LinkError> {
        let event = self.console.event(deadline).await?;
        Ok(event.map(|event| (words::signal(&event, &self.adapter), event.values)))
    }

    async fn idle(&mut self, deadline: Instant) -> Result<(), LinkError> {
        self.console.idle(deadline).await
    }

    async fn say(&mut self, line: &str) -> Result<(), LinkError> {
        self.console.ask(line).await
    }

    async fn answer_to(&mut self, line: &str) -> Result<Conversation, LinkError> {
        let commands = &self.adapter.native.commands;
        let empties = Some(line) == commands.journal_clear.as_deref() || line == commands.factory;
        let reply = match self.heard(line).await? {
            Ok(reply) => {
                let data = reply.data.iter().map(|line| Fields::parse(line)).collect();
                ConsoleReply { data, ok: true, code: None, text: reply.ok }
            }
            Err(why) => {
                let (code, text) = why.split_once(' ').unwrap_or((&why, ""));
                ConsoleReply { data: vec![], ok: false, code: Some(code.to_owned()), text: text.to_owned() }
            }
        };
        let empties_journal = empties && reply.ok;
        Ok(Conversation { reply, empties_journal })
    }
}

/// Sends lines without waiting for each reply, as many as fit into the device's buffer. Replies come in order.
///
/// # Errors
/// The first line that is refused or has no answer.
async fn send_all(console: &mut Console, lines: &[String], within: Duration) -> Result<Vec<Reply>, LinkError> {
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

#[cfg(test)]
mod tests;
