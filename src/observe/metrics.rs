//! All metrics in a registry of their own, with typed handles and bounded series; never a process-wide one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use parking_lot::Mutex;
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Encoder, Error, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter,
    IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::alerts::AlertMetrics;
use super::delivery::DeliveryMetrics;
use super::names;
use super::portal::PortalMetrics;
use super::route::RouteMetrics;
use super::shared::SharedMetrics;

/// Bounds of request and upstream times, in seconds.
const DURATIONS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
/// Bounds of times inside the process, in seconds.
const SHORT_DURATIONS: &[f64] = &[
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.05,
    0.1, 0.5, 1.0,
];

/// Every metric of the process. What the request path counts has its handle ready; labels are hashed only where
/// something is rare.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_duration: HistogramVec,
    unusual_statuses: Arc<AtomicUsize>,
    routes: Mutex<HashMap<Box<str>, Arc<RouteMetrics>>>,
    usage_requests: IntCounterVec,
    usage_series: Mutex<HashSet<Box<str>>>,
    upstream_requests: IntCounterVec,
    upstream_duration: HistogramVec,
    upstream_healthy: IntGaugeVec,
    auth_failures: IntCounterVec,
    limited: IntCounterVec,
    usage_flushes: IntCounterVec,
    key_cache_lookups: IntCounterVec,
    store_duration: HistogramVec,
    store_errors: IntCounterVec,
    limiter_entries: IntGaugeVec,
    webhook_deliveries: IntCounterVec,
    events: IntCounterVec,
    config_reloads: IntCounterVec,
    config_info: IntGaugeVec,
    certificate_expires: GaugeVec,
    /// Requests that are being served.
    pub requests_in_flight: IntGauge,
    /// Seconds that requests spent in the gateway, upstream excluded.
    pub overhead_seconds: Histogram,
    /// Keys in the cache.
    pub key_cache_entries: IntGauge,
    /// Keys that left the cache for others.
    pub key_cache_evictions: IntCounter,
    /// Writes that wait for the store.
    pub store_queue_depth: IntGauge,
    /// 1 while the store can be used.
    pub store_up: IntGauge,
    /// 1 while limits are enforced without the store.
    pub limiter_degraded: IntGauge,
    /// Bytes in the local spool.
    pub spool_bytes: IntGauge,
    /// Seconds that webhook attempts took.
    pub webhook_duration_seconds: Histogram,
    /// Deliveries that are not finished.
    pub webhook_queue_depth: IntGauge,
    /// Age of the oldest unfinished delivery in seconds.
    pub webhook_oldest_pending_seconds: Gauge,
    /// Events that wait for an operator.
    pub events_unresolved: IntGauge,
    /// Conditions of event rules that failed.
    pub event_condition_errors: IntCounter,
    /// Shapes of event data that failed.
    pub event_shape_errors: IntCounter,
    /// Seconds by which this node's clock is ahead of the store's.
    pub clock_skew_seconds: Gauge,
    /// Access-log lines lost.
    pub access_log_dropped: IntCounter,
    /// Diagnostic lines lost.
    pub diagnostics_dropped: IntCounter,
    /// Of a store that nodes share.
    pub shared: SharedMetrics,
    /// Webhook delivery.
    pub delivery: DeliveryMetrics,
    /// The developer portal.
    pub portal: Arc<PortalMetrics>,
    /// Alerts and their e-mails.
    pub alerts: Arc<AlertMetrics>,
}

/// Registers metrics as it makes them.
pub(super) struct Maker(Registry);

