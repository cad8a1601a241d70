//! A call as a Python program with the package requests; never run here.

use serde_json::Value;

use super::{KEY_VARIABLE, SampleRequest};

/// The program.
pub(super) fn sample(request: &SampleRequest) -> String {
    let method = request.method.as_str().to_ascii_lowercase();
    let mut out = String::new();
    if request.needs_key {
        out.push_str("import os\n\n");
    }
    out.push_str("import requests\n\n");
    out.push_str(&format!("response = requests.{method}(\n"));
    out.push_str(&format!("    {},\n", text(&request.url)));
    let mut fields = Vec::new();
    if request.needs_key {
        fields.push(format!(
            "\"Authorization\": f\"Bearer {{os.environ['{KEY_VARIABLE}']}}\""
        ));
    }
    let own = request.fields.iter();
    fields.extend(own.map(|(n, v)| format!("{}: {}", text(n), text(v))));
    if !fields.is_empty() {
        out.push_str(&format!("    headers={{{}}},\n", fields.join(", ")));
    }
    if let Some(body) = &request.body {
        out.push_str(&format!("    json={},\n", literal(body, 1)));
    }
    out.push_str("    timeout=30,\n)\nresponse.raise_for_status()\n");
    out.push_str(if request.has_no_answer() {
        "print(response.status_code)"
    } else {
        "print(response.json())"
    });
    out
}

/// A value as Python writes it.
fn literal(value: &Value, depth: usize) -> String {
    let (inner, outer) = ("    ".repeat(depth + 1), "    ".repeat(depth));
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(n) => n.to_string(),
        Value::String(s) => text(s),
        Value::Array(all) if all.iter().all(|v| !v.is_object() && !v.is_array()) => {
            let items: Vec<_> = all.iter().map(|v| literal(v, depth)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Array(all) => {
            let items = all
                .iter()
                .map(|v| format!("{inner}{},\n", literal(v, depth + 1)));
            format!("[\n{}{outer}]", items.collect::<String>())
        }
        Value::Object(all) if all.is_empty() => "{}".to_owned(),
        Value::Object(all) => {
            let items = all
                .iter()
                .map(|(k, v)| format!("{inner}{}: {},\n", text(k), literal(v, depth + 1)));
            format!("{{\n{}{outer}}}", items.collect::<String>())
        }
    }
}

/// A string. Those of JSON mean the same in Python, but for pairs of surrogates, which are not written here.
fn text(s: &str) -> String {
    Value::from(s).to_string()
}
