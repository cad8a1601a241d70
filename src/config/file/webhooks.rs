//! Shapes of the webhook settings; never a check that a shape cannot say.

use serde::{Deserialize, Serialize};

use crate::base::ceilings::{ALLOWED_TARGETS, NAME_SERVERS};
use crate::config::model::OperatorEvents;

/// Delivery of webhooks.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct WebhooksFile {
    /// Seconds before each retry after the first attempt; at most five.
    #[schemars(length(max = 5), inner(range(min = 1, max = 2_592_000)))]
    pub(in crate::config) retry_delays_seconds: Vec<u64>,
    /// Milliseconds for a whole attempt.
    #[schemars(range(min = 100, max = 120_000))]
    pub(in crate::config) timeout_ms: u64,
    /// Networks (CIDR), addresses and host names that may be targets although they are private or loopback ones. A host name
    /// stands for itself, not for names below it. A metadata address needs an entry that is this very address.
    #[schemars(length(max = ALLOWED_TARGETS))]
    pub(in crate::config) allowed_private_targets: Vec<String>,
    /// How names of receivers are resolved.
    pub(in crate::config) dns: DnsFile,
    /// What one webhook is given at most.
    pub(in crate::config) endpoint: EndpointFile,
    /// Hours that a webhook may fail, without a success in between, before it is disabled; 0 never disables one for that.
    #[schemars(range(max = 8760))]
    pub(in crate::config) disable_after_hours: u64,
    /// Days that events and deliveries are kept.
    #[schemars(range(min = 1, max = 3650))]
    pub(in crate::config) retention_days: u64,
    /// When the operator's own endpoint is told of usage and keys.
    pub(in crate::config) operator: OperatorFile,
}

impl Default for WebhooksFile {
    fn default() -> Self {
        Self {
            retry_delays_seconds: vec![5, 300, 1800, 7200, 18_000],
            timeout_ms: 15_000,
            allowed_private_targets: Vec::new(),
            dns: DnsFile::default(),
            endpoint: EndpointFile::default(),
            disable_after_hours: 120,
            retention_days: 30,
            operator: OperatorFile::default(),
        }
    }
}

/// When the operator's own endpoint is told of usage and keys.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct OperatorFile {
    /// Per cent of a quota, each of which is told when its use reaches it (`usage.threshold_reached`); empty for none.
    #[schemars(length(max = 10), inner(range(min = 1, max = 100)))]
    pub(in crate::config) usage_percent: Vec<u32>,
    /// Days before a key expires, on each of which that is told (`key.expiring`); empty for none.
    #[schemars(length(max = 10), inner(range(min = 1, max = 365)))]
    pub(in crate::config) key_expiry_days: Vec<u32>,
}

impl Default for OperatorFile {
    fn default() -> Self {
        let told = OperatorEvents::default();
        Self {
            usage_percent: told.usage_percent,
            key_expiry_days: told.key_expiry_days,
        }
    }
}

/// How names of receivers are resolved.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct DnsFile {
    /// Addresses of the name servers that are asked, with a port where it is not 53; empty: those of the system. The
    /// system's hosts file comes first in either case, and search domains are never tried.
    #[schemars(length(max = NAME_SERVERS))]
    pub(in crate::config) servers: Vec<String>,
    /// Milliseconds for a look-up.
    #[schemars(range(min = 100, max = 30_000))]
    pub(in crate::config) timeout_ms: u64,
}

impl Default for DnsFile {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            timeout_ms: 3_000,
        }
    }
}

/// What one webhook is given at most, over all nodes.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct EndpointFile {
    /// Attempts under way at once. A webhook of which nothing is known gets one; each success adds one.
    #[schemars(range(min = 1, max = 64))]
    pub(in crate::config) concurrency: u32,
    /// Attempts a second, on average.
    #[schemars(range(min = 1, max = 1000))]
    pub(in crate::config) per_second: u32,
}

impl Default for EndpointFile {
    fn default() -> Self {
        Self {
            concurrency: 8,
            per_second: 50,
        }
    }
}
