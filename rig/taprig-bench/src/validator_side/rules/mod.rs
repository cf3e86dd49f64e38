//! The adapter of any text console that a device file describes by rules ([`Rules`]).
//!
//! The console's bytes become lines and prompts ([`splitter`]), lines become events and values ([`meaning`]), and
//! settings become commands (module `settings`). The rig sends one command at a time and waits for the end of its reply, because
//! nothing is known of the buffer of the device. Lines that no rule explains are noise: the record has them, and nothing
//! follows from them.

pub mod meaning;
mod settings;
pub mod splitter;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use taprig_model::device::Device;
use taprig_model::device::rules::{Command, EventKind, JournalNumbers, Pattern, Rules};
use taprig_model::event::{Fields, Freshness, Role, Signal, Status};
use taprig_model::settings::Settings;
use taprig_model::situation::{AuthorityKey, Situation};
use taprig_record::units::lower_hex;
use tokio::time::Instant;

use super::{
    Applied, Established, Identity, JournalPage, LastSituation, Noise, Rule, ValidatorCapability, ValidatorSide,
    unsupported,
};
use crate::BenchError;
use crate::link::LinkError;
use crate::link::endpoint::Endpoint;
use crate::link::lines::{Lines, first_words, what_came};
use crate::link::port::ByteSink;
use crate::start::Start;
use meaning::{Meanings, UNTOLD};
use settings::{List, Sending};
use splitter::{Heard, Splitter};

/// Number of lines of an unfinished reply that a message shows.
const MOST_SAID: usize = 16;

const WHO: &str = crate::link::VALIDATOR_CONSOLE;

/// The settings that a device was last told. A bench keeps them across power cycles, because one command may change
/// several settings, and then needs those that stay as they are.
pub(crate) type SettingsTold = Arc<Mutex<Settings>>;

/// A device at a console that rules describe.
#[derive(Debug)]
pub struct RulesValidator {
    lines: Lines<Heard>,
    meanings: Meanings,
    capabilities: BTreeSet<ValidatorCapability>,
    reply_within: Duration,
    /// Signals that came while the rig waited for something else.
    signals: VecDeque<(Signal, Fields)>,
    told: SettingsTold,
    /// The number that the device gives the last record before the first one of the journal, once it is known.
    before_first: Option<u32>,
    /// The rules that a line has matched.
    matched: BTreeSet<Rule>,
}

/// The reply to a command that the device has carried out.
#[derive(Debug)]
struct Reply {
    /// The lines that a pattern of the command matches, and the one that ends the reply.
    lines: Vec<String>,
    /// The other lines that came in between. They are noise.
    unexplained: Vec<String>,
}

/// What a wait for a start is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Event(EventKind),
    Prompt,
}

impl RulesValidator {
    /// Opens the console of `device`, whose interface is `rules`. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`LinkError::Taken`], [`LinkError::Open`].
    pub(crate) fn open(
        endpoint: &Endpoint,
        baud: u32,
        rules: &Rules,
        device: &Device,
        told: SettingsTold,
        raw: ByteSink,
    ) -> Result<Self, LinkError> {
        let lines = Lines::open(endpoint, baud, Splitter::new(rules), raw)?;
        let commands = &rules.commands;
        let has = |command: &Option<Command>, capability| command.is_some().then_some(capability);
        let capabilities = [
            has(&commands.echo, ValidatorCapability::Nonce),
            has(&commands.status, ValidatorCapability::Status),
            has(&commands.journal, ValidatorCapability::Journal),
            has(&commands.journal_clear, ValidatorCapability::ClearJournal),
        ];
        Ok(Self {
            lines,
            meanings: Meanings::new(rules, &device.words),
            capabilities: capabilities.into_iter().flatten().collect(),
            reply_within: device.deadlines.reply.into(),
            signals: VecDeque::new(),
            told,
            before_first: None,
            matched: BTreeSet::new(),
        })
    }

    fn rules(&self) -> &Rules {
        self.meanings.rules()
    }

