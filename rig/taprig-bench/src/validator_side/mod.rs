//! The validator side of a bench: what a run asks of a device under test, and what the device tells.
//!
//! A run speaks to [`ValidatorSide`] and to nothing below it. Values are typed; what a device calls them is the business of
//! its adapter. [`native`] is the adapter of every device whose console works as that of the reference device does. A device
//! that speaks otherwise gets an adapter of its own beside it.
//!
//! # An adapter of one's own
//!
//! What every device can do has no default method. What some devices can't do has one that refuses, and a
//! [`ValidatorCapability`] that tells of it: a run never asks for what the side does not list. This one plays a script.
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
//!     async fn establish(&mut self, _: &Situation, _: &mut Told, _: [u8; 8]) -> Result<Established, BenchError> {
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

pub mod native;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use taprig_model::event::{ConsoleReply, Fields, Freshness, JournalRow, Signal, Status};
use taprig_model::settings::Settings;
use taprig_model::situation::{AuthorityKey, Situation};
use tokio::time::Instant;

use crate::BenchError;
use crate::board::Start;
use crate::link::LinkError;

/// What a [`Signal::Fault`] says when the reader got no answer from the card side, which answers every frame. What the device
/// does then says nothing about it.
pub const AIR_DEAD: &str = "air-dead";

/// Hears lines that say nothing to the rig.
pub type Noise = Box<dyn Fn(&str) + Send>;

/// A device under test that has power.
///
/// A run uses it from one thread at a time. Each method ends by a deadline of its own or by the one that it is given.
#[async_trait(?Send)]
pub trait ValidatorSide: fmt::Debug + Send {
    /// What it can do beyond what every validator can.
    fn capabilities(&self) -> &BTreeSet<ValidatorCapability>;

    /// Waits until it is ready for a card. One that is [`Start::StillOn`] is told to start again first, and only what follows
    /// that start counts.
    ///
    /// # Errors
    /// [`LinkError::Deadline`] with what it told meanwhile, [`LinkError::Gone`].
    async fn starts(&mut self, how: Start, within: Duration) -> Result<(), LinkError>;

    /// Asks it who it is.
    ///
    /// # Errors
    /// [`LinkError`] when there is no answer.
    async fn identity(&mut self) -> Result<Identity, LinkError>;

    /// Brings it into the state that a case begins with: settings, empty journal, clock. Then it proves that what it tells
    /// from here on belongs to this case: by returning `nonce` where it can, else by the power-on before.
    ///
    /// `told` is what it was brought into before, if anything; the side keeps it up to date. It outlives the side itself,
    /// which is made anew at each power-on.
    ///
    /// # Errors
    /// [`BenchError`]; it is in no known state then. [`BenchError::Nonce`] when it returned another nonce.
    async fn establish(
        &mut self,
        situation: &Situation,
        told: &mut Told,
        nonce: [u8; 8],
    ) -> Result<Established, BenchError>;

    /// Tells it settings in the middle of a case, over those that it has. `keys` are those that `settings` names. A refusal
    /// is what the device does, and no error.
    ///
    /// # Errors
    /// [`LinkError`] when there is no answer.
    async fn apply(&mut self, settings: &Settings, keys: &[AuthorityKey]) -> Result<Vec<Applied>, LinkError>;

    /// Asks for its state. Also what it said, in its own words. Capability [`ValidatorCapability::Status`].
    ///
    /// # Errors
    /// [`LinkError`] when there is no answer.
    async fn status(&mut self) -> Result<(Status, Fields), LinkError> {
        Err(unsupported(ValidatorCapability::Status))
    }

    /// Asks for the records of its journal from number `from` on, counted from 1. Capability
    /// [`ValidatorCapability::Journal`].
    ///
    /// # Errors
    /// [`LinkError`] when there is no answer.
    async fn journal(&mut self, _from: u32) -> Result<JournalPage, LinkError> {
        Err(unsupported(ValidatorCapability::Journal))
    }

    /// Empties its journal. Returns why the device refuses, if it does. Capability [`ValidatorCapability::ClearJournal`].
    ///
    /// # Errors
    /// [`LinkError`] when there is no answer.
    async fn clear_journal(&mut self) -> Result<Option<String>, LinkError> {
        Err(unsupported(ValidatorCapability::ClearJournal))
    }

