//! What the card side of a bench can do. A case that needs more is not applicable on that bench.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a bench can do beyond holding cards to a validator. It is known before anything is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BenchCapabilities {
    /// What its card side can do.
    pub card_side: Vec<CardCapability>,
    /// Whether it has an acquirer.
    pub acquirer: bool,
}

/// Something that a card side can do beyond answering commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CardCapability {
    /// It reports each frame on the air.
    Frames,
    /// It puts faults on the air: for example, it loses, damages, delays or chains blocks.
    Faults,
    /// It answers after exactly the time that a card needs.
    ExactDelays,
    /// It takes any UID, ATQA, SAK and ATS.
    Activation,
    /// It presents a second card, or a card of type B, in the field.
    TwoCards,
    /// It takes the card away at a given moment.
    Removal,
}

impl CardCapability {
    /// All capabilities.
    pub const ALL: [Self; 6] =
        [Self::Frames, Self::Faults, Self::ExactDelays, Self::Activation, Self::TwoCards, Self::Removal];

    /// The name of the capability in files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frames => "frames",
            Self::Faults => "faults",
            Self::ExactDelays => "exact-delays",
            Self::Activation => "activation",
            Self::TwoCards => "two-cards",
            Self::Removal => "removal",
        }
    }
}

impl fmt::Display for CardCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
