//! Kinds and rules of a schema in a few words each; never what is inside of it.

use serde_json::Value;

use crate::web::docs::model::document::{Document, flag, text};

/// The names in a list of options that say no more than which fields must be there.
pub(super) fn required_alone(options: &[Value]) -> Option<String> {
    let of = |option: &Value| {
        let object = option.as_object().filter(|o| o.len() == 1)?;
        let names = object.get("required")?.as_array()?;
        let names: Vec<_> = names.iter().filter_map(Value::as_str).collect();
        Some(names.join(" and "))
    };
    let all: Option<Vec<_>> = options.iter().map(of).collect();
    all.filter(|a| !a.is_empty()).map(|a| a.join(", "))
}

/// The kind of a schema of which nothing is said.
pub(super) const ANY: &str = "any value";

pub(super) fn kind_of(schema: &Value) -> String {
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all
            .iter()
            .filter_map(Value::as_str)
            .filter(|t| *t != "null")
            .collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() {
        return types.join(" or ");
    }
    if *schema == Value::Bool(false) {
        return "nothing".to_owned();
    }
    if schema.get("properties").is_some() {
        return "object".to_owned();
    }
    if schema.get("items").is_some() || schema.get("prefixItems").is_some() {
        return "array".to_owned();
    }
    let of_value = schema.get("const").or_else(|| schema.get("enum")?.get(0));
    match of_value {
        Some(Value::String(_)) => "string".to_owned(),
        Some(Value::Number(_)) => "number".to_owned(),
        Some(Value::Bool(_)) => "boolean".to_owned(),
        _ => ANY.to_owned(),
    }
}

pub(super) fn is_nullable(schema: &Value) -> bool {
    let among = |list: Option<&Value>, null: &Value| {
        let list = list.and_then(Value::as_array);
        list.is_some_and(|all| all.contains(null))
    };
    flag(schema, "nullable")
        || among(schema.get("type"), &Value::from("null"))
        || among(schema.get("enum"), &Value::Null)
}

pub(super) fn plural(kind: &str) -> String {
    match kind {
        ANY => "any values".to_owned(),
        _ if kind.starts_with("array of ") => kind.replacen("array", "arrays", 1),
        _ if kind.contains(' ') => kind.to_owned(),
        _ => format!("{kind}s"),
    }
}

/// What must hold beside the kind, a few words each.
pub(super) fn rules(schema: &Value) -> Vec<String> {
    let number = |name: &str| schema.get(name).filter(|v| v.is_number());
    // Before OpenAPI 3.1 a bound was made exclusive by a flag beside it.
    let (more_than, less_than) = ("exclusiveMinimum", "exclusiveMaximum");
    let lowest = number("minimum").filter(|_| !flag(schema, more_than));
    let highest = number("maximum").filter(|_| !flag(schema, less_than));
    let above = number(more_than).or_else(|| number("minimum").filter(|_| lowest.is_none()));
    let below = number(less_than).or_else(|| number("maximum").filter(|_| highest.is_none()));
    let range = |low: &str, high: &str, unit: &str| between(number(low), number(high), unit);
    let mut all = Vec::new();
    all.extend(text(schema, "format").map(str::to_owned));
    all.extend(between(lowest, highest, ""));
    all.extend(above.map(|n| format!("more than {n}")));
    all.extend(below.map(|n| format!("less than {n}")));
    all.extend(number("multipleOf").map(|n| format!("a multiple of {n}")));
    all.extend(range("minLength", "maxLength", " characters"));
    all.extend(range("minItems", "maxItems", " items"));
    all.extend(range("minProperties", "maxProperties", " fields"));
    if flag(schema, "uniqueItems") {
        all.push("no item twice".to_owned());
    }
    all.extend(text(schema, "contentEncoding").map(|c| format!("encoded as {c}")));
    all.extend(text(schema, "contentMediaType").map(|t| format!("holds {t}")));
    let closed = ["additionalProperties", "unevaluatedProperties"];
    let is_closed = |name: &str| schema.get(name) == Some(&Value::Bool(false));
    if closed.iter().any(|name| is_closed(name)) {
        all.push("no other fields".to_owned());
    }
    for (name, with) in Document(schema).members(schema, "dependentRequired") {
        let with: Vec<_> = with.as_array().into_iter().flatten().collect();
        let with: Vec<_> = with.into_iter().filter_map(Value::as_str).collect();
        all.push(format!("{name} only with {}", with.join(" and ")));
    }
    let kind = schema.get("discriminator");
    all.extend(
        kind.and_then(|d| text(d, "propertyName"))
            .map(|name| format!("{name} tells which")),
    );
    all.extend(text(schema, "pattern").map(|p| format!("matches {p}")));
    all
}

/// A range in words; nothing where it has no end.
fn between(low: Option<&Value>, high: Option<&Value>, unit: &str) -> Option<String> {
    let last = high.or(low)?;
    let unit = match last.as_u64() {
        Some(1) => unit.trim_end_matches('s'),
        _ => unit,
    };
    Some(match (low, high) {
        (Some(a), Some(b)) if a == b => format!("exactly {a}{unit}"),
        (Some(a), Some(b)) => format!("{a} to {b}{unit}"),
        (Some(a), None) => format!("at least {a}{unit}"),
        (None, Some(b)) => format!("at most {b}{unit}"),
        (None, None) => return None,
    })
}
