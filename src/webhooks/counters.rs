//! What events and deliveries count, for whoever exports it; no metric names.

use std::sync::atomic::{AtomicU64, Ordering};

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

/// What became of delivery attempts on this node since it started.
#[derive(Debug, Default)]
pub struct DeliveryCounters {
    /// Answered with 2xx.
    pub succeeded: Counter,
    /// Failed, and to be tried again.
    pub retried: Counter,
    /// Failed for the last time.
    pub exhausted: Counter,
    /// Answered with 410: the endpoint was disabled.
    pub endpoint_disabled: Counter,
    /// Attempts whose end the store did not take; their claims run out and they are made again.
    pub unrecorded: Counter,
    /// Milliseconds from when an attempt was due to its begin, summed over attempts.
    pub delay_ms: Counter,
    /// Attempts begun.
    pub attempts: Counter,
}
