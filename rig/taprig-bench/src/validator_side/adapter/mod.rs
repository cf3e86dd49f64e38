//! The side of a device that is reached through an adapter program.
//!
//! The program is started when the device gets power, and ended when it loses it. So nothing that the program still
//! holds from an earlier case can reach the next one.

pub mod check;
mod meaning;
pub mod reader;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use taprig_model::adapter::{self as protocol, Ask, Capability, Code, Establish, Failure, Greeting, Last, State};
use taprig_model::device::{AdapterProgram, Deadlines, Words};
use taprig_model::event::{Fields, Freshness, Role, Signal, Status};
use taprig_model::settings::Settings;
use taprig_model::situation::{AuthorityKey, Situation};
use taprig_record::units::lower_hex;
use tokio::time::Instant;

use super::{
    Applied, Established, Identity, JournalPage, LastSituation, Noise, ValidatorCapability, ValidatorSide, unsupported,
};
use crate::BenchError;
use crate::link::LinkError;
use crate::link::port::ByteSink;
use crate::link::program::Program;
use crate::start::Start;
use reader::{Heard, Reader};

/// Who is meant in messages.
const WHO: &str = "the adapter";

/// The rig's name in `hello`.
const RIG: &str = concat!("taprig ", env!("CARGO_PKG_VERSION"));

/// The longest time for an identity. A board may compute the digest of its flash when it is asked for the first time.
const IDENTITY: Duration = Duration::from_secs(2);

/// How much longer the rig waits than it has told the program, so that the program can say itself what is missing.
const SLACK: Duration = Duration::from_millis(500);

/// The largest size of events that nobody has waited for, in bytes. A program that reports more is broken.
const KEPT: usize = 16 << 20;

/// What a side needs to know of the device file and the bench file.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The program.
    pub program: AdapterProgram,
    /// Its parameters: those of the device file, those of the bench file, and the port.
    pub parameters: BTreeMap<String, String>,
    /// The project's folder, in which it runs.
    pub folder: PathBuf,
    /// What the device's words mean.
    pub words: Words,
    /// How long the rig waits for the device.
    pub deadlines: Deadlines,
}

/// A conversation with an adapter program.
#[derive(Debug)]
struct Talk {
    program: Program,
    reader: Reader,
    next: u64,
    events: VecDeque<(protocol::Event, usize)>,
    /// The size of `events`, in bytes.
    kept: usize,
    /// What was found wrong outside a wait.
    broken: Option<String>,
}

impl Talk {
    fn start(setup: &Setup, raw: ByteSink) -> Result<Self, LinkError> {
        let program = Program::start(&setup.program.command, &setup.folder, protocol::MAX_LINE, raw)?;
        Ok(Self { program, reader: Reader::default(), next: 1, events: VecDeque::new(), kept: 0, broken: None })
    }

    fn heard(&mut self, line: &[u8]) -> Result<Option<protocol::Reply>, LinkError> {
        match self.reader.read(line) {
            Ok(Heard::Answer(reply)) => Ok(Some(reply)),
            Ok(Heard::Event(event)) => {
                self.kept += line.len();
                if self.kept > KEPT {
                    return Err(self.program.fault(format!("reported more than {KEPT} bytes of events by itself")));
                }
                self.events.push_back((event, line.len()));
                Ok(None)
            }
            Err(broken) => Err(self.program.fault(broken.to_string())),
        }
    }

    fn check(&mut self) -> Result<(), LinkError> {
        self.broken.take().map_or(Ok(()), |what| Err(self.program.fault(what)))
    }

    /// Makes a request, and returns its answer.
    async fn ask<T: DeserializeOwned>(&mut self, ask: Ask, within: Duration) -> Result<Result<T, Failure>, LinkError> {
        self.check()?;
        let name = ask.name();
        let id = self.next;
        self.next += 1;
        let deadline = Instant::now() + within;
        let line = serde_json::to_string(&protocol::Request { id, ask });
        let line = line.map_err(|error| self.program.fault(format!("can't be asked for `{name}`: {error}")))?;
        self.reader.asked(id);
        self.program.send(&line, within).await?;
        while let Some(line) = self.program.line(deadline).await? {
            if let Some(reply) = self.heard(&line)? {
                let answer = reply.answer::<T>();
                return answer.map_err(|why| self.program.fault(format!("answered `{name}` wrongly: {why}")));
            }
        }
        Err(self.program.fault(format!("did not answer `{name}` within {} ms", within.as_millis())))
    }

    /// The same, for a request that the program must be able to answer.
    async fn want<T: DeserializeOwned>(&mut self, ask: Ask, within: Duration) -> Result<T, LinkError> {
        let name = ask.name();
        let answer = self.ask(ask, within).await?;
        answer.map_err(|failure| self.failed(name, failure))
    }

