//! A call as a command of a POSIX shell; never run here.

use super::{KEY_VARIABLE, SampleRequest};
use crate::web::docs::highlight::pretty;

/// The command.
pub(super) fn sample(request: &SampleRequest) -> String {
    let mut parts = Vec::new();
    let url = quoted(&request.url);
    match request.method {
        http::Method::GET => parts.push(format!("curl {url}")),
        http::Method::HEAD => parts.push(format!("curl --head {url}")),
        ref method => parts.push(format!("curl -X {method} {url}")),
    }
    if request.needs_key {
        // In double quotes, so that the shell puts the key in.
        parts.push(format!("-H \"Authorization: Bearer ${KEY_VARIABLE}\""));
    }
    for (name, value) in &request.fields {
        parts.push(format!("-H {}", quoted(&format!("{name}: {value}"))));
    }
    if let Some(body) = &request.body {
        parts.push("-H 'Content-Type: application/json'".to_owned());
        parts.push(format!("--data {}", quoted(&pretty(body))));
    }
    parts.join(" \\\n  ")
}

/// A word of the shell that means itself.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
