//! A call as a JavaScript module for Node.js, with the language's own fetch; never run here.

use serde_json::Value;

use super::{KEY_VARIABLE, SampleRequest};
use crate::web::docs::highlight::pretty;

/// The program.
pub(super) fn sample(request: &SampleRequest) -> String {
    let mut options = Vec::new();
    if request.method != http::Method::GET {
        options.push(format!("method: \"{}\"", request.method));
    }
    let mut fields = Vec::new();
    if request.needs_key {
        fields.push(format!(
            "Authorization: `Bearer ${{process.env.{KEY_VARIABLE}}}`"
        ));
    }
    for (name, value) in &request.fields {
        fields.push(format!("{}: {}", text(name), text(value)));
    }
    if request.body.is_some() {
        fields.push("\"Content-Type\": \"application/json\"".to_owned());
    }
    if !fields.is_empty() {
        options.push(format!(
            "headers: {{\n    {},\n  }}",
            fields.join(",\n    ")
        ));
    }
    if let Some(body) = &request.body {
        let value = pretty(body).replace('\n', "\n  ");
        options.push(format!("body: JSON.stringify({value})"));
    }
    let options = if options.is_empty() {
        String::new()
    } else {
        format!(", {{\n  {},\n}}", options.join(",\n  "))
    };
    let shown = if request.has_no_answer() {
        "response.status"
    } else {
        "await response.json()"
    };
    format!(
        "const response = await fetch({}{options});\nif (!response.ok) throw new Error(await response.text());\nconsole.log({shown});",
        text(&request.url)
    )
}

fn text(s: &str) -> String {
    Value::from(s).to_string()
}
