//! Shapes of the webhook settings; never a check that a shape cannot say.

use serde::{Deserialize, Serialize};

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
    /// Networks (CIDR) or addresses that may be targets although they are private, loopback or metadata addresses.
    pub(in crate::config) allowed_private_targets: Vec<String>,
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
