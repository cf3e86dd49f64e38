//! A device file, `fixtures/devices/<name>.yaml`: the identity of the device, its claims, its words, and its interface.

mod adapter;
pub mod answers;
mod fixed;
mod native;
mod operator;
pub mod rules;

pub use adapter::AdapterProgram;
pub use fixed::Fixed;
pub use native::{Commands, Events, Lines, Native, UplinkCommands};
pub use operator::{Operator, Sight};

use crate::expect::{Cvm, Gate, Outcome, Sound, StringOrList};
use crate::name::Name;
use crate::units::Duration;
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// A device under test: its conformance statement, and how the rig talks to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Device {
    /// Version of this format.
    pub schema: Version,
    /// For a person: maker and model.
    pub title: String,
    /// What the device must say about itself before anything is flashed or run.
    pub identity: Identity,
    /// The conformance statement: every function that cases ask for, and whether the device claims it.
    pub claims: BTreeMap<Name, Claim>,
    /// Where the reviewed transcripts of this device are. If it is absent, the device has none and taprig compares
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// How long the rig waits for the device.
    #[serde(default)]
    pub deadlines: Deadlines,
    /// What the device's words mean.
    #[serde(default)]
    pub words: Words,
    /// Settings that the device can't be told, and what they are set to. A case that needs another value is not
    /// applicable.
    #[serde(default, skip_serializing_if = "Fixed::is_empty")]
    pub fixed: Fixed,
    /// How the rig talks to the device.
    pub interface: Interface,
}

impl Device {
    /// The claims among `wanted` that the device does not make. If there are none, a case that needs the wanted claims
    /// applies.
    #[must_use]
    pub fn lacks<'a>(&self, wanted: &'a [Name]) -> Vec<&'a Name> {
        wanted.iter().filter(|name| !self.claims(name.as_str())).collect()
    }

    /// Whether the device reports by itself that a tap has come to its end. If it does not, the outcome follows from what
    /// a person and the card see.
    #[must_use]
    pub fn tells_result(&self) -> bool {
        match &self.interface {
            // What a person did not see is told apart from what did not happen.
            Interface::Native(_) | Interface::Adapter(_) | Interface::Operator(_) => true,
            Interface::Rules(rules) => rules.tells(rules::EventKind::Result),
        }
    }

    /// Whether the device makes a claim.
    #[must_use]
    pub fn claims(&self, claim: &str) -> bool {
        self.claim(claim).is_some_and(Claim::is_made)
    }

    /// What the device file states of a claim. `None` if it does not name it.
    #[must_use]
    pub fn claim(&self, claim: &str) -> Option<Claim> {
        self.claims.iter().find(|(name, _)| name.as_str() == claim).map(|(_, stated)| *stated)
    }

    /// How many cards the deny list holds, if the device claims it.
    #[must_use]
    pub fn deny_capacity(&self) -> Option<u32> {
        self.claim(claim::DENY_CAPACITY).and_then(Claim::number)
    }
}

/// What a device file states of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "this is neither `true` nor `false` nor a number from 1 on")]
pub enum Claim {
    /// The device has the function, or it does not.
    Made(bool),
    /// The device has the function, and this is how much of it. Only the claims of [`claim::IN_NUMBERS`] are stated like this.
    Number(NonZeroU32),
}

impl Claim {
    /// Whether the device claims the function.
    #[must_use]
    pub const fn is_made(self) -> bool {
        !matches!(self, Self::Made(false))
    }

    /// How much the device claims, if the claim is a number.
    #[must_use]
    pub const fn number(self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(number.get()),
            Self::Made(_) => None,
        }
    }
}

/// The beginning of a value that is not written yet. The rest says what has to stand there. `taprig device new` writes such
/// values, and `taprig check` refuses them.
pub const UNFINISHED: &str = "TODO:";

/// What messages say of a value that is not written yet.
pub const NOT_WRITTEN: &str = "this value is not written yet";

/// Claims that expectations and steps rest on: what only the device can report, and what the rig can ask it to do.
pub mod claim {
    /// The device reports the reason of an outcome.
    pub const TELLS_REASON: &str = "tells-reason";
    /// The device reports how the cardholder was verified.
    pub const TELLS_CVM: &str = "tells-cvm";
    /// The device lists its journal, and empties it on request.
    pub const JOURNAL: &str = "journal";
    /// The device reports its state.
    pub const STATUS: &str = "status";
    /// The device has a third sound besides those for accepted and refused. It means: look at the display.
    pub const ATTENTION_SOUND: &str = "attention-sound";
    /// The device sends its rides to an acquirer when it is told to, and says when it has finished.
    pub const UPLINK: &str = "uplink";
    /// The device speaks the console language of the reference device, word for word.
    pub const NATIVE_CONSOLE: &str = "native-console";

    /// How many cards the deny list holds. The claim is a number.
    pub const DENY_CAPACITY: &str = "deny-capacity";
    /// The claims that are numbers. A device that does not have such a function states `false`.
    pub const IN_NUMBERS: [&str; 1] = [DENY_CAPACITY];

