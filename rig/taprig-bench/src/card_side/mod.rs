//! The card side of a bench: whatever holds a card to the reader and lets the rig answer for it.
//!
//! A run speaks to [`CardSide`] and to nothing below it. [`emulator`] is the adapter of a card emulator that runs this
//! project's firmware. A side with an antenna, or one that simulates the reader's end too, gets an adapter of its own beside
//! it and lists what it can do: a case that needs more is not applicable there.
//!
//! # One tap
//!
//! The run calls [`CardSide::configure`] and [`CardSide::present`], then waits for notes. Each [`What::Command`] gets one
//! [`CardSide::answer`]. Between a command and its answer the reader waits, so this is where a run may do something else at
//! a named point of the tap: take power away, say a line to the validator. [`CardSide::remove`] ends the tap, and
//! [`What::Removed`] tells that it has.
//!
//! # An adapter of one's own
//!
//! This one plays a reader that sends a script of commands, and keeps what the card answers.
//!
//! ```
//! use std::collections::VecDeque;
//! use std::time::Duration;
//!
//! use async_trait::async_trait;
//! use taprig_bench::board::Start;
//! use taprig_bench::card_side::*;
//! use taprig_bench::link::LinkError;
//! use taprig_model::card::Activation;
//! use taprig_model::event::{Fields, Traffic};
//! use taprig_model::step::Beside;
//! use tokio::time::Instant;
//!
//! #[derive(Debug, Default)]
//! struct Scripted {
//!     capabilities: CardCapabilities,
//!     commands: VecDeque<Vec<u8>>,
//!     notes: VecDeque<What>,
//!     answers: Vec<Vec<u8>>,
//! }
//!
//! impl Scripted {
//!     fn next_command(&mut self) {
//!         if let Some(command) = self.commands.pop_front() {
//!             self.notes.push_back(What::Command { number: 1, command });
//!         }
//!     }
//! }
//!
//! #[async_trait(?Send)]
//! impl CardSide for Scripted {
//!     fn capabilities(&self) -> &CardCapabilities {
//!         &self.capabilities
//!     }
//!
//!     async fn starts(&mut self, _how: Start, _within: Duration) -> Result<(), LinkError> {
//!         Ok(())
//!     }
//!
//!     async fn identify(&mut self) -> Result<CardIdentity, LinkError> {
//!         Ok(CardIdentity { said: Fields::from_iter([("firmware", "script")]), digest: None })
//!     }
//!
//!     async fn configure(&mut self, _: &Activation, _: Option<Beside>, _: bool) -> Result<(), LinkError> {
//!         Ok(())
//!     }
//!
//!     async fn present(&mut self) -> Result<(), LinkError> {
//!         self.notes.extend([What::Field { on: true }, What::Activated { fsd: 256 }]);
//!         self.next_command();
//!         Ok(())
//!     }
//!
//!     async fn answer(&mut self, _command: u16, answer: Answer) -> Result<(), LinkError> {
//!         self.answers.push(answer.response);
//!         self.next_command();
//!         Ok(())
//!     }
//!
//!     async fn remove(&mut self) -> Result<(), LinkError> {
//!         self.notes.push_back(What::Removed(Traffic::default()));
//!         Ok(())
//!     }
//!
//!     async fn catch_up(&mut self) -> Result<(), LinkError> {
//!         self.notes.push_back(What::CaughtUp);
//!         Ok(())
//!     }
//!
//!     async fn note(&mut self, deadline: Instant) -> Result<Option<CardNote>, LinkError> {
//!         match self.notes.pop_front() {
//!             Some(what) => Ok(Some(CardNote { board_us: None, air_us: 0, seen: std::time::Instant::now(), what })),
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
//! let select = vec![0x00, 0xA4, 0x04, 0x00];
//! let mut side = Scripted { commands: [select.clone()].into(), ..Scripted::default() };
//! side.present().await.unwrap();
//! while let Some(note) = side.note(Instant::now()).await.unwrap() {
//!     if let What::Command { number, command } = note.what {
//!         assert_eq!(command, select);
//!         let response = vec![0x6A, 0x82];
//!         side.answer(number, Answer { response, delay: Default::default(), fault: None }).await.unwrap();
//!     }
//! }
//! assert_eq!(side.answers, [[0x6A, 0x82]]);
//! # });
//! ```

pub mod emulator;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use taprig_model::capability::CardCapability;
use taprig_model::card::Activation;
use taprig_model::event::{Fields, Freshness, Release, Traffic};
use taprig_model::step::{Beside, Fault};
use tokio::time::Instant;

use crate::board::Start;
use crate::link::LinkError;

/// A card side that has power.
///
/// A run uses it from one thread at a time. Each method ends by a deadline of its own or by the one that it is given.
#[async_trait(?Send)]
pub trait CardSide: fmt::Debug + Send {
    /// What it can do.
    fn capabilities(&self) -> &CardCapabilities;

