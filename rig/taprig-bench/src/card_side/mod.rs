//! The card side of a bench: whatever holds a card to the reader and lets the rig answer in place of the card.
//!
//! A run talks to [`CardSide`] and to nothing below it. [`emulator`] is the adapter of a card emulator that runs the
//! firmware of this repository. [`virtual_reader`] is the adapter of a virtual PC/SC reader, and [`pn532`] drives a
//! contactless chip that has an antenna. A side that also simulates the reader's end needs its own adapter beside them.
//! The adapter lists its capabilities, and a case that needs more is not applicable on that side.
//!
//! # One tap
//!
//! The run calls [`CardSide::configure`] and [`CardSide::present`] and then waits for notes. Each [`What::Command`]
//! needs one [`CardSide::answer`]. The reader waits between a command and its answer. This is where a run can do
//! something else at a known point of the tap, such as taking power away or sending a line to the validator.
//! [`CardSide::remove`] ends the tap, and [`What::Removed`] reports its end.
//!
//! # An adapter of one's own
//!
//! The following adapter plays a reader that sends a script of commands, and keeps what the card answers.
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
//!         self.notes.extend([What::Field { on: true }, What::Activated { fsd: Some(256) }]);
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
pub mod pn532;
pub mod virtual_reader;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use taprig_model::capability::CardCapability;
use taprig_model::card::Activation;
use taprig_model::event::{Fields, Freshness, Release, Traffic};
use taprig_model::step::{Beside, Fault};
use tokio::time::Instant;

use crate::link::LinkError;
use crate::start::Start;

/// A card side that has power.
///
/// A run uses it from one thread at a time. Each method ends by a deadline of its own, or by the deadline that it is
/// given.
#[async_trait(?Send)]
pub trait CardSide: fmt::Debug + Send {
    /// The capabilities of this side.
    fn capabilities(&self) -> &CardCapabilities;

    /// Waits until the side accepts orders. With [`Start::PoweredOn`] the side reports its start. With
    /// [`Start::StillOn`] it only has to be there.
    ///
    /// # Errors
    /// [`LinkError::Deadline`], [`LinkError::Gone`].
    async fn starts(&mut self, how: Start, within: Duration) -> Result<(), LinkError>;

    /// Asks the side for its identity.
    ///
    /// # Errors
    /// [`LinkError`] if there is no answer, or an answer in another version of the protocol.
    async fn identify(&mut self) -> Result<CardIdentity, LinkError>;

    /// Sets the card, and optionally another card beside it, from the next [`CardSide::present`] on. With `frames`, the
    /// side reports each frame on the air ([`What::Frame`]).
    ///
    /// # Errors
    /// [`LinkError::Refused`] for a card that the side can't play, [`LinkError::Deadline`], [`LinkError::Gone`].
    async fn configure(&mut self, card: &Activation, beside: Option<Beside>, frames: bool) -> Result<(), LinkError>;

    /// Holds the card to the reader.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    async fn present(&mut self) -> Result<(), LinkError>;

    /// Sends the card's answer to the command with this number ([`What::Command`]).
    ///
    /// # Errors
    /// [`LinkError::Refused`] for an answer that the side can't carry, [`LinkError::Gone`].
    async fn answer(&mut self, command: u16, answer: Answer) -> Result<(), LinkError>;

    /// Takes the card away. [`What::Removed`] reports that it is gone. If it was gone already, nothing is reported.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    async fn remove(&mut self) -> Result<(), LinkError>;

    /// Asks the side to report [`What::CaughtUp`] after everything that it has to report so far.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    async fn catch_up(&mut self) -> Result<(), LinkError>;

    /// Proves that all reports from now on belong to this case: the side returns `nonce`. A side that can't do that
    /// rests on the power-on before the case, which is the default.
    ///
    /// # Errors
    /// [`LinkError::Deadline`] if the nonce did not come back, [`LinkError::Gone`].
    async fn echo(&mut self, _nonce: [u8; 8], _within: Duration) -> Result<Freshness, LinkError> {
        Ok(Freshness::PowerOn)
    }

    /// The next note, or `None` if the deadline passes first.
    ///
    /// A run waits for the validator at the same time and drops the future that is later, so dropping it must lose
    /// nothing.
    ///
    /// # Errors
    /// [`LinkError::Gone`].
    async fn note(&mut self, deadline: Instant) -> Result<Option<CardNote>, LinkError>;

    /// Closes the side, so that its port can be opened again. Whatever it reports from now on is lost.
    async fn close(self: Box<Self>) {}

    /// How many notes were lost since the last call. If the number is not zero, the observations of the card side are
    /// incomplete, and the case is an error of the rig.
    fn take_lost(&mut self) -> u32 {
        0
    }

    /// Lets time pass. Notes of this time are kept for [`CardSide::note`].
    ///
    /// # Errors
    /// [`LinkError::Gone`] as soon as the side is gone.
    async fn idle(&mut self, deadline: Instant) -> Result<(), LinkError>;
}

/// The capabilities of a card side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CardCapabilities {
    /// Those that a case may need.
    pub can: Vec<CardCapability>,
    /// Whether it returns a nonce.
    pub nonce: bool,
    /// Version of the protocol between the rig and the card side, if it has one.
    pub protocol: Option<u8>,
}

/// The identity of a card side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CardIdentity {
    /// What it said: `firmware`, `board`, `version`, `digest`.
    pub said: Fields,
    /// SHA-256 of the image that it runs, in lower-case hexadecimal, if it reports one.
    pub digest: Option<String>,
}

/// The answer of a card to one command, and what the air does to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Response APDU with its status word.
    pub response: Vec<u8>,
    /// The time that the card itself takes for it.
    pub delay: taprig_model::units::Duration,
    /// What goes wrong on the air.
    pub fault: Option<Fault>,
}

/// A note: something that a card side reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardNote {
    /// Time at which it happened, in us since the side's start, if the side has a clock.
    pub board_us: Option<u64>,
    /// Time on the air since the card was presented, in us. It is modelled or measured, like all times of the bench. It
    /// includes the reader's waiting as far as the side knows of it.
    pub air_us: u64,
    /// Time at which the rig had read the complete note.
    pub seen: std::time::Instant,
    /// What happened.
    pub what: What,
}

/// The content of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The side has started, although nobody asked it to.
    Started,
    /// The reader switched its field on or off.
    Field {
        /// Whether the field is on now.
        on: bool,
    },
    /// The reader activated the card: RATS was answered, or the card got power in a reader whose RATS the side does not
    /// see.
    Activated {
        /// FSD that the reader announced, in bytes. `None` if the side does not see RATS.
        fsd: Option<u16>,
    },
    /// A command APDU. The side waits for the answer.
    Command {
        /// Number of the command, for [`CardSide::answer`].
        number: u16,
        /// The command.
        command: Vec<u8>,
    },
    /// The reader released the card.
    Released(Release),
    /// The card is out of the field.
    Removed(Traffic),
    /// A frame on the air.
    Frame {
        /// Whether the card sent the frame. Otherwise the reader sent it.
        from_card: bool,
        /// Whether the frame is a short frame of seven bits.
        short: bool,
        /// Whether the card sent it after the reader had stopped waiting for it, as far as the side knows.
        late: bool,
        /// The bytes with CRC.
        bytes: Vec<u8>,
    },
    /// Everything from before [`CardSide::catch_up`] has been reported.
    CaughtUp,
    /// An order went wrong. The text goes into the record.
    Trouble(String),
}
