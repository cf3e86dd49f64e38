//! A keys file of an acquirer: its keys, the terminals that it knows, and the keys of certification authorities that it hands
//! out. All keys are test keys.

use super::Terminal;
use crate::text::text;
use crate::units::{Hex, Malformed, malformed};
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A keys file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Keys {
    /// Version of this format.
    pub schema: Version,
    /// For a person: whose keys these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The master key of every terminal that does not have one of its own: 16 bytes, or 8 for single DES.
    pub master: DesKey,
    /// Working keys. The first sign-on of a terminal hands out the first entry, the second sign-on the second one, and so on. After
    /// the last entry the first one follows.
    pub working: Series,
    /// The terminals that the host knows. Absent: it knows every terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminals: Option<Vec<Known>>,
    /// Keys of certification authorities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorities: Vec<Authority>,
}

impl Keys {
    /// The keys of a host to which nobody gives others: published test keys that anybody may know, and no keys of authorities. The
    /// first key for MACs has 8 bytes.
    #[must_use]
    pub fn published() -> Self {
        let working = |pin: [u8; 2], mac: u8, track: [u8; 2]| Working {
            pin: DoubleKey(halves(pin)),
            mac: DesKey(vec![mac; 8]),
            track: Some(DoubleKey(halves(track))),
        };
        Self {
            schema: Version,
            title: None,
            master: DesKey(
                [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10]
                    .to_vec(),
            ),
            working: Series(vec![working([0x11, 0x22], 0x33, [0x44, 0x55]), working([0x66, 0x77], 0x88, [0x99, 0xAA])]),
            terminals: None,
            authorities: vec![],
        }
    }
}

/// Eight bytes of each.
fn halves([first, second]: [u8; 2]) -> Vec<u8> {
    [[first; 8], [second; 8]].concat()
}

/// The working keys of a terminal, not encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Working {
    /// Key for PINs, 16 bytes.
    pub pin: DoubleKey,
    /// Key for MACs. With 8 bytes the host computes MACs by single DES, with 16 bytes by triple DES.
    pub mac: DesKey,
    /// Key for track data, 16 bytes. Absent: the key for PINs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<DoubleKey>,
}

/// A terminal that the host knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Known {
    /// Its number (field 41).
    pub terminal: Terminal,
    /// Its merchant (field 42), 15 characters. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant: Option<Merchant>,
    /// Its master key. Absent: that of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master: Option<DesKey>,
}

/// A key of a certification authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Authority {
    /// Registered application provider identifier, 5 bytes.
    pub rid: Rid,
    /// Index, 1 byte.
    pub index: Index,
    /// The last day on which it holds, 8 digits: `"20301231"`.
    pub expiry: Day,
    /// Modulus, 128 to 248 bytes.
    pub modulus: Modulus,
    /// Public exponent, 03 or 010001.
    pub exponent: Exponent,
    /// SHA-1 over RID, index, modulus and exponent, 20 bytes.
    pub check_sum: CheckSum,
}

/// Working keys in their order, at least one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Working>")]
#[schemars(with = "Vec<Working>")]
pub struct Series(Vec<Working>);

impl Series {
    /// The entry of a sign-on. The first one is 0.
    #[must_use]
    pub fn of_sign_on(&self, number: usize) -> &Working {
        &self.0[number % self.0.len()]
    }

    /// All entries.
    #[must_use]
    pub fn all(&self) -> &[Working] {
        &self.0
    }
}

impl TryFrom<Vec<Working>> for Series {
    type Error = String;

    fn try_from(entries: Vec<Working>) -> Result<Self, String> {
        if entries.is_empty() {
            return Err("the list of working keys is empty: write at least one entry with `pin` and `mac`".into());
        }
        Ok(Self(entries))
    }
}

