//! Decides what becomes of a recorded event once its bodies are known: release, drop or unresolved; never waits or writes.

use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::Value;

use super::facts::{self, Facts};
use super::identity::{self, Origin, Repeatable};
use super::model::Settlement;
use super::rules::Rule;
use crate::base::ceilings::EVENT_DATA_BYTES;
use crate::base::media_type::is_json;

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
        if value.to_str().is_ok_and(is_json) {
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
    pub(super) route: &'a str,
    pub(super) facts: &'a mut Facts,
    pub(super) request_form: BodyForm,
    pub(super) response_form: BodyForm,
    pub(super) resource_id: Option<&'a str>,
    pub(super) repeatable: Option<&'a Repeatable>,
}

/// What became of the events of an exchange.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub(super) settlements: Vec<Settlement>,
    /// Conditions that failed to evaluate.
    pub(super) condition_errors: u64,
    /// Shapes that did.
    pub(super) shape_errors: u64,
}

/// Decides for each event.
pub(super) fn decide<'e>(
    exchange: Exchange<'_>,
    events: impl Iterator<Item = (&'e str, &'e Rule)>,
    captured: &Captured,
) -> Decided {
    let request = Body::read(&captured.request, exchange.request_form);
    let response = Body::read(&captured.response, exchange.response_form);
    let facts = exchange.facts;
    facts.set_bodies(request.value(), response.value());
    let told = response.id();
    let mut bodies = Bodies {
        request,
        response,
        shaped_bytes: 0,
    };
    let mut decided = Decided::default();
    for (id, rule) in events {
        let (event_id, account_id) = (id.to_owned(), exchange.account_id.to_owned());
        let settlement = match bodies.answer(rule, facts, &mut decided) {
            Answer::Lost => Settlement::Unresolved {
                event_id,
                account_id,
            },
            Answer::No => Settlement::Drop {
                event_id,
                account_id,
            },
            Answer::Yes => {
                let resource_id = told.as_deref().or(exchange.resource_id);
                let (data, truncated) = bodies.data(rule, facts, resource_id, &mut decided);
                let origin = Origin {
                    account_id: exchange.account_id,
                    route: exchange.route,
                    rule,
                };
                Settlement::Release {
                    released_id: resource_id.map(|r| match exchange.repeatable {
                        Some(request) => identity::repeated(origin, request, r),
                        None => identity::released(id, r),
                    }),
                    event_id,
                    account_id,
                    data,
                    truncated,
                    resource_id: told.clone(),
                }
            }
        };
        decided.settlements.push(settlement);
    }
    decided
}

/// What a rule's condition says.
enum Answer {
    Yes,
    No,
    /// It needs a body that is lost.
    Lost,
}

/// The bodies of an exchange while its events are decided on.
struct Bodies<'a> {
    request: Body<'a>,
    response: Body<'a>,
    /// What shapes made of them so far: their room is that of the exchange.
    shaped_bytes: usize,
}

impl Bodies<'_> {
    fn answer(&self, rule: &Rule, facts: &Facts, decided: &mut Decided) -> Answer {
        let Some(c) = rule.condition().filter(|c| c.needs_body()) else {
            return Answer::Yes;
        };
        if self.lack(c.needs_request_body(), c.needs_response_body()) {
            return Answer::Lost;
        }
        match c.holds(facts) {
            Ok(true) => Answer::Yes,
            Ok(false) => Answer::No,
            Err(why) => {
                decided.condition_errors += 1;
                tracing::debug!(event_type = %rule.event_type, why, "a condition failed");
                Answer::No
            }
        }
    }

    /// Whether a body that is needed is lost.
    fn lack(&self, request: bool, response: bool) -> bool {
        (request && self.request.is_lost()) || (response && self.response.is_lost())
    }

    /// An event's `data` and whether it is truncated: what its rule makes of the exchange, or the response's JSON as it was
    /// sent; the id where there was nothing, or where it is lost.
    fn data(
        &mut self,
        rule: &Rule,
        facts: &Facts,
        resource_id: Option<&str>,
        decided: &mut Decided,
    ) -> (String, bool) {
        let Some(shape) = rule.shape() else {
            return match &self.response {
                Body::Json(_, text) if text.len() <= EVENT_DATA_BYTES => {
                    ((*text).to_owned(), false)
                }
                Body::Empty => (thin(resource_id), false),
                Body::Json(..) | Body::NotJson | Body::Lost => (thin(resource_id), true),
            };
        };
        if self.lack(shape.needs_request_body(), shape.needs_response_body()) {
            return (thin(resource_id), true);
        }
        match shape.data(facts, EVENT_DATA_BYTES.saturating_sub(self.shaped_bytes)) {
            Ok(text) => {
                self.shaped_bytes += text.len();
                (text, false)
            }
            Err(why) => {
                decided.shape_errors += 1;
                tracing::debug!(event_type = %rule.event_type, why, "data could not be made");
                (thin(resource_id), true)
            }
        }
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
    let resource_id = event.resource_id.as_deref();
    Settlement::Release {
        released_id: resource_id.map(|r| identity::released(&event.id, r)),
        event_id,
        account_id,
        data: thin(resource_id),
        truncated: true,
        resource_id: event.resource_id.clone(),
    }
}
