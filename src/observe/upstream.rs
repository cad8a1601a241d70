//! Counters of one server of an upstream, ready to count; never its health's decision.

use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntGauge};

/// How an exchange with an upstream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamOutcome {
    /// It answered with this status.
    Status(u16),
    /// It could not be reached, or broke off.
    Unreachable,
    /// It did not answer in time.
    Timeout,
}

/// Labels of outcomes.
pub(super) const OUTCOMES: [&str; 7] =
    ["1xx", "2xx", "3xx", "4xx", "5xx", "unreachable", "timeout"];

/// Counters of one server. Cloning shares them.
#[derive(Debug, Clone)]
pub struct TargetMetrics {
    pub(super) requests: [IntCounter; OUTCOMES.len()],
    pub(super) duration: Histogram,
    pub(super) healthy: IntGauge,
}

impl TargetMetrics {
    /// Counts an exchange that took `duration`.
    pub fn record(&self, outcome: UpstreamOutcome, duration: Duration) {
        let at = match outcome {
            UpstreamOutcome::Status(s) => usize::from((s / 100).clamp(1, 5)) - 1,
            UpstreamOutcome::Unreachable => 5,
            UpstreamOutcome::Timeout => 6,
        };
        self.requests[at].inc();
        self.duration.observe(duration.as_secs_f64());
    }

    /// Shows whether the server is taken for healthy.
    pub fn set_healthy(&self, healthy: bool) {
        self.healthy.set(i64::from(healthy));
    }
}
