//! Any text console, described by rules: patterns turn its lines into events and answers, and templates make commands.
//!
//! A line of the console is the text between two line ends. Every rule whose pattern matches a line applies to it. A
//! named group of a pattern is a value: the group `message` of a rule for `show` is the message. If the device writes a
//! value in another way, `values` makes it from the groups. For example, `outcome: "{code}/{detail}"` makes one word of
//! two fields, and `sound: long` is a constant.

mod form;
mod pattern;
mod problem;
mod template;

pub use form::{AmountForm, CounterForm, Forms, TimeForm};
pub use pattern::Pattern;
pub use problem::RuleProblem;
pub use template::Template;

use crate::settings::Settings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A text console, described by rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rules {
    /// Bits per second, for a console at a serial port. The format is 8 data bits, no parity, one stop bit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baud: Option<u32>,
    /// How the console encodes text, both ways.
    #[serde(default)]
    pub encoding: Encoding,
    /// What the rig sends at the end of a command. The device may end its own lines in any of these ways.
    #[serde(default)]
    pub line_end: LineEnd,
    /// Whether the device repeats each command that it receives.
    #[serde(default)]
    pub echo: bool,
    /// What the device sends, without a line end, when it waits for a command. The rig recognises the prompt as soon as
    /// the whole text since the last line end matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Pattern>,
    /// Whether the device tells after each tap that it is ready again. The default is yes, if it has an event `ready`. If
    /// it does not tell, the rig takes the reader's next poll as the sign.
    #[serde(default = "yes")]
    pub repeats_ready: bool,
    /// How the device writes values.
    #[serde(default)]
    pub forms: Forms,
    /// Words of the console that stand for values.
    #[serde(default)]
    pub words: ConsoleWords,
    /// How replies end.
    #[serde(default)]
    pub replies: Replies,
    /// What lines mean that the device sends by itself.
    pub events: Vec<EventRule>,
    /// The commands that the rig sends.
    pub commands: RuleCommands,
    /// The commands that change settings. One command may change several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<Command>,
    /// The settings in the device's factory state. If a command changes several settings and a case gives only some of
    /// them, the others come from here.
    #[serde(default)]
    pub initial: Settings,
    /// Labels that the device does not have: `county`, `line`, `route`, `bus` or `driver`. A case that sets one of them
    /// still applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
    /// How the device numbers the records of its journal.
    #[serde(default)]
    pub journal_numbers: JournalNumbers,
}

impl Rules {
    /// Whether a rule makes events of this kind.
    #[must_use]
    pub fn tells(&self, kind: EventKind) -> bool {
        self.events.iter().any(|rule| rule.is == kind)
    }
}

const fn yes() -> bool {
    true
}

/// How a console encodes text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8, and with it ASCII.
    #[default]
    Utf8,
    /// GBK, and with it GB 2312. Decoding accepts all of GB 18030.
    Gbk,
}

/// What ends a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LineEnd {
    /// A line feed.
    #[default]
    Lf,
    /// A carriage return.
    Cr,
    /// A carriage return and a line feed.
    Crlf,
}

impl LineEnd {
    /// The characters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::Cr => "\r",
            Self::Crlf => "\r\n",
        }
    }
}

/// Words of the console that stand for values. Words with a meaning for expectations, such as outcomes, are in `words`
/// of the device file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ConsoleWords {
    /// What the rig sends: by the name of the value, from the word of cases to the word of the device. Such as
    /// `debit: { "on": "1", "off": "0" }`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sent: BTreeMap<String, BTreeMap<String, String>>,
    /// What the device tells: by the name of the value, from the word of the device to the word of cases. Such as
    /// `state: { "3": journal-full }`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub told: BTreeMap<String, BTreeMap<String, String>>,
}

/// How replies end, unless a command has patterns of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Replies {
    /// The last line of a reply if the device has carried out the command. If it is absent, the prompt ends a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ok: Option<Pattern>,
    /// The line by which the device refuses a command. Its group `why` is the reason; without the group, it is the whole
    /// line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Pattern>,
}