    /// The next thing that it tells by itself, and what it said in its own words. `None` when the deadline passes first.
    ///
    /// A run waits for the card side at the same time and drops the future that loses, so nothing may be lost then.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    async fn signal(&mut self, deadline: Instant) -> Result<Option<(Signal, Fields)>, LinkError>;

    /// Lets time pass. What the device tells meanwhile is kept for [`ValidatorSide::signal`].
    ///
    /// # Errors
    /// [`LinkError::Gone`], at once.
    async fn idle(&mut self, deadline: Instant) -> Result<(), LinkError>;

    /// From here on, hands each line that says nothing to the rig to `hear`: a banner, debug output. A side that has no such
    /// lines does nothing.
    fn noise_to(&mut self, _hear: Noise) {}

    /// Takes in what the device has told and nobody has waited for, so that its noise is heard and its signals are kept.
    fn hear_out(&mut self) {}

    /// Lets go of it, so that its port can be opened again. What it tells from here on is lost.
    async fn close(self: Box<Self>) {}

    /// Sends a line to the reference device's own console. Capability [`ValidatorCapability::NativeConsole`].
    ///
    /// # Errors
    /// [`LinkError`] when there is no answer; a refusal is an answer.
    async fn converse(&mut self, _line: &str) -> Result<Conversation, LinkError> {
        Err(unsupported(ValidatorCapability::NativeConsole))
    }
}

fn unsupported(capability: ValidatorCapability) -> LinkError {
    LinkError::Refused {
        what: capability.to_string(),
        from: "the validator",
        why: "this kind of validator side has no way to ask for it".into(),
    }
}

/// What some validators can do and others can't.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValidatorCapability {
    /// It returns a nonce.
    Nonce,
    /// It keeps a name for its settings, so that it need not be told what it has.
    SettingsName,
    /// It tells its state.
    Status,
    /// It lists its journal.
    Journal,
    /// It empties its journal on demand.
    ClearJournal,
    /// It speaks the console of the reference device.
    NativeConsole,
}

impl ValidatorCapability {
    /// The word in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nonce => "nonce",
            Self::SettingsName => "settings-name",
            Self::Status => "status",
            Self::Journal => "journal",
            Self::ClearJournal => "clear-journal",
            Self::NativeConsole => "native-console",
        }
    }
}

impl fmt::Display for ValidatorCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who a device is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Maker and model, in one word.
    pub device: String,
    /// Name of its firmware.
    pub firmware: String,
    /// Kind of board, where it tells.
    pub board: Option<String>,
    /// Version of its firmware, where it tells.
    pub version: Option<String>,
    /// SHA-256 of the image that it runs, lower-case hex, where it tells.
    pub digest: Option<String>,
}

impl Identity {
    /// What is told of it, as in [`Body::Identified`](taprig_model::event::Body::Identified).
    #[must_use]
    pub fn fields(&self) -> Fields {
        let told = [
            ("device", Some(&self.device)),
            ("firmware", Some(&self.firmware)),
            ("board", self.board.as_ref()),
            ("version", self.version.as_ref()),
            ("digest", self.digest.as_ref()),
        ];
        told.into_iter().filter_map(|(name, value)| Some((name, value?.clone()))).collect()
    }
}

/// What a validator was last brought into. A bench keeps it across power cycles: settings may outlive the power, and a device
/// that names its settings tells whether they did.
#[derive(Debug, Default)]
pub struct Told(Option<Situation>);

impl Told {
    /// The situation, if there was one.
    #[must_use]
    pub fn situation(&self) -> Option<&Situation> {
        self.0.as_ref()
    }

    /// The device is in this situation now.
    pub fn remember(&mut self, situation: &Situation) {
        self.0 = Some(situation.clone());
    }
}

/// A validator is in the state that a case begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Established {
    /// How it is known that what it tells belongs to this case.
    pub by: Freshness,
    /// The name that its settings now have, where it keeps one.
    pub settings: Option<String>,
}

/// A setting that a validator was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Which, in the words of cases: `fare`, `keys`, `clock`.
    pub what: String,
    /// Why the device refused it; none where it took it.
    pub refused: Option<String>,
}

/// Records of a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalPage {
    /// How many records the whole journal has.
    pub count: u32,
    /// The sum of the whole journal, in fen.
    pub total: u64,
    /// The records that were asked for.
    pub rows: Vec<JournalRow>,
}

/// What came of a line on the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The reply.
    pub reply: ConsoleReply,
    /// The line emptied the journal: records are counted from 1 again.
    pub empties_journal: bool,
}
