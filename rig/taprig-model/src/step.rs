//! The steps of a case.

mod during;
mod injection;

pub use during::{Act, During};
pub use injection::{Fault, Injection};

use crate::acquirer::expect::AcquirerExpect;
use crate::acquirer::{DownloadStep, Work, WorkResult, WorkStep};
use crate::expect::{CommandName, Expect, JournalExpect, StatusExpect, StringOrList};
use crate::name::Name;
use crate::settings::Settings;
use crate::text::text;
use crate::units::{Duration, Malformed, malformed};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// One step: a word (`tap`, `power-cycle`), or a word and its value (`wait: 3 s`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A card is held to the reader.
    Tap(TapStep),
    /// Time passes.
    Wait(Duration),
    /// The validator's power is switched off and on. Then the validator must become ready.
    PowerCycle,
    /// The rig changes settings of the validator.
    Validator(Settings),
    /// The rig asks the validator for its state, which must be as expected.
    Status(StatusExpect),
    /// The rig asks the validator for the records of its journal, which must be as expected.
    Journal(JournalExpect),
    /// The rig empties the validator's journal.
    ClearJournal,
    /// The rig asks the validator for its identity, which must be that of its device file.
    Identity,
    /// The rig sends a line on the console of the reference device.
    Console(Console),
    /// A fault on the air at the next tap.
    Inject(Injection),
    /// The validator sends all claims that wait to its acquirer.
    Upload(WorkStep),
    /// The validator sends all claims that wait and closes the batch.
    Settle(WorkStep),
    /// The validator signs on.
    SignOn(WorkStep),
    /// The validator signs off.
    SignOff(WorkStep),
    /// The validator downloads a list from its acquirer.
    Download(DownloadStep),
    /// What the acquirer received must be as expected.
    Acquirer(AcquirerExpect),
}

impl Step {
    const WORDS: [&str; 16] = [
        "tap",
        "wait",
        "power-cycle",
        "validator",
        "status",
        "journal",
        "clear-journal",
        "identity",
        "console",
        "inject",
        "upload",
        "settle",
        "sign-on",
        "sign-off",
        "download",
        "acquirer",
    ];

