//! What happens in a case, step by step.

use crate::expect::{CommandName, Expect, StringOrList};
use crate::name::Name;
use crate::settings::Settings;
use crate::text::text;
use crate::units::{Duration, Hex, Malformed, malformed};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// One step: a word (`tap`, `power-cycle`), or a word and what it is about (`wait: 3 s`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A card is held to the reader.
    Tap(Tap),
    /// Time passes.
    Wait(Duration),
    /// The validator's power goes off and on; then it must become ready.
    PowerCycle,
    /// The validator is told new settings.
    Validator(Settings),
    /// A line on the validator's console.
    Console(Console),
    /// A fault on the air, for the next tap.
    Inject(Injection),
}

impl Step {
    const WORDS: [&str; 6] = ["tap", "wait", "power-cycle", "validator", "console", "inject"];
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
                    "tap" => Ok(Step::Tap(Tap::default())),
                    "power-cycle" => Ok(Step::PowerCycle),
                    word if Step::WORDS.contains(&word) => {
                        Err(E::custom(format_args!("step `{word}` needs a value after a colon")))
                    }
                    _ => Err(E::unknown_variant(word, &Step::WORDS)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Step, A::Error> {
                let Some(Key(word)) = map.next_key()? else {
                    return Err(A::Error::custom("a step without a word"));
                };
                let step = match word {
                    0 => Step::Tap(map.next_value()?),
                    1 => Step::Wait(map.next_value()?),
                    2 => return Err(A::Error::custom("step `power-cycle` takes no value: write `- power-cycle`")),
                    3 => Step::Validator(map.next_value()?),
                    4 => Step::Console(map.next_value()?),
                    _ => Step::Inject(map.next_value()?),
                };
                match map.next_key::<Key>()? {
                    None => Ok(step),
                    Some(_) => Err(A::Error::custom("two words in one step: begin each with `-`")),
                }
            }
        }

        /// Place in [`Step::WORDS`], so that an unknown word is noticed where it stands.
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
        let tap = generator.subschema_for::<Tap>();
        let wait = generator.subschema_for::<Duration>();
        let validator = generator.subschema_for::<Settings>();
        let console = generator.subschema_for::<Console>();
        let inject = generator.subschema_for::<Injection>();
        json_schema!({
            "description": "One step: a word, or a word and what it is about.",
            "anyOf": [
                { "enum": ["tap", "power-cycle"] },
                {
                    "type": "object",
                    "properties": {
                        "tap": tap, "wait": wait, "validator": validator, "console": console, "inject": inject,
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
pub struct Tap {
    /// One of `given.cards`, or a card image; absent: `given.card`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<Name>,
    /// What else is in the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
    /// How long; absent: until the validator lets go, at most 2 s. Where times are modelled, the transaction's part of it
    /// is a time on the modelled air.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub hold: Option<Duration>,
    /// How often; absent: once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// What must be seen at this tap (at each, when there is a count).
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

/// A line on the validator's console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Console {
    /// What is sent, without line end.
    pub send: String,
    /// The lines of the reply, the last one included; `*` stands for any run of characters. Absent: any `ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<StringOrList>,
    /// Send so often; absent: once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// A fault on the air between reader and card, at the response to one command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Injection {
    /// The command whose response is hit: `gpo`, `read record 2`.
    pub at: At,
    /// What goes wrong.
    pub fault: FaultKind,
    /// `drop`, `corrupt`: how often; `wtx`: how many requests. Absent: once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u8>,
    /// `corrupt`: chooses the bits. Absent: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
    /// `late`: so long after the reader's frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Duration>,
    /// `wtx`: WTXM, 1 to 59 (ISO/IEC 14443-4); others are sent as they are. Absent: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiplier: Option<u8>,
    /// `chain`: bytes of INF a block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u8>,
    /// `pcb`: the byte in place of the right one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pcb: Option<Hex>,
}

impl Injection {
    /// The fault with what it needs.
    ///
    /// # Errors
    /// When a value is missing, or one is given that the fault does not have.
    pub fn fault(&self) -> Result<Fault, Malformed> {
        let extra = |allowed: &[&str]| {
            [
                ("times", self.times.is_some()),
                ("seed", self.seed.is_some()),
                ("by", self.by.is_some()),
                ("multiplier", self.multiplier.is_some()),
                ("size", self.size.is_some()),
                ("pcb", self.pcb.is_some()),
            ]
            .into_iter()
            .find(|(name, present)| *present && !allowed.contains(name))
            .map_or(Ok(()), |(name, _)| {
                malformed(format!("this fault has no `{name}`"), "only what belongs to the fault")
            })
        };
        let times = self.times.unwrap_or(1);
        Ok(match self.fault {
            FaultKind::Drop => extra(&["times"]).map(|()| Fault::Drop { times })?,
            FaultKind::Corrupt => {
                extra(&["times", "seed"]).map(|()| Fault::Corrupt { times, seed: self.seed.unwrap_or(1) })?
            }
            FaultKind::Late => {
                extra(&["by"])?;
                let Some(delay_us) = self.by.and_then(|by| u32::try_from(by.us).ok()) else {
                    return malformed("fault `late` without `by`", "`by: 20 ms`");
                };
                Fault::Late { delay_us }
            }
            FaultKind::Cut => extra(&[]).map(|()| Fault::Cut)?,
            FaultKind::Wtx => extra(&["times", "multiplier"])
                .map(|()| Fault::Wtx { times, multiplier: self.multiplier.unwrap_or(1) })?,
            FaultKind::Chain => {
                extra(&["size"])?;
                match self.size {
                    Some(size) if size > 0 => Fault::Chain { size },
                    _ => return malformed("fault `chain` without `size`", "`size: 16`"),
                }
            }
            FaultKind::Mute => extra(&[]).map(|()| Fault::Mute)?,
            FaultKind::BlockNumber => extra(&[]).map(|()| Fault::BlockNumber)?,
            FaultKind::Pcb => {
                extra(&["pcb"])?;
                match self.pcb.as_ref().map(|pcb| pcb.0.as_slice()) {
                    Some([pcb]) => Fault::Pcb(*pcb),
                    _ => return malformed("fault `pcb` without the one byte", "`pcb: \"A2\"`"),
                }
            }
            FaultKind::Oversize => extra(&[]).map(|()| Fault::Oversize)?,
        })
    }
}

/// The kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The first block is lost.
    Drop,
    /// The first block arrives with bits turned.
    Corrupt,
    /// The first block comes late.
    Late,
    /// The card leaves instead of answering.
    Cut,
    /// The card asks for more time.
    Wtx,
    /// The response comes in small blocks.
    Chain,
    /// The card never answers again.
    Mute,
    /// The first block has the other block number.
    BlockNumber,
    /// The first block has another PCB.
    Pcb,
    /// The first block is longer than FSD.
    Oversize,
}

/// A fault with its values; the same ones as on the link to the emulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "explained at Injection and FaultKind")]
pub enum Fault {
    Drop { times: u8 },
    Corrupt { seed: u32, times: u8 },
    Late { delay_us: u32 },
    Cut,
    Wtx { times: u8, multiplier: u8 },
    Chain { size: u8 },
    Mute,
    BlockNumber,
    Pcb(u8),
    Oversize,
}

/// One command of a transaction, and which of its kind: `gpo`, `read record 2`. Without a number: the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The command.
    pub command: CommandName,
    /// From 1.
    pub nth: u8,
}

text!(
    At,
    "At",
    r"^(select[ -]ppse|select[ -]aid|gpo|read[ -]record|other)([ -][1-9][0-9]?)?$",
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
