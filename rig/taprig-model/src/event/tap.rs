//! What passes between a reader and a card.

use super::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A command APDU and the response of the card.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exchange {
    /// Number of the command within the tap, from 1.
    pub number: u32,
    /// Command APDU.
    pub command: Bytes,
    /// Response APDU with its status word. This is absent if the card stayed silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Bytes>,
    /// The fault that the link applied to this response, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Time on the air from the presentation of the card to the end of the command, in us.
    pub air_us: u64,
    /// Time that the host needed, in us: from reading the last byte of the command to writing the last byte of the
    /// answer, without public-key operations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_us: Option<u64>,
}

/// How the reader released the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Release {
    /// It sent S(DESELECT).
    Deselected,
    /// It sent HLTA.
    Halted,
    /// It switched its field off.
    FieldOff,
}

/// What was on the air during a tap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Traffic {
    /// Number of frames from the reader, including those of polling.
    pub from_reader: u32,
    /// Number of frames from the card.
    pub from_card: u32,
    /// Number of R(NAK) and R(ACK) blocks that asked for a block again.
    pub retries: u32,
    /// Number of S(WTX) requests from the card.
    pub wtx: u32,
    /// The reader's own time, in us: the sum of the times from a frame of the card to the reader's next frame, from the
    /// card's activation to its release. The card emulator measures it on its own clock and subtracts the time of
    /// the bytes on the UART. It is absent if the card was not activated, and if `air_us` is measured and contains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader_us: Option<u64>,
}

impl Traffic {
    /// This and what came later in the same tap.
    #[must_use]
    pub fn and(&self, later: &Self) -> Self {
        let sum = |first: u32, second: u32| first.saturating_add(second);
        Self {
            from_reader: sum(self.from_reader, later.from_reader),
            from_card: sum(self.from_card, later.from_card),
            retries: sum(self.retries, later.retries),
            wtx: sum(self.wtx, later.wtx),
            reader_us: match (self.reader_us, later.reader_us) {
                (Some(first), Some(second)) => Some(first.saturating_add(second)),
                (one, other) => one.or(other),
            },
        }
    }
}