    /// The work at the uplink that the step asks for, and how it must end.
    #[must_use]
    pub const fn work(&self) -> Option<(Work, Option<WorkResult>)> {
        match self {
            Self::Upload(step) => Some((Work::Upload, step.expect)),
            Self::Settle(step) => Some((Work::Settle, step.expect)),
            Self::SignOn(step) => Some((Work::SignOn, step.expect)),
            Self::SignOff(step) => Some((Work::SignOff, step.expect)),
            Self::Download(step) => Some((step.list.work(), step.expect)),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;

        impl<'de> Visitor<'de> for Word {
            type Value = Step;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a step, such as `tap` or `wait: 3 s`")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Step, E> {
                match word {
                    "tap" => Ok(Step::Tap(TapStep::default())),
                    "power-cycle" => Ok(Step::PowerCycle),
                    "clear-journal" => Ok(Step::ClearJournal),
                    "identity" => Ok(Step::Identity),
                    "upload" => Ok(Step::Upload(WorkStep::default())),
                    "settle" => Ok(Step::Settle(WorkStep::default())),
                    "sign-on" => Ok(Step::SignOn(WorkStep::default())),
                    "sign-off" => Ok(Step::SignOff(WorkStep::default())),
                    word if Step::WORDS.contains(&word) => {
                        Err(E::custom(format_args!("step `{word}` needs a value after a colon")))
                    }
                    _ => Err(E::unknown_variant(word, &Step::WORDS)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Step, A::Error> {
                let Some(Key(word)) = map.next_key()? else {
                    return Err(A::Error::custom("a step has no word"));
                };
                let step = match word {
                    0 => Step::Tap(map.next_value()?),
                    1 => Step::Wait(map.next_value()?),
                    place @ (2 | 6 | 7) => {
                        let word = Step::WORDS[place];
                        return Err(A::Error::custom(format_args!("step `{word}` takes no value: write `- {word}`")));
                    }
                    3 => Step::Validator(map.next_value()?),
                    4 => Step::Status(map.next_value()?),
                    5 => Step::Journal(map.next_value()?),
                    8 => Step::Console(map.next_value()?),
                    10 => Step::Upload(map.next_value()?),
                    11 => Step::Settle(map.next_value()?),
                    12 => Step::SignOn(map.next_value()?),
                    13 => Step::SignOff(map.next_value()?),
                    14 => Step::Download(map.next_value()?),
                    15 => Step::Acquirer(map.next_value()?),
                    _ => Step::Inject(map.next_value()?),
                };
                match map.next_key::<Key>()? {
                    None => Ok(step),
                    Some(_) => Err(A::Error::custom("one step has two words: begin each step with `-`")),
                }
            }
        }

        /// Index in [`Step::WORDS`]. Through it, an unknown word is reported at its place in the file.
        struct Key(usize);

        impl<'de> Deserialize<'de> for Key {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                let place = Step::WORDS.iter().position(|known| *known == word);
                place.map(Key).ok_or_else(|| D::Error::unknown_variant(&word, &Step::WORDS))
            }
        }

        deserializer.deserialize_any(Word)
    }
}

impl JsonSchema for Step {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let tap = generator.subschema_for::<TapStep>();
        let wait = generator.subschema_for::<Duration>();
        let validator = generator.subschema_for::<Settings>();
        let status = generator.subschema_for::<StatusExpect>();
        let journal = generator.subschema_for::<JournalExpect>();
        let console = generator.subschema_for::<Console>();
        let inject = generator.subschema_for::<Injection>();
        let work = generator.subschema_for::<WorkStep>();
        let download = generator.subschema_for::<DownloadStep>();
        let acquirer = generator.subschema_for::<AcquirerExpect>();
        json_schema!({
            "description": "One step: a word, or a word and what it is about.",
            "anyOf": [
                { "enum": ["tap", "power-cycle", "clear-journal", "identity", "upload", "settle", "sign-on", "sign-off"] },
                {
                    "type": "object",
                    "properties": {
                        "tap": tap, "wait": wait, "validator": validator, "status": status, "journal": journal,
                        "console": console, "inject": inject, "upload": work, "settle": work, "sign-on": work,
                        "sign-off": work, "download": download, "acquirer": acquirer,
                    },
                    "additionalProperties": false,
                    "minProperties": 1,
                    "maxProperties": 1,
                },
            ],
        })
    }
}

/// A card is held to the reader.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TapStep {
    /// The name of one of `given.cards`, or of a card image. If it is absent, the tap uses `given.card`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<Name>,
    /// What else is in the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
    /// How long the card stays in the field. If it is absent, the card stays for at most 2 s, until the validator
    /// releases it. If times are modelled, this is a time on the modelled air for as long as the transaction lasts.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub hold: Option<Duration>,
    /// What the rig does in the middle of the tap. If there is a count, it does so in each tap.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub during: Vec<During>,
    /// How often the card is tapped. The default is once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The expectations for this tap. If there is a count, they hold for each tap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
}

/// What else is in the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Beside {
    /// Another card of type A: the answers collide.
    TypeA,
    /// A card of type B.
    TypeB,
}

impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TypeA => "another card of type A",
            Self::TypeB => "a card of type B",
        })
    }
}

/// A line on the validator's console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Console {
    /// What the rig sends, without the line end.
    pub send: String,
    /// The lines of the reply, including the last one. `*` stands for any sequence of characters. If it is absent, any
    /// reply that ends in `ok` matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<StringOrList>,
    /// How often the rig sends the line. The default is once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// One command of a transaction and its number among the commands of its kind: `gpo`, `read record 2`. Without a number
/// it is the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The command.
    pub command: CommandName,
    /// The number, from 1.
    pub nth: u8,
}

text!(
    At,
    "At",
    r"^(select[ -]ppse|select[ -]aid|gpo|read[ -]record|get[ -]data|internal[ -]authenticate|generate[ -]ac|other)([ -][1-9][0-9]?)?$",
    "a command such as `gpo` or `read record 2`"
);

impl FromStr for At {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (name, nth) = match text.rsplit_once([' ', '-']).map(|(name, nth)| (name, nth.parse::<u8>())) {
            Some((name, Ok(nth))) => (name, nth),
            _ => (text, 1),
        };
        if nth == 0 {
            return malformed(format!("`{text}` counts from zero"), "`read record 1` for the first");
        }
        Ok(Self { command: name.parse()?, nth })
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nth {
            1 => self.command.fmt(f),
            nth => write!(f, "{} {nth}", self.command),
        }
    }
}
