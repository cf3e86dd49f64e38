//! The validator side of a bench: what a run asks of a device under test, and what the device reports.
//!
//! A run talks to [`ValidatorSide`] and to nothing below it. Values are typed. How a device names them is up to its
//! adapter. [`native`] is the adapter of every device whose console works like that of the reference device. [`rules`]
//! is the adapter of every other text console; a device file describes it. [`adapter`] is the side of a device that a
//! program of its own reaches, and [`operator`] that of a device without any interface.
//!
//! # An adapter of one's own
//!
//! Methods for what every device can do have no default. Methods for what some devices can't do have a default that
//! refuses, and a [`ValidatorCapability`] that says whether the side supports them: a run never asks for what the side
//! does not list. The following adapter plays a script.
//!
//! ```
//! use std::collections::{BTreeSet, VecDeque};
//! use std::time::Duration;
//!
//! use async_trait::async_trait;
//! use taprig_bench::BenchError;
//! use taprig_bench::board::Start;
//! use taprig_bench::link::LinkError;
//! use taprig_bench::validator_side::*;
//! use taprig_model::event::{Fields, Freshness, Signal, Word};
//! use taprig_model::expect::Sound;
//! use taprig_model::settings::Settings;
//! use taprig_model::situation::{AuthorityKey, Situation};
//! use tokio::time::Instant;
//!
//! /// A validator that tells what it was given to tell.
//! #[derive(Debug, Default)]
//! struct Scripted {
//!     capabilities: BTreeSet<ValidatorCapability>,
//!     tells: VecDeque<Signal>,
//! }
//!
//! #[async_trait(?Send)]
//! impl ValidatorSide for Scripted {
//!     fn capabilities(&self) -> &BTreeSet<ValidatorCapability> {
//!         &self.capabilities
//!     }
//!
//!     async fn starts(&mut self, _how: Start, _within: Duration) -> Result<(), LinkError> {
//!         Ok(())
//!     }
//!
//!     async fn identity(&mut self) -> Result<Identity, LinkError> {
//!         Ok(Identity { device: "scripted".into(), firmware: "none".into(), ..Identity::default() })
//!     }
//!
//!     async fn establish(&mut self, _: &Situation, _: &mut LastSituation, _: [u8; 8]) -> Result<Established, BenchError> {
//!         // It returns no nonce. The bench has just switched it on, and it has told of its start.
//!         Ok(Established { by: Freshness::PowerOn, settings: None })
//!     }
//!
//!     async fn apply(&mut self, settings: &Settings, _: &[AuthorityKey]) -> Result<Vec<Applied>, LinkError> {
//!         let refused = Some("a script has no settings".to_owned());
//!         Ok(settings.pairs().into_iter().map(|(what, _)| Applied { what: what.into(), refused: refused.clone() }).collect())
//!     }
//!
//!     async fn signal(&mut self, deadline: Instant) -> Result<Option<(Signal, Fields)>, LinkError> {
//!         match self.tells.pop_front() {
//!             Some(signal) => Ok(Some((signal, Fields::default()))),
//!             // Nothing more comes, so this is when the wait is over.
//!             None => {
//!                 tokio::time::sleep_until(deadline).await;
//!                 Ok(None)
//!             }
//!         }
//!     }
//!
//!     async fn idle(&mut self, deadline: Instant) -> Result<(), LinkError> {
//!         tokio::time::sleep_until(deadline).await;
//!         Ok(())
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let accepted = Signal::Sound { sound: Word::Known(Sound::Accepted) };
//! let mut side: Box<dyn ValidatorSide> = Box::new(Scripted { tells: [accepted.clone()].into(), ..Scripted::default() });
//! assert_eq!(side.signal(Instant::now()).await.unwrap(), Some((accepted, Fields::default())));
//! assert_eq!(side.signal(Instant::now()).await.unwrap(), None);
//! assert!(side.status().await.is_err(), "it does not list the capability `status`");
//! # });
//! ```

pub mod adapter;
pub mod native;
pub mod operator;
pub mod rules;
mod uplink;
mod words;

