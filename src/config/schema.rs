//! The JSON Schema of the configuration file, made from the shapes; never written by hand.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::file::ConfigFile;

/// The schema as it is published for editors, with `$defs`.
pub fn published() -> Value {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<ConfigFile>()
        .to_value()
}

/// The schema without `$ref`, so that a validator's pointer into it leads to the keyword itself.
pub(super) static INLINE: LazyLock<Value> = LazyLock::new(|| {
    SchemaSettings::draft2020_12()
        .with(|s| s.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<ConfigFile>()
        .to_value()
});

/// What `schema` wants, in words that follow "expected".
pub(super) fn expectation(schema: &Value) -> String {
    let constants = constants(schema);
    if !constants.is_empty() {
        return or_null(format!("one of {}", constants.join(", ")), schema);
    }
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
        let words: Vec<String> = options.iter().map(expectation).collect();
        return words.join(" or ");
    }
    let words = match type_name(schema) {
        Some("integer") => whole_number(schema),
        Some("string") => text(schema),
        Some("boolean") => "true or false".to_owned(),
        Some("array") => list(schema),
        Some("object") => mapping(schema),
        Some("null") => "null".to_owned(),
        _ => "another value".to_owned(),
    };
    or_null(words, schema)
}

/// The names that an object may have; `None` where they are free.
pub(super) fn known_names(schema: &Value) -> Option<Vec<&str>> {
    let properties = schema.get("properties")?.as_object()?;
    Some(properties.keys().map(String::as_str).collect())
}

fn or_null(words: String, schema: &Value) -> String {
    let nullable = schema
        .get("type")
        .and_then(Value::as_array)
        .is_some_and(|t| t.iter().any(|t| t == "null"));
    if nullable {
        format!("{words}, or null")
    } else {
        words
    }
}

fn constants(schema: &Value) -> Vec<String> {
    let texts = |v: &Value| v.as_str().map(str::to_owned);
    let list = |key: &str| schema.get(key).and_then(Value::as_array);
    if let Some(options) = list("enum") {
        return options.iter().filter_map(texts).collect();
    }
    list("oneOf")
        .into_iter()
        .flatten()
        .flat_map(|o| {
            o.get("const")
                .and_then(texts)
                .map_or_else(|| constants(o), |c| vec![c])
        })
        .collect()
}

fn type_name(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(s) => Some(s),
        Value::Array(a) => a.iter().filter_map(Value::as_str).find(|t| *t != "null"),
        _ => None,
    }
}

fn whole_number(schema: &Value) -> String {
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
    match (bound("minimum"), bound("maximum")) {
        (Some(min), Some(max)) => format!("a whole number from {min} to {max}"),
        (Some(min), None) => format!("a whole number of at least {min}"),
        (None, Some(max)) => format!("a whole number of at most {max}"),
        (None, None) => "a whole number".to_owned(),
    }
}

fn text(schema: &Value) -> String {
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
    match (bound("minLength"), bound("maxLength")) {
        (Some(min), Some(max)) => format!("text of {min} to {max} characters"),
        (Some(min), None) => format!("text of at least {min} characters"),
        (None, Some(max)) => format!("text of at most {max} characters"),
        (None, None) => "text".to_owned(),
    }
    .replace("at least 1 characters", "at least 1 character")
}

fn list(schema: &Value) -> String {
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
    match (bound("minItems"), bound("maxItems")) {
        (_, Some(max)) => format!("a list of at most {max}"),
        (Some(min), None) if min > 0 => "a list that is not empty".to_owned(),
        _ => "a list".to_owned(),
    }
}

fn mapping(schema: &Value) -> String {
    match known_names(schema) {
        Some(names) => format!("a mapping with {}", names.join(", ")),
        None => "a mapping of names to values".to_owned(),
    }
}
