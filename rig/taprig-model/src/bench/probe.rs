//! The name of a debug probe.

use crate::text::text;
use crate::units::{Malformed, malformed};
use std::fmt;
use std::str::FromStr;

/// Names a debug probe by its USB ids (`0483:374b`), with its serial number (`0483:374b:0670FF48`) or an interface
/// (`0483:374b-2`), by the USB port chain that it is plugged into (`1-2.3`), or by both (`0483:374b@1-2.3`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeName {
    text: String,
    /// Length of the part before the port chain, in bytes.
    ids: usize,
    /// Where the port chain begins.
    chain: Option<usize>,
}

text!(
    ProbeName,
    "ProbeName",
    r"^([0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}(-[0-9]+)?(:.*)?(@[0-9]+-[0-9]+(\.[0-9]+)*)?|[0-9]+-[0-9]+(\.[0-9]+)*)$",
    "the name of a debug probe, such as `0483:374b:0670FF48` or `1-2.3`"
);

impl ProbeName {
    /// The ids, with interface and serial number if they are given: `vid:pid[-interface][:serial]`.
    #[must_use]
    pub fn ids(&self) -> Option<&str> {
        self.text.get(..self.ids).filter(|ids| !ids.is_empty())
    }

    /// The USB port chain: `1-2.3`.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.text.get(self.chain?..)
    }
}

impl FromStr for ProbeName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if is_chain(text) {
            return Ok(Self { text: text.to_owned(), ids: 0, chain: Some(0) });
        }
        // A serial number may contain the character as well.
        let (ids, chain) = match text.rsplit_once('@') {
            Some((ids, chain)) if is_chain(chain) => (ids, Some(ids.len() + 1)),
            _ => (text, None),
        };
        if !are_ids(ids) {
            return malformed(
                format!("`{text}` is no name of a debug probe"),
                "`vid:pid` or `vid:pid:serial` in hexadecimal (`0483:374b:0670FF48`), the USB port chain (`1-2.3`), or both \
                 (`0483:374b@1-2.3`)",
            );
        }
        Ok(Self { text: text.to_owned(), ids: ids.len(), chain })
    }
}

/// Whether this is a bus and the ports on the way to a device.
fn is_chain(text: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-').is_some_and(|(bus, ports)| number(bus) && ports.split('.').all(number))
}

fn are_ids(text: &str) -> bool {
    let id = |text: &str| (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut parts = text.splitn(3, ':');
    let (Some(vid), Some(pid)) = (parts.next(), parts.next()) else { return false };
    let is_pid = match pid.split_once('-') {
        Some((pid, interface)) => id(pid) && interface.parse::<u8>().is_ok(),
        None => id(pid),
    };
    id(vid) && is_pid && !text.contains(char::is_control)
}

impl fmt::Display for ProbeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_named_by_ids_or_by_where_it_is_plugged_in() {
        for (text, ids, location) in [
            ("0483:374b", Some("0483:374b"), None),
            ("0483:374B:0670FF48", Some("0483:374B:0670FF48"), None),
            ("0d28:0204-2:A@b", Some("0d28:0204-2:A@b"), None),
            ("1-2", None, Some("1-2")),
            ("12-2.3.10", None, Some("12-2.3.10")),
            ("0483:374b@1-2.3", Some("0483:374b"), Some("1-2.3")),
            ("0483:374b:0670@1-2.3", Some("0483:374b:0670"), Some("1-2.3")),
        ] {
            let name: ProbeName = text.parse().unwrap();
            assert_eq!((name.ids(), name.location()), (ids, location), "{text}");
            assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for wrong in [
            "",
            "0483",
            "0483:",
            ":374b",
            "04831:374b",
            "+483:374b",
            "x:y",
            "1-",
            "-2",
            "1-2.",
            "@1-2",
            "0483:374b-x",
            "0483:374b\n",
        ] {
            assert!(wrong.parse::<ProbeName>().is_err(), "{wrong}");
        }
    }
}
