//! A device file, `fixtures/devices/<name>.yaml`: the identity of the device, its claims, and the grammar of its
//! console.

use crate::expect::{Cvm, Gate, Outcome, Sound};
use crate::name::Name;
use crate::units::Duration;
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A device under test: its conformance statement and its console adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Device {
    /// Version of this format.
    pub schema: Version,
    /// For a person: maker and model.
    pub title: String,
    /// What the console of the device must say before anything is flashed or run.
    pub identity: Identity,
    /// The conformance statement: every function that cases ask for, and whether the device claims it.
    pub claims: BTreeMap<Name, bool>,
    /// Where the reviewed transcripts of this device are. If it is absent, the device has none and taprig compares
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// How the rig talks to the device.
    pub console: Adapter,
}

impl Device {
    /// The claims among `wanted` that the device does not make. If there are none, a case that needs the wanted claims
    /// applies.
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
    /// The device speaks the console language of the reference device, word for word.
    pub const NATIVE_CONSOLE: &str = "native-console";

    /// All of these claims.
    pub const ALL: [&str; 6] = [TELLS_REASON, TELLS_CVM, JOURNAL, STATUS, ATTENTION_SOUND, NATIVE_CONSOLE];
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

/// What the device says about itself in reply to [`Commands::identity`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Identity {
    /// Value of `device=`.
    pub device: String,
    /// Value of `firmware=`.
    pub firmware: String,
}

/// The console as data: templates of commands, names of events, and the values of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Adapter {
    /// Bits per second. The format is 8 data bits, no parity, one stop bit.
    pub baud: u32,
    /// The longest time that a reply may take.
    pub reply_within: Duration,
    /// The longest time from power-on to the event `ready`.
    pub ready_within: Duration,
    /// The prefixes of lines.
    pub lines: Lines,
    /// The commands that the rig sends.
    pub commands: Commands,
    /// Settings that have another name on the device than in taprig: from taprig's name to the device's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// The names that the device gives its events.
    pub events: Events,
    /// Messages on the display: from the device's id to the word that cases use.
    pub messages: BTreeMap<String, String>,
    /// Outcomes: from the device's word to taprig's word. This holds for the maps below as well: if a map is absent,
    /// the device uses taprig's words. Several words of the device may mean the same. A word that a map does not
    /// contain is not judged.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outcomes: BTreeMap<String, Outcome>,
    /// Reasons: from the device's word to one of `cases/reasons.yaml`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, String>,
    /// Sounds: from the device's word to taprig's word.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sounds: BTreeMap<String, Sound>,
    /// Positions of the gate: from the device's word to taprig's word.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gates: BTreeMap<String, Gate>,
    /// Cardholder verifications: from the device's word to taprig's word.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cvms: BTreeMap<String, Cvm>,
}

impl Adapter {
    /// The word that cases use for the message with this id.
    #[must_use]
    pub fn message(&self, id: &str) -> Option<&str> {
        self.messages.get(id).map(String::as_str)
    }

    /// The name that the device gives one of [`Settings`](crate::settings::Settings).
    #[must_use]
    pub fn setting<'a>(&'a self, key: &'a str) -> &'a str {
        self.settings.get(key).map_or(key, String::as_str)
    }
}

/// The prefixes of the console's lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lines {
    /// A data line of a reply.
    pub data: String,
    /// The last line of a reply if the device carried out the command.
    pub ok: String,
    /// The last line of a reply if the device refused the command.
    pub error: String,
    /// An event.
    pub event: String,
}

/// Templates of commands. `{name}` stands for a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Commands {
    /// Asks the device for its identity.
    pub identity: String,
    /// Asks the device to repeat `{text}`. If it is absent, the device can't do this. Then the power-on before a case
    /// proves that no answer is stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<String>,
    /// Asks for the state, the number of journal records, their total, and the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Sets the clock to `{time}`, such as `2018-05-21T08:00:00`.
    pub clock: String,
    /// Sets `{key}` to `{value}`.
    pub set: String,
    /// Adds a CA key: `{rid}`, `{index}`, `{exponent}` and `{modulus}` in hexadecimal.
    pub key_add: String,
    /// Removes all CA keys.
    pub key_clear: String,
    /// Adds `{entry}` to the deny list: a PAN, optionally followed by `:` and the PSN.
    pub deny_add: String,
    /// Empties the deny list.
    pub deny_clear: String,
    /// Revokes the certificate `{rid}` `{index}` `{serial}`.
    pub revoke_add: String,
    /// Empties the revocation list.
    pub revoke_clear: String,
    /// Names the settings `{tag}`. If it is absent, the device keeps no name of its settings, and the rig sends all
    /// settings before each case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Lists the journal from record `{from}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<String>,
    /// Empties the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_clear: Option<String>,
    /// Resets all settings.
    pub factory: String,
    /// Restarts the device.
    pub reboot: String,
}

impl Commands {
    /// The template with its values inserted: `fill("set {key} {value}", &[("key", "fare"), ("value", "100")])`.
    #[must_use]
    pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
        values.iter().fold(template.into(), |line: String, (name, value)| line.replace(&format!("{{{name}}}"), value))
    }
}

/// The names that the device gives its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Events {
    /// The firmware has started.
    pub started: String,
    /// The device is idle and polls for cards.
    pub ready: String,
    /// A message on the display: `id`, `text`, and sometimes `amount`.
    pub show: String,
    /// A sound.
    pub sound: String,
    /// The gate.
    pub gate: String,
    /// The end of a tap: `outcome`, `reason`, `fare`, and sometimes `charged`.
    pub result: String,
    /// The device noticed something wrong about itself.
    pub fault: String,
}
