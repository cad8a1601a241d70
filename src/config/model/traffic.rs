//! Valid upstreams, routes, maintenance and event rules; never a request.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;

/// A group of servers that answer alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Its name in the file.
    pub name: String,
    /// Its servers; at least one.
    pub targets: Vec<Target>,
    /// TLS to the servers; SNI and verified name are the target's host.
    pub tls: bool,
    /// Time to connect, TLS handshake included.
    pub connect_timeout: Duration,
    /// Time between two reads of a response.
    pub read_timeout: Duration,
    /// How its servers' health is watched; `None` takes every server for healthy.
    pub health_check: Option<HealthCheck>,
}

/// A server of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `host:port` as written; a host name is resolved off the request path.
    pub address: String,
    /// Its share of requests; at least 1.
    pub weight: u32,
}

/// A health check by HTTP GET; any 2xx is healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// Path and query to ask for.
    pub path: String,
    /// Time between two checks.
    pub interval: Duration,
}

/// Who may call a route.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// Holders of one of our keys.
    #[default]
    Key,
    /// Everybody; credentials are removed.
    None,
    /// Everybody; Authorization and cookies go to the upstream untouched, identity headers do not.
    Passthrough,
    /// A token that looks like one of our keys is one; any other goes to the upstream untouched.
    KeyOrPassthrough,
}

/// A route: what is matched, who may, and where it goes.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its index in [`super::Config::routes`].
    pub index: usize,
    /// The template as written, e.g. `/v1/contacts/{id}`; names the route in logs, metrics and usage.
    pub path: Arc<str>,
    /// Lower-case host names without port; empty for every host.
    pub hosts: Vec<String>,
    /// Methods; HEAD is not implied by GET. Never empty.
    pub methods: Vec<http::Method>,
    /// Who may call it.
    pub auth: Auth,
    /// Scopes, all of which are required.
    pub scopes: Vec<String>,
    /// Where it goes: indexes into [`super::Config::upstreams`] with weights of at least 1. One entry without a split.
    pub split: Vec<(usize, u32)>,
    /// The upstream's path template with the route's own names.
    pub rewrite: Option<Rewrite>,
    /// Tokens that a request takes; at least 1.
    pub cost: u64,
    /// Only JSON bodies.
    pub json_only: bool,
    /// A ceiling for bodies instead of [`super::Ceilings::body_bytes`].
    pub body_bytes: Option<u64>,
    /// When and by what it is superseded.
    pub deprecated: Option<Deprecated>,
    /// Indexes into [`super::Config::events`] of rules that watch this route.
    pub events: Vec<usize>,
}

/// A path template as literal pieces and names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// In the path's order.
    pub parts: Vec<RewritePart>,
}

/// A piece of a [`Rewrite`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RewritePart {
    /// Text that is copied.
    Literal(String),
    /// The raw (still percent-encoded) value of the route's parameter of this name.
    Param(String),
}

/// Deprecation of a route (RFC 9745) and its end (RFC 8594).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deprecated {
    /// Since when.
    pub since: Timestamp,
    /// When it will stop working.
    pub sunset: Option<Timestamp>,
    /// Where its successor is described.
    pub link: Option<String>,
}

/// Maintenance mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// Whether it is on.
    pub enabled: bool,
    /// Indexes of the upstreams it covers; empty covers all.
    pub upstreams: Vec<usize>,
    /// Only requests with methods other than GET, HEAD and OPTIONS.
    pub writes_only: bool,
    /// `Retry-After`, in seconds.
    pub retry_after_seconds: u64,
}

/// A rule that makes events of responses.
#[derive(Debug, Clone)]
pub struct EventRule {
    /// Its index in [`super::Config::events`].
    pub index: usize,
    /// The event's type, e.g. `contact.created`.
    pub event_type: Arc<str>,
    /// Method of the route it watches.
    pub method: http::Method,
    /// Path template of the route it watches.
    pub path: Arc<str>,
    /// Statuses that fire it; all 2xx.
    pub status: Vec<u16>,
    /// A CEL condition; `None` where it is always true.
    pub when: Option<String>,
    /// A CEL expression whose value is the event's data; `None` where that is the response's JSON.
    pub data: Option<String>,
}
