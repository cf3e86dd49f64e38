//! Faults on the air between reader and card.

use super::At;
use crate::units::{Duration, Hex, Malformed, malformed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A fault on the air at the response to one command: `{ at: gpo, fault: late, by: 20 ms }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
#[schemars(with = "Written")]
pub struct Injection {
    /// The command whose response the fault hits: `gpo`, `read record 2`.
    pub at: At,
    /// What goes wrong.
    pub fault: Fault,
}

/// What goes wrong, with its parameters. The link to the card emulator has the same faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The first block is lost.
    Drop {
        /// How many times the block is lost.
        times: u8,
    },
    /// The first block arrives with inverted bits.
    Corrupt {
        /// The seed that chooses the bits.
        seed: u32,
        /// How many times the block is damaged.
        times: u8,
    },
    /// The first block comes late.
    Late {
        /// The time from the reader's frame to the block.
        by: Duration,
    },
    /// The card leaves instead of answering.
    Cut,
    /// The card leaves before it has the command, so it does not carry it out.
    Unheard,
    /// The card asks for more time.
    Wtx {
        /// How many requests.
        times: u8,
        /// WTXM, 1 to 59 (ISO/IEC 14443-4, clause 7.3). Other values are sent as they are.
        multiplier: u8,
        /// How often the first block of the response is lost after that.
        lost: u8,
    },
    /// The response comes in small blocks.
    Chain {
        /// Number of INF bytes in a block.
        size: u8,
    },
    /// The card never answers again.
    Mute,
    /// The first block carries the wrong block number.
    BlockNumber,
    /// The first block has another PCB.
    Pcb(u8),
    /// The first block is longer than FSD.
    Oversize,
}

impl Fault {
    /// The name of the fault in cases.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop { .. } => "drop",
            Self::Corrupt { .. } => "corrupt",
            Self::Late { .. } => "late",
            Self::Cut => "cut",
            Self::Unheard => "unheard",
            Self::Wtx { .. } => "wtx",
            Self::Chain { .. } => "chain",
            Self::Mute => "mute",
            Self::BlockNumber => "block-number",
            Self::Pcb(_) => "pcb",
            Self::Oversize => "oversize",
        }
    }

    /// The parameters of the fault, by their names in cases. A parameter that has its default value is left out.
    #[must_use]
    pub fn values(self) -> Vec<(&'static str, String)> {
        let but = |name, value: u32, usual: u32| (value != usual).then(|| (name, value.to_string()));
        let values = match self {
            Self::Drop { times } => vec![but("times", times.into(), 1)],
            Self::Corrupt { seed, times } => vec![but("seed", seed, 1), but("times", times.into(), 1)],
            Self::Late { by } => vec![Some(("by", by.to_string()))],
            Self::Wtx { times, multiplier, lost } => {
                vec![
                    but("multiplier", multiplier.into(), 1),
                    but("times", times.into(), 1),
                    but("lost", lost.into(), 0),
                ]
            }
            Self::Chain { size } => vec![Some(("size", size.to_string()))],
            Self::Pcb(pcb) => vec![Some(("pcb", format!("{pcb:02X}")))],
            Self::Cut | Self::Unheard | Self::Mute | Self::BlockNumber | Self::Oversize => vec![],
        };
        values.into_iter().flatten().collect()
    }
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.fault.name(), self.at)?;
        let values: Vec<_> = self.fault.values().into_iter().map(|(name, value)| format!("{name} {value}")).collect();
        if values.is_empty() { Ok(()) } else { write!(f, " ({})", values.join(", ")) }
    }
}

/// A fault as a case writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    /// The command whose response the fault hits: `gpo`, `read record 2`.
    at: At,
    /// What goes wrong.
    fault: Kind,
    /// For `drop` and `corrupt`: how many times. For `wtx`: how many requests. The default is 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u8>,
    /// For `corrupt`: the seed that chooses the bits. The default is 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u32>,
    /// For `late`: the time from the reader's frame to the block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<Duration>,
    /// For `wtx`: WTXM, 1 to 59. Other values are sent as they are. The default is 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    multiplier: Option<u8>,
    /// For `wtx`: how often the first block of the response is lost after the requests. The default is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lost: Option<u8>,
    /// For `chain`: the number of INF bytes in a block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u8>,
    /// For `pcb`: the byte that replaces the right one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pcb: Option<Hex>,
}

/// The kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// The first block is lost.
    Drop,
    /// The first block arrives with inverted bits.
    Corrupt,
    /// The first block comes late.
    Late,
    /// The card leaves instead of answering.
    Cut,
    /// The card leaves before it has the command, so it does not carry it out.
    Unheard,
    /// The card asks for more time.
    Wtx,
    /// The response comes in small blocks.
    Chain,
    /// The card never answers again.
    Mute,
    /// The first block carries the wrong block number.
    BlockNumber,
    /// The first block has another PCB.
    Pcb,
    /// The first block is longer than FSD.
    Oversize,
}

impl TryFrom<Written> for Injection {
    type Error = Malformed;

    /// Refuses a fault that lacks a parameter, and a parameter that the fault does not have.
    fn try_from(written: Written) -> Result<Self, Malformed> {
        let allowed: &[&str] = match written.fault {
            Kind::Drop => &["times"],
            Kind::Corrupt => &["times", "seed"],
            Kind::Late => &["by"],
            Kind::Wtx => &["times", "multiplier", "lost"],
            Kind::Chain => &["size"],
            Kind::Pcb => &["pcb"],
            Kind::Cut | Kind::Unheard | Kind::Mute | Kind::BlockNumber | Kind::Oversize => &[],
        };
        let given = [
            ("times", written.times.is_some()),
            ("seed", written.seed.is_some()),
            ("by", written.by.is_some()),
            ("multiplier", written.multiplier.is_some()),
            ("lost", written.lost.is_some()),
            ("size", written.size.is_some()),
            ("pcb", written.pcb.is_some()),
        ];
        if let Some((name, _)) = given.into_iter().find(|(name, given)| *given && !allowed.contains(name)) {
            return malformed(format!("this fault has no `{name}`"), "only what belongs to the fault");
        }
        let times = written.times.unwrap_or(1);
        let fault = match written.fault {
            Kind::Drop => Fault::Drop { times },
            Kind::Corrupt => Fault::Corrupt { times, seed: written.seed.unwrap_or(1) },
            Kind::Late => match written.by {
                Some(by) if u32::try_from(by.us).is_ok() => Fault::Late { by },
                Some(by) => {
                    return malformed(format!("{by} is longer than the emulator can delay a block"), "at most 71 min");
                }
                None => return malformed("fault `late` needs `by`", "`by: 20 ms`"),
            },
            Kind::Cut => Fault::Cut,
            Kind::Unheard => Fault::Unheard,
            Kind::Wtx => {
                Fault::Wtx { times, multiplier: written.multiplier.unwrap_or(1), lost: written.lost.unwrap_or(0) }
            }
            Kind::Chain => match written.size {
                Some(size) if size > 0 => Fault::Chain { size },
                _ => return malformed("fault `chain` needs `size`", "`size: 16`"),
            },
            Kind::Mute => Fault::Mute,
            Kind::BlockNumber => Fault::BlockNumber,
            Kind::Pcb => match written.pcb.as_ref().map(|pcb| pcb.0.as_slice()) {
                Some([pcb]) => Fault::Pcb(*pcb),
                _ => return malformed("fault `pcb` needs exactly one byte", "`pcb: \"A2\"`"),
            },
            Kind::Oversize => Fault::Oversize,
        };
        Ok(Self { at: written.at, fault })
    }
}

