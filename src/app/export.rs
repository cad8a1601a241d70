//! Brings what the domains count into the metrics when somebody scrapes; never counts by itself.

use std::sync::Arc;

use parking_lot::Mutex;

use super::backend::{Engine, Shared};
use super::reload::CertificateList;
use super::wire::Parts;
use crate::keys::cache::CacheStats;
use crate::limits::DeskStats;
use crate::observe::Metrics;
use crate::proxy::in_flight::InFlight;
use crate::store::embedded::EmbeddedStore;
use crate::store::redis::LinkStats;
use crate::webhooks::counters::{Counter, DeliveryCounters, DeliveryTimes, EventCounters};
use crate::webhooks::port::QueueStats;

/// Where the numbers come from, and what was brought over of those that only grow.
pub(super) struct Export {
    parts: Arc<Parts>,
    events: Arc<EventCounters>,
    deliveries: Arc<DeliveryCounters>,
    certificates: CertificateList,
    in_flight: InFlight,
    // Held for the few additions of a scrape, so that two scrapes do not bring the same over twice.
    before: Mutex<Before>,
}

#[derive(Default)]
struct Before {
    cache: CacheStats,
    events: [u64; EVENTS],
    deliveries: [u64; DELIVERIES],
    plain: [u64; 3],
    condition_errors: u64,
    shape_errors: u64,
    link: LinkStats,
    desk: DeskStats,
}

const EVENTS: usize = 8;
const DELIVERIES: usize = 5;

impl Export {
    pub(super) fn new(
        parts: Arc<Parts>,
        events: Arc<EventCounters>,
        deliveries: Arc<DeliveryCounters>,
        certificates: CertificateList,
        in_flight: InFlight,
    ) -> Self {
        let metrics = &parts.metrics;
        deliveries.show_times(DeliveryTimes {
            delay: metrics.delivery.delay_seconds.clone(),
            duration: metrics.webhook_duration_seconds.clone(),
        });
        Self {
            parts,
            events,
            deliveries,
            certificates,
            in_flight,
            before: Mutex::default(),
        }
    }

    /// Everything in Prometheus' text format.
    ///
    /// # Errors
    /// The encoder's, which is a fault of a metric's.
    pub(super) fn render(&self) -> Result<Vec<u8>, String> {
        let metrics = &self.parts.metrics;
        {
            let mut before = self.before.lock();
            self.cache(metrics, &mut before);
            self.events(metrics, &mut before);
            match &self.parts.backend.engine {
                Engine::Embedded(store) => embedded(metrics, store),
                Engine::Redis(shared) => self.shared(metrics, shared, &mut before),
            }
        }
        self.gauges(metrics);
        metrics.render().map_err(|e| e.to_string())
    }

    fn cache(&self, metrics: &Metrics, before: &mut Before) {
        let now = self.parts.keys.stats();
        let old = std::mem::replace(&mut before.cache, now);
        for (outcome, grown) in [
            ("hit", now.hits - old.hits),
            ("negative", now.negative_hits - old.negative_hits),
            ("miss", now.misses - old.misses),
        ] {
            metrics.key_cache_lookups(outcome).inc_by(grown);
        }
        metrics
            .key_cache_evictions
            .inc_by(now.evictions - old.evictions);
        metrics.key_cache_entries.set(number(now.entries));
    }

