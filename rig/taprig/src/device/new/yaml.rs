//! Values as YAML on one line.

use serde_json::Value;

/// Words that YAML or taprig would not read as text.
const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// A text, in quotes if it needs them. It has to be a single line.
pub(super) fn text(text: &str) -> String {
    let may_begin = |c: char| c.is_ascii_alphanumeric();
    let may_follow = |c: char| c.is_ascii_alphanumeric() || " ._/-".contains(c);
    let plain = text.starts_with(may_begin)
        && text.chars().all(may_follow)
        && !text.ends_with(' ')
        && text.parse::<f64>().is_err()
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

/// A value: a text, a list in brackets, or a map in braces.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::String(word) => text(word),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) if map.is_empty() => "{}".into(),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| format!("{}: {}", text(key), flow(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_quoted_where_yaml_would_read_something_else() {
        for plain in ["approved", "1.00 CNY", "E131", "test-ca-1408-e3", "GOOD RIDE"] {
            assert_eq!(text(plain), plain);
        }
        for (word, quoted) in [
            ("51", "'51'"),
            ("1E3", "'1E3'"),
            ("on", "'on'"),
            ("true", "'true'"),
            ("it's", "'it''s'"),
            ("a: b", "'a: b'"),
            ("^=0$", "'^=0$'"),
            ("", "''"),
            (" x", "' x'"),
            ("显示", "'显示'"),
        ] {
            assert_eq!(text(word), quoted);
        }
    }

    #[test]
    fn values_keep_to_one_line() {
        let value = json!({ "fare": "1.00 CNY", "keys": ["a", "51"], "debit": true, "capacity": 200, "none": {} });
        assert_eq!(flow(&value), "{ capacity: 200, debit: true, fare: 1.00 CNY, keys: [a, '51'], none: {} }");
    }
}
