//! The log of an acquirer: one JSON object a line. Account numbers are masked.

use super::MessageKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    /// When, in UTC by RFC 3339 with milliseconds.
    pub at: String,
    /// Number of the connection, from 1. Absent: the entry belongs to no connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<u64>,
    /// What happened.
    pub body: Body,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Body {
    /// The host listens. A log that holds several starts holds several runs.
    Started {
        /// Version of this format, 1.
        schema: u32,
        /// Version of taprig.
        taprig: String,
        /// Address.
        listening: String,
    },
    /// A terminal connected.
    Connected {
        /// Its address.
        peer: String,
    },
    /// A message came.
    Heard(Box<Heard>),
    /// Bytes came that are not a message. The host closed the connection.
    Unreadable {
        /// Number of bytes of the frame, without its length.
        bytes: u64,
        /// What is wrong, with field and byte.
        why: String,
    },
    /// A late answer was sent.
    SentLate {
        /// Trace of the message that it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trace: Option<String>,
    },
    /// The beginning of a frame was forgotten: on a line without connections nothing came for a while, or the terminal lost its
    /// power.
    Forgotten {
        /// Why.
        why: String,
    },
    /// A connection ended.
    Closed {
        /// Who closed it, or what went wrong.
        why: String,
    },
    /// The host ended.
    Ended {
        /// What it all came to.
        summary: Summary,
    },
}

/// A message, what it was answered, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Heard {
    /// What it is. Absent: the host does not know this message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageKind>,
    /// Its type and its fields.
    pub request: Shown,
    /// A rule cut the line after so many bytes of the message, counted from its length field. The host has heard no more than these, and
    /// decided nothing. The entry shows the whole message all the same. Absent: the message came whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<u64>,
    /// Whether its MAC was right.
    pub mac: Mac,
    /// The answer, also if it was lost. Absent: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Shown>,
    /// What was done to the answer on its way: `late 3 s`, `twice`. Empty: it was sent as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delivery: Vec<String>,
    /// Why it was answered so.
    pub why: String,
    /// The rule that decided: its place in the file, from 1. Absent: none matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<u64>,
    /// What is odd about the message although it was not the reason for the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The claims that the message was about: one for a ride, an advice or a reversal, and all of them for a batch upload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// Number of the batch that is open for the terminal after the message. Absent: the host has nothing of this terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
}

/// A message as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Shown {
    /// Message type, 4 digits.
    pub mti: String,
    /// The 12 digits of the header.
    pub header: String,
    /// Its fields, in order.
    pub fields: Vec<Field>,
}

/// A field as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Field {
    /// Number.
    pub number: u8,
    /// Name.
    pub name: String,
    /// Value, masked: digits and text as they are, bytes in hexadecimal, and lists in words.
    pub value: String,
}

/// What the host found about the MAC of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mac {
    /// It is right.
    Good,
    /// It is wrong.
    Wrong,
    /// The message must have one and has none.
    Missing,
    /// The terminal has not signed on, so there is no key to check it.
    NoKey,
    /// The message has none and needs none.
    NotNeeded,
}

/// A claim after a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Claim {
    /// Terminal (field 41).
    pub terminal: String,
    /// Merchant (field 42).
    pub merchant: String,
    /// Batch (60.2).
    pub batch: u32,
    /// Trace (field 11).
    pub trace: u32,
    /// Amount in fen.
    pub fen: u64,
    /// Its state.
    pub state: State,
    /// Whether the message was a repeat, so that nothing changed.
    pub repeat: bool,
}

/// The state of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The bank pays.
    Accepted,
    /// The bank does not pay.
    Refused,
    /// The claim was received, and nothing was decided.
    Waiting,
    /// A reversal took it back.
    Reversed,
}

impl State {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Waiting => "waiting",
            Self::Reversed => "reversed",
        }
    }
}

/// Claims in one state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Amounts {
    /// Number of claims.
    pub count: u64,
    /// Their sum in fen.
    pub fen: u64,
}

/// What a host came to. Each claim counts in exactly one of the four states.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Summary {
    /// Messages that could be read.
    pub messages: u64,
    /// Frames that could not be read.
    pub unreadable: u64,
    /// Claims that the bank pays.
    pub accepted: Amounts,
    /// Claims that the bank does not pay.
    pub refused: Amounts,
    /// Claims without a decision.
    pub waiting: Amounts,
    /// Claims that were taken back.
    pub reversed: Amounts,
}

impl std::ops::AddAssign for Amounts {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.fen += other.fen;
    }
}

impl Summary {
    /// The claims in a state.
    pub const fn of_mut(&mut self, state: State) -> &mut Amounts {
        match state {
            State::Accepted => &mut self.accepted,
            State::Refused => &mut self.refused,
            State::Waiting => &mut self.waiting,
            State::Reversed => &mut self.reversed,
        }
    }
}
