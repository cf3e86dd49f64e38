//! What a validator does with its acquirer when it is told to.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IntoDeserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// A work at the uplink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// It sends all claims that wait, and signs on before if it has to.
    Upload,
    /// It sends all claims that wait and closes the batch.
    Settle,
    /// It signs on.
    SignOn,
    /// It signs off.
    SignOff,
    /// It downloads the deny list.
    DenyList,
    /// It downloads the keys of certification authorities.
    AuthorityKeys,
}

impl Work {
    /// All works.
    pub const ALL: [Self; 6] =
        [Self::Upload, Self::Settle, Self::SignOn, Self::SignOff, Self::DenyList, Self::AuthorityKeys];

    /// The word of files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Settle => "settle",
            Self::SignOn => "sign-on",
            Self::SignOff => "sign-off",
            Self::DenyList => "deny-list",
            Self::AuthorityKeys => "authority-keys",
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How a work ended, as the device says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkResult {
    /// The device did all of it.
    Done,
    /// The device gave up.
    Failed,
}

impl WorkResult {
    /// The word of files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// A work that a step tells the validator to do, and its expected end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct WorkStep {
    /// Told by the device, claim `uplink`: how the work ends. Without it, nothing is judged but that the work ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<WorkResult>,
}

/// What a step `download` downloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Download {
    /// The deny list.
    DenyList,
    /// The keys of certification authorities.
    AuthorityKeys,
}

impl Download {
    /// The work.
    #[must_use]
    pub const fn work(self) -> Work {
        match self {
            Self::DenyList => Work::DenyList,
            Self::AuthorityKeys => Work::AuthorityKeys,
        }
    }
}

/// A download that a step tells the validator to do, and its expected end. A case writes `deny-list`, or
/// `{ list: deny-list, expect: failed }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DownloadStep {
    /// What it downloads.
    pub list: Download,
    /// Told by the device, claim `uplink`: how the work ends. Without it, nothing is judged but that the work ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<WorkResult>,
}

/// A download in its long form.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    list: Download,
    #[serde(default)]
    expect: Option<WorkResult>,
}

impl<'de> Deserialize<'de> for DownloadStep {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrMap;

        impl<'de> Visitor<'de> for WordOrMap {
            type Value = DownloadStep;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`deny-list`, `authority-keys`, or a map with `list` and `expect`")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<DownloadStep, E> {
                let list = Download::deserialize(word.into_deserializer())?;
                Ok(DownloadStep { list, expect: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DownloadStep, A::Error> {
                let Written { list, expect } = Written::deserialize(MapAccessDeserializer::new(map))?;
                Ok(DownloadStep { list, expect })
            }
        }

        deserializer.deserialize_any(WordOrMap)
    }
}

impl JsonSchema for DownloadStep {
    fn schema_name() -> Cow<'static, str> {
        "DownloadStep".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let word = generator.subschema_for::<Download>();
        let map = generator.subschema_for::<Written>();
        json_schema!({ "description": "What the validator downloads.", "anyOf": [word, map] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_files() {
        for work in Work::ALL {
            assert_eq!(serde_json::to_value(work).unwrap(), work.word());
        }
        for result in [WorkResult::Done, WorkResult::Failed] {
            assert_eq!(serde_json::to_value(result).unwrap(), result.word());
        }
        assert_eq!((Download::DenyList.work(), Download::AuthorityKeys.work()), (Work::DenyList, Work::AuthorityKeys));
    }

    #[test]
    fn a_download_is_a_word_or_a_map() {
        let read = |text: &str| serde_json::from_str::<DownloadStep>(text);
        let short = DownloadStep { list: Download::DenyList, expect: None };
        assert_eq!(read("\"deny-list\"").unwrap(), short);
        let long = DownloadStep { list: Download::AuthorityKeys, expect: Some(WorkResult::Failed) };
        assert_eq!(read(r#"{ "list": "authority-keys", "expect": "failed" }"#).unwrap(), long);
        assert_eq!(read(&serde_json::to_string(&long).unwrap()).unwrap(), long);
        for wrong in ["\"list\"", "{}", r#"{ "list": "deny-list", "expects": "done" }"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
