//! JSON Schemas of the YAML formats.

use schemars::Schema;
use serde_json::{Value, json};

/// The names that [`of`] knows.
pub const NAMES: [&str; 9] = ["bench", "card", "case", "device", "event", "key", "requirements", "result", "validator"];

/// The JSON Schema of a format, by name.
#[must_use]
pub fn of(name: &str) -> Option<Schema> {
    Some(match name {
        "bench" => schemars::schema_for!(crate::bench::Bench),
        "card" => schemars::schema_for!(crate::card::CardImage),
        "case" => {
            let mut schema = schemars::schema_for!(crate::case::Case).to_value();
            allow_names(&mut schema);
            Schema::try_from(schema).ok()?
        }
        "device" => schemars::schema_for!(crate::device::Device),
        "event" => schemars::schema_for!(crate::event::Event),
        "key" => schemars::schema_for!(crate::card::KeyFile),
        "requirements" => schemars::schema_for!(crate::requirement::Requirements),
        "result" => schemars::schema_for!(crate::result::RunResult),
        "validator" => schemars::schema_for!(crate::validator::Validator),
        _ => return None,
    })
}

/// Lets `{name}`, a value of the matrix, stand wherever a case has a word, a number or a switch.
fn allow_names(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(allow_names);
            let is_word = object.contains_key("const") || object.contains_key("enum") || object.contains_key("pattern");
            let is_number = matches!(object.get("type").and_then(Value::as_str), Some("integer" | "boolean"));
            if is_word || is_number {
                let own = Value::Object(std::mem::take(object));
                object.insert("anyOf".into(), json!([own, { "type": "string", "pattern": r"\{[a-z0-9-]+\}" }]));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(allow_names),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_schema() {
        for name in NAMES {
            assert!(of(name).unwrap().as_value()["$schema"].is_string(), "{name}");
        }
        assert!(of("cases").is_none());
    }
}
