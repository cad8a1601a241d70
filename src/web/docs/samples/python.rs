//! A call as a Python program with the package requests; never run here.

use serde_json::Value;

use super::literal::{Words, literal};
use super::{KEY_VARIABLE, SampleRequest};

/// How Python writes values.
const WORDS: Words = Words {
    null: "None",
    yes: "True",
    no: "False",
    object: ("{", "}"),
    pair: ": ",
    empty_object: "{}",
    text,
};

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
        out.push_str(&format!("    json={},\n", literal(body, 1, &WORDS)));
    }
    out.push_str("    timeout=30,\n)\nresponse.raise_for_status()\n");
    out.push_str(if request.has_no_answer() {
        "print(response.status_code)"
    } else {
        "print(response.json())"
    });
    out
}

/// A string. Those of JSON mean the same in Python, but for pairs of surrogates, which are not written here.
fn text(s: &str) -> String {
    Value::from(s).to_string()
}
