//! Checks webhook settings; never sends anything.

use std::time::Duration;

use super::Check;
use super::words::networks;
use crate::config::file::ConfigFile;
use crate::config::model::{EndpointLimits, OperatorEvents, Webhooks};
use crate::config::tree::steps;

/// Webhook delivery.
pub(super) fn webhooks(check: &mut Check<'_>, f: &ConfigFile) -> Webhooks {
    let w = &f.webhooks;
    let at = steps!["webhooks", "allowed_private_targets"];
    Webhooks {
        retry_delays: w
            .retry_delays_seconds
            .iter()
            .map(|s| Duration::from_secs(*s))
            .collect(),
        timeout: Duration::from_millis(w.timeout_ms),
        allowed_private_targets: networks(check, &w.allowed_private_targets, &at),
        endpoint: EndpointLimits {
            concurrency: w.endpoint.concurrency,
            per_second: w.endpoint.per_second,
        },
        disable_after: (w.disable_after_hours > 0)
            .then(|| Duration::from_secs(w.disable_after_hours * 3_600)),
        retention: Duration::from_secs(w.retention_days * 86_400),
        operator: OperatorEvents {
            usage_percent: w.operator.usage_percent.clone(),
            key_expiry_days: w.operator.key_expiry_days.clone(),
        },
    }
}
