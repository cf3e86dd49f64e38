//! A text with places for values.

use crate::text::text;
use crate::units::{Malformed, malformed};
use std::fmt;
use std::str::FromStr;

/// A text with places for values: `SET {fare:6},{discount}`. `{name:6}` stands for a number with at least six digits,
/// with zeros in front. `{{` and `}}` stand for braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value { name: String, width: usize },
}

text!(Template, "Template", r"^[^\r\n]*$", "a text in which `{name}` stands for a value");

impl Template {
    /// The names of the values, in order. A name may occur twice.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value { name, .. } => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with its values. `None` if one of the values is missing.
    #[must_use]
    pub fn fill<V: AsRef<str>>(&self, value: impl Fn(&str) -> Option<V>) -> Option<String> {
        self.parts.iter().try_fold(String::new(), |filled, part| {
            Some(match part {
                Part::Text(text) => filled + text,
                Part::Value { name, width } => {
                    let value = value(name)?;
                    let value = value.as_ref();
                    let zeros = width.saturating_sub(value.chars().count());
                    filled + &"0".repeat(zeros) + value
                }
            })
        })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Template {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WRITE: &str =
            "`{name}` for a value, `{name:6}` for one with zeros in front, and `{{` or `}}` for a brace";
        if text.contains(|c: char| c.is_control()) {
            return malformed("a command is a single line without control characters", WRITE);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        let mut literal = String::new();
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
                continue;
            }
            let Some((value, after)) = rest.split_once('}').filter(|_| brace == "{") else {
                return malformed(format!("`{brace}` has no other brace"), WRITE);
            };
            let (name, width) = value.split_once(':').unwrap_or((value, "0"));
            let is_name = !name.is_empty()
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'));
            let (true, Ok(width @ 0..=64)) = (is_name, width.parse()) else {
                return malformed(format!("`{{{value}}}` is not the place of a value"), WRITE);
            };
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Value { name: name.to_owned(), width });
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { text: text.to_owned(), parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(template: &str) -> Option<String> {
        let value = |name: &str| [("fare", "100"), ("zero-allowed", "1")].iter().find(|v| v.0 == name).map(|v| v.1);
        template.parse::<Template>().unwrap().fill(value)
    }

    #[test]
    fn values_take_their_places() {
        assert_eq!(filled("SET {fare:6},{zero-allowed}").as_deref(), Some("SET 000100,1"));
        assert_eq!(filled("{{{fare}}} {fare:2}").as_deref(), Some("{100} 100"));
        assert_eq!(filled("plain").as_deref(), Some("plain"));
        assert_eq!(filled("{other}"), None, "a value is missing");
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for wrong in ["{", "}", "{a", "a}", "{}", "{a b}", "{A}", "{a:}", "{a:x}", "{a:65}", "a\nb", "{a}}"] {
            assert!(wrong.parse::<Template>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,30}") {
            if let Ok(template) = text.parse::<Template>() {
                prop_assert!(template.fill(|_| Some("x")).is_some());
            }
        }

        #[test]
        fn doubled_braces_are_the_text_itself(text in "[a-z{}]{0,30}") {
            let doubled = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(doubled.parse::<Template>().unwrap().fill(|_| None::<String>), Some(text));
        }
    }
}