/// A type of so many bytes in hexadecimal.
macro_rules! bytes {
    ($(#[$doc:meta])* $type:ident, $name:literal, $lengths:pat, $pattern:literal, $wanted:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $type(Vec<u8>);

        text!($type, $name, $pattern, $wanted);

        impl $type {
            /// Its bytes.
            #[must_use]
            pub fn bytes(&self) -> &[u8] {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                let Hex(bytes) = text.parse()?;
                match bytes.len() {
                    $lengths => Ok(Self(bytes)),
                    length => malformed(format!("this has {length} bytes"), $wanted),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Hex(self.0.clone()).fmt(f)
            }
        }
    };
}

bytes!(
    /// A DES key of 8 or 16 bytes.
    DesKey, "DesKey", 8 | 16, "^([0-9A-Fa-f]{16}){1,2}$", "8 or 16 bytes in hexadecimal"
);
bytes!(
    /// A DES key of 16 bytes.
    DoubleKey, "DoubleKey", 16, "^[0-9A-Fa-f]{32}$", "16 bytes in hexadecimal"
);
bytes!(
    /// Registered application provider identifier, 5 bytes.
    Rid, "Rid", 5, "^[0-9A-Fa-f]{10}$", "5 bytes in hexadecimal, such as `A000000333`"
);
bytes!(
    /// Index of an authority's key, 1 byte.
    Index, "Index", 1, "^[0-9A-Fa-f]{2}$", "1 byte in hexadecimal in quotes, such as `\"08\"`"
);
bytes!(
    /// Modulus of an authority's key, 128 to 248 bytes.
    Modulus, "Modulus", 128..=248, "^([0-9A-Fa-f]{2}){128,248}$", "128 to 248 bytes in hexadecimal"
);
bytes!(
    /// Public exponent, 1 or 3 bytes.
    Exponent, "Exponent", 1 | 3, "^([0-9A-Fa-f]{2}|[0-9A-Fa-f]{6})$", "`\"03\"` or `\"010001\"` in quotes"
);
bytes!(
    /// SHA-1, 20 bytes.
    CheckSum, "CheckSum", 20, "^[0-9A-Fa-f]{40}$", "20 bytes in hexadecimal"
);

/// A merchant's number (field 42): 15 printable characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merchant(String);

text!(Merchant, "Merchant", "^[ -~]{15}$", "a merchant's number of 15 characters in quotes");

impl FromStr for Merchant {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.len() == 15 && text.bytes().all(|c| (b' '..=b'~').contains(&c)) {
            Ok(Self(text.into()))
        } else {
            malformed(format!("`{text}` is not a merchant's number"), "15 characters in quotes")
        }
    }
}

impl fmt::Display for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A day of 8 digits: `"20301231"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day(String);

text!(Day, "Day", "^[0-9]{8}$", "a day of 8 digits, such as `\"20301231\"`");

impl FromStr for Day {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.len() == 8 && text.bytes().all(|c| c.is_ascii_digit()) {
            Ok(Self(text.into()))
        } else {
            malformed(format!("`{text}` is not a day"), "8 digits in quotes, such as `\"20301231\"`")
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_held() {
        let key = |bytes: usize| "0B".repeat(bytes);
        assert!(key(8).parse::<DesKey>().is_ok() && key(16).parse::<DesKey>().is_ok());
        assert_eq!(
            key(12).parse::<DesKey>().unwrap_err().to_string(),
            "this has 12 bytes: write 8 or 16 bytes in hexadecimal"
        );
        assert!(key(8).parse::<DoubleKey>().is_err() && key(4).parse::<Rid>().is_err());
        assert!(key(127).parse::<Modulus>().is_err() && key(2).parse::<Exponent>().is_err());
        assert!("2030123".parse::<Day>().is_err() && "12345".parse::<Merchant>().is_err());
        let read = |text: &str| serde_json::from_str::<Series>(text);
        assert!(read("[]").is_err());
        let two =
            read(&format!(r#"[{{"pin":"{0}","mac":"{0}"}},{{"pin":"{0}","mac":"{1}"}}]"#, key(16), key(8))).unwrap();
        let lengths: Vec<_> = (0..3).map(|number| two.of_sign_on(number).mac.bytes().len()).collect();
        assert_eq!(lengths, [16, 8, 16]);
    }
}
