//! What the gateway's parts count and show by labels that are known as they happen; never a metric's definition.

use prometheus::{Histogram, IntCounter};

use super::{Metrics, result};

impl Metrics {
    /// Counts a request refused for its credentials.
    pub fn auth_failure(&self, code: &'static str) {
        self.auth_failures.with_label_values(&[code]).inc();
    }

    /// Counts a request refused by a policy; once for each that is violated.
    pub fn limited(&self, policy: &'static str) {
        self.limited.with_label_values(&[policy]).inc();
    }

    /// Counts a usage batch that the store took, or did not.
    pub fn usage_flush(&self, ok: bool) {
        self.usage_flushes.with_label_values(&[result(ok)]).inc();
    }

    /// The counter of the key cache's look-ups that ended so: `hit`, `negative`, `miss` or `stale`.
    pub fn key_cache_lookups(&self, outcome: &'static str) -> IntCounter {
        self.key_cache_lookups.with_label_values(&[outcome])
    }

    /// The time of store calls of an operation: `request` where a request waits for them, or `background`.
    pub fn store_duration(&self, operation: &'static str) -> Histogram {
        self.store_duration.with_label_values(&[operation])
    }

    /// Counts `n` store calls that failed in this way.
    pub fn store_errors(&self, kind: &'static str, n: u64) {
        self.store_errors.with_label_values(&[kind]).inc_by(n);
    }

    /// Shows how many keys and accounts the limiter holds.
    pub fn set_limiter_entries(&self, keys: usize, accounts: usize) {
        for (kind, n) in [("key", keys), ("account", accounts)] {
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            self.limiter_entries.with_label_values(&[kind]).set(n);
        }
    }

    /// Counts `n` webhook attempts: `success`, `retry`, `failed` and the like.
    pub fn webhook_delivery(&self, outcome: &'static str, n: u64) {
        self.webhook_deliveries
            .with_label_values(&[outcome])
            .inc_by(n);
    }

    /// Counts `n` events: `recorded`, `released`, `dropped`, `unresolved` and the like.
    pub fn event(&self, outcome: &'static str, n: u64) {
        self.events.with_label_values(&[outcome]).inc_by(n);
    }

    /// Counts a reload.
    pub fn config_reload(&self, ok: bool) {
        self.config_reloads.with_label_values(&[result(ok)]).inc();
    }

    /// Shows the configuration in force.
    pub fn set_config(&self, hash: &str) {
        self.config_info.reset();
        self.config_info.with_label_values(&[hash]).set(1);
    }

    /// Shows how many seconds a listener's certificate is still good for; negative once it is not.
    pub fn set_certificate_expires(&self, listener: &str, seconds: f64) {
        self.certificate_expires
            .with_label_values(&[listener])
            .set(seconds);
    }
}
