//! A keys file of an acquirer: its keys, the terminals that it knows, and the keys of certification authorities that it hands
//! out. All keys are test keys.

use super::Terminal;
use crate::units::Hex;
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    pub master: Hex,
    /// Working keys. The first sign-on of a terminal hands out the first entry, the second sign-on the second one, and so on. After
    /// the last entry the first one follows.
    pub working: Vec<Working>,
    /// The terminals that the host knows. Absent: it knows every terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminals: Option<Vec<Known>>,
    /// Keys of certification authorities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorities: Vec<Authority>,
}

/// The working keys of a terminal, not encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Working {
    /// Key for PINs, 16 bytes.
    pub pin: Hex,
    /// Key for MACs. With 8 bytes the host computes MACs by single DES, with 16 bytes by triple DES.
    pub mac: Hex,
    /// Key for track data, 16 bytes. Absent: the key for PINs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<Hex>,
}

/// A terminal that the host knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Known {
    /// Its number (field 41).
    pub terminal: Terminal,
    /// Its merchant (field 42), 15 characters. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant: Option<String>,
    /// Its master key. Absent: that of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master: Option<Hex>,
}

/// A key of a certification authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Authority {
    /// Registered application provider identifier, 5 bytes.
    pub rid: Hex,
    /// Index, 1 byte.
    pub index: Hex,
    /// The last day on which it holds, 8 digits: `"20301231"`.
    pub expiry: String,
    /// Modulus, 128 to 248 bytes.
    pub modulus: Hex,
    /// Public exponent, 03 or 010001.
    pub exponent: Hex,
    /// SHA-1 over RID, index, modulus and exponent, 20 bytes.
    pub check_sum: Hex,
}
