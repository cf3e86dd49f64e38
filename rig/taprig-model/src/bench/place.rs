//! A bench that a labgrid coordinator hands out.

use crate::address::Address;
use crate::text::text;
use crate::units::{Malformed, malformed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The place of a laboratory's labgrid coordinator that stands for this bench. A run acquires it before it touches
/// anything, and releases it at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Labgrid {
    /// Name of the place.
    pub place: PlaceName,
    /// Host and port of the coordinator. The default is what `labgrid-client` takes: the environment variable
    /// `LG_COORDINATOR`, or `127.0.0.1:20408`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinator: Option<Address>,
    /// The program `labgrid-client`. The default is the one that is found in `PATH`.
    #[serde(default = "client", skip_serializing_if = "is_default")]
    pub client: PathBuf,
}

fn client() -> PathBuf {
    "labgrid-client".into()
}

fn is_default(path: &PathBuf) -> bool {
    *path == client()
}

/// The name of a place: no white space, no pattern, and no option of a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceName(String);

text!(PlaceName, "PlaceName", r"^[^-\s*?\[][^\s*?\[]*$", "the name of a labgrid place, such as `desk-3`");

impl PlaceName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PlaceName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        // labgrid-client takes a name as a pattern, and then the place would depend on what else there is.
        let strange = |c: char| c.is_whitespace() || c.is_control() || "*?[".contains(c);
        if text.is_empty() || text.starts_with('-') || text.contains(strange) {
            return malformed(
                format!("`{text}` is no name of a place"),
                "a name without white space, `*`, `?` and `[`, which does not begin with `-`",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PlaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_and_not_searched() {
        let labgrid: Labgrid = serde_yaml::from_str("place: desk-3").unwrap();
        assert_eq!((labgrid.place.as_str(), labgrid.client.to_str()), ("desk-3", Some("labgrid-client")));
        assert_eq!(serde_yaml::to_string(&labgrid).unwrap().trim(), "place: desk-3");
        for wrong in ["", "desk*", "-p", "a b", "a?", "a[1]"] {
            assert!(wrong.parse::<PlaceName>().is_err(), "{wrong}");
        }
    }
}
