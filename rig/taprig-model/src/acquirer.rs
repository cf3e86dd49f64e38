//! An acquirer's host: what it does by rules, which keys it has, and what it logs.

pub mod expect;
mod given;
pub mod keys;
pub mod log;
pub mod rules;
mod work;

pub use given::{Fill, GivenAcquirer, made_up_cards};
pub use work::{Download, DownloadStep, Work, WorkResult, WorkStep};

use crate::text::text;
use crate::units::{Malformed, malformed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The kinds of message that a host knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MessageKind {
    /// 0800 with 60.3 = 001, 003 or 004: a terminal asks for working keys.
    SignOn,
    /// 0820 with 60.3 = 002.
    SignOff,
    /// 0820 with 60.3 = 301.
    Echo,
    /// 0200: a claim for a ride, online or after offline data authentication.
    Ride,
    /// 0220: advice of an offline payment.
    Advice,
    /// 0400: a ride is taken back.
    Reversal,
    /// 0500: the totals of a batch.
    Settlement,
    /// 0320: the payments of a batch that did not balance.
    BatchUpload,
    /// 0800 with 60.3 = 570: a page of the deny list.
    ListPage,
    /// 0820 with 60.3 = 372, 0800 with 60.3 = 370 or 371: keys of certification authorities.
    KeyPage,
}

impl MessageKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::SignOn,
        Self::SignOff,
        Self::Echo,
        Self::Ride,
        Self::Advice,
        Self::Reversal,
        Self::Settlement,
        Self::BatchUpload,
        Self::ListPage,
        Self::KeyPage,
    ];

    /// The word of files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::SignOn => "sign-on",
            Self::SignOff => "sign-off",
            Self::Echo => "echo",
            Self::Ride => "ride",
            Self::Advice => "advice",
            Self::Reversal => "reversal",
            Self::Settlement => "settlement",
            Self::BatchUpload => "batch-upload",
            Self::ListPage => "list-page",
            Self::KeyPage => "key-page",
        }
    }
}

/// A response code (field 39): two digits or capital letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResponseCode(String);

text!(ResponseCode, "ResponseCode", "^[0-9A-Z]{2}$", "a response code in quotes, such as `\"51\"`");

impl ResponseCode {
    /// Its two characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ResponseCode {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.len() == 2 && text.bytes().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase()) {
            Ok(Self(text.into()))
        } else {
            malformed(
                format!("`{text}` is not a response code"),
                "two digits or capital letters in quotes, such as `\"05\"`",
            )
        }
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A terminal's number (field 41): 8 letters or digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Terminal(String);

text!(
    Terminal,
    "Terminal",
    "^[0-9A-Za-z]{8}$",
    "a terminal's number of 8 characters in quotes, such as `\"12345678\"`"
);

impl Terminal {
    /// Its 8 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Terminal {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.len() == 8 && text.bytes().all(|c| c.is_ascii_alphanumeric()) {
            Ok(Self(text.into()))
        } else {
            malformed(
                format!("`{text}` is not a terminal's number"),
                "8 letters or digits in quotes, such as `\"12345678\"`",
            )
        }
    }
}

impl fmt::Display for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_words_of_files() {
        for kind in MessageKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.word());
        }
    }

    #[test]
    fn codes_and_terminals_have_their_length() {
        for right in ["00", "A0", "94"] {
            assert_eq!(right.parse::<ResponseCode>().unwrap().as_str(), right);
        }
        for wrong in ["", "0", "000", "a0", "é"] {
            assert!(wrong.parse::<ResponseCode>().is_err(), "{wrong}");
        }
        assert_eq!("12345678".parse::<Terminal>().unwrap().to_string(), "12345678");
        for wrong in ["1234567", "123456789", "1234 678"] {
            assert!(wrong.parse::<Terminal>().is_err(), "{wrong}");
        }
    }
}