    /// Fares by distance, with tap-on and tap-off.
    pub const DISTANCE_FARES: &str = "distance-fares";
    /// Rides that follow a ride soon are cheaper.
    pub const TRANSFERS: &str = "transfers";
    /// Discounts by product.
    pub const PRODUCT_DISCOUNTS: &str = "product-discounts";
    /// Promotions with dates.
    pub const PROMOTIONS: &str = "promotions";
    /// Caps of a day and of a month.
    pub const FARE_CAPS: &str = "fare-caps";
    /// A card that owes pays the old fare first.
    pub const DEBT_RECOVERY: &str = "debt-recovery";

    /// The claims that a fare policy needs. A case that sets one needs those of its parts, without naming them.
    pub const OF_FARES: [&str; 6] =
        [DISTANCE_FARES, TRANSFERS, PRODUCT_DISCOUNTS, PROMOTIONS, FARE_CAPS, DEBT_RECOVERY];

    /// Which of [`OF_FARES`] a policy needs.
    #[must_use]
    pub fn of_policy(policy: &crate::settings::Fares) -> Vec<&'static str> {
        let parts = [
            policy.distance.is_some(),
            policy.transfer.is_some(),
            !policy.discounts.is_empty(),
            !policy.promotions.is_empty(),
            policy.caps.is_some(),
            policy.debts,
        ];
        OF_FARES.into_iter().zip(parts).filter_map(|(claim, is_part)| is_part.then_some(claim)).collect()
    }

    /// All of these claims.
    pub const ALL: [&str; 14] = [
        TELLS_REASON,
        TELLS_CVM,
        JOURNAL,
        STATUS,
        ATTENTION_SOUND,
        UPLINK,
        NATIVE_CONSOLE,
        DENY_CAPACITY,
        DISTANCE_FARES,
        TRANSFERS,
        PRODUCT_DISCOUNTS,
        PROMOTIONS,
        FARE_CAPS,
        DEBT_RECOVERY,
    ];
}

/// Where the reviewed transcripts of a device are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// In the folders `snapshots` beside the cases. This is the place for the reference device.
    BesideCases,
    /// In a folder of its own. Its path is relative to the project's folder.
    Folder(PathBuf),
    /// It has none, though the file that it includes has.
    None,
}

/// What the device says about itself when the rig asks for its identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Identity {
    /// Maker and model in one word.
    pub device: String,
    /// Name of its firmware.
    pub firmware: String,
}

/// How the rig talks to a device. Each kind has an adapter in `taprig-bench`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Interface {
    /// A text console with the grammar of the reference device.
    Native(Box<Native>),
    /// Any other text console, described by rules.
    Rules(Box<rules::Rules>),
    /// A program of its own that speaks the protocol of [`crate::adapter`].
    Adapter(AdapterProgram),
    /// None: a person at the bench sets the device up and says what it shows.
    Operator(Operator),
}

impl Interface {
    /// The console, if its grammar is that of the reference device.
    #[must_use]
    pub fn native(&self) -> Option<&Native> {
        match self {
            Self::Native(native) => Some(native),
            Self::Rules(_) | Self::Adapter(_) | Self::Operator(_) => None,
        }
    }

    /// Speed of the console in bits per second, if the rig itself opens a console.
    #[must_use]
    pub fn baud(&self) -> Option<u32> {
        match self {
            Self::Native(native) => Some(native.baud),
            Self::Rules(rules) => rules.baud,
            Self::Adapter(_) | Self::Operator(_) => None,
        }
    }

    /// The adapter program, if there is one.
    #[must_use]
    pub const fn adapter(&self) -> Option<&AdapterProgram> {
        match self {
            Self::Adapter(adapter) => Some(adapter),
            _ => None,
        }
    }

    /// What a person is asked, if the device has no interface.
    #[must_use]
    pub const fn operator(&self) -> Option<&Operator> {
        match self {
            Self::Operator(operator) => Some(operator),
            _ => None,
        }
    }
}

/// How long the rig waits for a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Deadlines {
    /// The longest time that a reply may take. The default is 2 s.
    pub reply: Duration,
    /// The longest time from power-on until the device is ready for a card. The default is 5 s.
    pub ready: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { reply: Duration::from_ms(2000), ready: Duration::from_ms(5000) }
    }
}

/// What the device's words mean: from a word of the device to the word that cases use. If a map is absent, the device
/// uses the words of cases. Several words of the device may mean the same. A word that a map does not contain is not
/// judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Words {
    /// Messages on the display.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub messages: BTreeMap<String, String>,
    /// Outcomes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub outcomes: BTreeMap<String, Outcome>,
    /// Reasons, to those of `cases/reasons.yaml`. If one code of the device stands for several reasons, they are in a
    /// list: `E7: [gpo-status, gpo-malformed]`. An expectation holds if its reason is among them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, StringOrList>,
    /// Sounds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sounds: BTreeMap<String, Sound>,
    /// Positions of the gate.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub gates: BTreeMap<String, Gate>,
    /// Cardholder verifications.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cvms: BTreeMap<String, Cvm>,
}
