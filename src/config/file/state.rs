//! Shapes of the store, the spool and webhook delivery; never their checks.

use serde::{Deserialize, Serialize};

use super::SecretText;

/// Where keys, accounts, usage and events are kept.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct StoreFile {
    /// The kind of store.
    pub(in crate::config) engine: Engine,
    /// Embedded: the database file, by default data/fuelgate.db; a relative path starts at the working directory.
    pub(in crate::config) path: Option<String>,
    /// Redis: URLs of the servers, of the sentinels where `sentinel` is set: redis://user:password@host:6379/0, or
    /// rediss:// for TLS. User, password and database are the same in all of them and serve for the servers that
    /// sentinels or a cluster name as well; a sentinel without passwords takes none.
    pub(in crate::config) nodes: Option<Vec<SecretText>>,
    /// Redis: whether the servers are a Redis Cluster.
    pub(in crate::config) cluster: Option<bool>,
    /// Redis: what every key begins with, by default fg.
    pub(in crate::config) key_prefix: Option<String>,
    /// Redis: finds the master through sentinels.
    pub(in crate::config) sentinel: Option<SentinelFile>,
    /// Redis: certificates, for rediss:// URLs.
    pub(in crate::config) tls: Option<RedisTlsFile>,
    /// Redis: milliseconds that a call on a request's path may take, by default 20.
    #[schemars(range(min = 1, max = 1000))]
    pub(in crate::config) deadline_ms: Option<u64>,
}

impl Default for StoreFile {
    fn default() -> Self {
        Self {
            engine: Engine::Embedded,
            path: None,
            nodes: None,
            cluster: None,
            key_prefix: None,
            sentinel: None,
            tls: None,
            deadline_ms: None,
        }
    }
}

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Engine {
    /// A SQLite database on this machine, for one node.
    Embedded,
    /// Redis, for any number of nodes. Not available yet.
    Redis,
}

/// How a master is found.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SentinelFile {
    /// The name under which the sentinels watch the master.
    #[schemars(length(min = 1))]
    pub(in crate::config) master: String,
}

/// Certificates for Redis.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RedisTlsFile {
    /// PEM file with the authorities that servers' certificates come from; null for those of the system.
    #[serde(default)]
    pub(in crate::config) ca: Option<String>,
    /// PEM file with this node's certificate chain, where servers ask for one.
    #[serde(default)]
    pub(in crate::config) certificate: Option<String>,
    /// PEM file with this node's private key.
    #[serde(default)]
    pub(in crate::config) private_key: Option<String>,
}

/// Where events and usage wait while Redis is away.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct SpoolFile {
    /// Its file; a relative path starts at the working directory.
    #[schemars(length(min = 1))]
    pub(in crate::config) path: String,
    /// Its size at most, in bytes.
    #[schemars(range(min = 1_048_576, max = 1_099_511_627_776_u64))]
    pub(in crate::config) max_bytes: u64,
}

impl Default for SpoolFile {
    fn default() -> Self {
        Self {
            path: "data/spool.db".to_owned(),
            max_bytes: 1_073_741_824,
        }
    }
}