pub use uplink::{WORK, work_ends};

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use taprig_model::acquirer::Work;
use taprig_model::event::{ConsoleReply, Fields, Freshness, JournalRow, ReadyAgain, Signal, Status};
use taprig_model::settings::Settings;
use taprig_model::situation::{AuthorityKey, Situation};
use tokio::time::Instant;

use crate::BenchError;
use crate::link::LinkError;
use crate::start::Start;

/// The text of a [`Signal::Fault`] if the reader got no answer from the card side. The card side answers every frame,
/// so the device's reaction says nothing about the device.
pub const AIR_DEAD: &str = "air-dead";

/// Receives lines that have no meaning for the rig.
pub type Noise = Box<dyn Fn(&str) + Send>;

/// A device under test that has power.
///
/// A run uses it from one thread at a time. Each method ends by a deadline of its own, or by the deadline that it is
/// given.
#[async_trait(?Send)]
pub trait ValidatorSide: fmt::Debug + Send {
    /// The capabilities of this side beyond those of every validator.
    fn capabilities(&self) -> &BTreeSet<ValidatorCapability>;

    /// Waits until the device has started and is ready for a card. With [`Start::StillOn`], the device is restarted first.
    /// Only what follows the start counts, because the device may have been ready before.
    ///
    /// # Errors
    /// [`LinkError::Deadline`] with what the device reported meanwhile, [`LinkError::Gone`].
    async fn starts(&mut self, how: Start, within: Duration) -> Result<(), LinkError>;

    /// Asks the device for its identity.
    ///
    /// # Errors
    /// [`LinkError`] if there is no answer.
    async fn identity(&mut self) -> Result<Identity, LinkError>;

    /// Brings the device into the state in which a case begins: settings, empty journal, clock. Then the device proves
    /// that all it reports from now on belongs to this case: it returns `nonce` if it can. Otherwise the power-on
    /// before the case proves it.
    ///
    /// `last` is the state that the device was brought into before, if any. The side keeps it up to date. It outlives
    /// the side, because each power-on makes a new side.
    ///
    /// # Errors
    /// [`BenchError`]. The device is then in an unknown state. [`BenchError::Nonce`] if it returned another nonce.
    async fn establish(
        &mut self,
        situation: &Situation,
        last: &mut LastSituation,
        nonce: [u8; 8],
    ) -> Result<Established, BenchError>;

    /// Changes settings in the middle of a case. All other settings stay. `keys` are those that `settings` names. A
    /// refusal is a reaction of the device, and not an error.
    ///
    /// # Errors
    /// [`LinkError`] if there is no answer.
    async fn apply(&mut self, settings: &Settings, keys: &[AuthorityKey]) -> Result<Vec<Applied>, LinkError>;

    /// Asks for the state of the device. Also returns what the device said in its own words. Capability
    /// [`ValidatorCapability::Status`].
    ///
    /// # Errors
    /// [`LinkError`] if there is no answer.
    async fn status(&mut self) -> Result<(Status, Fields), LinkError> {
        Err(unsupported(ValidatorCapability::Status))
    }

    /// Asks for the records of the journal from number `from` on. Numbers start at 1. Capability
    /// [`ValidatorCapability::Journal`].
    ///
    /// # Errors
    /// [`LinkError`] if there is no answer.
    async fn journal(&mut self, _from: u32) -> Result<JournalPage, LinkError> {
        Err(unsupported(ValidatorCapability::Journal))
    }

    /// Empties the journal. Returns why the device refuses, if it does. Capability
    /// [`ValidatorCapability::ClearJournal`].
    ///
    /// # Errors
    /// [`LinkError`] if there is no answer.
    async fn clear_journal(&mut self) -> Result<Option<String>, LinkError> {
        Err(unsupported(ValidatorCapability::ClearJournal))
    }

    /// The next signal, and what the device said in its own words. Returns `None` if the deadline passes first.
    ///
    /// A run waits for the card side at the same time and drops the future that is later, so dropping it must lose
    /// nothing.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    async fn signal(&mut self, deadline: Instant) -> Result<Option<(Signal, Fields)>, LinkError>;

