//! Tries an adapter program without a run: every request, wrong requests, and the end. `taprig adapter check` prints the
//! result.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use taprig_model::adapter::{self as protocol, Ask, Capability, Code, Establish, Failure, Greeting, State};
use taprig_model::device::{AdapterProgram, Deadlines, Words};
use taprig_model::settings::Settings;
use tokio::time::Instant;

use super::{Setup, Talk, name};
use crate::link::LinkError;

/// The nonce of the check. Any number would do.
const NONCE: &str = "7461707269670001";

/// How long the program may take to answer what it does not know.
const WRONG: Duration = Duration::from_secs(2);

/// How long the check listens for events that nobody asked for.
const LISTEN: Duration = Duration::from_millis(300);

/// What is to be tried.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The program, its parameters and its time limits.
    pub program: AdapterProgram,
    /// The folder in which it runs.
    pub folder: PathBuf,
    /// The settings that the device is brought to.
    pub settings: Settings,
    /// The CA public keys that they name.
    pub keys: Vec<taprig_model::situation::AuthorityKey>,
    /// How long the rig waits for the device.
    pub deadlines: Deadlines,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What the program says about itself.
    pub greeting: Option<Greeting>,
    /// What works.
    pub can: Vec<String>,
    /// What the program does not offer, and what that means for a run.
    pub lacks: Vec<String>,
    /// What the device or the program could not do now, although the protocol was kept.
    pub failed: Vec<String>,
    /// Where the program breaks the protocol.
    pub wrong: Vec<String>,
    /// The program's standard error.
    pub noise: Vec<String>,
}

/// Tries the program. Call it within a tokio runtime.
///
/// # Errors
/// [`LinkError::Adapter`] if the program can't be started at all.
pub async fn check(subject: &Subject) -> Result<Report, LinkError> {
    let setup = Setup {
        program: subject.program.clone(),
        parameters: subject.program.parameters.clone(),
        folder: subject.folder.clone(),
        words: Words::default(),
        deadlines: subject.deadlines,
    };
    let mut check = Check { report: Report::default(), noise: Arc::default(), setup };
    check.versions().await?;
    check.requests(subject).await?;
    check.report.noise = std::mem::take(&mut *check.noise.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(check.report)
}

struct Check {
    report: Report,
    noise: Arc<Mutex<Vec<String>>>,
    setup: Setup,
}

/// What a request is tried for.
struct Trial<'a> {
    /// What works if it is answered.
    can: &'a str,
    ask: Ask,
    within: Duration,
}

impl Check {
    fn start(&self) -> Result<Talk, LinkError> {
        let talk = Talk::start(&self.setup, Arc::new(|_, _| ()))?;
        let noise = self.noise.clone();
        talk.program.noise_to(Box::new(move |line| {
            let mut line = line.to_owned();
            taprig_record::mask::text(&mut line);
            noise.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }));
        Ok(talk)
    }

    fn can(&mut self, what: impl Into<String>) {
        self.report.can.push(what.into());
    }

    fn wrong(&mut self, what: impl Into<String>) {
        self.report.wrong.push(what.into());
    }

    /// A rig that speaks a later version gets `unsupported`, and not an answer in words that it may not know.
    async fn versions(&mut self) -> Result<(), LinkError> {
        let mut talk = self.start()?;
        let hello = Ask::Hello { protocol: protocol::VERSION + 1, rig: "check".into(), parameters: BTreeMap::new() };
        match talk.ask::<Value>(hello, self.setup.program.hello.into()).await {
            Ok(Err(Failure { code: Code::Unsupported, .. })) => self.can("refuses a version that it does not speak"),
            Ok(Ok(answer)) if answer["protocol"] == json!(protocol::VERSION) => {
                self.can("says which version it speaks when it is offered another one");
            }
            Ok(seen) => {
                let seen = seen.map_or_else(|failure| failure.code.as_str().to_owned(), |answer| answer.to_string());
                self.wrong(format!(
                    "`hello` with version {}: it must answer `unsupported`, or name version {}; it answered {seen}",
                    protocol::VERSION + 1,
                    protocol::VERSION
                ));
            }
            Err(error) => self.wrong(error.to_string()),
        }
        drop(talk);
        Ok(())
    }

