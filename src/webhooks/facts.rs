//! What a condition can look at: the facts of one exchange as CEL values; never the decision.

use std::collections::HashMap;
use std::sync::Arc;

use cel::objects::{Key, Map};
use cel::{Context, Value};
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;

/// Values of a JSON body at most: what a loop can cost is bounded by it.
pub const BODY_VALUES: usize = 10_000;

/// Request fields that conditions see; none of them carries a credential.
const REQUEST_FIELDS: &[&str] = &["content-type", "idempotency-key", "user-agent"];
/// Response fields that conditions see.
const RESPONSE_FIELDS: &[&str] = &["content-type", "etag", "location"];

/// The facts of an exchange without its bodies, which come later.
#[derive(Debug, Clone)]
pub struct Facts {
    request: HashMap<Key, Value>,
    response: HashMap<Key, Value>,
    route: Value,
    account: Value,
}

/// What [`Facts::new`] takes.
#[derive(Debug, Clone, Copy)]
pub struct FactSources<'a> {
    /// Method of the request.
    pub method: &'a Method,
    /// Path as the client sent it, without the query.
    pub path: &'a str,
    /// Query as the client sent it, without the question mark.
    pub query: Option<&'a str>,
    /// Parameters of the route's template, percent-decoded.
    pub params: &'a [(String, String)],
    /// The client's header.
    pub request_headers: &'a HeaderMap,
    /// Status of the response.
    pub status: u16,
    /// The upstream's header.
    pub response_headers: &'a HeaderMap,
    /// The route's template.
    pub route: &'a str,
    /// The account.
    pub account_id: &'a str,
}

impl Facts {
    /// Takes from an exchange what conditions may look at.
    pub fn new(s: FactSources<'_>) -> Self {
        let request = entries([
            ("method", text(s.method.as_str())),
            ("path", text(s.path)),
            ("params", strings(s.params.iter().cloned())),
            ("query", strings(query_pairs(s.query.unwrap_or_default()))),
            (
                "headers",
                strings(fields(s.request_headers, REQUEST_FIELDS)),
            ),
            ("body", Value::Null),
        ]);
        let response = entries([
            ("status", Value::Int(s.status.into())),
            (
                "headers",
                strings(fields(s.response_headers, RESPONSE_FIELDS)),
            ),
            ("body", Value::Null),
        ]);
        let route = entries([("path", text(s.route)), ("method", text(s.method.as_str()))]);
        let account = entries([("id", text(s.account_id))]);
        Self {
            request,
            response,
            route: map(route),
            account: map(account),
        }
    }

    /// Adds the bodies; `Null` where there is none or it is not JSON.
    pub fn set_bodies(&mut self, request: &serde_json::Value, response: &serde_json::Value) {
        self.request.insert("body".into(), from_json(request));
        self.response.insert("body".into(), from_json(response));
    }

    /// Puts the facts where an evaluation finds them.
    pub(super) fn bind(&self, context: &mut Context<'_, '_>) {
        context.add_variable_from_value("request", map(self.request.clone()));
        context.add_variable_from_value("response", map(self.response.clone()));
        context.add_variable_from_value("route", self.route.clone());
        context.add_variable_from_value("account", self.account.clone());
    }
}

fn text(s: &str) -> Value {
    Value::String(Arc::new(s.to_owned()))
}

fn map(entries: HashMap<Key, Value>) -> Value {
    Value::Map(Map {
        map: Arc::new(entries),
    })
}

fn entries<const N: usize>(pairs: [(&str, Value); N]) -> HashMap<Key, Value> {
    pairs.into_iter().map(|(k, v)| (k.into(), v)).collect()
}

fn strings(pairs: impl Iterator<Item = (String, String)>) -> Value {
    map(pairs.map(|(k, v)| (k.into(), text(&v))).collect())
}

/// The first value of each name counts, as most backends read a query.
fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in query.split('&').filter(|p| !p.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let name = decode(name);
        if !pairs.iter().any(|(n, _)| *n == name) {
            pairs.push((name, decode(value)));
        }
    }
    pairs.into_iter()
}

fn decode(s: &str) -> String {
    let spaced = s.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

fn fields(headers: &HeaderMap, names: &[&str]) -> impl Iterator<Item = (String, String)> {
    names
        .iter()
        .filter_map(|n| {
            let value = headers.get(*n)?.to_str().ok()?;
            Some(((*n).to_owned(), value.to_owned()))
        })
        .collect::<Vec<_>>()
        .into_iter()
}

/// JSON as CEL: integers are `int`, so that `body.amount + 1` works whatever the sign.
fn from_json(v: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match v {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => n
            .as_i64()
            .map(Value::Int)
            .or_else(|| n.as_u64().map(Value::UInt))
            .unwrap_or_else(|| Value::Float(n.as_f64().unwrap_or(f64::NAN))),
        Json::String(s) => text(s),
        Json::Array(items) => Value::List(Arc::new(items.iter().map(from_json).collect())),
        Json::Object(members) => map(members
            .iter()
            .map(|(k, v)| (k.as_str().into(), from_json(v)))
            .collect()),
    }
}

/// Whether a body has more than [`BODY_VALUES`] values.
pub fn is_too_large(v: &serde_json::Value) -> bool {
    fn count(v: &serde_json::Value, left: &mut usize) -> bool {
        if *left == 0 {
            return false;
        }
        *left -= 1;
        match v {
            serde_json::Value::Array(items) => items.iter().all(|x| count(x, left)),
            serde_json::Value::Object(members) => members.values().all(|x| count(x, left)),
            _ => true,
        }
    }
    !count(v, &mut BODY_VALUES.clone())
}
