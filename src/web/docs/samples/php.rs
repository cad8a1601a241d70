//! A call as a PHP program without extensions; never run here.

use serde_json::Value;

use super::{KEY_VARIABLE, SampleRequest};

/// The program.
pub(super) fn sample(request: &SampleRequest) -> String {
    let mut fields = Vec::new();
    if request.needs_key {
        fields.push(format!(
            "'Authorization: Bearer ' . getenv('{KEY_VARIABLE}')"
        ));
    }
    for (name, value) in &request.fields {
        fields.push(text(&format!("{name}: {value}")));
    }
    let mut options = vec![format!("'method' => '{}'", request.method)];
    let mut before = String::new();
    if let Some(body) = &request.body {
        fields.push("'Content-Type: application/json'".to_owned());
        before = format!("$body = json_encode({});\n", literal(body, 0));
        options.push("'content' => $body".to_owned());
    }
    options.push("'ignore_errors' => true".to_owned());
    if !fields.is_empty() {
        let list = fields.join(",\n        ");
        options.insert(1, format!("'header' => [\n        {list},\n    ]"));
    }
    format!(
        "<?php\n{before}$context = stream_context_create(['http' => [\n    {},\n]]);\n$answer = file_get_contents({}, false, $context);\necho $http_response_header[0], \"\\n\", $answer, \"\\n\";",
        options.join(",\n    "),
        text(&request.url),
    )
}

/// A value as PHP writes it.
fn literal(value: &Value, depth: usize) -> String {
    let (inner, outer) = ("    ".repeat(depth + 1), "    ".repeat(depth));
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
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
        // An empty array would be written as a list.
        Value::Object(all) if all.is_empty() => "new stdClass()".to_owned(),
        Value::Object(all) => {
            let items = all
                .iter()
                .map(|(k, v)| format!("{inner}{} => {},\n", text(k), literal(v, depth + 1)));
            format!("[\n{}{outer}]", items.collect::<String>())
        }
    }
}

/// A string in which nothing is replaced.
fn text(s: &str) -> String {
    format!("'{}'", s.replace('\\', "\\\\").replace('\'', "\\'"))
}
