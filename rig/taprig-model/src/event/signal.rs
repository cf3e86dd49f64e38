//! What a validator tells, in the words of cases.
//!
//! The validator side of a bench makes these from whatever its device says. A word that the device file does not map
//! stays the device's own, and is not judged.

use crate::expect::{Cvm, Gate, Outcome, Sound};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A word of the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Word<T> {
    /// What it means in the words of cases.
    Known(T),
    /// The device's own word, which its device file does not map.
    Unknown(String),
}

impl<T> Word<T> {
    /// The meaning, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(word) => Some(word),
            Self::Unknown(_) => None,
        }
    }
}

/// Something that a validator tells by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "signal", rename_all = "kebab-case")]
pub enum Signal {
    /// Its firmware has started.
    Started {},
    /// It is ready for a card.
    Ready {},
    /// It shows a message.
    Show {
        /// The message, in the words of cases.
        message: Word<String>,
    },
    /// It makes a sound.
    Sound {
        /// Which.
        sound: Word<Sound>,
    },
    /// Its gate moves.
    Gate {
        /// How.
        gate: Word<Gate>,
    },
    /// A tap has come to its end.
    Result {
        /// How; none where the device does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Word<Outcome>>,
        /// Why, as the device gives it; none where it does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Word<String>>,
        /// What was charged, in fen; none where nothing was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        charged: Option<u64>,
        /// How the cardholder was verified; none where the device does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cvm: Option<Word<Cvm>>,
    },
    /// It noticed something wrong about itself.
    Fault {
        /// What.
        what: String,
    },
    /// Something else, which says nothing to the rig.
    Other {
        /// The device's name of it.
        name: String,
    },
}

impl Signal {
    /// The kind in one word; of an unknown one the device's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Started {} => "started",
            Self::Ready {} => "ready",
            Self::Show { .. } => "show",
            Self::Sound { .. } => "sound",
            Self::Gate { .. } => "gate",
            Self::Result { .. } => "result",
            Self::Fault { .. } => "fault",
            Self::Other { name } => name,
        }
    }
}

/// The state of a validator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// In one word, as `ready`, `journal-full`, `clock-unset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Records in the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<u32>,
    /// Records that the journal takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Sum of the journal, in fen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Date and time, `2018-05-21T08:00:00`; `unset` where the clock was not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    /// Name of the settings that the device holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
}

/// A record of a validator's journal. What the device does not tell is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JournalRow {
    /// Its number, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Date and time of the ride, `2018-05-21T08:00:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Account number, as far as the device shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Sequence number of the account (5F34), two digits; `-` where the card has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// What was charged, in fen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charged: Option<u64>,
    /// Application transaction counter (9F36), hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<String>,
    /// Application cryptogram (9F26), hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cryptogram: Option<String>,
    /// Cryptogram information data (9F27), hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cryptogram_type: Option<String>,
    /// How the ride was authorised, as `oda`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// All that the device said, in its own words.
    #[serde(default, skip_serializing_if = "super::Fields::is_empty")]
    pub said: super::Fields,
}