    fn failed(&self, name: &str, failure: Failure) -> LinkError {
        match failure.code {
            Code::Refused => LinkError::Refused { what: name.to_owned(), from: WHO, why: failure.message },
            Code::DeviceGone => LinkError::DeviceGone { program: self.program.name().into(), why: failure.message },
            Code::Unsupported => {
                self.program.fault(format!("does not support `{name}`, but has to: {}", failure.message))
            }
        }
    }

    async fn greet(&mut self, setup: &Setup) -> Result<Greeting, LinkError> {
        let hello = Ask::Hello { protocol: protocol::VERSION, rig: RIG.into(), parameters: setup.parameters.clone() };
        let greeting: Greeting = self.want(hello, setup.program.hello.into()).await?;
        if greeting.protocol == protocol::VERSION {
            return Ok(greeting);
        }
        let (theirs, ours) = (greeting.protocol, protocol::VERSION);
        Err(self.program.fault(format!("speaks version {theirs} of the protocol, but this rig speaks version {ours}")))
    }

    /// The next event, or `None` if the deadline passes first. Dropping the future loses nothing.
    async fn event(&mut self, deadline: Instant) -> Result<Option<protocol::Event>, LinkError> {
        self.check()?;
        loop {
            if let Some((event, size)) = self.events.pop_front() {
                self.kept -= size;
                return Ok(Some(event));
            }
            let Some(line) = self.program.line(deadline).await? else { return Ok(None) };
            // Nothing was asked, so this is an event.
            self.heard(&line)?;
        }
    }
}

/// Starts the program, asks for its capabilities, and ends it again. The program does not touch its device for this, so
/// it can be asked before anything else is done. Call it within a tokio runtime.
///
/// # Errors
/// [`LinkError`] that says what is wrong with the program.
pub async fn greet(setup: &Setup) -> Result<Greeting, LinkError> {
    let mut talk = Talk::start(setup, std::sync::Arc::new(|_, _| ()))?;
    let greeting = talk.greet(setup).await;
    talk.program.close().await;
    greeting
}

/// A device behind an adapter program.
#[derive(Debug)]
pub struct AdapterValidator {
    talk: Talk,
    setup: Setup,
    can: BTreeSet<Capability>,
    capabilities: BTreeSet<ValidatorCapability>,
    started: Option<Start>,
    board_us: Option<u64>,
}

impl AdapterValidator {
    /// Starts the program. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`LinkError::Adapter`] if it can't be started.
    pub fn start(setup: Setup, raw: ByteSink) -> Result<Self, LinkError> {
        let talk = Talk::start(&setup, raw)?;
        Ok(Self { talk, setup, can: BTreeSet::new(), capabilities: BTreeSet::new(), started: None, board_us: None })
    }

    fn within(&self) -> Duration {
        self.setup.deadlines.reply.into()
    }

    /// How the rig knows that nothing which the program reports is older than the case.
    fn freshness(&self, nonce: Option<String>, wanted: &str) -> Result<Freshness, BenchError> {
        if self.can.contains(&Capability::Nonce) {
            let seen = nonce.unwrap_or_else(|| "nothing".into());
            return match seen == wanted {
                true => Ok(Freshness::Nonce),
                false => Err(BenchError::Nonce { role: Role::Validator, seen }),
            };
        }
        match self.started {
            Some(Start::PoweredOn) => Ok(Freshness::PowerOn),
            Some(Start::StillOn) if self.can.contains(&Capability::Restart) => Ok(Freshness::Restart),
            _ => {
                let what = "has neither the capability `nonce` nor `restart`, and the bench can't switch the device's \
                            power: nothing proves that its answers are not old";
                Err(self.talk.program.fault(what).into())
            }
        }
    }
}

/// The name of a state: it is the digest of everything but the clock, which is set before every case.
fn name(state: &State) -> String {
    let settings = Settings { clock: None, ..state.settings.clone() };
    // Settings and keys are plain values, so serialising them can't fail.
    let text = serde_json::to_vec(&State { settings, ..state.clone() }).unwrap_or_default();
    lower_hex(&Sha256::digest(text)[..8])
}

#[async_trait(?Send)]
impl ValidatorSide for AdapterValidator {
    fn capabilities(&self) -> &BTreeSet<ValidatorCapability> {
        &self.capabilities
    }

    async fn starts(&mut self, how: Start, within: Duration) -> Result<(), LinkError> {
        self.can = self.talk.greet(&self.setup).await?.capabilities;
        self.capabilities = self.can.iter().filter_map(|can| meaning::capability(*can)).collect();
        let starting = match how {
            Start::PoweredOn => protocol::Starting::PoweredOn,
            Start::StillOn => protocol::Starting::StillOn,
        };
        let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        let ask = Ask::Starts { how: starting, within_ms };
        let _: protocol::Done = self.talk.want(ask, within + SLACK).await?;
        // What it reported until now belongs to its start.
        (self.talk.events, self.talk.kept) = (VecDeque::new(), 0);
        self.started = Some(how);
        Ok(())
    }

