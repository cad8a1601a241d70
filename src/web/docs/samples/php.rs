//! A call as a PHP program without extensions; never run here.

use super::literal::{Words, literal};
use super::{KEY_VARIABLE, SampleRequest};

/// How PHP writes values.
const WORDS: Words = Words {
    null: "null",
    yes: "true",
    no: "false",
    object: ("[", "]"),
    pair: " => ",
    // An empty array would be written as a list.
    empty_object: "new stdClass()",
    text,
};

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
        before = format!("$body = json_encode({});\n", literal(body, 0, &WORDS));
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

/// A string in which nothing is replaced.
fn text(s: &str) -> String {
    format!("'{}'", s.replace('\\', "\\\\").replace('\'', "\\'"))
}
