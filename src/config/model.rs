//! The valid configuration: what `validate` makes and everything inward uses; never a serde shape, never a doubt.

mod plan;
mod smtp;
mod targets;
mod traffic;
mod webhooks;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use plan::*;
pub use smtp::*;
pub use targets::*;
pub use traffic::*;
pub use webhooks::*;

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
    /// The mail server; `None` where no e-mail is sent.
    pub smtp: Option<Smtp>,
    /// OpenAPI documents of `apis`, as read.
    pub apis: Vec<Api>,
    /// The settings in force as the file would say them, defaults included and secrets redacted.
    pub effective: Arc<serde_json::Value>,
    /// SHA-256 of everything that was loaded, secrets included: differs from another load's wherever anything does. Never
    /// shown; [`Config::hash`] is for people.
    pub fingerprint: [u8; 32],
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
    /// What it is called at the top of its pages.
    pub title: String,
    /// The API's address for the public, without a trailing slash.
    pub api_url: String,
    /// Where people sign in.
    pub sign_in_url: Option<String>,
    /// The account that whoever asks may open; `None` but where the portal listens on loopback.
    pub demo_account: Option<String>,
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
    /// Redis, which nodes share.
    Redis(RedisStore),
}

/// A store in Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisStore {
    /// URLs of the servers, or of the sentinels where `sentinel` is set; they may hold passwords.
    pub nodes: Vec<Secret>,
    /// Whether they are a Redis Cluster.
    pub cluster: bool,
    /// What every key begins with.
    pub key_prefix: String,
    /// The name under which sentinels watch the master.
    pub sentinel: Option<String>,
    /// Certificates for `rediss://`.
    pub tls: Option<RedisTls>,
    /// Time for a call on a request's path.
    pub deadline: Duration,
}

/// Certificates for Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisTls {
    /// The authorities; `None` for those of the system.
    pub ca: Option<PathBuf>,
    /// This node's certificate chain and key, where servers ask for them.
    pub client: Option<TlsFiles>,
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

impl Config {
    /// Whether `peer` is a proxy whose forwarding fields are believed.
    pub fn is_trusted_proxy(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|n| n.contains(&peer))
    }
}
