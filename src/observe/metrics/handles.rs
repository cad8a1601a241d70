//! Handles that are made once for a route, a key or a server and kept with it; never a label that a request brings.

use std::sync::Arc;

use prometheus::IntCounter;

use super::Metrics;
use crate::base::ceilings::METRIC_SERIES;
use crate::observe::names;
use crate::observe::route::RouteMetrics;
use crate::observe::upstream::{OUTCOMES, TargetMetrics};

impl Metrics {
    /// The counters of a route, to be kept as long as its configuration; [`names::NO_ROUTE`] is for requests without one.
    pub fn route(&self, template: &str) -> Arc<RouteMetrics> {
        let mut routes = self.routes.lock();
        if let Some(known) = routes.get(template) {
            return Arc::clone(known);
        }
        let label = if routes.len() < METRIC_SERIES || template == names::NO_ROUTE {
            template
        } else {
            names::OTHER
        };
        let made = routes.entry(label.into()).or_insert_with(|| {
            let duration = self.request_duration.with_label_values(&[label]);
            Arc::new(RouteMetrics::new(
                label,
                &self.requests,
                duration,
                &self.unusual_statuses,
            ))
        });
        Arc::clone(made)
    }

    /// The counter of a key's requests sent upstream, to be kept with the key.
    pub fn usage_requests(&self, account_id: &str, key_id: &str) -> IntCounter {
        let mut known = self.usage_series.lock();
        let full = known.len() >= METRIC_SERIES;
        if !known.contains(key_id) {
            if full {
                let other = [names::OTHER, names::OTHER];
                return self.usage_requests.with_label_values(&other);
            }
            known.insert(key_id.into());
        }
        self.usage_requests.with_label_values(&[account_id, key_id])
    }

    /// The counters of a server, to be kept as long as its configuration.
    pub fn target(&self, upstream: &str, target: &str) -> TargetMetrics {
        TargetMetrics {
            requests: OUTCOMES.map(|outcome| {
                self.upstream_requests
                    .with_label_values(&[upstream, target, outcome])
            }),
            duration: self.upstream_duration.with_label_values(&[upstream]),
            healthy: self.upstream_healthy.with_label_values(&[upstream, target]),
        }
    }

    /// Stops showing the health of a server that the configuration no longer has.
    pub fn forget_target(&self, upstream: &str, target: &str) {
        let _ = self
            .upstream_healthy
            .remove_label_values(&[upstream, target]);
    }
}