    async fn send(&mut self, line: &str) -> Result<(), LinkError> {
        let bytes = splitter::bytes(line, self.rules().encoding).map_err(|why| LinkError::Refused {
            what: first_words(line),
            from: "the encoding of the console",
            why,
        })?;
        let end = self.rules().line_end.as_str().as_bytes();
        self.lines.send(&[&bytes, end].concat()).await
    }

    /// Sends a line and returns its reply, or why the device refuses. A reply ends with the line `ok` or
    /// `error`, or, if the rules have no `ok`, with the prompt.
    async fn ask(&mut self, command: &Command, line: &str) -> Result<Result<Reply, String>, LinkError> {
        // A prompt or line from before the command is not part of its reply.
        self.hear_out();
        self.send(line).await?;
        let within = self.reply_within;
        let deadline = Instant::now() + within;
        let replies = self.rules().replies.clone();
        let (ok, error) =
            (command.ok.as_ref().or(replies.ok.as_ref()), command.error.as_ref().or(replies.error.as_ref()));
        let sent = line.trim();
        let mut echo = self.rules().echo.then_some(sent);
        // A pattern of the command itself takes the place of the common one.
        let own = |pattern: &Pattern| Rule::Answer { send: command.send.to_string(), pattern: pattern.to_string() };
        let ok_rule = command.ok.as_ref().map_or(Rule::Ok, own);
        let error_rule = command.error.as_ref().map_or(Rule::Error, own);
        // Everything that has come, in its order, for a message.
        let mut said = Vec::new();
        let (mut reply, mut refusal) = (Reply { lines: vec![], unexplained: vec![] }, None);
        loop {
            let Some(heard) = self.lines.next(deadline).await? else {
                let sign = match ok {
                    Some(_) => "a line that matches `ok` or `error`",
                    None => "the prompt",
                };
                let what = format!("{sign}, which ends the reply to `{}` ({}),", first_words(line), what_came(&said));
                return Err(LinkError::Deadline { what, from: WHO, within, silent: said.is_empty() });
            };
            if let Heard::Line(text) | Heard::Overlong(text) = &heard
                && echo != Some(text)
                && said.len() < MOST_SAID
            {
                said.push(text.clone());
            }
            match heard {
                Heard::Prompt => {
                    self.matched.insert(Rule::Prompt);
                    if ok.is_none() && echo.is_none() {
                        return Ok(refusal.map_or(Ok(reply), Err));
                    }
                }
                Heard::Overlong(text) => {
                    reply.unexplained.push(text.clone());
                    self.lines.keep_noise(text);
                }
                Heard::Line(text) if echo == Some(&text) => {
                    self.matched.insert(Rule::Echo);
                    echo = None;
                }
                Heard::Line(text) => {
                    if text == sent {
                        self.matched.insert(Rule::Echo);
                    }
                    if self.take_events(&text) {
                        continue;
                    }
                    if let Some(groups) = error.and_then(|error| error.groups(&text)) {
                        let why = groups.into_iter().find(|(name, _)| *name == "why").map(|(_, why)| why);
                        refusal = Some(why.unwrap_or(text));
                        self.matched.insert(error_rule.clone());
                        if ok.is_some() {
                            return Ok(refusal.map_or(Ok(reply), Err));
                        }
                        continue;
                    }
                    let is_ok = ok.is_some_and(|ok| ok.matches(&text));
                    let values = command.lines.iter().chain(&command.rows).filter(|pattern| pattern.matches(&text));
                    let values: Vec<Rule> = values.map(own).collect();
                    if !is_ok && values.is_empty() {
                        reply.unexplained.push(text.clone());
                        self.lines.keep_noise(text);
                        continue;
                    }
                    self.matched.extend(values);
                    reply.lines.push(text);
                    if is_ok {
                        self.matched.insert(ok_rule);
                        return Ok(Ok(reply));
                    }
                }
            }
        }
    }

