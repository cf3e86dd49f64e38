//! A device without any interface. A person at the bench sets it up and says what it shows.

use crate::name::Name;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// What the person is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Operator {
    /// The questions after each tap. The default is all of them. Leave out what the device does not have, such as a
    /// gate.
    pub asks: BTreeSet<Sight>,
    /// The longest time for an answer. The default is 60 s. What is not answered in time is not judged.
    pub within: Duration,
    /// The longest time for setting up the device before a case. The default is 10 min.
    pub set_up_within: Duration,
    /// The profile of `fixtures/validators` with which the device is configured for good. It is needed only for runs
    /// without a terminal, in which nobody can set up the device: such a run plays only cases with exactly these
    /// settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configured: Option<Name>,
}

impl Default for Operator {
    fn default() -> Self {
        Self {
            asks: Sight::QUESTIONS.into(),
            within: Duration::from_ms(60_000),
            set_up_within: Duration::from_ms(600_000),
            configured: None,
        }
    }
}

/// Something that only a person at the device can see or hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sight {
    /// The outcome. No question asks for it, because a person sees the display, the sound and the gate.
    Outcome,
    /// What the display shows.
    Shows,
    /// The sound.
    Sound,
    /// The gate.
    Gate,
    /// The amount that the display shows as charged.
    Charged,
    /// Whether the device was ready again in time.
    Ready,
}

impl Sight {
    /// What a person can be asked for, in the order of the questions.
    pub const QUESTIONS: [Self; 5] = [Self::Shows, Self::Sound, Self::Gate, Self::Charged, Self::Ready];

    /// The name in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::Shows => "shows",
            Self::Sound => "sound",
            Self::Gate => "gate",
            Self::Charged => "charged",
            Self::Ready => "ready",
        }
    }
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
