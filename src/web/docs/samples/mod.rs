//! Programs that make one call of the API, in each language; never a call.

mod curl;
mod javascript;
mod literal;
mod php;
mod python;
#[cfg(test)]
mod tests;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::highlight::Language;
use super::model::Operation;
use super::model::operation::{Content, Detail, Parameter, Place};
use crate::base::media_type::is_json;

/// The environment variable that samples take the key from, so that it stands in no program.
pub(crate) const KEY_VARIABLE: &str = "API_KEY";

/// What a path segment or a value of a query has as it is (RFC 3986 section 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A call that samples make.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SampleRequest {
    /// The method.
    pub(crate) method: http::Method,
    /// The whole URL.
    pub(crate) url: String,
    /// Whether a key is sent.
    pub(crate) needs_key: bool,
    /// Header fields that must be there.
    pub(crate) fields: Vec<(String, String)>,
    /// What is sent, as JSON.
    pub(crate) body: Option<Value>,
}

impl SampleRequest {
    /// Whether the answer is known by its status alone.
    fn has_no_answer(&self) -> bool {
        matches!(self.method, http::Method::DELETE | http::Method::HEAD)
    }
}

/// A sample of one language.
#[derive(Debug)]
pub(crate) struct Sample {
    /// The language.
    pub(crate) title: &'static str,
    /// How it is coloured.
    pub(crate) language: Language,
    /// The program.
    pub(crate) code: String,
}

/// The call that shows an operation: its examples, and no more parameters than it must have.
pub(crate) fn request(operation: &Operation, detail: &Detail, api_url: &str) -> SampleRequest {
    let mut path = operation.path.clone();
    let mut query = Vec::new();
    let mut fields = Vec::new();
    let mut cookies = Vec::new();
    for parameter in &detail.parameters {
        let values = values_of(parameter);
        let joined = values.join(",");
        match parameter.place {
            Place::Path => {
                let encoded = utf8_percent_encode(&joined, UNRESERVED).to_string();
                path = path.replace(&format!("{{{}}}", parameter.name), &encoded);
            }
            Place::Query if parameter.is_required => {
                let name = utf8_percent_encode(&parameter.name, UNRESERVED);
                let each = if parameter.is_exploded {
                    values
                } else {
                    vec![joined]
                };
                query.extend(each.iter().map(|value| {
                    let value = utf8_percent_encode(value, UNRESERVED);
                    format!("{name}={value}")
                }));
            }
            Place::Header if parameter.is_required => fields.push((parameter.name.clone(), joined)),
            Place::Cookie if parameter.is_required => {
                cookies.push(format!("{}={joined}", parameter.name));
            }
            _ => {}
        }
    }
    if !cookies.is_empty() {
        fields.push(("Cookie".to_owned(), cookies.join("; ")));
    }
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{}", query.join("&"))
    };
    let body = detail.body.as_ref().map(|b| &b.content);
    let body = body.filter(|c| has_sample(c));
    SampleRequest {
        method: operation.method.clone(),
        url: format!("{api_url}{path}{query}"),
        needs_key: operation.needs_key(),
        fields,
        body: body
            .and_then(|c| c.examples.first())
            .map(|(_, v)| v.clone()),
    }
}

/// Whether samples send a body: other types than JSON have too many forms to show one that works.
pub(crate) fn has_sample(content: &Content) -> bool {
    is_json(&content.media_type)
}

/// The samples of a call, in the order of their tabs.
pub(crate) fn samples(request: &SampleRequest) -> Vec<Sample> {
    let sample = |title, language, code| Sample {
        title,
        language,
        code,
    };
    vec![
        sample("curl", Language::Shell, curl::sample(request)),
        sample("Python", Language::Python, python::sample(request)),
        sample(
            "JavaScript",
            Language::JavaScript,
            javascript::sample(request),
        ),
        sample("PHP", Language::Php, php::sample(request)),
    ]
}

/// Values that a parameter may have: several where it is a list.
fn values_of(parameter: &Parameter) -> Vec<String> {
    let shape = &parameter.shape;
    let known = shape
        .example
        .as_ref()
        .or(shape.default.as_ref())
        .or(shape.values.first());
    let of = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match known {
        Some(Value::Array(all)) => all.iter().map(of).collect(),
        Some(one) => vec![of(one)],
        None if shape.kind == "integer" || shape.kind == "number" => vec!["1".to_owned()],
        None if shape.kind == "boolean" => vec!["true".to_owned()],
        None => vec![parameter.name.to_uppercase()],
    }
}