    fn events(&self, metrics: &Metrics, before: &mut Before) {
        let e = &self.events;
        let events: [(&'static str, &Counter); EVENTS] = [
            ("recorded", &e.recorded),
            ("record_failed", &e.record_failures),
            ("released", &e.released),
            ("dropped", &e.dropped),
            ("unresolved", &e.unresolved),
            ("deferred", &e.deferred),
            ("swept", &e.swept),
            ("settle_retried", &e.settle_retries),
        ];
        for ((outcome, counter), old) in events.iter().zip(&mut before.events) {
            metrics.event(outcome, grown(counter, old));
        }
        let d = &self.deliveries;
        let deliveries: [(&'static str, &Counter); DELIVERIES] = [
            ("success", &d.succeeded),
            ("retry", &d.retried),
            ("failed", &d.exhausted),
            ("endpoint_disabled", &d.gone),
            ("unrecorded", &d.unrecorded),
        ];
        for ((outcome, counter), old) in deliveries.iter().zip(&mut before.deliveries) {
            metrics.webhook_delivery(outcome, grown(counter, old));
        }
        let shown = &metrics.delivery;
        let plain = [
            (&shown.holds, &d.holds),
            (&shown.disabled, &d.endpoints_disabled),
            (&shown.late, &d.late),
        ];
        for ((shown, counter), old) in plain.iter().zip(&mut before.plain) {
            shown.inc_by(grown(counter, old));
        }
        metrics
            .event_condition_errors
            .inc_by(grown(&e.condition_errors, &mut before.condition_errors));
        metrics
            .event_shape_errors
            .inc_by(grown(&e.shape_errors, &mut before.shape_errors));
    }

    fn shared(&self, metrics: &Metrics, shared: &Shared, before: &mut Before) {
        let shown = &metrics.shared;
        let link = shared.store.stats();
        let old = std::mem::replace(&mut before.link, link.clone());
        metrics.store_up.set(i64::from(link.up));
        shown.servers.set(number(link.servers));
        shown.breakers_open.set(number(link.breakers_open));
        shown.connects(true, link.connects - old.connects);
        shown.connects(false, link.failed_connects - old.failed_connects);
        shown.redirects.inc_by(link.redirects - old.redirects);
        shown
            .messages_lost
            .inc_by(link.messages_lost - old.messages_lost);
        for (kind, n) in link.errors {
            let known = old.errors.iter().find(|(k, _)| *k == kind);
            metrics.store_errors(kind, n - known.map_or(0, |(_, n)| *n));
        }
        let desk = shared.desk.stats();
        let old = std::mem::replace(&mut before.desk, desk);
        let failures = desk.failures - old.failures;
        shown.lease_calls(false, failures);
        shown.lease_calls(true, (desk.calls - old.calls).saturating_sub(failures));
        shown
            .nodes
            .set(i64::try_from(desk.live).unwrap_or(i64::MAX));
        metrics.limiter_degraded.set(i64::from(desk.degraded));
        if let Some(clock) = shared.store.clock() {
            metrics
                .clock_skew_seconds
                .set(-clock.offset_ms as f64 / 1000.0);
        }
        let spool = shared.spool.pending();
        metrics
            .spool_bytes
            .set(i64::try_from(spool.bytes).unwrap_or(i64::MAX));
        for (kind, n) in [
            ("usage", spool.batches),
            ("events", spool.events),
            ("refused", spool.refused),
        ] {
            shown.set_spool_entries(kind, n);
        }
        let now = self.parts.clock.now();
        let age = spool.oldest.map_or(0.0, |t| now.since(t).as_secs_f64());
        shown.spool_oldest.set(age);
    }

    fn gauges(&self, metrics: &Metrics) {
        metrics
            .requests_in_flight
            .set(number(self.in_flight.requests()));
        let (keys, accounts) = self.parts.limiter.len();
        metrics.set_limiter_entries(keys, accounts);
        let now = self.parts.clock.now();
        for (listener, certificates) in self.certificates.iter() {
            if let Some(end) = certificates.expires_at() {
                let seconds = (end.millis() - now.millis()) / 1000;
                metrics.set_certificate_expires(listener, seconds as f64);
            }
        }
    }

    /// Asks the store for what waits; apart from a scrape, which must not wait for a store.
    pub(super) async fn read_queue(&self) {
        match self.parts.backend.mails.mails_waiting().await {
            Ok(n) => {
                let n = i64::try_from(n).unwrap_or(i64::MAX);
                self.parts.metrics.alerts.waiting.set(n);
            }
            Err(e) => tracing::debug!("messages of alerts cannot be counted: {e}"),
        }
        let stats = match self.parts.backend.events.queue_stats().await {
            Ok(stats) => stats,
            Err(e) => {
                tracing::debug!("the queue cannot be asked: {e}");
                return;
            }
        };
        self.show_queue(stats);
    }

    fn show_queue(&self, stats: QueueStats) {
        let metrics = &self.parts.metrics;
        let now = self.parts.clock.now();
        let age = stats
            .oldest_pending
            .map_or(0.0, |t| now.since(t).as_secs_f64());
        metrics
            .webhook_queue_depth
            .set(i64::try_from(stats.pending_deliveries).unwrap_or(i64::MAX));
        metrics.webhook_oldest_pending_seconds.set(age);
        metrics
            .events_unresolved
            .set(i64::try_from(stats.unresolved_events).unwrap_or(i64::MAX));
    }
}

fn embedded(metrics: &Metrics, store: &EmbeddedStore) {
    let stats = store.stats();
    metrics.store_up.set(i64::from(stats.healthy));
    metrics.store_queue_depth.set(number(stats.queued_writes));
    metrics.limiter_degraded.set(i64::from(!stats.healthy));
}

/// By how much a counter grew since it was last looked at.
fn grown(counter: &Counter, before: &mut u64) -> u64 {
    let now = counter.get();
    now - std::mem::replace(before, now)
}

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
