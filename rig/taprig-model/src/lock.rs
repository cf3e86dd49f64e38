//! The lock file of a maker's own project: `taprig.lock`. It names the suite that the project uses.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::text;
use crate::units::{Malformed, malformed};
use crate::version::Version;

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lock {
    /// Version of this format.
    pub schema: Version,
    /// The suite that the project uses.
    pub suite: LockedSuite,
}

/// The word under which the environment of a run states the suite that was used.
pub const ENVIRONMENT: &str = "suite";

/// The word under which the environment of a run states the digest of all cases and fixtures.
pub const CASES: &str = "cases-and-fixtures";

/// The digests by which the environment of a run says what was played: that of the suite, if the project has one in its lock file, and
/// that of all cases and fixtures.
#[must_use]
pub fn digests(environment: &BTreeMap<String, String>) -> Vec<&str> {
    let of = |key| environment.get(key)?.rsplit_once("sha256 ").map(|(_, digest)| digest);
    [ENVIRONMENT, CASES].into_iter().filter_map(of).collect()
}

/// A suite, by version and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockedSuite {
    /// The version of taprig that the suite came with.
    pub version: Release,
    /// SHA-256 of the file `suite/SHA256SUMS`, which lists all files of the suite with their own SHA-256.
    pub sha256: Sha256,
}

impl fmt::Display for LockedSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sha256 {}", self.version, self.sha256)
    }
}

/// Version of taprig: three numbers. A later version is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release([u32; 3]);

text!(Release, "Release", r"^[0-9]+\.[0-9]+\.[0-9]+$", "a version of taprig such as `0.1.0`");

impl FromStr for Release {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let number = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten();
        let numbers: Option<Vec<u32>> = text.split('.').map(number).collect();
        match numbers.and_then(|numbers| <[u32; 3]>::try_from(numbers).ok()) {
            Some(numbers) => Ok(Self(numbers)),
            None => malformed(format!("`{text}` is not a version of taprig"), "three numbers, such as `0.1.0`"),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// A SHA-256 in lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sha256(String);

text!(Sha256, "Sha256", "^[0-9a-f]{64}$", "64 lower-case hexadecimal digits");

impl Sha256 {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Sha256 {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        match text.len() == 64 && text.bytes().all(is_digit) {
            true => Ok(Self(text.into())),
            false => malformed(
                format!("`{text}` is not a SHA-256"),
                "its 64 digits in lower-case hexadecimal, as `sha256sum` prints them",
            ),
        }
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_says_the_digests_of_its_suite_and_of_its_cases() {
        let pairs = [(CASES, "sha256 12"), (ENVIRONMENT, "0.1.0 sha256 34"), ("host", "sha256 56")];
        let environment = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        assert_eq!(digests(&environment), ["34", "12"]);
        assert!(digests(&BTreeMap::new()).is_empty());
    }

    #[test]
    fn versions_are_in_the_order_of_their_numbers() {
        let release = |text: &str| text.parse::<Release>();
        assert!(release("0.10.0").unwrap() > release("0.9.12").unwrap());
        assert!(release("1.0.0").unwrap() > release("0.99.99").unwrap());
        assert_eq!(release("0.1.0").unwrap().to_string(), "0.1.0");
        for wrong in ["", "1", "0.1", "0.1.0.0", "0.1.x", "0.1.-1", "0.1.+1", "0..1", "0.1.0-rc", "0.1.4294967296"] {
            assert!(release(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_digest_has_64_lower_case_digits() {
        assert!("a0".repeat(32).parse::<Sha256>().is_ok());
        for wrong in ["a0".repeat(31), "A0".repeat(32), "g0".repeat(32), "a0".repeat(33)] {
            assert!(wrong.parse::<Sha256>().is_err(), "{wrong}");
        }
    }
}
