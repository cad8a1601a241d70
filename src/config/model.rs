//! The valid configuration: what `validate` makes and everything inward uses; never a serde shape, never a doubt.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::secret::Secret;

/// One whole valid configuration; a request keeps the one it began with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it came from.
    pub source: PathBuf,
    /// Every file it was read from (the file itself, OpenAPI documents): those are watched for changes.
    pub files: Vec<PathBuf>,
    /// Lower-case hex SHA-256 of the settings in force (environment expanded, defaults included) and of the OpenAPI
    /// documents. Secrets are left out of it: the hash is public in metrics, and a weak secret could be guessed from it.
    pub hash: String,
    /// Client-facing listeners; at least one.
    pub listeners: Vec<Listener>,
    /// The admin API's listener and tokens.
    pub admin: Admin,
    /// The listener that has metrics and health only.
    pub status: Option<Listener>,
    /// The portal's listener and public address.
    pub portal: Portal,
    /// The access log.
    pub log: Log,
    /// Peers whose `X-Forwarded-For` and `X-Request-Id` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// `realm` in `WWW-Authenticate`.
    pub realm: String,
    /// Ceilings that are settings.
    pub ceilings: Ceilings,
    /// How long a stop waits for requests in flight.
    pub shutdown_grace: Duration,
    /// Where state lives.
    pub store: Store,
    /// Where events and usage wait while Redis is away.
    pub spool: Spool,
    /// API keys.
    pub keys: Keys,
    /// Scope name → what it allows, in the order of the file.
    pub scopes: Vec<(String, String)>,
    /// Name of the plan of new accounts.
    pub default_plan: String,
    /// Plans by name.
    pub plans: BTreeMap<String, Plan>,
    /// Settings of the limiter.
    pub limits: Limits,
    /// Upstreams; routes refer to them by index.
    pub upstreams: Vec<Arc<Upstream>>,
    /// Routes, those of `apis` included.
    pub routes: Vec<Arc<Route>>,
    /// Maintenance mode.
    pub maintenance: Maintenance,
    /// Event rules.
    pub events: Vec<Arc<EventRule>>,
    /// Webhook delivery.
    pub webhooks: Webhooks,
    /// OpenAPI documents of `apis`, as read.
    pub apis: Vec<Api>,
    /// The settings in force as the file would say them, defaults included and secrets redacted.
    pub effective: Arc<serde_json::Value>,
}

/// An address to listen on, with TLS or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The address; port 0 takes a free one.
    pub address: SocketAddr,
    /// Certificate and key; `None` for plain text.
    pub tls: Option<TlsFiles>,
}

/// PEM files of a certificate chain and its private key; paths are absolute or relative to the working directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain, leaf first.
    pub certificate: PathBuf,
    /// Private key.
    pub private_key: PathBuf,
}

/// The admin API.
#[derive(Debug, Clone)]
pub struct Admin {
    /// Where it listens.
    pub listener: Listener,
    /// Who may call it; at least one.
    pub tokens: Vec<AdminToken>,
}

/// An admin token: only its digest is kept.
#[derive(Debug, Clone)]
pub struct AdminToken {
    /// Name for the audit log; `admin` for the single `token`.
    pub name: String,
    /// SHA-256 of the token.
    pub sha256: [u8; 32],
    /// What it may do.
    pub permissions: Vec<Permission>,
}

/// What an admin token may do. Reading needs the same permission as changing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Keys and accounts.
    Keys,
    /// Webhook endpoints and deliveries.
    Webhooks,
    /// Usage and alerts.
    Usage,
    /// Portal sessions.
    Portal,
    /// Events.
    Events,
    /// Configuration, account erasure and the audit log; only the single `token` and those that name it.
    Operator,
}

impl Permission {
    /// All permissions.
    pub const ALL: [Self; 6] = [
        Self::Keys,
        Self::Webhooks,
        Self::Usage,
        Self::Portal,
        Self::Events,
        Self::Operator,
    ];
}

/// The portal.
#[derive(Debug, Clone)]
pub struct Portal {
    /// Where it listens; `None` where no portal is configured.
    pub listener: Option<Listener>,
    /// Its address for the public, without a trailing slash; problem types point there.
    pub public_url: String,
}

/// The access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Where lines go; `None` writes none.
    pub access: Option<LogSink>,
    /// How much of a client's address is written.
    pub client_address: ClientAddress,
}

/// Where access-log lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogSink {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, appended to, reopened when it was moved away.
    File(PathBuf),
}

/// How much of a client's address is written to the access log.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ClientAddress {
    /// All of it.
    #[default]
    Full,
    /// The first 24 bits of IPv4, 48 of IPv6.
    Truncated,
    /// Nothing.
    None,
}

/// Ceilings that are settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceilings {
    /// Header block, in bytes.
    pub header_bytes: usize,
    /// Header fields.
    pub header_fields: usize,
    /// Request target, in bytes.
    pub uri_bytes: usize,
    /// Request body, in bytes.
    pub body_bytes: u64,
    /// Bytes of request or response body kept for event rules.
    pub captured_body_bytes: usize,
}

/// Where state lives.
#[derive(Debug, Clone)]
pub enum Store {
    /// A SQLite database of this machine's.
    Embedded {
        /// The database file.
        path: PathBuf,
    },
    /// Redis: validated, and refused as not available yet.
    Redis,
}

/// The local spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spool {
    /// Its file.
    pub path: PathBuf,
    /// Its size at most, in bytes.
    pub max_bytes: u64,
}

