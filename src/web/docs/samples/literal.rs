//! A JSON value as a language of the samples writes it; never how a call is written around it.

use serde_json::Value;

/// How a language writes values.
pub(super) struct Words {
    pub(super) null: &'static str,
    pub(super) yes: &'static str,
    pub(super) no: &'static str,
    /// Before and after the members of an object.
    pub(super) object: (&'static str, &'static str),
    /// Between a name and its value.
    pub(super) pair: &'static str,
    /// An object without members.
    pub(super) empty_object: &'static str,
    /// Writes a string.
    pub(super) text: fn(&str) -> String,
}

/// A value within `depth` steps of indentation; what holds values of values has a line for each.
pub(super) fn literal(value: &Value, depth: usize, words: &Words) -> String {
    let of = |value: &Value, depth| literal(value, depth, words);
    match value {
        Value::Null => words.null.to_owned(),
        Value::Bool(true) => words.yes.to_owned(),
        Value::Bool(false) => words.no.to_owned(),
        Value::Number(n) => n.to_string(),
        Value::String(s) => (words.text)(s),
        Value::Array(all) if all.iter().all(|v| !v.is_object() && !v.is_array()) => {
            let items: Vec<_> = all.iter().map(|v| of(v, depth)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Array(all) => {
            let items = all.iter().map(|v| of(v, depth + 1));
            lines(("[", "]"), depth, items)
        }
        Value::Object(all) if all.is_empty() => words.empty_object.to_owned(),
        Value::Object(all) => {
            let name = |k: &str| (words.text)(k);
            let items = all
                .iter()
                .map(|(k, v)| format!("{}{}{}", name(k), words.pair, of(v, depth + 1)));
            lines(words.object, depth, items)
        }
    }
}

fn lines((open, close): (&str, &str), depth: usize, items: impl Iterator<Item = String>) -> String {
    let (inner, outer) = ("    ".repeat(depth + 1), "    ".repeat(depth));
    let items: String = items.map(|item| format!("{inner}{item},\n")).collect();
    format!("{open}\n{items}{outer}{close}")
}
