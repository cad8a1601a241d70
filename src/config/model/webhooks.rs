//! Webhook settings that are valid; never how they were written.

use std::time::Duration;

use super::targets::{AllowedTargets, NameServers};

/// Types of events about the gateway's own work, which no rule may have.
pub const OPERATIONAL: [&str; 4] = [
    "delivery.exhausted",
    "endpoint.disabled",
    "key.expiring",
    "usage.threshold_reached",
];

/// When the operator is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorEvents {
    /// Per cent of a quota from which its use is told.
    pub usage_percent: Vec<u32>,
    /// Days before a key expires on which that is told.
    pub key_expiry_days: Vec<u32>,
}

impl Default for OperatorEvents {
    fn default() -> Self {
        Self {
            usage_percent: vec![80, 100],
            key_expiry_days: vec![14, 7, 1],
        }
    }
}

/// Webhook delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhooks {
    /// Delays before the retries, at most five.
    pub retry_delays: Vec<Duration>,
    /// Time for a whole attempt.
    pub timeout: Duration,
    /// Private addresses and hosts that may be targets all the same.
    pub allowed_private_targets: AllowedTargets,
    /// Who resolves names of receivers.
    pub name_servers: NameServers,
    /// What one endpoint is given.
    pub endpoint: EndpointLimits,
    /// How long an endpoint may fail before it is disabled; `None` for ever.
    pub disable_after: Option<Duration>,
    /// How long events and deliveries are kept.
    pub retention: Duration,
    /// When the operator is told.
    pub operator: OperatorEvents,
}

/// What one endpoint is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointLimits {
    /// Attempts under way at once.
    pub concurrency: u32,
    /// Attempts a second, on average.
    pub per_second: u32,
}
