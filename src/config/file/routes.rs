//! Shapes of upstreams, routes, OpenAPI documents, maintenance and event rules; never their checks.

use serde::{Deserialize, Serialize};

use crate::config::model::Auth;

/// A backend: servers that answer alike.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct UpstreamFile {
    /// Its servers.
    #[schemars(length(min = 1))]
    pub(in crate::config) targets: Vec<TargetFile>,
    /// TLS to the servers; their certificates must be good for the host of `address`.
    #[serde(default)]
    pub(in crate::config) tls: bool,
    /// Milliseconds to connect, TLS handshake included.
    #[serde(default = "default_connect_timeout")]
    #[schemars(range(min = 1, max = 60_000))]
    pub(in crate::config) connect_timeout_ms: u64,
    /// Milliseconds between two reads of a response.
    #[serde(default = "default_read_timeout")]
    #[schemars(range(min = 1, max = 600_000))]
    pub(in crate::config) read_timeout_ms: u64,
    /// How the servers' health is watched; null takes every server for healthy.
    #[serde(default)]
    pub(in crate::config) health_check: Option<HealthCheckFile>,
}

const fn default_connect_timeout() -> u64 {
    1000
}

const fn default_read_timeout() -> u64 {
    30_000
}

/// A server.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct TargetFile {
    /// Host name or IP address, and port.
    pub(in crate::config) address: String,
    /// Its share of requests.
    #[serde(default = "default_weight")]
    #[schemars(range(min = 1, max = 1000))]
    pub(in crate::config) weight: u32,
}

const fn default_weight() -> u32 {
    1
}

/// A health check by GET; any 2xx is healthy.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct HealthCheckFile {
    /// Path and query to ask for.
    pub(in crate::config) path: String,
    /// Seconds between two checks.
    #[schemars(range(min = 1, max = 3600))]
    pub(in crate::config) interval_seconds: u64,
}

impl Default for HealthCheckFile {
    fn default() -> Self {
        Self {
            path: "/healthz".to_owned(),
            interval_seconds: 5,
        }
    }
}

/// A route.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RouteFile {
    /// Path template: {name} stands for one segment, {*rest} at the end for the tail.
    pub(in crate::config) path: String,
    /// Host names without port; empty for every host.
    #[serde(default)]
    pub(in crate::config) hosts: Vec<String>,
    /// Methods. GET does not imply HEAD.
    #[schemars(length(min = 1))]
    pub(in crate::config) methods: Vec<String>,
    /// Who may call it.
    #[serde(default)]
    pub(in crate::config) auth: Auth,
    /// Scopes, all of which a key needs.
    #[serde(default)]
    pub(in crate::config) scopes: Vec<String>,
    /// Where it goes: a name of `upstreams`. Exactly one of `upstream` and `split` is needed.
    #[serde(default)]
    pub(in crate::config) upstream: Option<String>,
    /// Shares of several upstreams.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(in crate::config) split: Option<Vec<SplitFile>>,
    /// The upstream's path, with names of `path`; null forwards the path as it came.
    #[serde(default)]
    pub(in crate::config) rewrite: Option<String>,
    /// Tokens that a request takes from the buckets; no more than any burst.
    #[serde(default = "default_cost")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub(in crate::config) cost: u64,
    /// Whether bodies must be application/json or +json; others are answered 415.
    #[serde(default)]
    pub(in crate::config) json_only: bool,
    /// Bytes of a request's body, instead of `ceilings.body_bytes`.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_099_511_627_776_u64))]
    pub(in crate::config) body_bytes: Option<u64>,
    /// That it is superseded: sends Deprecation (RFC 9745), Sunset (RFC 8594) and Link.
    #[serde(default)]
    pub(in crate::config) deprecated: Option<DeprecatedFile>,
}

const fn default_cost() -> u64 {
    1
}

/// A share of a route's requests.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SplitFile {
    /// A name of `upstreams`.
    pub(in crate::config) upstream: String,
    /// Its share, relative to the others'.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) weight: u32,
}

/// Deprecation of a route.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct DeprecatedFile {
    /// Since when: a date (UTC) or an RFC 3339 instant.
    pub(in crate::config) since: String,
    /// When it will stop working: a date (UTC) or an RFC 3339 instant.
    #[serde(default)]
    pub(in crate::config) sunset: Option<String>,
    /// URL of a page about its successor.
    #[serde(default)]
    pub(in crate::config) link: Option<String>,
}

/// An OpenAPI document (3.1, or 3.0 with an oauth2 scheme) whose operations become routes.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ApiFile {
    /// The document, YAML or JSON. A relative path starts at the configuration file's folder.
    #[schemars(length(min = 1))]
    pub(in crate::config) openapi: String,
    /// Where its routes go: a name of `upstreams`.
    pub(in crate::config) upstream: String,
    /// Put before each of its paths, e.g. /v1.
    #[serde(default)]
    pub(in crate::config) server_prefix: String,
}

/// Maintenance mode.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct MaintenanceFile {
    /// Whether it is on.
    pub(in crate::config) enabled: bool,
    /// Upstreams that it covers; empty covers all.
    pub(in crate::config) upstreams: Vec<String>,
    /// Whether GET, HEAD and OPTIONS go on working.
    pub(in crate::config) writes_only: bool,
    /// Retry-After, in seconds.
    #[schemars(range(min = 1, max = 604_800))]
    pub(in crate::config) retry_after_seconds: u64,
}

impl Default for MaintenanceFile {
    fn default() -> Self {
        Self {
            enabled: false,
            upstreams: Vec::new(),
            writes_only: false,
            retry_after_seconds: 300,
        }
    }
}

/// A rule that makes an event of a response.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct EventFile {
    /// The event's type: lower-case words with dots between, e.g. contact.created.
    #[serde(rename = "type")]
    pub(in crate::config) event_type: String,
    /// The route that it watches.
    pub(in crate::config) route: EventRouteFile,
    /// Statuses that fire it; by default every 2xx.
    #[serde(default)]
    #[schemars(length(min = 1), inner(range(min = 200, max = 299)))]
    pub(in crate::config) status: Option<Vec<u16>>,
    /// A condition in CEL over request, response, route and account; one that fails counts as no match.
    #[serde(default)]
    #[schemars(length(max = 2048))]
    pub(in crate::config) when: Option<String>,
    /// What receivers get as `data`: a CEL expression over request, response, route and account whose value is JSON, e.g.
    /// {"id": response.body.id, "name": response.body.full_name}. By default the response's JSON as it was sent. Where it
    /// fails, or a body that it needs is lost, `data` has the resource's id only and the event says `truncated`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 2048))]
    pub(in crate::config) data: Option<String>,
}

/// A route as an event rule names it.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct EventRouteFile {
    /// One of its methods. One that only reads (GET, HEAD, OPTIONS) fires nothing: such a rule declares a type that
    /// the backend publishes.
    pub(in crate::config) method: String,
    /// Its path template.
    pub(in crate::config) path: String,
}
