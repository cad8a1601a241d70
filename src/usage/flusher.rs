//! Brings usage to the store: every second, again until it is taken, and all of it at a clean stop; never counts anything itself.

use std::future::Future;
use std::sync::Arc;

use tokio::time::MissedTickBehavior;

use super::port::UsageStore;
use super::recorder::Recorder;
use crate::base::ceilings::{USAGE_BATCH_ROWS, USAGE_FLUSH, USAGE_HOURS, USAGE_MONTHS};
use crate::base::clock::{Clock, HOUR_MS, Timestamp};
use crate::base::error::StoreError;
use crate::observe::Metrics;

/// Gives a recorder's batches to a store, one after the other.
pub struct Flusher {
    recorder: Arc<Recorder>,
    store: Arc<dyn UsageStore>,
    metrics: Option<Arc<Metrics>>,
    clock: Clock,
    /// One batch is under way at a time, whoever asks. Held over the store's answer, so it is an async lock. Inside: the
    /// sequence number of the batch that was tried last.
    turn: tokio::sync::Mutex<u64>,
}

impl std::fmt::Debug for Flusher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flusher")
            .field("recorder", &self.recorder)
            .finish_non_exhaustive()
    }
}

impl Flusher {
    /// A flusher from `recorder` to `store`.
    pub fn new(
        recorder: Arc<Recorder>,
        store: Arc<dyn UsageStore>,
        metrics: Option<Arc<Metrics>>,
        clock: Clock,
    ) -> Self {
        Self {
            recorder,
            store,
            metrics,
            clock,
            turn: tokio::sync::Mutex::new(0),
        }
    }

    /// Flushes every second, and prunes what is out of retention every hour, until `stop`; then flushes what is left.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut ticks = tokio::time::interval(USAGE_FLUSH);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut healthy = true;
        let mut pruned = None;
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                _ = ticks.tick() => {}
            }
            let flushed = self.flush_now().await;
            match &flushed {
                Err(error) if healthy => tracing::warn!(%error, "usage waits for the store"),
                Ok(()) if !healthy => tracing::info!("usage has reached the store again"),
                _ => {}
            }
            healthy = flushed.is_ok();
            if healthy {
                self.prune(&mut pruned).await;
            }
        }
        if let Err(error) = self.flush_now().await {
            let rows = self.recorder.pending_rows();
            tracing::error!(%error, rows, "usage could not be written before the stop");
        }
    }

    /// Gives everything counted before the call to the store. What is counted meanwhile may wait for the next call: under load
    /// there would be no end to it.
    ///
    /// # Errors
    /// The store's. Nothing is lost: the same batch comes first next time.
    pub async fn flush_now(&self) -> Result<(), StoreError> {
        let mut tried = self.turn.lock().await;
        while let Some(batch) = self.recorder.drain() {
            let is_again = std::mem::replace(&mut *tried, batch.sequence) == batch.sequence;
            let is_full = batch.rows() >= USAGE_BATCH_ROWS;
            let applied = self.store.apply(&batch).await;
            if let Some(metrics) = &self.metrics {
                metrics.usage_flush(applied.is_ok());
            }
            applied?;
            self.recorder.acknowledge(batch.sequence);
            if !is_again && !is_full {
                break;
            }
        }
        Ok(())
    }

    async fn prune(&self, last: &mut Option<Timestamp>) {
        let now = self.clock.now();
        if last.is_some_and(|l| (now.millis() - l.millis()).abs() < HOUR_MS) {
            return;
        }
        let (hours, days) = retention(now);
        match self.store.prune(hours, days).await {
            Ok(()) => *last = Some(now),
            // It is tried again in a second, and the store says itself that it is away.
            Err(error @ StoreError::Unavailable(_)) => {
                tracing::debug!(%error, "old usage cannot be pruned now");
            }
            Err(error) => tracing::warn!(%error, "old usage could not be pruned"),
        }
    }
}

/// The oldest hour and the oldest day that are kept.
fn retention(now: Timestamp) -> (Timestamp, Timestamp) {
    let mut month = now.month_start();
    for _ in 0..USAGE_MONTHS {
        month = month
            .minus(std::time::Duration::from_millis(1))
            .month_start();
    }
    (now.minus(USAGE_HOURS).hour_start(), month)
}

#[cfg(test)]
mod tests;