    async fn requests(&mut self, subject: &Subject) -> Result<(), LinkError> {
        let mut talk = self.start()?;
        let greeting = match talk.greet(&self.setup).await {
            Ok(greeting) => greeting,
            Err(error) => {
                self.wrong(error.to_string());
                return Ok(());
            }
        };
        self.report.greeting = Some(greeting.clone());
        self.can(format!("speaks version {} of the protocol", protocol::VERSION));
        self.lacks(&greeting);
        if let Err(error) = self.talk(&mut talk, &greeting, subject).await {
            // Nothing that follows could be relied on.
            self.wrong(error.to_string());
            return Ok(());
        }
        self.end(talk).await;
        Ok(())
    }

    fn lacks(&mut self, greeting: &Greeting) {
        for lacked in Capability::ALL.into_iter().filter(|can| !greeting.capabilities.contains(can)) {
            self.report.lacks.push(format!("{lacked}: {}", without(lacked)));
        }
    }

    /// Tries all requests.
    ///
    /// # Errors
    /// The program broke the protocol, so the conversation can't go on.
    async fn talk(&mut self, talk: &mut Talk, greeting: &Greeting, subject: &Subject) -> Result<(), LinkError> {
        let (ready, reply) = (Duration::from(subject.deadlines.ready), Duration::from(subject.deadlines.reply));
        let set = Duration::from(self.setup.program.establish);
        let has = |capability| greeting.capabilities.contains(&capability);

        let within_ms = u64::try_from(ready.as_millis()).unwrap_or(u64::MAX);
        let ask = Ask::Starts { how: protocol::Starting::StillOn, within_ms };
        let trial = Trial { can: "starts its device", ask, within: ready + super::SLACK };
        self.done::<protocol::Done>(talk, trial).await?;
        let trial = Trial { can: "tells who the device is", ask: Ask::Identity {}, within: reply };
        if let Some(identity) = self.done::<protocol::Identity>(talk, trial).await? {
            let protocol::Identity { device, firmware, .. } = identity;
            self.can(format!("  the device file needs `identity: {{ device: {device}, firmware: {firmware} }}`"));
        }

        let state = State::new(&subject.settings, &subject.keys);
        let establish = Establish {
            nonce: has(Capability::Nonce).then(|| NONCE.to_owned()),
            name: has(Capability::SettingsName).then(|| name(&state)),
            last: None,
            state: state.clone(),
        };
        let settings_name = establish.name.clone();
        let ask = Ask::Establish(Box::new(establish));
        let trial = Trial { can: "brings the device into the state in which a case begins", ask, within: set };
        let established = self.done::<protocol::Established>(talk, trial).await?;
        let nonce = established.as_ref().and_then(|established| established.nonce.as_deref());
        match (established.is_some() && has(Capability::Nonce), nonce) {
            (true, Some(NONCE)) => self.can("returns the nonce"),
            (true, seen) => {
                let seen = seen.unwrap_or("nothing");
                self.wrong(format!("it has the capability `nonce`, but returned {seen} instead of {NONCE}"));
            }
            _ => {}
        }
        let settings = Settings { fare: subject.settings.fare, ..Settings::default() };
        let ask = Ask::Apply(Box::new(State { settings, keys: None }));
        let trial = Trial { can: "changes a setting", ask, within: set };
        if let Some(applied) = self.done::<protocol::Applied>(talk, trial).await? {
            let asked = subject.settings.fare.map(|_| "fare");
            if let Some(what) = applied.refused.keys().find(|what| Some(what.as_str()) != asked) {
                self.wrong(format!("it refused the setting `{what}`, which it was not told to change"));
            }
            for (what, why) in &applied.refused {
                self.report.failed.push(format!("the device refused the setting `{what}`: {why}"));
            }
        }

        let status = Trial { can: "reports the state of the device", ask: Ask::Status {}, within: reply };
        let status = self.offered::<protocol::Status>(talk, greeting, Capability::Status, status).await?;
        // A setting that is set again may keep the name or lose it.
        if let (Some(status), Some(wanted)) = (&status, &settings_name)
            && status.settings.as_ref().is_some_and(|seen| seen != wanted)
        {
            let seen = status.settings.as_deref().unwrap_or_default();
            self.wrong(format!("`status` gives the settings the name {seen}, but they were named {wanted}"));
        }
        let clear = Trial { can: "empties the journal", ask: Ask::ClearJournal {}, within: reply };
        let cleared = self.offered::<protocol::Done>(talk, greeting, Capability::ClearJournal, clear).await?;
        let list = Trial { can: "lists the journal", ask: Ask::Journal { from: 1 }, within: reply };
        let journal = self.offered::<protocol::Journal>(talk, greeting, Capability::Journal, list).await?;
        if let (Some(_), Some(journal)) = (cleared, journal)
            && (journal.count, journal.total, journal.rows.len()) != (0, 0, 0)
        {
            self.wrong(format!("the journal was emptied, but it holds {} records", journal.count));
        }

        self.unknown(talk).await?;
        // Whatever it reports by itself has to keep the protocol, too.
        let deadline = Instant::now() + LISTEN;
        while talk.event(deadline).await?.is_some() {}
        self.can("numbers its events without a gap");
        Ok(())
    }