    /// Waits until it takes orders. One that is [`Start::PoweredOn`] tells that it has started; one that is
    /// [`Start::StillOn`] only has to be there.
    ///
    /// # Errors
    /// [`LinkError::Deadline`], [`LinkError::Gone`].
    async fn starts(&mut self, how: Start, within: Duration) -> Result<(), LinkError>;

    /// Asks it who it is.
    ///
    /// # Errors
    /// [`LinkError`] when there is no answer, or one of another version of its protocol.
    async fn identify(&mut self) -> Result<CardIdentity, LinkError>;

    /// From the next [`CardSide::present`] on, be this card, with another one beside it if there is one. With `frames`, each
    /// frame on the air is told ([`What::Frame`]).
    ///
    /// # Errors
    /// [`LinkError::Refused`] for what the side can't be, [`LinkError::Deadline`], [`LinkError::Gone`].
    async fn configure(&mut self, card: &Activation, beside: Option<Beside>, frames: bool) -> Result<(), LinkError>;

    /// Holds the card to the reader.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    async fn present(&mut self) -> Result<(), LinkError>;

    /// What the card says to the command of this number ([`What::Command`]).
    ///
    /// # Errors
    /// [`LinkError::Refused`] for an answer that it can't carry, [`LinkError::Gone`].
    async fn answer(&mut self, command: u16, answer: Answer) -> Result<(), LinkError>;

    /// Takes the card away. [`What::Removed`] tells that it is gone; where it was gone already, nothing more is told.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    async fn remove(&mut self) -> Result<(), LinkError>;

    /// Has the side tell [`What::CaughtUp`] once all is told that was before.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    async fn catch_up(&mut self) -> Result<(), LinkError>;

    /// Proves that what it tells from here on belongs to this case: by returning `nonce`. A side that can't do that rests on
    /// the power-on before the case, as the default does.
    ///
    /// # Errors
    /// [`LinkError::Deadline`] when the nonce did not come back, [`LinkError::Gone`].
    async fn echo(&mut self, _nonce: [u8; 8], _within: Duration) -> Result<Freshness, LinkError> {
        Ok(Freshness::PowerOn)
    }

    /// The next thing that it tells. `None` when the deadline passes first.
    ///
    /// A run waits for the validator at the same time and drops the future that loses, so nothing may be lost then.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    async fn note(&mut self, deadline: Instant) -> Result<Option<CardNote>, LinkError>;

    /// Lets go of it, so that its port can be opened again. What it tells from here on is lost.
    async fn close(self: Box<Self>) {}

    /// How many notes were lost on their way since this was last asked. When it is not zero, what the card side saw is not
    /// whole, and the case is the rig's error.
    fn take_lost(&mut self) -> u32 {
        0
    }

    /// Lets time pass. What the side tells meanwhile is kept for [`CardSide::note`].
    ///
    /// # Errors
    /// [`LinkError::Gone`], at once.
    async fn idle(&mut self, deadline: Instant) -> Result<(), LinkError>;
}

/// What a card side can do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CardCapabilities {
    /// What cases may need of it.
    pub can: Vec<CardCapability>,
    /// It returns a nonce.
    pub nonce: bool,
    /// Version of the protocol between rig and card side, where it has one.
    pub protocol: Option<u8>,
}

/// Who a card side is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CardIdentity {
    /// What it said: `firmware`, `board`, `version`, `digest`.
    pub said: Fields,
    /// SHA-256 of the image that it runs, lower-case hex, where it tells.
    pub digest: Option<String>,
}

/// What a card says to one command, and how the air carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Response APDU with status word.
    pub response: Vec<u8>,
    /// The card's own time for it.
    pub delay: taprig_model::units::Duration,
    /// What goes wrong on the air.
    pub fault: Option<Fault>,
}

/// Something that a card side tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardNote {
    /// When it happened on the side's own clock, in us since its start, where it has one.
    pub board_us: Option<u64>,
    /// Time on the air since the card was presented, in us: modelled or measured, as the bench is. The reader's waiting is
    /// part of it as far as the side knows of it.
    pub air_us: u64,
    /// When the rig had read all of it.
    pub seen: std::time::Instant,
    /// What happened.
    pub what: What,
}

/// What a card side tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It has started, though nobody asked it to.
    Started,
    /// The reader switched its field.
    Field {
        /// On.
        on: bool,
    },
    /// The reader activated the card: RATS was answered.
    Activated {
        /// FSD that the reader announced, in bytes.
        fsd: u16,
    },
    /// A command APDU, which waits for its answer.
    Command {
        /// Its number, for [`CardSide::answer`].
        number: u16,
        /// The command.
        command: Vec<u8>,
    },
    /// The reader let the card go.
    Released(Release),
    /// The card is out of the field.
    Removed(Traffic),
    /// A frame on the air.
    Frame {
        /// From the card; else from the reader.
        from_card: bool,
        /// Of seven bits.
        short: bool,
        /// Bytes, CRC included.
        bytes: Vec<u8>,
    },
    /// All is told that was before [`CardSide::catch_up`].
    CaughtUp,
    /// Something went wrong with an order, in words for the record.
    Trouble(String),
}
