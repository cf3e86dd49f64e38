//! What a person says about a device before its device file is written: `taprig device new --answers FILE`.

use super::rules::{AmountForm, Encoding, EventKind, LineEnd, Pattern, Template, TimeForm};
use super::{Sight, Words};
use crate::name::Name;
use crate::settings::Settings;
use crate::units::Duration;
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Answers about a device. What is absent takes its default. Values that nobody knows yet become notes in the device file,
/// which `taprig check` reports as unfinished.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Answers {
    /// Version of this format.
    pub schema: Version,
    /// For a person: maker and model.
    #[serde(default)]
    pub title: Option<String>,
    /// How the rig reaches the device. The default is `rules`.
    #[serde(default)]
    pub interface: InterfaceKind,
    /// What the device answers when it is asked who it is: maker and model in one word.
    #[serde(default)]
    pub device: Option<String>,
    /// The name of its firmware, in the same answer.
    #[serde(default)]
    pub firmware: Option<String>,
    /// The longest time that a reply may take. The default is 2 s.
    #[serde(default)]
    pub reply: Option<Duration>,
    /// The longest time from power-on until the device is ready for a card. The default is 5 s.
    #[serde(default)]
    pub ready: Option<Duration>,
    /// The device's words, on the left, and the words of cases.
    #[serde(default)]
    pub words: Words,
    /// Settings that the device can't be told, and what they are set to. For a console by rules, all settings that no
    /// command sets are fixed; those that are absent here have the value that most cases set.
    #[serde(default)]
    pub fixed: Settings,
    /// The claims that hold. The default is `bus` and `oda-online`.
    #[serde(default)]
    pub claims: Option<BTreeSet<Name>>,
    /// The console, for the interface `rules`.
    #[serde(default)]
    pub console: ConsoleAnswers,
    /// For the interface `adapter`: the program and its arguments.
    #[serde(default)]
    pub command: Vec<String>,
    /// For the interface `operator`: what a person can see and hear. The default is everything.
    #[serde(default)]
    pub asks: Option<BTreeSet<Sight>>,
}

/// Answers about a text console.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ConsoleAnswers {
    /// Bits per second of a serial port.
    pub baud: Option<u32>,
    /// How the console encodes text. The default is `utf8`.
    pub encoding: Encoding,
    /// What ends a command. The default is `lf`.
    pub line_end: LineEnd,
    /// Whether the device repeats each command. The default is no.
    pub echo: bool,
    /// The prompt, word for word, if the device sends one.
    pub prompt: Option<String>,
    /// The last line of a reply if the command was carried out, word for word. If it is absent and there is a prompt, the prompt
    /// ends a reply.
    pub ok: Option<String>,
    /// The beginning of the line by which the device refuses a command, word for word.
    pub error: Option<String>,
    /// How amounts are written. The default is `fen`.
    pub amount: AmountForm,
    /// How times are written. The default is `YYYY-MM-DDThh:mm:ss`.
    pub time: Option<TimeForm>,
    /// What the device tells by itself. The default is everything but `fault`.
    pub tells: Option<Vec<EventKind>>,
    /// Whether it tells after each tap that it is ready again. The default is yes.
    pub repeats_ready: Option<bool>,
    /// Patterns of events, by kind, as far as they are known.
    pub events: BTreeMap<EventKind, Pattern>,
    /// Commands that are not settings, by their names in the device file. `identity` is needed.
    pub commands: BTreeMap<String, Template>,
    /// Patterns for the lines of a reply, by the name of the command.
    pub lines: BTreeMap<String, Vec<Pattern>>,
    /// Patterns for the records of the journal.
    pub rows: Vec<Pattern>,
    /// Commands that change settings.
    pub settings: Vec<Template>,
    /// Settings that the device can be told, although the command is not known yet.
    pub told: Vec<String>,
    /// What the device calls the values of settings, such as `one-cent: { "on": "1", "off": "0" }`.
    pub sent: BTreeMap<String, BTreeMap<String, String>>,
}

/// Kinds of interfaces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InterfaceKind {
    /// The console of the reference device.
    Native,
    /// Any other text console.
    #[default]
    Rules,
    /// A program.
    Adapter,
    /// None.
    Operator,
}

impl InterfaceKind {
    /// All kinds, with what they are for.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Rules, "a text console of its own, whatever its grammar"),
        (Self::Native, "a text console with the grammar of the reference device"),
        (Self::Adapter, "anything else: a program of yours stands between taprig and the device"),
        (Self::Operator, "none: a person at the bench answers questions"),
    ];

    /// The word of device files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Rules => "rules",
            Self::Adapter => "adapter",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for InterfaceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
