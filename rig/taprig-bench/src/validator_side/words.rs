//! Words of a device in the words of cases, for all adapters.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use taprig_model::device::Words;
use taprig_model::event::{Reason, Word};

/// The meaning of a word of the device. Without a map the device uses the words of cases.
pub(super) fn word<T: Clone + DeserializeOwned>(map: &BTreeMap<String, T>, said: &str) -> Word<T> {
    let known = if map.is_empty() { serde_json::from_value(said.into()).ok() } else { map.get(said).cloned() };
    known.map_or_else(|| Word::Unknown(said.to_owned()), Word::Known)
}

/// What the device's code for a reason means. It may stand for several reasons.
pub(super) fn reason_of(words: &Words, code: &str) -> Word<Reason> {
    if words.reasons.is_empty() {
        return Word::Known(code.into());
    }
    match words.reasons.get(code).map(|reasons| reasons.0.as_slice()) {
        None | Some([]) => Word::Unknown(code.to_owned()),
        Some([reason]) => Word::Known(Reason::One(reason.clone())),
        Some(reasons) => Word::Known(Reason::OneOf { code: code.to_owned(), reasons: reasons.to_vec() }),
    }
}