/// API keys.
#[derive(Debug, Clone)]
pub struct Keys {
    /// What secrets begin with, without the underscore before the random part.
    pub prefix: String,
    /// HMAC keys; the first signs. Never empty.
    pub peppers: Vec<Pepper>,
    /// The cache of verified keys.
    pub cache: KeyCacheSettings,
    /// Key ids that are refused at once.
    pub deny: Vec<String>,
    /// Key formats of the system before.
    pub legacy: Vec<LegacyFormat>,
}

/// A key for digests of API keys.
#[derive(Debug, Clone)]
pub struct Pepper {
    /// Its id, stored beside each digest.
    pub id: String,
    /// The HMAC key.
    pub secret: Secret,
}

/// Bounds of the key cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyCacheSettings {
    /// Keys at most.
    pub capacity: usize,
    /// Age at which an entry is read again.
    pub max_age: Duration,
    /// Age to which an entry may serve while the store is away.
    pub max_stale: Duration,
}

/// A key format of the system before.
#[derive(Debug, Clone)]
pub struct LegacyFormat {
    /// Anchored pattern of a whole secret.
    pub pattern: regex::Regex,
    /// How its imported digests were made.
    pub hash: LegacyHash,
}

/// How digests of legacy keys were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LegacyHash {
    /// Plain SHA-256.
    Sha256,
}

/// A rate: `requests` tokens come in every `per`, up to `burst`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Tokens that come in each period; at least 1.
    pub requests: u64,
    /// The period in seconds; at least 1.
    pub per_seconds: u64,
    /// Tokens the bucket holds; at least 1.
    pub burst: u64,
}

/// Quotas of an account in UTC windows; `None` is no limit (in an override: the plan's).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Quotas {
    /// Requests sent upstream in a UTC hour.
    pub hour: Option<u64>,
    /// Requests sent upstream in a UTC month.
    pub month: Option<u64>,
}

/// What an account may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Token bucket of each key.
    pub rate: Rate,
    /// Token bucket that the account's keys share.
    pub account_rate: Option<Rate>,
    /// Quotas of the account.
    pub quotas: Quotas,
    /// Keys at most (active or disabled, not revoked or expired).
    pub max_keys: u64,
}

/// Settings of the limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What holds while the store is away.
    pub on_store_failure: OnStoreFailure,
}

/// What the limiter does while the store is away.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OnStoreFailure {
    /// Limits go on with what this node knows.
    #[default]
    Local,
    /// Everything is admitted.
    Allow,
    /// Everything is refused with `store_unavailable`.
    Deny,
}

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
    /// Its index in [`Config::routes`].
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
    /// Where it goes: indexes into [`Config::upstreams`] with weights of at least 1. One entry without a split.
    pub split: Vec<(usize, u32)>,
    /// The upstream's path template with the route's own names.
    pub rewrite: Option<Rewrite>,
    /// Tokens that a request takes; at least 1.
    pub cost: u64,
    /// Only JSON bodies.
    pub json_only: bool,
    /// A ceiling for bodies instead of [`Ceilings::body_bytes`].
    pub body_bytes: Option<u64>,
    /// When and by what it is superseded.
    pub deprecated: Option<Deprecated>,
    /// Indexes into [`Config::events`] of rules that watch this route.
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
    /// Its index in [`Config::events`].
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
}

/// Webhook delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhooks {
    /// Delays before the retries, at most five.
    pub retry_delays: Vec<Duration>,
    /// Time for a whole attempt.
    pub timeout: Duration,
    /// Private addresses that may be targets all the same.
    pub allowed_private_targets: Vec<IpNet>,
    /// How long events and deliveries are kept.
    pub retention: Duration,
}

/// An OpenAPI document that routes were taken from.
#[derive(Debug, Clone)]
pub struct Api {
    /// Its file.
    pub file: PathBuf,
    /// Index of the upstream.
    pub upstream: usize,
    /// What is put before each path.
    pub server_prefix: String,
    /// The document.
    pub document: Arc<serde_json::Value>,
}

/// What an operator changes of a plan for one account; a missing member keeps the plan's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PlanOverrides {
    /// Instead of the plan's rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<RateOverride>,
    /// Instead of the plan's account rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_rate: Option<RateOverride>,
    /// Quotas instead of the plan's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Quotas>,
    /// Keys at most instead of the plan's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_keys: Option<u64>,
}

/// A rate in an override.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateOverride {
    /// Tokens that come in each period.
    pub requests: u64,
    /// The period in seconds.
    pub per_seconds: u64,
    /// Tokens the bucket holds.
    pub burst: u64,
}

impl Plan {
    /// This plan with an account's overrides.
    #[must_use]
    pub fn with(mut self, o: &PlanOverrides) -> Self {
        let rate = |r: RateOverride| Rate {
            requests: r.requests.max(1),
            per_seconds: r.per_seconds.max(1),
            burst: r.burst.max(1),
        };
        if let Some(r) = o.rate {
            self.rate = rate(r);
        }
        if let Some(r) = o.account_rate {
            self.account_rate = Some(rate(r));
        }
        if let Some(q) = o.quotas {
            self.quotas.hour = q.hour.or(self.quotas.hour);
            self.quotas.month = q.month.or(self.quotas.month);
        }
        self.max_keys = o.max_keys.unwrap_or(self.max_keys);
        self
    }
}

impl Config {
    /// Whether `peer` is a proxy whose forwarding fields are believed.
    pub fn is_trusted_proxy(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|n| n.contains(&peer))
    }
}
