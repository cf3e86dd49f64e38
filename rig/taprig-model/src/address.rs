//! Addresses of services that are reached over TCP.

use crate::text::text;
use crate::units::{Malformed, malformed};
use std::fmt;
use std::str::FromStr;

/// A host and a port: `127.0.0.1:35963`, `[::1]:35963`, `lab-pc:35963`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

text!(
    Address,
    "Address",
    r"^[^\s:]+:[0-9]{1,5}$|^\[[0-9A-Fa-f:.]+\]:[0-9]{1,5}$",
    "host and port, such as `127.0.0.1:35963`"
);

impl Address {
    /// Where vpcd of Debian's package vsmartcard-vpcd waits for a card.
    #[must_use]
    pub fn vpcd() -> Self {
        Self("127.0.0.1:35963".into())
    }

    /// Host and port in one text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Address {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let is_host = |host: &str| match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || ":[]/".contains(c)),
        };
        let is_port =
            |port: &str| port.bytes().all(|c| c.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
        match text.rsplit_once(':') {
            Some((host, port)) if is_host(host) && is_port(port) => Ok(Self(text.into())),
            _ => {
                malformed(format!("`{text}` is not a host and a port"), "a host and a port, such as `127.0.0.1:35963`")
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_port() {
        for right in ["127.0.0.1:35963", "lab-pc.example:1", "[::1]:65535"] {
            assert_eq!(right.parse::<Address>().unwrap().as_str(), right);
        }
        assert_eq!(Address::vpcd().to_string().parse(), Ok(Address::vpcd()));
        for wrong in [
            "",
            "127.0.0.1",
            ":35963",
            "host:",
            "host:0",
            "host:65536",
            "host:+1",
            "::1:35963",
            "[x]:1",
            "a b:1",
            "tcp://h:1",
        ] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
