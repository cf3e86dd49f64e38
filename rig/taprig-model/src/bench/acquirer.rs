//! Where the acquirer of a bench stands.

use super::SerialPort;
use crate::text::text;
use crate::units::{Malformed, malformed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How the acquirer of a bench is reached from the validator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AcquirerConfig {
    /// By a line that the rig makes. The validator has to be firmware compiled for this host or an emulated board.
    Link(AcquirerLink),
    /// By TCP: the device connects to this address of this host.
    Listen(ListenAddress),
    /// By a serial port of this host. Its default speed is 9600 bits per second.
    Serial(SerialPort),
}

/// A line that the rig makes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AcquirerLink {}

/// An IP address of this host and a port, at which the acquirer waits for devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress(std::net::SocketAddr);

text!(ListenAddress, "ListenAddress", r"^.+:[0-9]{1,5}$", "an IP address and a port, such as `0.0.0.0:5800`");

impl ListenAddress {
    /// The address.
    #[must_use]
    pub const fn socket(&self) -> std::net::SocketAddr {
        self.0
    }
}

impl FromStr for ListenAddress {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WRITE: &str = "an IP address of this host and a port from 1 on, such as `0.0.0.0:5800`";
        match text.parse::<std::net::SocketAddr>() {
            Ok(address) if address.port() != 0 => Ok(Self(address)),
            _ => malformed(format!("`{text}` is not an address at which the acquirer can listen"), WRITE),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_an_ip_and_a_port() {
        assert_eq!("0.0.0.0:5800".parse::<ListenAddress>().unwrap().socket().port(), 5800);
        for wrong in ["", "5800", "localhost:5800", "0.0.0.0:0", "0.0.0.0:70000", "0.0.0.0"] {
            assert!(wrong.parse::<ListenAddress>().is_err(), "{wrong}");
        }
    }
}