    /// Whether the device reports the end of a tap with a [`Signal::Result`]. If it does not, a run takes its sound or its
    /// gate as the end.
    fn tells_result(&self) -> bool {
        true
    }

    /// Whether the device reports by itself that it is ready for the next card. If it does not, a run takes the reader's
    /// next poll as the sign.
    fn tells_ready(&self) -> bool {
        true
    }

    /// Returns when everything that the device has reported so far can be had from [`ValidatorSide::signal`]. A run calls
    /// this after it has seen the device do something that comes after its reports, on a way that may be faster. A side
    /// whose device reports its readiness does nothing.
    ///
    /// # Errors
    /// [`LinkError`] if the device does not answer.
    async fn catch_up(&mut self) -> Result<(), LinkError> {
        Ok(())
    }

    /// Time of the signal that [`ValidatorSide::signal`] returned last, in us on the device's own clock. `None` if the
    /// device does not report times.
    fn board_us(&self) -> Option<u64> {
        None
    }

    /// Whether only a person can say what the device does. Then [`ValidatorSide::signal`] returns nothing, and
    /// [`ValidatorSide::seen`] asks the person after each tap.
    fn is_watched(&self) -> bool {
        false
    }

    /// What a person saw at the tap that has just ended. Only a side that [is watched](ValidatorSide::is_watched) has
    /// it.
    ///
    /// # Errors
    /// [`LinkError`] if the person can't be asked. No answer in time is not an error.
    async fn seen(&mut self) -> Result<Seen, LinkError> {
        Ok(Seen { signals: vec![], ready: ReadyAgain::NotSeen })
    }

    /// Lets time pass. Signals of this time are kept for [`ValidatorSide::signal`].
    ///
    /// # Errors
    /// [`LinkError::Gone`] as soon as the device is gone.
    async fn idle(&mut self, deadline: Instant) -> Result<(), LinkError>;

    /// Sets the listener. From now on `hear` receives each line that has no meaning for the rig, such as a banner or
    /// debug output. A side without such lines does nothing.
    fn noise_to(&mut self, _hear: Noise) {}

    /// The rules of the device file that have matched a line since the side was opened. A side without rules has none.
    fn matched(&self) -> BTreeSet<Rule> {
        BTreeSet::new()
    }

    /// Reads what the device has reported and nobody has waited for, so that the listener gets the noise and the
    /// signals are kept.
    fn hear_out(&mut self) {}

    /// Closes the side, so that its port can be opened again. Whatever the device reports from now on is lost.
    async fn close(self: Box<Self>) {}

    /// Begins a work at the uplink. A [`Signal::Uplink`] says later how it has ended. Returns why the device refuses, if it does.
    /// Capability [`ValidatorCapability::Uplink`].
    ///
    /// # Errors
    /// [`LinkError`] if there is no answer.
    async fn uplink(&mut self, _work: Work) -> Result<Option<String>, LinkError> {
        Err(unsupported(ValidatorCapability::Uplink))
    }

    /// Sends a line to the console of the reference device, and does not wait for the reply: a validator that waits for a card may
    /// answer later. Capability [`ValidatorCapability::NativeConsole`].
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    async fn say(&mut self, _line: &str) -> Result<(), LinkError> {
        Err(unsupported(ValidatorCapability::NativeConsole))
    }

    /// The reply to the oldest line of [`ValidatorSide::say`] that has none yet, which is `line`. Capability
    /// [`ValidatorCapability::NativeConsole`].
    ///
    /// # Errors
    /// [`LinkError`] if there is no answer. A refusal is an answer.
    async fn answer_to(&mut self, _line: &str) -> Result<Conversation, LinkError> {
        Err(unsupported(ValidatorCapability::NativeConsole))
    }

    /// Sends a line to the console of the reference device and waits for the reply. Capability
    /// [`ValidatorCapability::NativeConsole`].
    ///
    /// # Errors
    /// [`LinkError`] if there is no answer. A refusal is an answer.
    async fn converse(&mut self, line: &str) -> Result<Conversation, LinkError> {
        self.say(line).await?;
        self.answer_to(line).await
    }
}

