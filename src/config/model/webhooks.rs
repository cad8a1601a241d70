//! Webhook settings that are valid; never how they were written.

use std::time::Duration;

use super::targets::{AllowedTargets, NameServers};

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
    /// How long events and deliveries are kept.
    pub retention: Duration,
}