    async fn identity(&mut self) -> Result<Identity, LinkError> {
        let within = IDENTITY.max(self.within());
        let told: protocol::Identity = self.talk.want(Ask::Identity {}, within).await?;
        let protocol::Identity { device, firmware, board, version, digest } = told;
        Ok(Identity { device, firmware, board, version, digest })
    }

    async fn establish(
        &mut self,
        situation: &Situation,
        last: &mut LastSituation,
        nonce: [u8; 8],
    ) -> Result<Established, BenchError> {
        let nonce = lower_hex(&nonce);
        let state = State::new(&situation.settings, &situation.keys);
        let names = self.can.contains(&Capability::SettingsName);
        let settings = names.then(|| name(&state));
        let last_state = last.situation().filter(|_| names).map(|last| {
            let state = State::new(&last.settings, &last.keys);
            Last { name: name(&state), state }
        });
        let ask = Ask::Establish(Box::new(Establish {
            state,
            nonce: self.can.contains(&Capability::Nonce).then(|| nonce.clone()),
            name: settings.clone(),
            last: last_state,
        }));
        let told: protocol::Established = self.talk.want(ask, self.setup.program.establish.into()).await?;
        let by = self.freshness(told.nonce, &nonce)?;
        last.remember(situation);
        Ok(Established { by, settings })
    }

    async fn apply(&mut self, settings: &Settings, keys: &[AuthorityKey]) -> Result<Vec<Applied>, LinkError> {
        let ask = Ask::Apply(Box::new(State::new(settings, keys)));
        let mut refused = match self.talk.ask::<protocol::Applied>(ask, self.setup.program.establish.into()).await? {
            Ok(applied) => applied.refused,
            Err(Failure { code: Code::Refused, message }) => {
                settings.in_words().into_iter().map(|(what, _)| (what, message.clone())).collect()
            }
            Err(failure) => return Err(self.talk.failed("apply", failure)),
        };
        let applied = settings.in_words().into_iter().map(|(what, value)| {
            let refused = refused.remove(&what);
            Applied { what: format!("{what} {value}"), refused }
        });
        let applied = applied.collect();
        match refused.first_key_value() {
            None => Ok(applied),
            Some((what, _)) => {
                Err(self.talk.program.fault(format!("refused the setting `{what}`, which it was not told to change")))
            }
        }
    }

    async fn status(&mut self) -> Result<(Status, Fields), LinkError> {
        if !self.can.contains(&Capability::Status) {
            return Err(unsupported(ValidatorCapability::Status));
        }
        let told: protocol::Status = self.talk.want(Ask::Status {}, self.within()).await?;
        Ok(meaning::status(told))
    }

    async fn journal(&mut self, from: u32) -> Result<JournalPage, LinkError> {
        if !self.can.contains(&Capability::Journal) {
            return Err(unsupported(ValidatorCapability::Journal));
        }
        let told: protocol::Journal = self.talk.want(Ask::Journal { from }, self.within()).await?;
        Ok(meaning::journal(told))
    }

    async fn clear_journal(&mut self) -> Result<Option<String>, LinkError> {
        if !self.can.contains(&Capability::ClearJournal) {
            return Err(unsupported(ValidatorCapability::ClearJournal));
        }
        match self.talk.ask::<protocol::Done>(Ask::ClearJournal {}, self.within()).await? {
            Ok(_) => Ok(None),
            Err(Failure { code: Code::Refused, message }) => Ok(Some(message)),
            Err(failure) => Err(self.talk.failed("clear-journal", failure)),
        }
    }

    async fn signal(&mut self, deadline: Instant) -> Result<Option<(Signal, Fields)>, LinkError> {
        let Some(event) = self.talk.event(deadline).await? else { return Ok(None) };
        self.board_us = event.at_us;
        Ok(Some(meaning::signal(event, &self.setup.words)))
    }

    fn board_us(&self) -> Option<u64> {
        self.board_us
    }

    async fn idle(&mut self, deadline: Instant) -> Result<(), LinkError> {
        self.talk.check()?;
        while let Some(line) = self.talk.program.line(deadline).await? {
            self.talk.heard(&line)?;
        }
        Ok(())
    }

    fn noise_to(&mut self, hear: Noise) {
        self.talk.program.noise_to(hear);
    }

    fn hear_out(&mut self) {
        while let Some(line) = self.talk.program.line_at_once() {
            if let Err(LinkError::Adapter { what, .. }) = self.talk.heard(&line) {
                self.talk.broken.get_or_insert(what);
            }
        }
    }

    async fn close(self: Box<Self>) {
        // However it ends, everything that was asked for has been answered.
        let _ = self.talk.program.close().await;
    }
}

#[cfg(test)]
mod tests;
