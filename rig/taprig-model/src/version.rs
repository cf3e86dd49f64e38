//! Version of the YAML formats.

use crate::text::text;
use crate::units::{Malformed, malformed};
use std::fmt;
use std::str::FromStr;

/// Version of a YAML format. There is only one so far. It is raised when existing files would change their meaning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Version;

text!(Version, "Version", "^1$", "the version of the format, `1`");

impl FromStr for Version {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text {
            "1" => Ok(Self),
            _ => malformed(format!("version `{text}` of the format is not known to this taprig"), "`schema: 1`"),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("1")
    }
}