    /// As [`RulesValidator::ask`], but a refusal is an error.
    async fn must(&mut self, command: &Command, line: &str) -> Result<Vec<String>, LinkError> {
        Ok(self.must_reply(command, line).await?.lines)
    }

    async fn must_reply(&mut self, command: &Command, line: &str) -> Result<Reply, LinkError> {
        let answer = self.ask(command, line).await?;
        answer.map_err(|why| LinkError::Refused { what: first_words(line), from: WHO, why })
    }

    /// Keeps the signals of a line. Returns false if the line has no meaning.
    fn take_events(&mut self, line: &str) -> bool {
        let before = self.signals.len();
        for (rule, signal, said) in self.meanings.events(line) {
            self.matched.insert(Rule::Event(rule));
            self.signals.push_back((signal, said));
        }
        self.signals.len() > before
    }

    fn keep(&mut self, heard: Heard) {
        match heard {
            Heard::Line(line) => {
                if !self.take_events(&line) {
                    self.lines.keep_noise(line);
                }
            }
            Heard::Overlong(line) => self.lines.keep_noise(line),
            Heard::Prompt => drop(self.matched.insert(Rule::Prompt)),
        }
    }

    /// Waits for a sign and drops the signals before it.
    async fn wait_for(&mut self, sign: Sign, within: Duration) -> Result<(), LinkError> {
        let deadline = Instant::now() + within;
        let mut heard = Vec::new();
        loop {
            let is_sign = |signal: &Signal| matches!(sign, Sign::Event(kind) if meaning::kind(signal) == Some(kind));
            while let Some((signal, _)) = self.signals.pop_front() {
                if is_sign(&signal) {
                    return Ok(());
                }
            }
            match self.lines.next(deadline).await? {
                Some(Heard::Prompt) if sign == Sign::Prompt => {
                    self.matched.insert(Rule::Prompt);
                    return Ok(());
                }
                Some(item) => {
                    if let Heard::Line(line) = &item {
                        heard.push(line.clone());
                        heard.drain(..heard.len().saturating_sub(16));
                    }
                    self.keep(item);
                }
                None => {
                    let what = match sign {
                        Sign::Event(kind) => format!("the event `{kind}`"),
                        Sign::Prompt => "the prompt".to_owned(),
                    };
                    let what = format!("{what} ({})", what_came(&heard));
                    return Err(LinkError::Deadline { what, from: WHO, within, silent: false });
                }
            }
        }
    }

    /// Sends a command without values, if the device has it.
    async fn plain(&mut self, command: Option<Command>) -> Result<(), LinkError> {
        let Some(command) = command else { return Ok(()) };
        let line = filled(&command, |_| None)?;
        self.must(&command, &line).await.map(drop)
    }
}

/// Whether the reply to `journal` tells the number of all records and their sum.
fn tells_sums(command: &Command) -> bool {
    let tells = |value: &str| {
        let mut groups = command.lines.iter().flat_map(Pattern::names);
        groups.any(|group| group == value) || (!command.lines.is_empty() && command.values.contains_key(value))
    };
    tells("count") && tells("total")
}

/// The line of a command. The rules were checked, so every value has a source.
fn filled(command: &Command, value: impl Fn(&str) -> Option<String>) -> Result<String, LinkError> {
    command.send.fill(value).ok_or_else(|| LinkError::Refused {
        what: command.send.to_string(),
        from: "the device file",
        why: "this template lacks a value".into(),
    })
}

#[async_trait(?Send)]
impl ValidatorSide for RulesValidator {
    fn capabilities(&self) -> &BTreeSet<ValidatorCapability> {
        &self.capabilities
    }

    async fn close(self: Box<Self>) {
        self.lines.close().await;
    }

    fn noise_to(&mut self, hear: Noise) {
        self.lines.noise_to(hear);
    }

    fn hear_out(&mut self) {
        while let Some(heard) = self.lines.next_at_once() {
            self.keep(heard);
        }
    }

    fn matched(&self) -> BTreeSet<Rule> {
        self.matched.clone()
    }

