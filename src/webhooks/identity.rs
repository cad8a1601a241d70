//! Which id an event has: derived from what happened, so that one happening is one event however often it is told; never a random one.
//!
//! # What an id is derived from
//! * *Recorded*: account, route, type and request id, and which of the route's rules of that type it is. That is all that
//!   is known before the response's body is.
//! * *Released*: that, and the resource's id, from the body or from Location or path. Where nobody knows one (the answer
//!   names none, or a crash lost it) the recorded id stays.
//! * *Released, where the request had an Idempotency-Key*: the key and the request's digest stand in place of the request
//!   id. A request that a client repeats with its key makes no second event where digest and resource are equal too, for
//!   as long as the store keeps the first one; where either differs it is another event. Where either is unknown, there are
//!   rather two events than none.
//!
//! # Request ids that are not ours
//! A trusted proxy chooses `X-Request-Id` for what it passes on, and may give one id to several requests (a retry, a page
//! with many calls, a mistake). Two different requests must never share an event: the second one would be taken for a
//! repetition of the first and its receivers would hear nothing. So such an id alone derives nothing; something that is
//! new for each request is mixed in. Requests that are truly repeated carry an Idempotency-Key.

use super::rules::Rule;
use crate::base::{hex, ids};

/// Where an event comes from: what its id begins with, whatever is learned of it later.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The account.
    pub account_id: &'a str,
    /// The route's template.
    pub route: &'a str,
    /// The rule.
    pub rule: &'a Rule,
}

/// The request as its id tells of it.
#[derive(Debug, Clone, Copy)]
pub struct RequestId<'a> {
    /// The id, as the client and the upstream see it.
    pub id: &'a str,
    /// What tells it from other requests with the same id: new for each where somebody else chose the id.
    pub nonce: Option<&'a str>,
}

/// A request that can be told from another one with the same Idempotency-Key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeatable {
    /// The client's Idempotency-Key.
    pub key: String,
    /// SHA-256 of the whole request: method, host, path, query and body.
    pub digest: [u8; 32],
}

/// The id that an event is recorded under.
pub fn recorded(origin: Origin<'_>, request: RequestId<'_>) -> String {
    derived(
        origin,
        "request",
        &[request.id, request.nonce.unwrap_or_default()],
    )
}

/// The id that an event is released under, given the one it was recorded under.
pub fn released(recorded: &str, resource_id: &str) -> String {
    ids::derived(ids::EVENT, &[recorded, resource_id])
}

/// The id that the event of a request with an Idempotency-Key is released under.
pub fn repeated(origin: Origin<'_>, request: &Repeatable, resource_id: &str) -> String {
    let digest = hex::encode(&request.digest);
    derived(origin, "key", &[&request.key, &digest, resource_id])
}

/// `by` keeps ids of different kinds apart whatever their parts are.
fn derived(origin: Origin<'_>, by: &str, parts: &[&str]) -> String {
    let place = origin.rule.place().to_string();
    let event_type = &origin.rule.event_type;
    let mut all = vec![origin.account_id, origin.route, event_type, &place, by];
    all.extend_from_slice(parts);
    ids::derived(ids::EVENT, &all)
}
