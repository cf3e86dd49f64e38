//! The journal of validators as a file: one ride a line, as CSV or as JSON Lines. The columns of the CSV have the names of the JSON
//! keys.

use super::{Fen, Label, Merchant, SixDigits};
use crate::acquirer::log::State;
use crate::acquirer::{ResponseCode, Terminal};
use crate::units::DateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The columns of a journal as CSV. A file has those that [`REQUIRED`] names and perhaps
/// others of these, in any order.
pub const COLUMNS: [&str; 11] =
    ["merchant", "terminal", "batch", "trace", "time", "line", "bus", "product", "amount_fen", "state", "code"];

/// The columns that a journal as CSV must have.
pub const REQUIRED: [&str; 7] = ["merchant", "terminal", "batch", "trace", "time", "amount_fen", "state"];

/// A ride that a validator has charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ride {
    /// Merchant (field 42).
    pub merchant: Merchant,
    /// Terminal (field 41).
    pub terminal: Terminal,
    /// Batch (60.2).
    pub batch: SixDigits,
    /// Trace (field 11).
    pub trace: SixDigits,
    /// When the rider tapped, by the local clock: `2018-05-21T08:00:00`.
    pub time: DateTime,
    /// Line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<Label>,
    /// Bus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bus: Option<Label>,
    /// Product, such as `debit`, `credit`, `quasi-credit` or `e-cash`. Any word is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Label>,
    /// Amount in fen.
    #[serde(rename = "amount_fen")]
    pub amount_fen: Fen,
    /// What the validator knows about its claim.
    pub state: State,
    /// Why the claim was refused: the response code (field 39). Only a refused claim has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ResponseCode>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_the_keys_of_json() {
        let schema = schemars::schema_for!(Ride).to_value();
        let mut keys: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut columns = COLUMNS.to_vec();
        keys.sort_unstable();
        columns.sort_unstable();
        assert_eq!(keys, columns);
        let mut required: Vec<&str> =
            schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let mut stated = REQUIRED.to_vec();
        required.sort_unstable();
        stated.sort_unstable();
        assert_eq!(required, stated);
    }
}