/// What a line means that the device sends by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EventRule {
    /// The kind of event.
    pub is: EventKind,
    /// The lines.
    pub line: Pattern,
    /// Values that are not groups: templates in which `{name}` stands for a group.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Template>,
}

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The firmware has started.
    Started,
    /// The device is ready for a card.
    Ready,
    /// The display: `message`, and `amount` if the device shows one.
    Show,
    /// A sound: `sound`.
    Sound,
    /// The gate: `gate`.
    Gate,
    /// The end of a tap: `outcome`, `reason`, `charged`, `cvm`, as far as the device tells them.
    Result,
    /// The device noticed something wrong about itself: `what`.
    Fault,
}

impl EventKind {
    /// The values of this kind: the name, and whether it is needed.
    #[must_use]
    pub const fn values(self) -> &'static [(&'static str, bool)] {
        match self {
            Self::Started | Self::Ready => &[],
            Self::Show => &[("message", true), ("amount", false)],
            Self::Sound => &[("sound", true)],
            Self::Gate => &[("gate", true)],
            Self::Result => &[("outcome", false), ("reason", false), ("charged", false), ("cvm", false)],
            Self::Fault => &[("what", false)],
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Started => "started",
            Self::Ready => "ready",
            Self::Show => "show",
            Self::Sound => "sound",
            Self::Gate => "gate",
            Self::Result => "result",
            Self::Fault => "fault",
        })
    }
}

/// A command, and what its reply means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Command {
    /// The line to send. `{name}` stands for a value.
    pub send: Template,
    /// Lines of the reply that tell values. A reply may spread its values over several lines, the last one included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Pattern>,
    /// Only for `journal`: the lines of a record. A line that matches the first pattern begins a record, and lines that
    /// match the others add values to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Pattern>,
    /// Values that are not groups: templates in which `{name}` stands for a group.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Template>,
    /// The last line of the reply, if it differs from `replies`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<Pattern>,
    /// The line of a refusal, if it differs from `replies`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Pattern>,
}

/// The commands that are not settings. If a command is absent, the device can't do what it asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleCommands {
    /// Asks for the identity. Tells `device` and `firmware`, and perhaps `board`, `version` and `digest`.
    pub identity: Command,
    /// Asks the device to repeat `{text}`. Tells `text`. If it is absent, the power-on before a case proves that no
    /// answer is stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<Command>,
    /// Asks for the state. Tells `state`, `journal`, `capacity`, `total` and `clock`, as far as the device has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Command>,
    /// Sets the clock to `{time}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Command>,
    /// Adds a CA key: `{rid}`, `{index}`, `{exponent}` and `{modulus}` in upper-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_add: Option<Command>,
    /// Adds a CA key of SM2: `{rid}`, `{index}` and `{point}` in upper-case hexadecimal. If it is absent, the device takes
    /// no such keys, and the rig leaves them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_add_sm2: Option<Command>,
    /// Removes all CA keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_clear: Option<Command>,
    /// Adds a card to the deny list: `{pan}` and `{psn}`. Without a sequence number, `{psn}` is the word `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny_add: Option<Command>,
    /// Empties the deny list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny_clear: Option<Command>,
    /// Revokes the certificate `{rid}`, `{index}`, `{serial}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke_add: Option<Command>,
    /// Empties the revocation list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke_clear: Option<Command>,
    /// Lists the journal: all of it, or from the record `{from}` on. Its `rows` tell `number`, `time`, `account`,
    /// `sequence`, `charged`, `counter`, `cryptogram`, `cryptogram-type`, `kind` and `line`. Its `lines` tell `count`
    /// and `total`. If they don't tell both, the rig lists all records and computes them. A line that no pattern matches
    /// is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<Command>,
    /// Empties the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_clear: Option<Command>,
    /// Brings all settings into their factory state. If it is absent, the rig sends the settings in `initial`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factory: Option<Command>,
    /// Restarts the device. If it is absent, the bench has to switch the power of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reboot: Option<Command>,
}

/// How a device numbers the records of its journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JournalNumbers {
    /// From 1, and from 1 again after the journal was emptied.
    #[default]
    Restart,
    /// The numbers go on after the journal was emptied. The first record that the device lists is number 1 of a case.
    Continue,
}

/// The value that a group of this name tells. Groups can't have hyphens in their names.
#[must_use]
pub fn value_name(group: &str) -> String {
    group.replace('_', "-")
}
