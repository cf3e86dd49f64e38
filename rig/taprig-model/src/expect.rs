//! The expectations of a case.

mod frames;

pub use frames::{FrameItem, FrameName, frames_match};

use crate::acquirer::expect::AcquirerExpect;
use crate::name::Tag;
use crate::repeat::{Repeat, repeats_match};
use crate::text::text;
use crate::units::{Duration, Hex, Malformed, Money, malformed};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Expectations. taprig does not judge what is absent. Each expectation is seen by a person, seen by the card, told
/// by the device, or seen by the acquirer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Expect {
    /// Seen by a person: how the transaction ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Seen by a person: messages that must be among those shown at the tap, in this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shows: Option<StringOrList>,
    /// Seen by a person: the sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sound: Option<Sound>,
    /// Seen by a person: whether the gate opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// Seen by a person: the amount charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charged: Option<Money>,
    /// Seen by the card: the commands that the card got, all of them in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Vec<ExchangeItem>>,
    /// Seen by the card: the reader's frames, all of them in order, from the first activation of the card to its last release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<Vec<FrameItem>>,
    /// Seen by the card: frames that the reader must not send while the card is there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub never_sent: Vec<FrameName>,
    /// Seen by the card: the last value of each of these data objects, sent by either side.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<Tag, TagPattern>,
    /// Seen by the card: the time on the air from the moment at which the card is presented to its release.
    /// It is modelled if the air is a UART, and measured otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
    /// Seen by the card: the balance of its electronic cash after the tap. It is what the card holds, whatever it tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<Money>,
    /// Told by the device, claim `tells-reason`: why the transaction ends in this way, in the words of the reference
    /// device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Told by the device, claim `tells-cvm`: how the cardholder was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cvm: Option<Cvm>,
    /// Told by the device, claim `journal`: by how many records the journal grows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal: Option<JournalChange>,
    /// Told by the device, claim `native-console`: the faults of its own that it must report in the whole case, such as
    /// `clock-unset`, and no others. Without this expectation it must report none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<Vec<String>>,
    /// Seen by the acquirer: what it received. Only the expectations of the whole case can have it. A step `acquirer` states it in
    /// the middle of a case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acquirer: Option<AcquirerExpect>,
}

impl Expect {
    /// Nothing is judged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Told by the device, claim `status`: what the device must say about its state. In texts, `*` stands for any sequence
/// of characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct StatusExpect {
    /// The state in one word, such as `ready`, `journal-full` or `clock-unset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Number of records in the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal: Option<u32>,
    /// Number of records that the journal can take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Sum of the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// Date and time, such as `2018-05-21T08:00:0*`, or `unset` if the clock was not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
}

/// Told by the device, claim `journal`: the records that its journal must list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct JournalExpect {
    /// Number of the first record to read. If it is absent, the rig reads all records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<u32>,
    /// The listed records, all of them in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<Vec<RecordExpect>>,
    /// How many records the whole journal has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The sum of the whole journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
}

/// What a record of the journal must contain. taprig does not judge what is absent. In texts, `*` stands for any
/// sequence of characters and `\*` for an asterisk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RecordExpect {
    /// Number of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Date and time of the ride, such as `2018-05-21T08:00:0*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Account number, with the asterisks that the device puts in place of digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Sequence number of the account (5F34), two digits, or `-` if the card has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// The amount charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charged: Option<Money>,
    /// Application transaction counter (9F36), hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counter: Option<Hex>,
    /// Cryptogram information data (9F27), hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cryptogram_type: Option<Hex>,
    /// How the ride was authorised, such as `oda`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The number of the bus line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// What became of the claim: `waiting`, `sent`, `accepted` or `refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// Batch in which the claim was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
    /// Trace of the claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<u32>,
    /// Response code of the acquirer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// How the cardholder is verified (EMV Contactless Book A, outcome parameter CVM).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cvm {
    /// The cardholder is not verified.
    None,
    /// With a PIN that the issuer verifies.
    OnlinePin,
    /// With a signature on paper.
    Signature,
    /// On the cardholder's own device.
    Device,
}

impl Cvm {
    /// The word that cases and the console use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::OnlinePin => "online-pin",
            Self::Signature => "signature",
            Self::Device => "device",
        }
    }
}

