//! Names of cases, fixtures and tags.

use crate::text::text;
use crate::units::{Malformed, malformed};
use std::fmt;
use std::str::FromStr;

fn is_slug(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
        && !text.starts_with(['-', '.'])
        && !text.ends_with(['-', '.'])
}

/// Name of a fixture, a claim or a tag: lower-case letters, digits, hyphens and dots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

text!(Name, "Name", r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", "a name such as `shangluo-flat-1-yuan`");

impl Name {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if is_slug(text) {
            Ok(Self(text.into()))
        } else {
            malformed(format!("`{text}` is not a name"), "lower-case letters, digits, hyphens and dots")
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Id of a case: the three capitals of its family and three digits, such as `ODA-004`. An id is never used again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId(String);

text!(CaseId, "CaseId", r"^[A-Z]{3}-[0-9]{3}$", "a case id such as `ODA-004`");

impl CaseId {
    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The three capitals.
    #[must_use]
    pub fn family(&self) -> &str {
        &self.0[..3]
    }
}

impl FromStr for CaseId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text.as_bytes() {
            [family @ .., b'-', a, b, c]
                if family.len() == 3
                    && family.iter().all(u8::is_ascii_uppercase)
                    && [a, b, c].iter().all(|digit| digit.is_ascii_digit()) =>
            {
                Ok(Self(text.into()))
            }
            _ => malformed(format!("`{text}` is not a case id"), "three capitals and three digits, such as `ODA-004`"),
        }
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Id of a case or of one sub-case of its matrix: `ODA-004`, `ODA-004/rsa1024`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubCaseId {
    /// The case.
    pub case: CaseId,
    /// The value of the matrix, if the case has one.
    pub sub: Option<Name>,
}

text!(
    SubCaseId,
    "SubCaseId",
    r"^[A-Z]{3}-[0-9]{3}(/[a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$",
    "the id of a case or sub-case, such as `ODA-004/rsa1024`"
);

impl FromStr for SubCaseId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text.split_once('/') {
            Some((case, sub)) => Ok(Self { case: case.parse()?, sub: Some(sub.parse()?) }),
            None => Ok(Self { case: text.parse()?, sub: None }),
        }
    }
}

impl fmt::Display for SubCaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sub {
            Some(sub) => write!(f, "{}/{sub}", self.case),
            None => write!(f, "{}", self.case),
        }
    }
}

/// A data object's tag, one to three bytes (EMV Book 3, annex B1): `9F4B`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

text!(Tag, "Tag", r"^([0-9A-Fa-f]{2}){1,3}$", "a tag such as `9F4B`");

impl Tag {
    /// Capital hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if matches!(text.len(), 2 | 4 | 6) && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_uppercase()))
        } else {
            malformed(format!("`{text}` is not a tag"), "its hexadecimal digits, such as `9F4B`")
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
