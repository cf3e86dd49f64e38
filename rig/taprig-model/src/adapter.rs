//! The protocol of adapter programs: JSON Lines on the program's standard input and output.
//!
//! The rig writes a [`Request`] and waits for the [`Reply`] with the same number before it writes the next one. The
//! program may write an [`Event`] at any time. `rig/taprig/doc/adapter-protocol.md` describes the protocol for people
//! who write an adapter.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::settings::Settings;
use crate::situation::{AuthorityKey, PublicKey};
use crate::units::Hex;

/// Version of the protocol. It is raised when a message changes its meaning.
pub const VERSION: u32 = 1;

/// The longest line in bytes, without its line end.
pub const MAX_LINE: usize = 1 << 20;

/// What the device said, in its own words: name and value. The rig records it as evidence and does not interpret it.
pub type Said = BTreeMap<String, String>;

/// A line of the protocol, in either direction. This type exists for the JSON Schema.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Line {
    /// From the rig to the program.
    Request(Request),
    /// From the program to the rig: the answer to a request.
    Reply(Reply),
    /// From the program to the rig: something that the device reports by itself.
    Event(Event),
}

/// A request of the rig.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// Number of the request: 1, 2, 3 and so on.
    pub id: u64,
    /// What the rig asks for.
    #[serde(flatten)]
    pub ask: Ask,
}

/// What the rig asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Ask {
    /// The first request. The answer is a [`Greeting`]. The program must not touch the device yet.
    Hello {
        /// The version of the protocol that the rig speaks: [`VERSION`].
        protocol: u32,
        /// Name and version of the rig.
        rig: String,
        /// The parameters of the device file and the bench file, such as `port`.
        parameters: BTreeMap<String, String>,
    },
    /// Wait until the device is ready for a card. The answer is [`Done`].
    Starts {
        /// How the device starts.
        how: Starting,
        /// The longest time that this may take, in ms.
        within_ms: u64,
    },
    /// Ask the device for its identity. The answer is an [`Identity`].
    Identity {},
    /// Bring the device into the state in which a case begins. The answer is [`Established`].
    Establish(Box<Establish>),
    /// Change these settings, and leave all others as they are. The answer is [`Applied`].
    Apply(Box<State>),
    /// Ask the device for its state. The answer is a [`Status`].
    Status {},
    /// Ask the device for its journal. The answer is a [`Journal`].
    Journal {
        /// Number of the first record that is wanted, from 1.
        from: u32,
    },
    /// Empty the journal. The answer is [`Done`].
    ClearJournal {},
}

impl Ask {
    /// The name of the request.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Starts { .. } => "starts",
            Self::Identity {} => "identity",
            Self::Establish(_) => "establish",
            Self::Apply(_) => "apply",
            Self::Status {} => "status",
            Self::Journal { .. } => "journal",
            Self::ClearJournal {} => "clear-journal",
        }
    }
}

/// How a device starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Starting {
    /// Its power has just come on, so it starts by itself.
    PoweredOn,
    /// Its power can't be switched. A program with the capability `restart` restarts the device. Any other program makes
    /// sure that the device is ready.
    StillOn,
}

/// Settings with the keys that they name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct State {
    /// The settings, written as in a file of `fixtures/validators`. `keys` is never among them.
    pub settings: Settings,
    /// The CA public keys. They replace all keys of the device. If this is absent, no keys are meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<Key>>,
}

impl State {
    /// These settings, with the keys that they name.
    #[must_use]
    pub fn new(settings: &Settings, keys: &[AuthorityKey]) -> Self {
        let own = settings.keys.as_ref().map(|_| keys.iter().map(Key::from).collect());
        Self { settings: Settings { keys: None, ..settings.clone() }, keys: own }
    }
}

/// The state in which a case begins. Everything that `state` leaves out is in the factory state of the device. The
/// journal is empty, and the clock shows `settings.clock` if that is present.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Establish {
    /// The settings.
    #[serde(flatten)]
    pub state: State,
    /// The number that the device has to return. It is absent if the program lacks the capability `nonce`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The name of the settings. It is absent if the program lacks the capability `settings-name`. If the device still
    /// has this name, it has the settings, and only journal and clock are left to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The settings that the rig gave the device last, with their name. If the device still has that name, the program
    /// may send only what differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Last>,
}

/// Settings that a device was given before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Last {
    /// Their name.
    pub name: String,
    /// The settings.
    #[serde(flatten)]
    pub state: State,
}

