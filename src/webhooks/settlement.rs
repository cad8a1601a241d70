//! Decides what becomes of a recorded event once its bodies are known: release, drop or unresolved; never waits or writes.

use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::Value;

use super::facts::{self, Facts};
use super::model::Settlement;
use super::rules::Rule;

/// What was kept of a body.
#[derive(Debug, Clone, Default)]
pub struct CapturedBody {
    /// Its bytes, at most `ceilings.captured_body_bytes`.
    pub bytes: Bytes,
    /// Whether these are all: false when it was over the ceiling or broke off.
    pub is_complete: bool,
}

impl CapturedBody {
    /// A body that was not there at all.
    pub const fn none() -> Self {
        Self {
            bytes: Bytes::new(),
            is_complete: true,
        }
    }

    /// A body that could not be kept.
    pub const fn lost() -> Self {
        Self {
            bytes: Bytes::new(),
            is_complete: false,
        }
    }

    /// A whole body.
    pub const fn whole(bytes: Bytes) -> Self {
        Self {
            bytes,
            is_complete: true,
        }
    }
}

/// What was kept of an exchange. Where no rule wants the request's body, give [`CapturedBody::none`].
#[derive(Debug, Clone, Default)]
pub struct Captured {
    /// The request's body.
    pub request: CapturedBody,
    /// The response's body.
    pub response: CapturedBody,
}

/// How a header says that its body is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyForm {
    /// JSON, or nothing said.
    Json,
    /// Another media type.
    Other,
    /// Encoded in a way that is not undone here.
    Encoded,
}

impl BodyForm {
    /// Reads Content-Type and Content-Encoding.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let encoded = headers
            .get_all(header::CONTENT_ENCODING)
            .iter()
            .any(|v| !v.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"));
        if encoded {
            return Self::Encoded;
        }
        let Some(value) = headers.get(header::CONTENT_TYPE) else {
            return Self::Json;
        };
        let essence = value
            .as_bytes()
            .split(|b| *b == b';')
            .next()
            .unwrap_or_default()
            .trim_ascii()
            .to_ascii_lowercase();
        if essence.starts_with(b"application/json") || essence.ends_with(b"+json") {
            Self::Json
        } else {
            Self::Other
        }
    }
}

/// A body as conditions and data see it.
enum Body<'a> {
    /// There was none.
    Empty,
    /// JSON and its text.
    Json(Value, &'a str),
    /// All of it is known, and it is not JSON.
    NotJson,
    /// Over a ceiling, broken off or encoded.
    Lost,
}

impl<'a> Body<'a> {
    fn read(body: &'a CapturedBody, form: BodyForm) -> Self {
        if !body.is_complete {
            return Self::Lost;
        }
        if body.bytes.is_empty() {
            return Self::Empty;
        }
        match form {
            BodyForm::Encoded => return Self::Lost,
            BodyForm::Other => return Self::NotJson,
            BodyForm::Json => {}
        }
        let Ok(text) = std::str::from_utf8(&body.bytes) else {
            return Self::NotJson;
        };
        match serde_json::from_str::<Value>(text) {
            Ok(v) if facts::is_too_large(&v) => Self::Lost,
            Ok(v) => Self::Json(v, text.trim_ascii()),
            Err(_) => Self::NotJson,
        }
    }

    fn value(&self) -> &Value {
        match self {
            Self::Json(v, _) => v,
            _ => &Value::Null,
        }
    }

    fn is_lost(&self) -> bool {
        matches!(self, Self::Lost)
    }

    /// The resource's id, where the JSON has one at its top.
    fn id(&self) -> Option<String> {
        match self.value().get("id")? {
            Value::String(s) if !s.is_empty() => Some(s.clone()),
            Value::Number(n) => Some(n.to_string()),
            _ => None,
        }
    }
}

/// What a decision is made from.
pub(super) struct Exchange<'a> {
    pub(super) account_id: &'a str,
    pub(super) facts: &'a mut Facts,
    pub(super) request_form: BodyForm,
    pub(super) response_form: BodyForm,
    pub(super) resource_id: Option<&'a str>,
}

/// Decides for each event, and counts the conditions that failed to evaluate.
pub(super) fn decide<'e>(
    exchange: Exchange<'_>,
    events: impl Iterator<Item = (&'e str, &'e Rule)>,
    captured: &Captured,
) -> (Vec<Settlement>, u64) {
    let request = Body::read(&captured.request, exchange.request_form);
    let response = Body::read(&captured.response, exchange.response_form);
    let facts = exchange.facts;
    facts.set_bodies(request.value(), response.value());
    let mut errors = 0;
    let settlements = events
        .map(|(id, rule)| {
            let (event_id, account_id) = (id.to_owned(), exchange.account_id.to_owned());
            if let Some(c) = rule.condition().filter(|c| c.needs_body()) {
                let lost = (c.needs_request_body() && request.is_lost())
                    || (c.needs_response_body() && response.is_lost());
                if lost {
                    return Settlement::Unresolved {
                        event_id,
                        account_id,
                    };
                }
                match c.holds(facts) {
                    Ok(true) => {}
                    Ok(false) => {
                        return Settlement::Drop {
                            event_id,
                            account_id,
                        };
                    }
                    Err(why) => {
                        errors += 1;
                        tracing::debug!(event_type = %rule.event_type, why, "a condition failed");
                        return Settlement::Drop {
                            event_id,
                            account_id,
                        };
                    }
                }
            }
            let (data, truncated) = data(&response, exchange.resource_id);
            Settlement::Release {
                event_id,
                account_id,
                data,
                truncated,
                resource_id: response.id(),
                released_id: None,
            }
        })
        .collect();
    (settlements, errors)
}

/// An event's `data`: the response's JSON as it was sent; the id where there was nothing, or where it is lost.
fn data(response: &Body<'_>, resource_id: Option<&str>) -> (String, bool) {
    match response {
        Body::Json(_, text) => ((*text).to_owned(), false),
        Body::Empty => (thin(resource_id), false),
        Body::NotJson | Body::Lost => (thin(resource_id), true),
    }
}

/// `data` that has the resource's id only; `null` where nobody knows it.
pub(super) fn thin(resource_id: Option<&str>) -> String {
    serde_json::json!({ "id": resource_id }).to_string()
}

/// What a sweep makes of an event whose exchange is gone.
pub(super) fn after_a_crash(event: &super::model::Event) -> Settlement {
    let (event_id, account_id) = (event.id.clone(), event.account_id.clone());
    if event.conditional {
        return Settlement::Unresolved {
            event_id,
            account_id,
        };
    }
    Settlement::Release {
        event_id,
        account_id,
        data: thin(event.resource_id.as_deref()),
        truncated: true,
        resource_id: event.resource_id.clone(),
        released_id: None,
    }
}
