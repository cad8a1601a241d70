//! What events and deliveries count, for whoever exports it; no metric names.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::Histogram;

/// A counter that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What became of events on this node since it started.
#[derive(Debug, Default)]
pub struct EventCounters {
    /// Recorded as pending.
    pub recorded: Counter,
    /// Records that the store refused: the client got an error although the upstream had answered.
    pub record_failures: Counter,
    /// Released.
    pub released: Counter,
    /// Dropped by their conditions.
    pub dropped: Counter,
    /// Unresolved: a needed body was lost.
    pub unresolved: Counter,
    /// Conditions that failed to evaluate; each counts as no match.
    pub condition_errors: Counter,
    /// Shapes that failed to evaluate; each makes an event that has the resource's id only.
    pub shape_errors: Counter,
    /// Left pending for the sweeper because too much was waiting.
    pub deferred: Counter,
    /// Settled by the sweeper.
    pub swept: Counter,
    /// Writes of settlements that had to be tried again.
    pub settle_retries: Counter,
}

/// Where the times of deliveries are shown.
#[derive(Debug)]
pub struct DeliveryTimes {
    /// Seconds from when attempts were due to when they began.
    pub delay: Histogram,
    /// Seconds that they took.
    pub duration: Histogram,
}

/// What became of delivery attempts on this node since it started.
#[derive(Debug, Default)]
pub struct DeliveryCounters {
    /// Answered with 2xx.
    pub succeeded: Counter,
    /// Failed, and to be tried again.
    pub retried: Counter,
    /// Failed for the last time.
    pub exhausted: Counter,
    /// Answered with 410, which disables the endpoint.
    pub gone: Counter,
    /// Attempts whose end the store did not take; their claims run out and they are made again.
    pub unrecorded: Counter,
    /// Attempts that could not begin in time after their claim.
    pub late: Counter,
    /// Times that an endpoint was held off.
    pub holds: Counter,
    /// Endpoints that were disabled because of their receivers.
    pub endpoints_disabled: Counter,
    times: OnceLock<DeliveryTimes>,
}

impl DeliveryCounters {
    /// Shows times there from now on; only the first such place counts.
    pub fn show_times(&self, times: DeliveryTimes) {
        let _ = self.times.set(times);
    }

    /// Notes how late an attempt began and how long it took.
    pub fn attempted(&self, delay: Duration, took: Duration) {
        if let Some(times) = self.times.get() {
            times.delay.observe(delay.as_secs_f64());
            times.duration.observe(took.as_secs_f64());
        }
    }
}