/// A CA public key. All values are hexadecimal. An RSA key has `exponent` and `modulus`, and an SM2 key has `point`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Key {
    /// Registered application provider identifier, 5 bytes.
    pub rid: Hex,
    /// CA public key index (8F), 1 byte.
    pub index: Hex,
    /// Exponent of an RSA key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exponent: Option<Hex>,
    /// Modulus of an RSA key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modulus: Option<Hex>,
    /// Public point of an SM2 key: X and Y, 64 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<Hex>,
}

impl From<&AuthorityKey> for Key {
    fn from(key: &AuthorityKey) -> Self {
        let (exponent, modulus, point) = match &key.key {
            PublicKey::Rsa { exponent, modulus } => (Some(exponent.clone()), Some(modulus.clone()), None),
            PublicKey::Sm2 { point } => (None, None, Some(point.clone())),
        };
        Self { rid: key.rid.clone(), index: key.index.clone(), exponent, modulus, point }
    }
}

/// The answer to a request. It has either `ok` or `error`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(extend("oneOf" = [{ "required": ["ok"] }, { "required": ["error"] }]))]
pub struct Reply {
    /// Number of the request that it answers.
    pub reply: u64,
    /// The answer. Its type depends on the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Answer>")]
    pub ok: Option<Value>,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// The answers to all requests. This type exists for the JSON Schema.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Answer {
    /// To `hello`.
    Hello(Greeting),
    /// To `identity`.
    Identity(Identity),
    /// To `journal`.
    Journal(Journal),
    /// To `apply`.
    Apply(Applied),
    /// To `establish`.
    Establish(Established),
    /// To `status`.
    Status(Status),
    /// To `starts` and `clear-journal`.
    Done(Done),
}

/// The answer to `hello`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Greeting {
    /// The version of the protocol that the program speaks.
    pub protocol: u32,
    /// Name and version of the program.
    pub name: String,
    /// What the program and its device can do beyond what all can do.
    pub capabilities: BTreeSet<Capability>,
}

/// Something that some adapter programs can do and others can't.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// The device returns a number that it is given.
    Nonce,
    /// The device keeps a name for its settings, and forgets it when a setting changes.
    SettingsName,
    /// The program can restart the device without switching its power.
    Restart,
    /// The device reports its state.
    Status,
    /// The device lists its journal.
    Journal,
    /// The device empties its journal on request.
    ClearJournal,
}

impl Capability {
    /// All capabilities.
    pub const ALL: [Self; 6] =
        [Self::Nonce, Self::SettingsName, Self::Restart, Self::Status, Self::Journal, Self::ClearJournal];

    /// The name of the capability in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nonce => "nonce",
            Self::SettingsName => "settings-name",
            Self::Restart => "restart",
            Self::Status => "status",
            Self::Journal => "journal",
            Self::ClearJournal => "clear-journal",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The answer to a request that has nothing to report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Done {}

/// The answer to `identity`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Maker and model in one word, as in the device file.
    pub device: String,
    /// Name of its firmware, as in the device file.
    pub firmware: String,
    /// Kind of board.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board: Option<String>,
    /// Version of its firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// SHA-256 of the image that it runs, in lower-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// The answer to `establish`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Established {
    /// The number that the device returned. A program with the capability `nonce` must give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// The answer to `apply`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    /// The settings that the device refused, each with the reason. All others were accepted.
    #[serde(default)]
    pub refused: BTreeMap<String, String>,
}

/// The answer to `status`. Values that the device does not report are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The state in one word: `ready`, `journal-full`, `clock-unset` or `card-left`.
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
    /// Date and time, such as `2018-05-21T08:00:00`, or `unset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    /// Name of the settings that the device holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// What the device said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub said: Said,
}

/// The answer to `journal`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// Number of records in the whole journal.
    pub count: u32,
    /// Sum of the whole journal, in fen.
    pub total: u64,
    /// The records from the wanted number on.
    pub rows: Vec<Row>,
}

/// A record of the journal. Values that the device does not report are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
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
    /// What the device said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub said: Said,
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The kind of failure.
    pub code: Code,
    /// The cause, in words for a person.
    pub message: String,
}

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The program does not know the request or the version of the protocol, or it lacks the capability.
    Unsupported,
    /// The device refused.
    Refused,
    /// The device is gone: it was unplugged, lost its power or does not answer any more.
    DeviceGone,
}

impl Code {
    /// The name of the code in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsupported => "unsupported",
            Self::Refused => "refused",
            Self::DeviceGone => "device-gone",
        }
    }
}

/// Something that the device reports by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Event {
    /// Number of the event: 1, 2, 3 and so on since the program started. A gap shows that an event was lost.
    pub seq: u64,
    /// Time on the device's own clock, in us since it started. It is absent if the device does not report times. The
    /// program's own time must not stand here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_us: Option<u64>,
    /// What the device said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub said: Said,
    /// What happened.
    #[serde(flatten)]
    pub told: Reported,
}

