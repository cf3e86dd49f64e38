//! A device file, `fixtures/devices/<name>.yaml`: who the device is, what it claims, how its console speaks.

use crate::expect::{Cvm, Gate, Outcome, Sound};
use crate::name::Name;
use crate::units::Duration;
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A device under test: conformance statement and console adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Device {
    /// Version of this format.
    pub schema: Version,
    /// For a person: maker and model.
    pub title: String,
    /// What its console must say before anything is flashed or run.
    pub identity: Identity,
    /// The conformance statement: every function that cases ask for, and whether the device claims it.
    pub claims: BTreeMap<Name, bool>,
    /// Where the reviewed transcripts of this device are. Absent: it has none, and none are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// How to talk to it.
    pub console: Adapter,
}

impl Device {
    /// The claims among `wanted` that the device does not make: empty, and a case that needs them applies.
    #[must_use]
    pub fn lacks<'a>(&self, wanted: &'a [Name]) -> Vec<&'a Name> {
        wanted.iter().filter(|name| !self.claims(name.as_str())).collect()
    }

    /// Whether the device makes a claim.
    #[must_use]
    pub fn claims(&self, claim: &str) -> bool {
        self.claims.iter().any(|(name, made)| *made && name.as_str() == claim)
    }
}

/// Claims that expectations and steps rest on: what only the device can tell, and what it can be asked to do.
pub mod claim {
    /// It tells the reason of an outcome.
    pub const TELLS_REASON: &str = "tells-reason";
    /// It tells how the cardholder was verified.
    pub const TELLS_CVM: &str = "tells-cvm";
    /// It lists its journal, and empties it when told to.
    pub const JOURNAL: &str = "journal";
    /// It tells its state.
    pub const STATUS: &str = "status";
    /// It has a third sound besides those for accepted and refused: look at the display.
    pub const ATTENTION_SOUND: &str = "attention-sound";
    /// It speaks the console of the reference device, word for word.
    pub const NATIVE_CONSOLE: &str = "native-console";

    /// All of them.
    pub const ALL: [&str; 6] = [TELLS_REASON, TELLS_CVM, JOURNAL, STATUS, ATTENTION_SOUND, NATIVE_CONSOLE];
}

/// Where the reviewed transcripts of a device are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// In the folders `snapshots` beside the cases: the reference device.
    BesideCases,
    /// In a folder of its own, relative to the project's folder.
    Folder(PathBuf),
    /// It has none, though the file that it includes has.
    None,
}

/// What the device says of itself in reply to [`Commands::identity`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Identity {
    /// Value of `device=`.
    pub device: String,
    /// Value of `firmware=`.
    pub firmware: String,
}

/// The console, as data: templates of commands, names of events and their values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Adapter {
    /// Bits a second; 8 data bits, no parity, one stop bit.
    pub baud: u32,
    /// How long a reply may take.
    pub reply_within: Duration,
    /// How long from power-on to the event `ready`.
    pub ready_within: Duration,
    /// How lines begin.
    pub lines: Lines,
    /// What is sent.
    pub commands: Commands,
    /// Settings that the device calls otherwise than taprig: ours, theirs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// What the device calls its events.
    pub events: Events,
    /// Messages on the display: the device's id, and the words of cases.
    pub messages: BTreeMap<String, String>,
    /// Outcomes: the device's word, and ours. Here and in the maps below: where a map is absent, the device uses our words.
    /// Several words may mean the same. A word that a map does not have is not judged.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outcomes: BTreeMap<String, Outcome>,
    /// Reasons: the device's word, and one of `cases/reasons.yaml`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, String>,
    /// Sounds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sounds: BTreeMap<String, Sound>,
    /// Positions of the gate.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gates: BTreeMap<String, Gate>,
    /// Cardholder verifications.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cvms: BTreeMap<String, Cvm>,
}

impl Adapter {
    /// The words of cases for the id of a message.
    #[must_use]
    pub fn message(&self, id: &str) -> Option<&str> {
        self.messages.get(id).map(String::as_str)
    }

    /// The device's name of one of [`Settings`](crate::settings::Settings).
    #[must_use]
    pub fn setting<'a>(&'a self, key: &'a str) -> &'a str {
        self.settings.get(key).map_or(key, String::as_str)
    }
}

/// How the console's lines begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lines {
    /// A data line of a reply.
    pub data: String,
    /// The last line of a reply to a command that was carried out.
    pub ok: String,
    /// The last line of a reply to a command that was not.
    pub error: String,
    /// An event.
    pub event: String,
}

/// Templates of commands; `{name}` stands for a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Commands {
    /// Who are you.
    pub identity: String,
    /// Repeat `{text}`. Absent: the device can't, and a case knows by the power-on before it that no answer is stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<String>,
    /// State, journal count, total, profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Set the clock to `{time}`, as `2018-05-21T08:00:00`.
    pub clock: String,
    /// Set `{key}` to `{value}`.
    pub set: String,
    /// Take a CA key: `{rid}` `{index}` `{exponent}` `{modulus}`, hexadecimal.
    pub key_add: String,
    /// Forget all CA keys.
    pub key_clear: String,
    /// Put `{entry}` on the deny list: PAN, perhaps `:` and PSN.
    pub deny_add: String,
    /// Empty the deny list.
    pub deny_clear: String,
    /// Revoke `{rid}` `{index}` `{serial}`.
    pub revoke_add: String,
    /// Empty the revocation list.
    pub revoke_clear: String,
    /// Call the settings `{tag}`. Absent: the device keeps no name of its settings, and is told all of them before each
    /// case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// List the journal from record `{from}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<String>,
    /// Empty the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_clear: Option<String>,
    /// Forget all settings.
    pub factory: String,
    /// Start again.
    pub reboot: String,
}

impl Commands {
    /// A template with its values put in: `fill("set {key} {value}", &[("key", "fare"), ("value", "100")])`.
    #[must_use]
    pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
        values.iter().fold(template.into(), |line: String, (name, value)| line.replace(&format!("{{{name}}}"), value))
    }
}

/// What the device calls its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Events {
    /// The firmware has started.
    pub started: String,
    /// Idle and polling.
    pub ready: String,
    /// A message on the display: `id`, `text`, perhaps `amount`.
    pub show: String,
    /// A sound.
    pub sound: String,
    /// The gate.
    pub gate: String,
    /// The end of a tap: `outcome`, `reason`, `fare`, perhaps `charged`.
    pub result: String,
    /// Something the device noticed about itself.
    pub fault: String,
}