/// How a transaction ends (EMV Contactless Book A, outcomes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The rider may ride.
    Approved,
    /// The issuer is asked.
    OnlineRequest,
    /// The rider may not ride.
    Declined,
    /// The rider may try another interface, such as contact or magnetic stripe.
    TryAnotherInterface,
    /// The transaction ended without a decision.
    EndApplication,
    /// The reader tries another application of the card.
    SelectNext,
    /// The rider has to present the card again.
    TryAgain,
    /// The device reports no result at all.
    None,
}

impl Outcome {
    /// The word that cases and the console use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::OnlineRequest => "online-request",
            Self::Declined => "declined",
            Self::TryAnotherInterface => "try-another-interface",
            Self::EndApplication => "end-application",
            Self::SelectNext => "select-next",
            Self::TryAgain => "try-again",
            Self::None => "none",
        }
    }
}

/// The sound at the end of a tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sound {
    /// The rider may ride.
    Accepted,
    /// The rider may not ride.
    Refused,
    /// The rider should look at the display.
    Attention,
    /// There is no sound.
    None,
}

impl Sound {
    /// The word that cases and the console use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Attention => "attention",
            Self::None => "none",
        }
    }
}

/// The gate, or the driver's green light, at the end of a tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// It opens.
    Open,
    /// It stays shut.
    Shut,
}

impl Gate {
    /// The word that cases and the console use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Shut => "shut",
        }
    }
}

/// By how many records the journal grows: `unchanged`, `+1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalChange(pub u32);

text!(JournalChange, "JournalChange", r"^(unchanged|\+[1-9][0-9]*)$", "`unchanged`, or by how many records, `+1`");

impl FromStr for JournalChange {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match (text, text.strip_prefix('+').map(str::parse)) {
            ("unchanged", _) => Ok(Self(0)),
            (_, Some(Ok(records))) if records > 0 => Ok(Self(records)),
            _ => malformed(format!("`{text}` is not a change of the journal"), "`unchanged` or `+1`"),
        }
    }
}

impl fmt::Display for JournalChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("unchanged"),
            records => write!(f, "+{records}"),
        }
    }
}

/// Kinds of command that a contactless reader sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommandName {
    /// SELECT of 2PAY.SYS.DDF01.
    SelectPpse,
    /// SELECT of an application.
    SelectAid,
    /// GET PROCESSING OPTIONS.
    Gpo,
    /// READ RECORD.
    ReadRecord,
    /// GET DATA.
    GetData,
    /// INTERNAL AUTHENTICATE.
    InternalAuthenticate,
    /// GENERATE AC.
    GenerateAc,
    /// Any other command.
    Other,
}

impl CommandName {
    /// The kind of a command, from its header and data (EMV Book 1, clause 11; Book 3, clause 6.5).
    #[must_use]
    pub fn of(command: &[u8]) -> Self {
        match command {
            [0x00, 0xA4, 0x04, _, 0x0E, name @ ..] if name.starts_with(b"2PAY.SYS.DDF01") => Self::SelectPpse,
            [0x00, 0xA4, 0x04, ..] => Self::SelectAid,
            [0x80, 0xA8, ..] => Self::Gpo,
            [0x00, 0xB2, ..] => Self::ReadRecord,
            [0x80, 0xCA, ..] => Self::GetData,
            [0x00, 0x88, ..] => Self::InternalAuthenticate,
            [0x80, 0xAE, ..] => Self::GenerateAc,
            _ => Self::Other,
        }
    }

    /// The word that cases use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SelectPpse => "select ppse",
            Self::SelectAid => "select aid",
            Self::Gpo => "gpo",
            Self::ReadRecord => "read record",
            Self::GetData => "get data",
            Self::InternalAuthenticate => "internal authenticate",
            Self::GenerateAc => "generate ac",
            Self::Other => "other",
        }
    }
}

impl FromStr for CommandName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const ALL: [CommandName; 8] = [
            CommandName::SelectPpse,
            CommandName::SelectAid,
            CommandName::Gpo,
            CommandName::ReadRecord,
            CommandName::GetData,
            CommandName::InternalAuthenticate,
            CommandName::GenerateAc,
            CommandName::Other,
        ];
        let words = text.replace('-', " ");
        match ALL.into_iter().find(|name| name.as_str() == words) {
            Some(name) => Ok(name),
            None => malformed(
                format!("`{text}` is not a command"),
                "`select ppse`, `select aid`, `gpo`, `read record`, `get data`, `internal authenticate`, `generate ac` or `other`",
            ),
        }
    }
}

