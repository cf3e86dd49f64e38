//! Acts of the rig in the middle of a tap.

use super::{At, Beside, Console};
use crate::expect::StringOrList;
use crate::units::{Duration, Malformed, malformed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the rig does when the reader has sent a command and waits for the answer: `{ at: gpo, act: away, for: 200 ms }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
#[schemars(with = "Written")]
pub struct During {
    /// The command for whose answer the reader waits: `gpo`, `read record 2`.
    pub at: At,
    /// What the rig does.
    pub act: Act,
}

/// What the rig does, with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// The validator's power is switched off and on again. The card has gone when the validator starts, and the tap is over.
    PowerCycle,
    /// The card leaves the field without an answer, and comes back. It has forgotten the transaction.
    Away {
        /// How long it is away.
        time: Duration,
        /// Who is beside the card when it comes back.
        beside: Option<Beside>,
    },
    /// The rig sends a line on the console of the reference device. Then the card answers. The rig reads the reply after the tap.
    Console(Console),
}

impl Act {
    /// The name of the act in cases.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PowerCycle => "power-cycle",
            Self::Away { .. } => "away",
            Self::Console(_) => "console",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::PowerCycle => Ok(()),
            Self::Away { time, beside } => {
                write!(f, " for {time}")?;
                beside.map_or(Ok(()), |beside| write!(f, ", back beside {beside}"))
            }
            Self::Console(console) => write!(f, " {}", console.send),
        }
    }
}

impl fmt::Display for During {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.act, self.at)
    }
}

/// An act as a case writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    /// The command for whose answer the reader waits: `gpo`, `read record 2`.
    at: At,
    /// What the rig does.
    act: Kind,
    /// For `away`: how long the card is away.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    time: Option<Duration>,
    /// For `away`: who is beside the card when it comes back. The default is nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    beside: Option<Beside>,
    /// For `console`: what the rig sends, without the line end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    send: Option<String>,
    /// For `console`: the lines of the reply, as in a step `console`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expect: Option<StringOrList>,
}

/// The kinds of act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// The validator's power is switched off and on again. The card has gone when the validator starts, and the tap is over.
    PowerCycle,
    /// The card leaves the field without an answer, and comes back. It has forgotten the transaction.
    Away,
    /// The rig sends a line on the console of the reference device. Then the card answers. The rig reads the reply after the tap.
    Console,
}

impl TryFrom<Written> for During {
    type Error = Malformed;

    /// Refuses an act that lacks a parameter, and a parameter that the act does not have.
    fn try_from(written: Written) -> Result<Self, Malformed> {
        let allowed: &[&str] = match written.act {
            Kind::PowerCycle => &[],
            Kind::Away => &["for", "beside"],
            Kind::Console => &["send", "expect"],
        };
        let given = [
            ("for", written.time.is_some()),
            ("beside", written.beside.is_some()),
            ("send", written.send.is_some()),
            ("expect", written.expect.is_some()),
        ];
        if let Some((name, _)) = given.into_iter().find(|(name, given)| *given && !allowed.contains(name)) {
            return malformed(format!("this act has no `{name}`"), "only what belongs to the act");
        }
        let act = match written.act {
            Kind::PowerCycle => Act::PowerCycle,
            Kind::Away => match written.time {
                Some(time) if time.us > 0 => Act::Away { time, beside: written.beside },
                _ => return malformed("act `away` needs `for`", "`for: 200 ms`"),
            },
            Kind::Console => match written.send {
                Some(send) => Act::Console(Console { send, expect: written.expect, count: None }),
                None => return malformed("act `console` needs `send`", "`send: status`"),
            },
        };
        Ok(Self { at: written.at, act })
    }
}

impl From<During> for Written {
    fn from(during: During) -> Self {
        let mut written =
            Self { at: during.at, act: Kind::PowerCycle, time: None, beside: None, send: None, expect: None };
        written.act = match during.act {
            Act::PowerCycle => Kind::PowerCycle,
            Act::Away { time, beside } => {
                (written.time, written.beside) = (Some(time), beside);
                Kind::Away
            }
            Act::Console(console) => {
                (written.send, written.expect) = (Some(console.send), console.expect);
                Kind::Console
            }
        };
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_is_written_back_as_it_was_read() {
        for text in [
            r#"{"at":"gpo","act":"power-cycle"}"#,
            r#"{"at":"read record 2","act":"away","for":"200 ms"}"#,
            r#"{"at":"gpo","act":"away","for":"1 s","beside":"type-b"}"#,
            r#"{"at":"select ppse","act":"console","send":"status","expect":["ok *"]}"#,
        ] {
            let during: During = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&during).unwrap(), text);
        }
    }

    #[test]
    fn an_act_has_its_own_parameters_and_no_others() {
        for (text, why) in [
            (r#"{"at":"gpo","act":"away"}"#, "needs `for`"),
            (r#"{"at":"gpo","act":"away","for":"0 s"}"#, "needs `for`"),
            (r#"{"at":"gpo","act":"away","for":"1 s","send":"status"}"#, "has no `send`"),
            (r#"{"at":"gpo","act":"power-cycle","for":"1 s"}"#, "has no `for`"),
            (r#"{"at":"gpo","act":"console"}"#, "needs `send`"),
            (r#"{"at":"gpo","act":"console","send":"status","count":2}"#, "unknown field `count`"),
            (r#"{"at":"gpo 0","act":"power-cycle"}"#, "counts from zero"),
            (r#"{"act":"power-cycle"}"#, "missing field `at`"),
        ] {
            let error = serde_json::from_str::<During>(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
