//! Settings of the line to the acquirer.

use crate::text::text;
use crate::units::{Hex, Malformed, malformed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// When a validator sends its claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Upload {
    /// When it is told to.
    Off,
    /// By itself.
    Auto,
}

impl fmt::Display for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Auto => "auto",
        })
    }
}

/// The master key of a terminal, 16 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterKey([u8; 16]);

text!(MasterKey, "MasterKey", "^[0-9A-Fa-f]{32}$", "16 bytes in hexadecimal");

impl FromStr for MasterKey {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let Hex(bytes) = text.parse()?;
        match bytes.try_into() {
            Ok(key) => Ok(Self(key)),
            Err(bytes) => malformed(format!("this has {} bytes", bytes.len()), "16 bytes in hexadecimal"),
        }
    }
}

impl fmt::Display for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_key_has_16_bytes() {
        let text = "0123456789ABCDEFFEDCBA9876543210";
        assert_eq!(text.parse::<MasterKey>().unwrap().to_string(), text);
        assert!("0123456789ABCDEF".parse::<MasterKey>().is_err());
    }
}
