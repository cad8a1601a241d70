//! Metrics of webhook delivery beside its outcomes: delay, endpoints held off or disabled; never where the numbers come from.

use prometheus::{Error, Histogram, IntCounter};

use super::metrics::Maker;
use super::names;

/// Seconds from a moment to a day: how late an attempt may begin.
const DELAYS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0,
    1_800.0, 7_200.0, 86_400.0,
];

/// What is shown of deliveries.
#[derive(Debug)]
pub struct DeliveryMetrics {
    /// Seconds from when attempts were due to when they began.
    pub delay_seconds: Histogram,
    /// Times that an endpoint was held off.
    pub holds: IntCounter,
    /// Endpoints that were disabled because of their receivers.
    pub disabled: IntCounter,
    /// Attempts that were not begun in time after their claim.
    pub late: IntCounter,
}

impl DeliveryMetrics {
    pub(super) fn new(m: &Maker) -> Result<Self, Error> {
        Ok(Self {
            delay_seconds: m.histogram(
                names::WEBHOOK_DELAY,
                "Time from when webhook delivery attempts were due to when they began.",
                DELAYS,
            )?,
            holds: m.counter(
                names::WEBHOOK_HOLDS,
                "Times that a webhook was held off because its receiver failed or asked for it.",
            )?,
            disabled: m.counter(
                names::WEBHOOKS_DISABLED,
                "Webhooks that were disabled because of their receivers.",
            )?,
            late: m.counter(
                names::WEBHOOK_LATE,
                "Webhook delivery attempts that could not begin in time and were left to a later claim.",
            )?,
        })
    }
}
