//! Reconciliation: the journal of validators, the column map of a clearing file, and the result.

pub mod columns;
pub mod journal;
pub mod result;

use crate::text::text;
use crate::units::{Malformed, malformed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A merchant's number (field 42) without the blanks around it: 1 to 15 letters or digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Merchant(String);

text!(Merchant, "BooksMerchant", "^[0-9A-Za-z]{1,15}$", "a merchant's number of 1 to 15 letters or digits in quotes");

impl Merchant {
    /// Its characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Merchant {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if (1..=15).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric()) {
            Ok(Self(text.into()))
        } else {
            malformed(format!("`{text}` is not a merchant's number"), "1 to 15 letters or digits, as in field 42")
        }
    }
}

impl fmt::Display for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name of a line, a bus or a product: 1 to 64 characters without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

text!(Label, "Label", r"^[^\x00-\x1F\x7F]{1,64}$", "a name of 1 to 64 characters");

impl Label {
    /// Its characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() || text.chars().count() > 64 || text.chars().any(char::is_control) {
            return malformed("this is not a name", "1 to 64 characters without control characters");
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A batch (60.2) or a trace (field 11): 0 to 999999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32")]
#[schemars(extend("minimum" = 0, "maximum" = 999_999))]
pub struct SixDigits(u32);

impl SixDigits {
    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for SixDigits {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        if number <= 999_999 { Ok(Self(number)) } else { Err(format!("{number} has more than six digits")) }
    }
}

/// The amount of one ride in fen: at most twelve digits, as in field 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u64")]
#[schemars(extend("minimum" = 0, "maximum" = 999_999_999_999_u64))]
pub struct Fen(u64);

impl Fen {
    /// The amount in fen.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for Fen {
    type Error = String;

    fn try_from(fen: u64) -> Result<Self, String> {
        if fen <= 999_999_999_999 { Ok(Self(fen)) } else { Err(format!("{fen} fen has more than twelve digits")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_limits() {
        assert_eq!("898610012345678".parse::<Merchant>().unwrap().as_str(), "898610012345678");
        // What a spreadsheet makes of a long number is not taken for one.
        for wrong in ["", "8.98610E+14", "8986100123456789", "商户"] {
            assert!(wrong.parse::<Merchant>().is_err(), "{wrong}");
        }
        assert_eq!("3 路".parse::<Label>().unwrap().to_string(), "3 路");
        for wrong in ["", "a\nb", &"x".repeat(65)] {
            assert!(wrong.parse::<Label>().is_err(), "{wrong}");
        }
        assert_eq!(serde_json::from_str::<SixDigits>("999999").unwrap().get(), 999_999);
        assert!(serde_json::from_str::<SixDigits>("1000000").is_err());
        assert_eq!(serde_json::from_str::<Fen>("999999999999").unwrap().get(), 999_999_999_999);
        for wrong in ["1000000000000", "-1", "1.0", "\"1\""] {
            assert!(serde_json::from_str::<Fen>(wrong).is_err(), "{wrong}");
        }
    }
}
