//! A key file, `fixtures/keys/<name>.yaml`.

use crate::units::Hex;
use crate::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A key. The name of its file is its name. Private parts of keys are made for tests and are not secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KeyFile {
    /// Version of this format.
    pub schema: Version,
    /// For a person: whose key it is, and what it is for.
    pub title: String,
    /// The key.
    pub key: Key,
}

/// The kinds of key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// The key of a certification authority. Validators hold its public part.
    Authority(Authority),
    /// The key of an issuer or a card.
    Rsa(RsaKey),
    /// An issuer's master key for cryptograms.
    Master(Master),
}

/// Key of a certification authority (EMV Book 2, clause 11.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Authority {
    /// Registered application provider identifier, 5 bytes.
    pub rid: Hex,
    /// Index (8F), 1 byte.
    pub index: Hex,
    /// Modulus, 128 to 248 bytes.
    pub modulus: Hex,
    /// Public exponent, 03 or 010001.
    pub exponent: Hex,
    /// SHA-1 over RID, index, modulus and exponent.
    pub check_sum: Hex,
    /// Private exponent. It is absent for a real authority, which a validator can trust but the rig can't imitate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_exponent: Option<Hex>,
}

/// Key of an issuer or a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RsaKey {
    /// Modulus.
    pub modulus: Hex,
    /// Public exponent, 03 or 010001.
    pub exponent: Hex,
    /// Private exponent.
    pub private_exponent: Hex,
}

/// An issuer's master key for cryptograms (EMV Book 2, annex A1.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Master {
    /// Algorithm.
    pub algorithm: Algorithm,
    /// The key, 16 bytes.
    pub value: Hex,
}

/// Algorithm of application cryptograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Algorithm {
    /// Triple DES with two keys. Its code in 9F10 is 01.
    #[serde(rename = "3des")]
    TripleDes,
}
