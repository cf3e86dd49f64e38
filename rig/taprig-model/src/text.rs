//! Types that are one word in YAML. They are read from text, written as text, and described by a pattern in the schema.

use serde::de::{Error, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

/// Reads a `T` from a string, or from a whole number that was written without quotes (`tag: 82`).
pub(crate) fn read<'de, T, D>(deserializer: D, wanted: &'static str) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: serde::Deserializer<'de>,
{
    struct Text<T>(&'static str, PhantomData<T>);

    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
            self.visit_str(&number.to_string())
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
            self.visit_str(&number.to_string())
        }
    }

    deserializer.deserialize_any(Text(wanted, PhantomData))
}

/// A value, or the empty text in place of one that nobody knows yet.
pub(crate) struct OrBlank<T>(Option<T>);

impl<T: FromStr> FromStr for OrBlank<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text.trim().is_empty() { Ok(Self(None)) } else { text.parse().map(|value| Self(Some(value))) }
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> serde::Deserialize<'de> for OrBlank<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "a text")
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for OrBlank<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}OrBlank", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [value, { "const": "" }] })
    }
}

/// Reads a value that may be blank: `null` and the empty text are.
pub(crate) fn or_blank<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: serde::Deserializer<'de>,
{
    let read: Option<OrBlank<T>> = serde::Deserialize::deserialize(deserializer)?;
    Ok(read.and_then(|OrBlank(value)| value))
}

/// Implements the serde and schema traits for a type that has `FromStr` and `Display`.
macro_rules! text {
    ($type:ty, $name:literal, $pattern:literal, $wanted:literal) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::text::read(deserializer, $wanted)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "description": $wanted,
                    "type": ["string", "integer"],
                    "pattern": $pattern,
                })
            }
        }
    };
}
pub(crate) use text;
