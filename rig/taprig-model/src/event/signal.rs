//! What a validator reports, in the words of cases.
//!
//! The validator side of a bench makes these values from whatever its device says. If the device file does not map a
//! word, the value keeps the device's own word, and taprig does not judge it.

use crate::acquirer::{Work, WorkResult};
use crate::device::Sight;
use crate::expect::{Cvm, Gate, Outcome, Sound};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A word of the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Word<T> {
    /// What it means in the words of cases.
    Known(T),
    /// The device's own word, if its device file does not map it.
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

/// What a device says about the reason of an outcome, in the words of `cases/reasons.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Reason {
    /// One reason.
    One(String),
    /// One of several reasons, because the device has one code for all of them.
    OneOf {
        /// The code of the device.
        code: String,
        /// The reasons that it stands for.
        reasons: Vec<String>,
    },
}

impl Reason {
    /// The reasons that this may be.
    #[must_use]
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(reason) => std::slice::from_ref(reason),
            Self::OneOf { reasons, .. } => reasons,
        }
    }

    /// Whether this may be the reason `wanted`.
    #[must_use]
    pub fn may_be(&self, wanted: &str) -> bool {
        self.all().iter().any(|reason| reason == wanted)
    }
}

impl From<&str> for Reason {
    fn from(reason: &str) -> Self {
        Self::One(reason.to_owned())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(reason) => f.write_str(reason),
            Self::OneOf { code, reasons } => write!(f, "{code}, which stands for {}", reasons.join(" or ")),
        }
    }
}

/// Something that a validator reports by itself.
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
        /// The sound.
        sound: Word<Sound>,
    },
    /// Its gate moves.
    Gate {
        /// The new position of the gate.
        gate: Word<Gate>,
    },
    /// A tap has come to its end.
    Result {
        /// The outcome. This is absent if the device does not report it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Word<Outcome>>,
        /// The reason, as the device gives it. This is absent if the device does not report it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Word<Reason>>,
        /// The amount charged, in fen. This is absent if nothing was charged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        charged: Option<u64>,
        /// An amount that the card signed and that is not charged now, in fen, although it may be claimed later: the highest fare
        /// of a trip that begins, or an old fare that the card owes. This is absent if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held: Option<u64>,
        /// How the cardholder was verified. This is absent if the device does not report it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cvm: Option<Word<Cvm>>,
    },
    /// The device noticed something wrong about itself.
    Fault {
        /// What the device noticed.
        what: String,
    },
    /// A work at the uplink has ended, whether the rig or the device itself began it.
    Uplink {
        /// The work.
        work: Word<Work>,
        /// How it ended.
        result: Word<WorkResult>,
    },
    /// Nobody saw or heard something that a person has to judge. Expectations about it are not judged.
    NotSeen {
        /// What nobody saw.
        what: Sight,
        /// Why, such as `nobody answered within 60 s`.
        why: String,
    },
    /// Any other signal, which has no meaning for the rig.
    Other {
        /// The name that the device gives the signal.
        name: String,
    },
}

impl Signal {
    /// The kind in one word. For an unknown kind this is the device's name of it.
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
            Self::Uplink { .. } => "uplink",
            Self::NotSeen { .. } => "not-seen",
            Self::Other { name } => name,
        }
    }
}

/// The state of a validator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The state in one word, such as `ready`, `journal-full` or `clock-unset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Number of records in the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<u32>,
    /// Number of records that the journal can take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Sum of the journal, in fen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Date and time, such as `2018-05-21T08:00:00`, or `unset` if the clock was not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    /// Name of the settings that the device holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
}

/// A record of a validator's journal. Values that the device does not report are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JournalRow {
    /// Number of the record, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Date and time of the ride, such as `2018-05-21T08:00:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Account number, as far as the device shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Sequence number of the account (5F34), two digits, or `-` if the card has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// The amount charged, in fen.
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
    /// How the ride was authorised, such as `oda`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The number of the bus line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// What became of the claim for the ride: `waiting`, `sent`, `accepted`, `refused` or `reversed`. It is `held` or `void` for a tap-on
    /// whose tap-off may still come or has come, and `none` for a ride that was free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// Batch in which the claim was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
    /// Trace of the claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<u32>,
    /// Response code of the acquirer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Everything that the device said, in its own words.
    #[serde(default, skip_serializing_if = "super::Fields::is_empty")]
    pub said: super::Fields,
}
