//! Webhook settings that are valid; never how they were written.

use std::time::Duration;

use ipnet::IpNet;

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
