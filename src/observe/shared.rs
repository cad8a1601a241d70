//! Metrics of a store that nodes share, of its leases and of the spool before it; never where the numbers come from.

use prometheus::{Error, Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::metrics::Maker;
use super::names;

/// What is shown of a store that nodes share. With an embedded store all of it stays as it begins.
#[derive(Debug)]
pub struct SharedMetrics {
    /// Servers that are known.
    pub servers: IntGauge,
    /// Those that are known not to answer.
    pub breakers_open: IntGauge,
    connects: IntCounterVec,
    /// Calls that a cluster sent elsewhere.
    pub redirects: IntCounter,
    /// Gaps in what is heard.
    pub messages_lost: IntCounter,
    lease_calls: IntCounterVec,
    /// Nodes that live.
    pub nodes: IntGauge,
    spool_entries: IntGaugeVec,
    /// Age of the oldest entry.
    pub spool_oldest: Gauge,
}

impl SharedMetrics {
    pub(super) fn new(m: &Maker) -> Result<Self, Error> {
        Ok(Self {
            servers: m.gauge(
                names::STORE_SERVERS,
                "Servers of the shared store that are known: one, or the masters of a cluster.",
            )?,
            breakers_open: m.gauge(
                names::STORE_BREAKERS_OPEN,
                "Servers of the shared store that are known not to answer and are only probed.",
            )?,
            connects: m.counters(
                names::STORE_CONNECTS,
                "Attempts to connect to servers of the shared store, by result.",
                &["result"],
            )?,
            redirects: m.counter(
                names::STORE_REDIRECTS,
                "Calls that a cluster sent to another of its servers.",
            )?,
            messages_lost: m.counter(
                names::STORE_MESSAGES_LOST,
                "Times that changes of other nodes may not have been heard, the start included; all that is cached is read again then.",
            )?,
            lease_calls: m.counters(
                names::LIMITER_LEASE_CALLS,
                "Calls to the shared store for leases of tokens, by result.",
                &["result"],
            )?,
            nodes: m.gauge(
                names::LIMITER_NODES,
                "Live nodes that share the limits, this one included; 0 where it is the only one.",
            )?,
            spool_entries: m.gauges(
                names::SPOOL_ENTRIES,
                "What waits in the local spool for the shared store, by kind.",
                &["kind"],
            )?,
            spool_oldest: m.add(Gauge::new(
                names::SPOOL_OLDEST,
                "Age of the oldest entry that waits in the local spool.",
            ))?,
        })
    }

    /// Counts `n` attempts to connect.
    pub fn connects(&self, ok: bool, n: u64) {
        let result = super::metrics::result(ok);
        self.connects.with_label_values(&[result]).inc_by(n);
    }

    /// Counts `n` calls for leases.
    pub fn lease_calls(&self, ok: bool, n: u64) {
        let result = super::metrics::result(ok);
        self.lease_calls.with_label_values(&[result]).inc_by(n);
    }

    /// Shows how much of a kind waits: `usage`, `events` or `refused`.
    pub fn set_spool_entries(&self, kind: &'static str, n: u64) {
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        self.spool_entries.with_label_values(&[kind]).set(n);
    }
}