impl fmt::Display for CommandName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A command and how often it occurs: `gpo`, `read record+` (once or more), `read record?`, `read record*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeItem {
    /// The command.
    pub command: CommandName,
    /// How often it occurs.
    pub repeat: Repeat,
}

text!(
    ExchangeItem,
    "ExchangeItem",
    r"^(select[ -]ppse|select[ -]aid|gpo|read[ -]record|get[ -]data|internal[ -]authenticate|generate[ -]ac|other)[+?*]?$",
    "a command such as `gpo` or `read record+`"
);

impl FromStr for ExchangeItem {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (name, repeat) = Repeat::split(text);
        Ok(Self { command: name.parse()?, repeat })
    }
}

impl fmt::Display for ExchangeItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.command, self.repeat.sign())
    }
}

/// Whether the commands of a tap match those that a case expects.
#[must_use]
pub fn exchange_matches(wanted: &[ExchangeItem], seen: &[CommandName]) -> bool {
    let wanted: Vec<_> = wanted.iter().map(|item| (item.command, item.repeat)).collect();
    repeats_match(&wanted, seen)
}

/// What a data object must be: hexadecimal digits with `.` for any digit, or `absent`, `present`, `fresh` or
/// `random`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagPattern {
    /// Neither side sends it.
    Absent,
    /// One side sends it. Its value does not matter.
    Present,
    /// One side sends it, with a value that no earlier tap of the case has seen.
    Fresh,
    /// The values of all taps of the case look random. Only the expectations of the whole case can have it.
    Random,
    /// Capital hexadecimal digits and dots.
    Value(String),
}

text!(
    TagPattern,
    "TagPattern",
    r"^(absent|present|fresh|random|([0-9A-Fa-f.] *[0-9A-Fa-f.] *)+)$",
    "hexadecimal digits with `.` for any digit, `absent`, `present`, `fresh` for a value that no earlier tap has seen, or `random`"
);

impl TagPattern {
    /// Whether the value matches. It is `None` if neither side sent the object. `earlier` contains the values of
    /// earlier taps.
    #[must_use]
    pub fn matches(&self, value: Option<&[u8]>, earlier: &[Vec<u8>]) -> bool {
        match (self, value) {
            (Self::Absent, value) => value.is_none(),
            // Whether values look random, the judge knows.
            (Self::Present | Self::Random, value) => value.is_some(),
            (Self::Fresh, None) => false,
            (Self::Fresh, Some(value)) => !earlier.iter().any(|earlier| earlier == value),
            (Self::Value(_), None) => false,
            (Self::Value(digits), Some(value)) => {
                digits.len() == value.len() * 2
                    && digits
                        .bytes()
                        .zip(value.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]))
                        .all(|(wanted, seen)| wanted == b'.' || wanted == b"0123456789ABCDEF"[usize::from(seen)])
            }
        }
    }
}

impl FromStr for TagPattern {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WRITE: &str = "two digits a byte, `.` for any digit, such as `2180 00..`";
        match text {
            "absent" => return Ok(Self::Absent),
            "present" => return Ok(Self::Present),
            "fresh" => return Ok(Self::Fresh),
            "random" => return Ok(Self::Random),
            _ => {}
        }
        let digits: String = text.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
        if let Some(c) = digits.chars().find(|c| *c != '.' && !c.is_ascii_hexdigit()) {
            return malformed(format!("`{c}` is not a hexadecimal digit"), WRITE);
        }
        if !digits.len().is_multiple_of(2) || digits.is_empty() {
            return malformed(format!("odd number of hexadecimal digits ({})", digits.len()), WRITE);
        }
        Ok(Self::Value(digits))
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "absent",
            Self::Present => "present",
            Self::Fresh => "fresh",
            Self::Random => "random",
            Self::Value(digits) => digits,
        })
    }
}

/// One text, or several in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct StringOrList(pub Vec<String>);

impl<'de> Deserialize<'de> for StringOrList {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = StringOrList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<StringOrList, E> {
                Ok(StringOrList(vec![text.into()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<StringOrList, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(StringOrList(texts))
            }
        }

        deserializer.deserialize_any(Texts)
    }
}

impl JsonSchema for StringOrList {
    fn schema_name() -> Cow<'static, str> {
        "StringOrList".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "One text, or several in a list.",
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
        })
    }
}