/// What a device can report by itself. Words are those of the device, and the map `words` of the device file says what
/// they mean. Without a map, the device uses the words of cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Reported {
    /// Its firmware has started.
    Started {},
    /// It is ready for a card.
    Ready {},
    /// It shows a message.
    Show {
        /// The message.
        message: String,
    },
    /// It makes a sound.
    Sound {
        /// The sound.
        sound: String,
    },
    /// Its gate moves.
    Gate {
        /// The new position.
        gate: String,
    },
    /// A tap has come to its end.
    Result {
        /// The outcome.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<String>,
        /// The reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The amount charged, in fen. It is absent if nothing was charged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        charged: Option<u64>,
        /// How the cardholder was verified.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cvm: Option<String>,
    },
    /// It noticed something wrong about itself. The word `air-dead` has a meaning for the rig: the reader got no answer
    /// from the card side, although the card side answers every frame.
    Fault {
        /// What it noticed.
        what: String,
    },
    /// Anything else. It has no meaning for the rig.
    Other {
        /// The device's own name of it.
        name: String,
    },
}

/// A line from the program.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// An answer.
    Reply(Reply),
    /// An event.
    Event(Event),
}

impl Message {
    /// Reads a line without its line end.
    ///
    /// # Errors
    /// [`NoMessage`] if the line is no message of the protocol. Unknown keys are errors, so that a misspelt key is
    /// noticed.
    pub fn parse(line: &[u8]) -> Result<Self, NoMessage> {
        match serde_json::from_slice(line).map_err(|error| NoMessage(format!("it is no JSON ({error})")))? {
            Value::Object(object) if object.contains_key("event") => typed(object).map(Self::Event),
            Value::Object(object) if object.contains_key("reply") => typed(object).map(Self::Reply),
            Value::Object(_) => Err(NoMessage("it has neither the key `event` nor the key `reply`".into())),
            _ => Err(NoMessage("it is no JSON object".into())),
        }
    }
}

impl Reply {
    /// The answer, if it has the type that belongs to the request.
    ///
    /// # Errors
    /// [`NoMessage`] if it has another type.
    pub fn answer<T: DeserializeOwned>(self) -> Result<Result<T, Failure>, NoMessage> {
        match (self.ok, self.error) {
            (Some(ok), None) => T::deserialize(ok).map(Ok).map_err(|error| NoMessage(error.to_string())),
            (None, Some(error)) => Ok(Err(error)),
            _ => Err(NoMessage("it needs either `ok` or `error`".into())),
        }
    }
}

/// Why a line is no message of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoMessage(pub String);

fn typed<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, NoMessage> {
    T::deserialize(Value::Object(object)).map_err(|error| NoMessage(error.to_string()))
}

impl<'de> Deserialize<'de> for Event {
    /// The keys that all events share are taken out first, because serde does not notice unknown keys in a flattened
    /// type.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Map::deserialize(deserializer)?;
        let mut take = |key: &str| object.remove(key);
        let wrong = |key: &'static str| move |error: serde_json::Error| D::Error::custom(format!("`{key}`: {error}"));
        let seq = take("seq").ok_or_else(|| D::Error::missing_field("seq"))?;
        let seq = u64::deserialize(seq).map_err(wrong("seq"))?;
        let at_us = take("at_us").map(u64::deserialize).transpose().map_err(wrong("at_us"))?;
        let said = take("said").map(Said::deserialize).transpose().map_err(wrong("said"))?.unwrap_or_default();
        let told = Reported::deserialize(Value::Object(object)).map_err(D::Error::custom)?;
        Ok(Self { seq, at_us, said, told })
    }
}

impl<'de> Deserialize<'de> for Reply {
    /// `"ok": null` is not the same as no `ok`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Map::deserialize(deserializer)?;
        let reply = object.remove("reply").ok_or_else(|| D::Error::missing_field("reply"))?;
        let reply = u64::deserialize(reply).map_err(|error| D::Error::custom(format!("`reply`: {error}")))?;
        let ok = object.remove("ok");
        let error = object.remove("error").map(Failure::deserialize).transpose();
        let error = error.map_err(|error| D::Error::custom(format!("`error`: {error}")))?;
        if let Some((key, _)) = object.iter().next() {
            return Err(D::Error::custom(format!("unknown key `{key}`, expected `reply` and `ok` or `error`")));
        }
        if ok.is_some() == error.is_some() {
            return Err(D::Error::custom("a reply needs either `ok` or `error`"));
        }
        Ok(Self { reply, ok, error })
    }
}

#[cfg(test)]
mod tests;