fn unsupported(capability: ValidatorCapability) -> LinkError {
    LinkError::Refused {
        what: capability.to_string(),
        from: "the validator",
        why: "this kind of validator side has no way to ask for it".into(),
    }
}

/// Capabilities that some validators have and others lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValidatorCapability {
    /// The device returns a nonce.
    Nonce,
    /// The device keeps a name for its settings, so that the rig can leave out settings that it has already.
    SettingsName,
    /// The device reports its state.
    Status,
    /// The device lists its journal.
    Journal,
    /// The device empties its journal on request.
    ClearJournal,
    /// The device works with its acquirer when it is told to, and reports when it has finished.
    Uplink,
    /// The device speaks the console language of the reference device.
    NativeConsole,
}

impl ValidatorCapability {
    /// The name of the capability in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nonce => "nonce",
            Self::SettingsName => "settings-name",
            Self::Status => "status",
            Self::Journal => "journal",
            Self::ClearJournal => "clear-journal",
            Self::Uplink => "uplink",
            Self::NativeConsole => "native-console",
        }
    }
}

impl fmt::Display for ValidatorCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A rule of a device file with the interface `rules` that a line of the console can match.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The prompt.
    Prompt,
    /// The device repeated a command, whether the file says so or not.
    Echo,
    /// `replies.ok`.
    Ok,
    /// `replies.error`.
    Error,
    /// The event rule with this index.
    Event(usize),
    /// A pattern of a command.
    Answer {
        /// The template of the command.
        send: String,
        /// The pattern: one of `lines` or `rows`, or the command's own `ok` or `error`.
        pattern: String,
    },
}

/// What a person saw and heard at a tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Each answer as a signal, with the question, the answer and the name of the person.
    pub signals: Vec<(Signal, Fields)>,
    /// Whether the device was ready again in time.
    pub ready: ReadyAgain,
}

/// The identity of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Maker and model in one word.
    pub device: String,
    /// Name of its firmware.
    pub firmware: String,
    /// Kind of board, if the device reports it.
    pub board: Option<String>,
    /// Version of its firmware, if the device reports it.
    pub version: Option<String>,
    /// SHA-256 of the image that it runs, in lower-case hexadecimal, if the device reports it.
    pub digest: Option<String>,
}

impl Identity {
    /// The identity as [`Body::Identified`](taprig_model::event::Body::Identified) has it.
    #[must_use]
    pub fn fields(&self) -> Fields {
        let known = [
            ("device", Some(&self.device)),
            ("firmware", Some(&self.firmware)),
            ("board", self.board.as_ref()),
            ("version", self.version.as_ref()),
            ("digest", self.digest.as_ref()),
        ];
        known.into_iter().filter_map(|(name, value)| Some((name, value?.clone()))).collect()
    }
}

/// The state that a validator was last brought into. A bench keeps it across power cycles: settings may outlive the
/// power, and a device that names its settings shows whether they did.
#[derive(Debug, Default)]
pub struct LastSituation(Option<Situation>);

impl LastSituation {
    /// The situation, if there is one.
    #[must_use]
    pub fn situation(&self) -> Option<&Situation> {
        self.0.as_ref()
    }

    /// Notes that the device is in this situation now.
    pub fn remember(&mut self, situation: &Situation) {
        self.0 = Some(situation.clone());
    }
}

/// A validator is in the state in which a case begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Established {
    /// The proof that its reports belong to this case.
    pub by: Freshness,
    /// The name that its settings now have, if the device keeps one.
    pub settings: Option<String>,
}

/// A setting that was sent to a validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The setting, in the words of cases: `fare`, `keys`, `clock`.
    pub what: String,
    /// Why the device refused the setting. `None` if it accepted it.
    pub refused: Option<String>,
}

/// Records of a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalPage {
    /// Number of records in the whole journal.
    pub count: u32,
    /// Sum of the whole journal, in fen.
    pub total: u64,
    /// The requested records.
    pub rows: Vec<JournalRow>,
}

/// The result of a line on the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The reply.
    pub reply: ConsoleReply,
    /// Whether the line emptied the journal, so that records are counted from 1 again.
    pub empties_journal: bool,
}
