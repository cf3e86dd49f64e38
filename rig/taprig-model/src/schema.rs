//! JSON Schemas of the YAML formats.

use schemars::Schema;
use serde_json::{Value, json};

/// The names that [`of`] knows.
pub const NAMES: [&str; 24] = [
    "acquirer-keys",
    "acquirer-log",
    "acquirer-rules",
    "adapter",
    "answers",
    "bench",
    "card",
    "case",
    "clearing-columns",
    "criteria",
    "device",
    "event",
    "history",
    "journal",
    "key",
    "lab",
    "lock",
    "presets",
    "quarantine",
    "reasons",
    "reconciliation",
    "requirements",
    "result",
    "validator",
];

/// The JSON Schema of a format, by name.
#[must_use]
pub fn of(name: &str) -> Option<Schema> {
    Some(match name {
        "acquirer-keys" => schemars::schema_for!(crate::acquirer::keys::Keys),
        "acquirer-log" => schemars::schema_for!(crate::acquirer::log::Entry),
        "acquirer-rules" => schemars::schema_for!(crate::acquirer::rules::Rules),
        "adapter" => schemars::schema_for!(crate::adapter::Line),
        "answers" => schemars::schema_for!(crate::device::answers::Answers),
        "bench" => schemars::schema_for!(crate::bench::Bench),
        "card" => schemars::schema_for!(crate::card::CardImage),
        "case" => {
            let mut schema = schemars::schema_for!(crate::case::Case).to_value();
            allow_presets(&mut schema);
            allow_names(&mut schema);
            Schema::try_from(schema).ok()?
        }
        "clearing-columns" => schemars::schema_for!(crate::books::columns::Columns),
        "criteria" => schemars::schema_for!(crate::criteria::Criteria),
        "device" => schemars::schema_for!(crate::device::Device),
        "event" => schemars::schema_for!(crate::event::Event),
        "history" => schemars::schema_for!(crate::history::Night),
        "journal" => schemars::schema_for!(crate::books::journal::Ride),
        "key" => schemars::schema_for!(crate::card::KeyFile),
        "lab" => schemars::schema_for!(crate::lab::Lab),
        "lock" => schemars::schema_for!(crate::lock::Lock),
        "presets" => schemars::schema_for!(crate::preset::Presets),
        "quarantine" => schemars::schema_for!(crate::quarantine::Quarantine),
        "reasons" => schemars::schema_for!(crate::reason::Reasons),
        "reconciliation" => schemars::schema_for!(crate::books::result::Reconciliation),
        "requirements" => schemars::schema_for!(crate::requirement::Requirements),
        "result" => schemars::schema_for!(crate::result::RunResult),
        "validator" => schemars::schema_for!(crate::validator::Validator),
        _ => return None,
    })
}

/// Allows the name of a preset in place of an expectation, or within one.
fn allow_presets(schema: &mut Value) {
    let name =
        json!({ "type": "string", "description": "A preset of cases/presets.yaml.", "pattern": "^[a-z][a-z0-9-]*$" });
    let Some(expect) = schema.pointer_mut("/$defs/Expect") else { return };
    if let Some(Value::Object(properties)) = expect.get_mut("properties") {
        properties.insert("preset".into(), name.clone());
    }
    let own = expect.take();
    *expect = json!({ "anyOf": [own, name] });
}

/// Allows `{name}`, a value of the matrix, wherever a case has a word, a number or a boolean.
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

    #[test]
    fn a_reply_of_an_adapter_has_an_answer_or_an_error() {
        let schema = of("adapter").unwrap();
        let reply = &schema.as_value()["$defs"]["Reply"];
        assert_eq!(reply["oneOf"], json!([{ "required": ["ok"] }, { "required": ["error"] }]));
        assert_eq!(reply["required"], json!(["reply"]));
    }
}
