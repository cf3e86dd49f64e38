//! What an acquirer must have received.

use super::log::State;
use super::{MessageKind, ResponseCode};
use crate::repeat::Repeat;
use crate::text::text;
use crate::units::{Hex, Malformed, Money, malformed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Seen by the acquirer: what it must have received. taprig does not judge what is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AcquirerExpect {
    /// The messages that came since the case began, or since the last step `acquirer`: all of them, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<Vec<MessageItem>>,
    /// All claims of the case so far, in the order in which they first came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<Vec<ClaimExpect>>,
    /// The claims that the bank pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<SumExpect>,
    /// The claims that the bank does not pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<SumExpect>,
    /// The claims that came and were not decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<SumExpect>,
    /// The claims that were taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reversed: Option<SumExpect>,
    /// Number of the batch that the host has open for the terminal. It is 1 at first, and a settlement that balances makes it one more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
}

impl AcquirerExpect {
    /// Nothing is judged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The sums that are expected, with the state of their claims.
    pub fn sums(&self) -> impl Iterator<Item = (State, SumExpect)> {
        let all = [
            (State::Accepted, self.accepted),
            (State::Refused, self.refused),
            (State::Waiting, self.waiting),
            (State::Reversed, self.reversed),
        ];
        all.into_iter().filter_map(|(state, sum)| Some((state, sum?)))
    }
}

/// Claims in one state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SumExpect {
    /// Number of claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Their sum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
}

/// What a claim must contain. taprig does not judge what is absent. In texts, `*` stands for any sequence of
/// characters and `\*` for an asterisk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ClaimExpect {
    /// Amount (field 4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charged: Option<Money>,
    /// Its state after the last message about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Response code (field 39) of the last answer to it, also if that answer was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<ResponseCode>,
    /// Account number (field 2), with asterisks in place of digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Sequence number of the account (field 23), two digits, or `-` if the claim has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// Application transaction counter (9F36 in field 55), hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counter: Option<Hex>,
    /// Batch (60.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
    /// Trace (field 11).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<u32>,
    /// How often it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<u32>,
}

/// A kind of message and how often it comes: `ride`, `ride+` (once or more), `sign-on?`, `list-page*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageItem {
    /// The kind.
    pub kind: MessageKind,
    /// How often.
    pub repeat: Repeat,
}

text!(MessageItem, "MessageItem", r"^[a-z]+(-[a-z]+)*[+?*]?$", "a kind of message such as `sign-on` or `ride+`");

impl FromStr for MessageItem {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (word, repeat) = Repeat::split(text);
        match MessageKind::ALL.into_iter().find(|kind| kind.word() == word) {
            Some(kind) => Ok(Self { kind, repeat }),
            None => malformed(
                format!("`{word}` is not a kind of message"),
                "one such as `sign-on`, `ride+` or `settlement`",
            ),
        }
    }
}

impl fmt::Display for MessageItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.word(), self.repeat.sign())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_are_written() {
        for text in ["ride", "sign-on?", "list-page*", "batch-upload+"] {
            assert_eq!(text.parse::<MessageItem>().unwrap().to_string(), text);
        }
        for wrong in ["", "rides", "ride++", "+"] {
            assert!(wrong.parse::<MessageItem>().is_err(), "{wrong}");
        }
    }
}