impl From<Injection> for Written {
    fn from(injection: Injection) -> Self {
        let mut written = Self {
            at: injection.at,
            fault: Kind::Drop,
            times: None,
            seed: None,
            by: None,
            multiplier: None,
            lost: None,
            size: None,
            pcb: None,
        };
        written.fault = match injection.fault {
            Fault::Drop { times } => {
                written.times = Some(times);
                Kind::Drop
            }
            Fault::Corrupt { seed, times } => {
                (written.seed, written.times) = (Some(seed), Some(times));
                Kind::Corrupt
            }
            Fault::Late { by } => {
                written.by = Some(by);
                Kind::Late
            }
            Fault::Cut => Kind::Cut,
            Fault::Unheard => Kind::Unheard,
            Fault::Wtx { times, multiplier, lost } => {
                (written.times, written.multiplier, written.lost) = (Some(times), Some(multiplier), Some(lost));
                Kind::Wtx
            }
            Fault::Chain { size } => {
                written.size = Some(size);
                Kind::Chain
            }
            Fault::Mute => Kind::Mute,
            Fault::BlockNumber => Kind::BlockNumber,
            Fault::Pcb(pcb) => {
                written.pcb = Some(Hex(vec![pcb]));
                Kind::Pcb
            }
            Fault::Oversize => Kind::Oversize,
        };
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_written_as_it_is_read() {
        for yaml in [
            r#"{"at":"gpo","fault":"late","by":"20 ms"}"#,
            r#"{"at":"read record 2","fault":"corrupt","times":2,"seed":7}"#,
            r#"{"at":"gpo","fault":"cut"}"#,
            r#"{"at":"get data","fault":"unheard"}"#,
            r#"{"at":"gpo","fault":"pcb","pcb":"A2"}"#,
        ] {
            let injection: Injection = serde_json::from_str(yaml).unwrap();
            assert_eq!(serde_json::to_string(&injection).unwrap(), yaml);
        }
    }

    #[test]
    fn words_name_what_is_not_as_usual() {
        let words = |json| serde_json::from_str::<Injection>(json).unwrap().to_string();
        assert_eq!(words(r#"{"at":"gpo","fault":"drop"}"#), "drop at gpo");
        assert_eq!(
            words(r#"{"at":"gpo","fault":"wtx","times":3,"multiplier":2}"#),
            "wtx at gpo (multiplier 2, times 3)"
        );
    }

    #[test]
    fn values_that_do_not_fit_the_fault_are_refused() {
        for json in [
            r#"{"at":"gpo","fault":"late"}"#,
            r#"{"at":"gpo","fault":"late","by":"2 h"}"#,
            r#"{"at":"gpo","fault":"chain","size":0}"#,
            r#"{"at":"gpo","fault":"cut","times":2}"#,
            r#"{"at":"gpo","fault":"pcb","pcb":"A2B2"}"#,
        ] {
            assert!(serde_json::from_str::<Injection>(json).is_err(), "{json}");
        }
    }
}