    fn tells_result(&self) -> bool {
        self.rules().tells(EventKind::Result)
    }

    fn tells_ready(&self) -> bool {
        self.rules().repeats_ready && self.rules().tells(EventKind::Ready)
    }

    async fn catch_up(&mut self) -> Result<(), LinkError> {
        // The device answers in order, so what it reported before its answer has come.
        if self.tells_ready() { Ok(()) } else { self.identity().await.map(drop) }
    }

    async fn starts(&mut self, how: Start, within: Duration) -> Result<(), LinkError> {
        let ready = match (self.rules().tells(EventKind::Ready), self.rules().tells(EventKind::Started)) {
            (true, _) => Sign::Event(EventKind::Ready),
            (false, true) => Sign::Event(EventKind::Started),
            (false, false) => Sign::Prompt,
        };
        if how == Start::StillOn {
            let Some(reboot) = self.rules().commands.reboot.clone() else {
                return Err(LinkError::Refused {
                    what: "a restart".into(),
                    from: "the device file",
                    why: "it has no command `reboot`, and the bench has no switch for the power of the device".into(),
                });
            };
            self.hear_out();
            self.signals.clear();
            let line = filled(&reboot, |_| None)?;
            self.send(&line).await?;
            if self.rules().tells(EventKind::Started) && ready != Sign::Event(EventKind::Started) {
                self.wait_for(Sign::Event(EventKind::Started), within).await?;
            }
        }
        self.wait_for(ready, within).await
    }

    async fn identity(&mut self) -> Result<Identity, LinkError> {
        let command = self.rules().commands.identity.clone();
        let line = filled(&command, |_| None)?;
        let reply = self.must_reply(&command, &line).await?;
        let identity = self.meanings.identity(&command, &reply.lines);
        if [&identity.device, &identity.firmware].into_iter().any(|value| value == UNTOLD) {
            let lines = if reply.unexplained.is_empty() { reply.lines } else { reply.unexplained };
            let (command, place) = (first_words(&line), "interface.rules.commands.identity");
            return Err(LinkError::Unexplained { lines, command, place });
        }
        Ok(identity)
    }

    async fn establish(
        &mut self,
        situation: &Situation,
        last: &mut LastSituation,
        nonce: [u8; 8],
    ) -> Result<Established, BenchError> {
        let commands = self.rules().commands.clone();
        self.plain(commands.factory.clone()).await?;
        let all = self.rules().initial.overlaid(&situation.settings);
        let mut sendings = settings::commands(self.rules(), &all, None);
        // A list that the case leaves out is empty, as in the factory state.
        for list in List::ALL {
            sendings.extend(settings::list(self.rules(), list, &situation.settings, &situation.keys));
        }
        sendings.extend(settings::clock(self.rules(), &situation.settings));
        for sending in sendings {
            self.must(&sending.command, &sending.line).await?;
        }
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = all;
        self.plain(commands.journal_clear.clone()).await?;
        self.before_first = None;
        let nonce = lower_hex(&nonce);
        let by = match &commands.echo {
            // Since its power came on, its port was opened and the rig has waited for its start.
            None => Freshness::PowerOn,
            Some(echo) => {
                let line = filled(echo, |name| (name == "text").then(|| nonce.clone()))?;
                let reply = self.must(echo, &line).await?;
                let seen = self.meanings.values(echo, &reply).remove("text").unwrap_or_default();
                if seen.trim() != nonce {
                    return Err(BenchError::Nonce { role: Role::Validator, seen });
                }
                Freshness::Nonce
            }
        };
        last.remember(situation);
        Ok(Established { by, settings: None })
    }

