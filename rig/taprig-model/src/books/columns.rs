//! The column map of a clearing file: which column holds what, and how dates and amounts are written.

use super::Label;
use crate::text::text;
use crate::units::{Malformed, malformed};
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A column map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Columns {
    /// Version of this format.
    pub schema: Version,
    /// For a person: whose clearing files these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How characters are encoded. Absent: UTF-8.
    #[serde(default)]
    pub encoding: Encoding,
    /// What stands between two columns. Absent: a comma.
    #[serde(default)]
    pub separator: Separator,
    /// The unit of amounts. Absent: fen.
    #[serde(default)]
    pub amount: Unit,
    /// How the time of a ride is written. Absent: `YYYY-MM-DDThh:mm:ss`.
    #[serde(default = "Pattern::of_times")]
    pub time: Pattern,
    /// How the day of clearing is written. Absent: `YYYY-MM-DD`.
    #[serde(default = "Pattern::of_days")]
    pub day: Pattern,
    /// The names of the columns, as the first row of the file has them.
    #[serde(default)]
    pub columns: Names,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            schema: Version,
            title: None,
            encoding: Encoding::default(),
            separator: Separator::default(),
            amount: Unit::default(),
            time: Pattern::of_times(),
            day: Pattern::of_days(),
            columns: Names::default(),
        }
    }
}

/// The names of columns. A name that stands here must be in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Names {
    /// Merchant (field 42). Absent: `merchant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant: Option<Label>,
    /// Terminal (field 41). Absent: `terminal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<Label>,
    /// Batch (60.2). Absent: `batch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Label>,
    /// Trace (field 11). Absent: `trace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Label>,
    /// Amount. Absent: `amount_fen` or `amount_yuan`, by the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Label>,
    /// When the rider tapped. Absent: `time`, if the file has such a column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Label>,
    /// The day on which the bank has cleared the ride. Absent: `cleared`, if the file has such a column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared: Option<Label>,
    /// Line. Absent: `line`, if the file has such a column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<Label>,
    /// Product. Absent: `product`, if the file has such a column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Label>,
}

/// How characters are encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// GB18030, of which GBK and GB2312 are parts.
    Gb18030,
}

/// What stands between two columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Separator {
    /// `,`
    #[default]
    Comma,
    /// `;`
    Semicolon,
    /// A tab.
    Tab,
    /// `|`
    Bar,
}

impl Separator {
    /// The character.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Bar => b'|',
        }
    }
}

/// The unit of amounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Whole fen: `150`.
    #[default]
    Fen,
    /// Yuan with exactly two decimals: `1.50`.
    Yuan,
}

/// How a day or a time is written: `YYYY`, `MM`, `DD`, `hh`, `mm` and `ss` stand for so many digits, and every other character for
/// itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
}

/// A part of a [`Pattern`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Four digits.
    Year,
    /// Two digits.
    Month,
    /// Two digits.
    Day,
    /// Two digits, 24 hours.
    Hour,
    /// Two digits.
    Minute,
    /// Two digits.
    Second,
    /// This character.
    Literal(char),
}

const WORDS: [(&str, Part); 6] = [
    ("YYYY", Part::Year),
    ("MM", Part::Month),
    ("DD", Part::Day),
    ("hh", Part::Hour),
    ("mm", Part::Minute),
    ("ss", Part::Second),
];

text!(Pattern, "Pattern", "YYYY", "a pattern such as `YYYY-MM-DD` or `YYYYMMDDhhmmss`");

impl Pattern {
    /// `YYYY-MM-DDThh:mm:ss`.
    #[must_use]
    pub fn of_times() -> Self {
        Self::known("YYYY-MM-DDThh:mm:ss")
    }

    /// `YYYY-MM-DD`.
    #[must_use]
    pub fn of_days() -> Self {
        Self::known("YYYY-MM-DD")
    }

    fn known(text: &str) -> Self {
        text.parse().unwrap_or_else(|_| unreachable!("this pattern is right"))
    }

    /// Its parts, in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether it has the time of day.
    #[must_use]
    pub fn has_time(&self) -> bool {
        self.parts.contains(&Part::Hour)
    }
}

impl FromStr for Pattern {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WRITE: &str = "YYYY, MM and DD once each, and perhaps hh, mm and ss: `YYYY-MM-DD hh:mm:ss`";
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some((word, part)) = WORDS.iter().find(|(word, _)| rest.starts_with(word)) {
                if parts.contains(part) {
                    return malformed(format!("`{text}` has {word} twice"), WRITE);
                }
                parts.push(*part);
                rest = &rest[word.len()..];
            } else if first.is_ascii_digit() || first.is_control() || "YMDhms".contains(first) {
                return malformed(format!("`{first}` can't stand alone in the pattern `{text}`"), WRITE);
            } else {
                parts.push(Part::Literal(first));
                rest = &rest[first.len_utf8()..];
            }
        }
        let has = |part| parts.contains(&part);
        let day = has(Part::Year) && has(Part::Month) && has(Part::Day);
        let time = (has(Part::Hour), has(Part::Minute), has(Part::Second));
        if !day || !matches!(time, (false, false, false) | (true, true, _)) {
            return malformed(format!("`{text}` is not the pattern of a day or a time"), WRITE);
        }
        Ok(Self { text: text.into(), parts })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_whole() {
        for right in ["YYYY-MM-DD", "YYYYMMDDhhmmss", "DD.MM.YYYY hh:mm", "YYYY年MM月DD日"] {
            assert_eq!(right.parse::<Pattern>().unwrap().to_string(), right);
        }
        assert_eq!("DD.MM.YYYY hh:mm".parse::<Pattern>().unwrap().parts().len(), 9);
        assert!("YYYYMMDDhhmm".parse::<Pattern>().unwrap().has_time() && !Pattern::of_days().has_time());
        for wrong in [
            "",
            "YYYY-MM",
            "YYYY-MM-DD hh",
            "YYYY-MM-DD mm:ss",
            "YY-MM-DD",
            "YYYY-MM-DD-DD",
            "YYYY-MM-DD 0",
            "%Y-%m-%d",
        ] {
            assert!(wrong.parse::<Pattern>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_map_without_anything_is_the_default() {
        let map: Columns = serde_json::from_str("{\"schema\": 1}").unwrap();
        assert_eq!(map, Columns::default());
        assert_eq!(map.separator.byte(), b',');
        assert!(serde_json::from_str::<Columns>("{\"schema\": 1, \"columns\": {\"card\": \"pan\"}}").is_err());
    }
}