impl Maker {
    pub(super) fn add<M: Collector + Clone + 'static>(
        &self,
        metric: Result<M, Error>,
    ) -> Result<M, Error> {
        let metric = metric?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        self.add(IntCounter::new(name, help))
    }

    pub(super) fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec, Error> {
        self.add(IntCounterVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, Error> {
        self.add(IntGauge::new(name, help))
    }

    pub(super) fn gauges(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntGaugeVec, Error> {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn histogram(
        &self,
        name: &str,
        help: &str,
        bounds: &[f64],
    ) -> Result<Histogram, Error> {
        let opts = HistogramOpts::new(name, help).buckets(bounds.to_vec());
        self.add(Histogram::with_opts(opts))
    }

    pub(super) fn histograms(
        &self,
        name: &str,
        help: &str,
        bounds: &[f64],
        label: &str,
    ) -> Result<HistogramVec, Error> {
        let opts = HistogramOpts::new(name, help).buckets(bounds.to_vec());
        self.add(HistogramVec::new(opts, &[label]))
    }
}

impl Metrics {
    /// Makes and registers all metrics.
    ///
    /// # Errors
    /// Two metrics of one name: a fault of this file.
    pub fn new() -> Result<Self, Error> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let m = Maker(registry.clone());
        let build = m.gauges(
            names::BUILD_INFO,
            "The program's version; always 1.",
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Ok(Self {
            requests: m.counters(
                names::REQUESTS,
                "Requests answered, by route template, method and status.",
                &["route", "method", "status"],
            )?,
            request_duration: m.histograms(
                names::REQUEST_DURATION,
                "Time from a request's header to the end of its response, by route template.",
                DURATIONS,
                "route",
            )?,
            unusual_statuses: Arc::default(),
            routes: Mutex::default(),
            usage_requests: m.counters(
                names::USAGE_REQUESTS,
                "Requests sent upstream, by account and key.",
                &["account", "key"],
            )?,
            usage_series: Mutex::default(),
            upstream_requests: m.counters(
                names::UPSTREAM_REQUESTS,
                "Exchanges with upstream servers, by how they ended.",
                &["upstream", "target", "outcome"],
            )?,
            upstream_duration: m.histograms(
                names::UPSTREAM_DURATION,
                "Time from sending a request upstream to the end of the upstream's response.",
                DURATIONS,
                "upstream",
            )?,
            upstream_healthy: m.gauges(
                names::UPSTREAM_HEALTHY,
                "Whether an upstream server is taken for healthy.",
                &["upstream", "target"],
            )?,
            auth_failures: m.counters(
                names::AUTH_FAILURES,
                "Requests refused for their credentials, by error code.",
                &["code"],
            )?,
            limited: m.counters(
                names::LIMITED,
                "Requests refused by a rate limit or quota, by policy.",
                &["policy"],
            )?,
            usage_flushes: m.counters(
                names::USAGE_FLUSHES,
                "Usage batches given to the store, by result.",
                &["result"],
            )?,
            key_cache_lookups: m.counters(
                names::KEY_CACHE_LOOKUPS,
                "Look-ups in the key cache, by result.",
                &["result"],
            )?,
            store_duration: m.histograms(
                names::STORE_DURATION,
                "Time that calls to the shared store took, by whether a request waits for them.",
                SHORT_DURATIONS,
                "operation",
            )?,
            store_errors: m.counters(
                names::STORE_ERRORS,
                "Calls to the shared store that failed, by kind of failure.",
                &["kind"],
            )?,
            limiter_entries: m.gauges(
                names::LIMITER_ENTRIES,
                "Keys and accounts whose limits are held in memory.",
                &["kind"],
            )?,
            webhook_deliveries: m.counters(
                names::WEBHOOK_DELIVERIES,
                "Webhook delivery attempts, by outcome.",
                &["outcome"],
            )?,
            events: m.counters(
                names::EVENTS,
                "Events, by what became of them.",
                &["outcome"],
            )?,
            config_reloads: m.counters(
                names::CONFIG_RELOADS,
                "Reloads of the configuration, by result.",
                &["result"],
            )?,
            config_info: m.gauges(
                names::CONFIG_INFO,
                "The configuration in force, by its digest; always 1.",
                &["hash"],
            )?,
            certificate_expires: m.add(GaugeVec::new(
                Opts::new(
                    names::CERTIFICATE_EXPIRES,
                    "Seconds until a listener's certificate expires.",
                ),
                &["listener"],
            ))?,
            requests_in_flight: m
                .gauge(names::REQUESTS_IN_FLIGHT, "Requests that are being served.")?,
            overhead_seconds: m.histogram(
                names::OVERHEAD,
                "Time that requests spent in the gateway, upstream excluded.",
                SHORT_DURATIONS,
            )?,
            key_cache_entries: m.gauge(names::KEY_CACHE_ENTRIES, "Keys in the cache.")?,
            key_cache_evictions: m.counter(
                names::KEY_CACHE_EVICTIONS,
                "Keys that had to leave the cache for others.",
            )?,
            store_queue_depth: m
                .gauge(names::STORE_QUEUE_DEPTH, "Writes that wait for the store.")?,
            store_up: m.gauge(names::STORE_UP, "Whether the store can be used.")?,
            limiter_degraded: m.gauge(
                names::LIMITER_DEGRADED,
                "Whether limits are enforced without the store.",
            )?,
            spool_bytes: m.gauge(names::SPOOL_BYTES, "Bytes that wait in the local spool.")?,
            webhook_duration_seconds: m.histogram(
                names::WEBHOOK_DURATION,
                "Time that webhook delivery attempts took.",
                DURATIONS,
            )?,
            webhook_queue_depth: m.gauge(
                names::WEBHOOK_QUEUE_DEPTH,
                "Webhook deliveries that are not finished.",
            )?,
            webhook_oldest_pending_seconds: m.add(Gauge::new(
                names::WEBHOOK_OLDEST_PENDING,
                "Age of the oldest unfinished webhook delivery.",
            ))?,
            events_unresolved: m.gauge(
                names::EVENTS_UNRESOLVED,
                "Events whose condition could not be decided and that wait for an operator.",
            )?,
            event_condition_errors: m.counter(
                names::EVENT_CONDITION_ERRORS,
                "Conditions of event rules that failed and so did not match.",
            )?,
            event_shape_errors: m.counter(
                names::EVENT_SHAPE_ERRORS,
                "Data of event rules that failed to evaluate and so has the id only.",
            )?,
            clock_skew_seconds: m.add(Gauge::new(
                names::CLOCK_SKEW,
                "By how much this node's clock is ahead of the store's.",
            ))?,
            access_log_dropped: m.counter(
                names::ACCESS_LOG_DROPPED,
                "Access-log lines lost because the log could not take them.",
            )?,
            diagnostics_dropped: m.counter(
                names::DIAGNOSTICS_DROPPED,
                "Diagnostic lines lost because standard error could not take them.",
            )?,
            shared: SharedMetrics::new(&m)?,
            delivery: DeliveryMetrics::new(&m)?,
            portal: Arc::new(PortalMetrics::new(&m)?),
            alerts: Arc::new(AlertMetrics::new(&m)?),
            registry,
        })
    }

    /// Everything in the text format of Prometheus.
    ///
    /// # Errors
    /// The encoder's.
    pub fn render(&self) -> Result<Vec<u8>, Error> {
        let mut text = Vec::with_capacity(16_384);
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }

    /// `Content-Type` of [`Metrics::render`].
    pub const fn content_type() -> &'static str {
        prometheus::TEXT_FORMAT
    }
}

pub(super) const fn result(ok: bool) -> &'static str {
    if ok { "ok" } else { "error" }
}

mod handles;
mod record;
#[cfg(test)]
mod tests;
