//! Values within events: bytes, and named values as a console reports them.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;

/// Bytes. In files they are upper-case hexadecimal without blanks.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A record is mostly bytes, so they are not formatted one by one.
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        self.0.chunks(64).try_for_each(|chunk| {
            let mut text = String::with_capacity(2 * chunk.len());
            for byte in chunk {
                text.push(char::from(DIGITS[usize::from(byte >> 4)]));
                text.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
            f.write_str(&text)
        })
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({self})")
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text
            .chars()
            .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
            .collect::<Option<Vec<u8>>>()
            .filter(|digits| digits.len() % 2 == 0)
            .ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(&text), &"an even number of hex digits"))?;
        Ok(Self(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()))
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^([0-9A-F]{2})*$" })
    }
}

/// Named values in the order in which the device reported them. A name may occur twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// Parses `key=value key="two words"`, as the console writes it. A word without `=` becomes a name with an empty
    /// value. An unclosed quote ends at the end of the line.
    pub fn parse(text: &str) -> Self {
        let mut fields = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let end = rest.find([' ', '=']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let (value, after) = match after.strip_prefix('=') {
                None => ("", after),
                Some(after) => match after.strip_prefix('"') {
                    Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                    None => after.split_at(after.find(' ').unwrap_or(after.len())),
                },
            };
            fields.push((name.to_owned(), value.to_owned()));
            rest = after.trim_start();
        }
        Self(fields)
    }

    /// The first value of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pairs, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.iter().enumerate() {
            let blank = if place == 0 { "" } else { " " };
            let quote = if value.is_empty() || value.contains(' ') { "\"" } else { "" };
            write!(f, "{blank}{name}={quote}{value}{quote}")?;
        }
        Ok(())
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Fields {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(pairs: T) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hex_that_is_none_is_refused() {
        for text in ["\"0\"", "\"0g\"", "\"+1\"", "\"00 \"", "1"] {
            assert!(serde_json::from_str::<Bytes>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn console_values() {
        let fields = Fields::parse(r#"id=15 text="present card" amount=100 alone empty="" open="to the end"#);
        assert_eq!(fields.get("text"), Some("present card"));
        assert_eq!(fields.get("alone"), Some(""));
        assert_eq!(fields.get("open"), Some("to the end"));
        assert_eq!(fields.get("none"), None);
        assert_eq!(fields.to_string(), r#"id=15 text="present card" amount=100 alone="" empty="" open="to the end""#);
    }

    proptest! {
        #[test]
        fn any_bytes_survive(bytes in any::<Vec<u8>>()) {
            let text = serde_json::to_string(&Bytes(bytes.clone())).unwrap();
            prop_assert_eq!(serde_json::from_str::<Bytes>(&text).unwrap().0, bytes);
        }

        #[test]
        fn any_line_is_read_and_written_alike(line in "[a-z=\" ]{0,40}") {
            let once = Fields::parse(&line);
            prop_assert_eq!(Fields::parse(&once.to_string()), once);
        }
    }
}
