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
    /// The key of a certification authority that signs by SM2. Validators hold its public part.
    Sm2Authority(Sm2Authority),
    /// The key of an issuer or a card that signs by SM2.
    Sm2(Sm2Key),
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

/// Key of a certification authority that signs by SM2 (JR/T 0025.17). It has no check sum: numbers that are mistyped are
/// no point of the curve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sm2Authority {
    /// Registered application provider identifier, 5 bytes.
    pub rid: Hex,
    /// Index (8F), 1 byte.
    pub index: Hex,
    /// X of the public point, 32 bytes.
    pub x: Hex,
    /// Y of the public point, 32 bytes.
    pub y: Hex,
    /// Private key, 32 bytes. It is absent for a real authority, which a validator can trust but the rig can't imitate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<Hex>,
}

/// Key of an issuer or a card that signs by SM2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sm2Key {
    /// X of the public point, 32 bytes.
    pub x: Hex,
    /// Y of the public point, 32 bytes.
    pub y: Hex,
    /// Private key, 32 bytes.
    pub private_key: Hex,
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
    /// SM4 (JR/T 0025.17). Its code in 9F10 is 04.
    #[serde(rename = "sm4")]
    Sm4,
}