    /// A request that no version of the protocol has. The program must go on afterwards.
    async fn unknown(&mut self, talk: &mut Talk) -> Result<(), LinkError> {
        let id = talk.next;
        talk.next += 1;
        talk.reader.asked(id);
        talk.program.send(&json!({ "id": id, "request": "make-tea" }).to_string(), WRONG).await?;
        let deadline = Instant::now() + WRONG;
        while let Some(line) = talk.program.line(deadline).await? {
            let Some(reply) = talk.heard(&line)? else { continue };
            match reply.error {
                Some(Failure { code: Code::Unsupported, .. }) => self.can("refuses a request that it does not know"),
                _ => self.wrong("it must answer an unknown request with the error `unsupported`"),
            }
            return Ok(());
        }
        Err(talk.program.fault(format!("did not answer an unknown request within {} ms", WRONG.as_millis())))
    }

    /// Makes a request that every program has to answer.
    async fn done<T: serde::de::DeserializeOwned>(
        &mut self,
        talk: &mut Talk,
        trial: Trial<'_>,
    ) -> Result<Option<T>, LinkError> {
        let request = trial.ask.name();
        match talk.ask::<T>(trial.ask, trial.within).await? {
            Ok(answer) => {
                self.can(format!("{}: `{request}`", trial.can));
                return Ok(Some(answer));
            }
            Err(Failure { code: Code::Unsupported, message }) => {
                self.wrong(format!("every program has to support `{request}`: {message}"));
            }
            Err(Failure { code, message }) => {
                self.report.failed.push(format!("`{request}`: {}: {message}", code.as_str()));
            }
        }
        Ok(None)
    }

    /// Makes a request that belongs to a capability. Without the capability, the program has to refuse it.
    async fn offered<T: serde::de::DeserializeOwned>(
        &mut self,
        talk: &mut Talk,
        greeting: &Greeting,
        capability: Capability,
        trial: Trial<'_>,
    ) -> Result<Option<T>, LinkError> {
        if greeting.capabilities.contains(&capability) {
            return self.done(talk, trial).await;
        }
        let request = trial.ask.name();
        match talk.ask::<Value>(trial.ask, trial.within).await? {
            Err(Failure { code: Code::Unsupported, .. }) => {}
            _ => self.wrong(format!(
                "it lacks the capability `{capability}`, so it must answer `{request}` with `unsupported`"
            )),
        }
        Ok(None)
    }

    /// A program ends when its standard input ends.
    async fn end(&mut self, talk: Talk) {
        match talk.program.close().await {
            Some(how) if how.ends_with("exit status: 0") => self.can("ends when its standard input ends"),
            Some(how) => self.wrong(format!("it must end with code 0 when its standard input ends, but it {how}")),
            None => self.wrong("it must end within 1 s when its standard input ends"),
        }
    }
}

/// What a run does without a capability.
const fn without(capability: Capability) -> &'static str {
    match capability {
        Capability::Nonce => "a power cycle or a restart has to prove that answers are not old",
        Capability::SettingsName => "the rig sends all settings before each case",
        Capability::Restart => "the bench needs a power switch, or the program needs `nonce`",
        Capability::Status => "the device can't claim `status`",
        Capability::Journal | Capability::ClearJournal => "the device can't claim `journal`",
    }
}
