//! Electronic cash of an application (JR/T 0025.12).

use crate::units::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The purse of an application. The card deducts when it has answered the READ RECORD for the last record of the file
/// locator (94), and not before.
///
/// A card with a purse gives a transaction certificate (TC) if the amount is at most the balance and at most the limit for one
/// payment. It compares with the balance less the reset threshold instead if the reader can go online. If it does not give a
/// TC, it asks for online authorisation, or declines if the reader is offline only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Purse {
    /// Balance (9F79).
    pub balance: Money,
    /// Highest balance (9F77). It only limits loading.
    #[serde(default = "balance_limit")]
    pub balance_limit: Money,
    /// Highest amount of one payment (9F78).
    #[serde(default = "single_limit")]
    pub single_limit: Money,
    /// Reset threshold (9F6D): a payment that would leave less is to go online, so that the issuer can load the card.
    #[serde(default)]
    pub reset_threshold: Money,
}

/// The usual highest balance, 1000 yuan.
fn balance_limit() -> Money {
    Money::from_fen(100_000)
}

/// The usual highest amount of one payment, 200 yuan.
fn single_limit() -> Money {
    Money::from_fen(20_000)
}
