//! Words of a device in the words of cases, for all adapters.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use taprig_model::event::Word;

/// The meaning of a word of the device. Without a map the device uses the words of cases.
pub(super) fn word<T: Clone + DeserializeOwned>(map: &BTreeMap<String, T>, said: &str) -> Word<T> {
    let known = if map.is_empty() { serde_json::from_value(said.into()).ok() } else { map.get(said).cloned() };
    known.map_or_else(|| Word::Unknown(said.to_owned()), Word::Known)
}
