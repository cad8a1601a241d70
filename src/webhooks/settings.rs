//! What webhooks take from the configuration, swapped as one at a reload; never read from a file here.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::health::Allowance;
use super::seal::Sealer;
use super::simulator::inbox;
use crate::config::model::Config;

/// Type of the event that a test sends; nobody can subscribe to it or publish it.
pub const TEST_TYPE: &str = "webhook.test";

/// Settings of one configuration.
#[derive(Debug)]
pub struct Settings {
    /// Seals endpoint secrets.
    pub sealer: Sealer,
    /// Types that events can have: those of the configuration's rules, sorted.
    pub event_types: Vec<Arc<str>>,
    /// Delays before the retries.
    pub retry_delays: Vec<Duration>,
    /// Time for a whole attempt.
    pub timeout: Duration,
    /// What addresses of hosted inboxes begin with; a token follows.
    pub inbox_base: String,
    /// How much one endpoint is given at once.
    pub allowance: Allowance,
    /// How long an endpoint may fail before it is disabled; `None` for ever.
    pub disable_after: Option<Duration>,
    /// How long deliveries and their events are kept once they have ended.
    pub retention: Duration,
}

/// The settings of now.
pub type SharedSettings = Arc<ArcSwap<Settings>>;

impl Settings {
    /// What `config` says.
    pub fn of(config: &Config) -> Self {
        let mut event_types: Vec<Arc<str>> = config
            .events
            .iter()
            .map(|r| Arc::clone(&r.event_type))
            .collect();
        event_types.sort_unstable();
        event_types.dedup();
        Self {
            sealer: Sealer::new(&config.keys.peppers),
            event_types,
            retry_delays: config.webhooks.retry_delays.clone(),
            timeout: config.webhooks.timeout,
            inbox_base: format!("{}{}", config.portal.public_url, inbox::PATH),
            allowance: Allowance {
                most: config.webhooks.endpoint.concurrency,
                untried: 1,
                spacing: Duration::from_secs(1) / config.webhooks.endpoint.per_second.max(1),
            },
            disable_after: config.webhooks.disable_after,
            retention: config.webhooks.retention,
        }
    }

    /// These settings, to be shared and swapped.
    pub fn shared(self) -> SharedSettings {
        Arc::new(ArcSwap::from_pointee(self))
    }

    /// Whether events can have this type.
    pub fn knows(&self, event_type: &str) -> bool {
        self.event_types
            .binary_search_by(|t| (**t).cmp(event_type))
            .is_ok()
    }
}