    async fn apply(&mut self, settings: &Settings, keys: &[AuthorityKey]) -> Result<Vec<Applied>, LinkError> {
        let all = self.told.lock().unwrap_or_else(PoisonError::into_inner).overlaid(settings);
        let mut sendings = settings::commands(self.rules(), &all, Some(settings));
        for list in List::ALL {
            if list.is_in(settings) {
                sendings.extend(settings::list(self.rules(), list, settings, keys));
            }
        }
        sendings.extend(settings::clock(self.rules(), settings));
        let mut refusals: Vec<(Sending, Option<String>)> = Vec::new();
        for sending in sendings {
            let refused = self.ask(&sending.command, &sending.line).await?.err();
            refusals.push((sending, refused));
        }
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = all;
        let applied = settings.in_words().into_iter().map(|(key, value)| {
            let mut refused = refusals.iter().filter(|(sending, _)| sending.sets(&key));
            let refused = refused.find_map(|(_, refused)| refused.clone());
            // As in other records: lists are too long to repeat.
            let is_list = matches!(key.as_str(), "keys" | "deny-list" | "revoked" | "clock");
            let what = if is_list { key } else { format!("{key} {value}") };
            Applied { what, refused }
        });
        Ok(applied.collect())
    }

    async fn status(&mut self) -> Result<(Status, Fields), LinkError> {
        let command = self.rules().commands.status.clone().ok_or_else(|| unsupported(ValidatorCapability::Status))?;
        let line = filled(&command, |_| None)?;
        let reply = self.must(&command, &line).await?;
        Ok(self.meanings.status(&command, &reply))
    }

    async fn journal(&mut self, from: u32) -> Result<JournalPage, LinkError> {
        let command = self.rules().commands.journal.clone().ok_or_else(|| unsupported(ValidatorCapability::Journal))?;
        let goes_on = self.rules().journal_numbers == JournalNumbers::Continue;
        // Numbers of the device and sums can be known only by all records, if the device does not tell them.
        let all = !tells_sums(&command) || (goes_on && self.before_first.is_none());
        let before = if goes_on { self.before_first.unwrap_or(0) } else { 0 };
        let first = if all { 1 } else { before.saturating_add(from) };
        let line = filled(&command, |name| (name == "from").then(|| first.to_string()))?;
        let reply = self.must_reply(&command, &line).await?;
        if !reply.unexplained.is_empty() {
            // Without this, a record that no pattern matches would count as a record that the device has not made.
            let (lines, command) = (reply.unexplained, first_words(&line));
            return Err(LinkError::Unexplained { lines, command, place: "interface.rules.commands.journal" });
        }
        let (mut rows, sums) = self.meanings.journal(&command, &reply.lines);
        if goes_on && all {
            self.before_first = rows.first().and_then(|row| row.number?.checked_sub(1));
        }
        let before = if goes_on { self.before_first.unwrap_or(0) } else { 0 };
        for row in &mut rows {
            row.number = row.number.map(|number| number.saturating_sub(before));
        }
        let last = rows.iter().filter_map(|row| row.number).max().unwrap_or(if all { 0 } else { from - 1 });
        let count = sums.count.unwrap_or(last);
        let total = sums.total.unwrap_or_else(|| rows.iter().filter_map(|row| row.charged).sum());
        rows.retain(|row| row.number.is_none_or(|number| number >= from));
        Ok(JournalPage { count, total, rows })
    }

    async fn clear_journal(&mut self) -> Result<Option<String>, LinkError> {
        let command = self.rules().commands.journal_clear.clone();
        let command = command.ok_or_else(|| unsupported(ValidatorCapability::ClearJournal))?;
        let line = filled(&command, |_| None)?;
        let refused = self.ask(&command, &line).await?.err();
        if refused.is_none() {
            self.before_first = None;
        }
        Ok(refused)
    }

    async fn signal(&mut self, deadline: Instant) -> Result<Option<(Signal, Fields)>, LinkError> {
        loop {
            if let Some(signal) = self.signals.pop_front() {
                return Ok(Some(signal));
            }
            match self.lines.next(deadline).await? {
                Some(heard) => self.keep(heard),
                None => return Ok(None),
            }
        }
    }

    async fn idle(&mut self, deadline: Instant) -> Result<(), LinkError> {
        while let Some(heard) = self.lines.next(deadline).await? {
            self.keep(heard);
        }
        Ok(())
    }
}
