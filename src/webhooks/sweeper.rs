//! Settles events that a crash left pending: released with their id, or unresolved; never touches what this process has in hand.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::counters::EventCounters;
use super::model::Settlement;
use super::pipeline::{Events, Held};
use super::port::EventStore;
use super::settlement::after_a_crash;
use crate::base::ceilings::{PENDING_EVENT_AGE, SWEEP_BATCH, SWEEP_INTERVAL};
use crate::base::clock::{Clock, Timestamp};
use crate::base::error::StoreError;

/// Settles what nobody else will.
pub struct Sweeper {
    store: Arc<dyn EventStore>,
    clock: Clock,
    held: Arc<Held>,
    counters: Arc<EventCounters>,
    wake: Arc<Notify>,
}

impl Sweeper {
    /// A sweeper beside `events`. `wake` is notified when it made deliveries.
    pub fn new(
        store: Arc<dyn EventStore>,
        clock: Clock,
        events: &Events,
        wake: Arc<Notify>,
    ) -> Self {
        Self {
            store,
            clock,
            held: Arc::clone(events.held()),
            counters: Arc::clone(events.counters()),
            wake,
        }
    }

    /// Sweeps what earlier processes left (`started` is when this one did), then, until `stop` says true, what
    /// grew too old. A store that is away is tried again at the next turn.
    pub async fn run(self, started: Timestamp, mut stop: watch::Receiver<bool>) {
        let mut first = true;
        loop {
            let before = if first {
                started
            } else {
                self.clock.now().minus(PENDING_EVENT_AGE)
            };
            match self.sweep(before).await {
                Ok(_) => first = false,
                // The store says itself that it is away.
                Err(error @ StoreError::Unavailable(_)) => {
                    tracing::debug!(%error, "pending events are not looked for now");
                }
                Err(error) => tracing::warn!(%error, "sweeping pending events failed"),
            }
            let pause = if first { RETRY } else { SWEEP_INTERVAL };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|s| *s) => return,
            }
        }
    }

    /// Settles the events that were recorded before `before` and are not in hand; tells how many. Those that the store
    /// refuses are left to the next sweep.
    ///
    /// # Errors
    /// The store cannot be used now.
    pub async fn sweep(&self, before: Timestamp) -> Result<usize, StoreError> {
        let mut swept = 0;
        // They stay pending and come first again each time.
        let mut refused: HashSet<String> = HashSet::new();
        loop {
            let events = self.store.stale_pending(before, SWEEP_BATCH).await?;
            let settlements: Vec<Settlement> = events
                .iter()
                .filter(|e| !self.held.has(&e.id) && !refused.contains(&e.id))
                .map(after_a_crash)
                .collect();
            // Nothing but events in hand or refused in a full batch: those behind them wait for the next turn.
            if settlements.is_empty() {
                return Ok(swept);
            }
            swept += self.settle(settlements, &mut refused).await?;
        }
    }

    /// Settles a batch, and where the store refuses it each event by itself; tells how many it took, and adds the others
    /// to `refused`.
    async fn settle(
        &self,
        batch: Vec<Settlement>,
        refused: &mut HashSet<String>,
    ) -> Result<usize, StoreError> {
        match self.store.settle(&batch, self.clock.now()).await {
            Ok(()) => {
                self.settled(&batch);
                return Ok(batch.len());
            }
            Err(error @ StoreError::Unavailable(_)) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, events = batch.len(), "a batch of pending events was refused; trying them one by one");
            }
        }
        let mut taken = Vec::with_capacity(batch.len());
        let mut away = None;
        for one in batch {
            let done = self
                .store
                .settle(std::slice::from_ref(&one), self.clock.now())
                .await;
            match done {
                Ok(()) => taken.push(one),
                Err(error @ StoreError::Unavailable(_)) => {
                    away = Some(error);
                    break;
                }
                Err(error) => {
                    tracing::error!(%error, event = one.event_id(), "a pending event could not be settled");
                    refused.insert(one.event_id().to_owned());
                }
            }
        }
        if !taken.is_empty() {
            self.settled(&taken);
        }
        away.map_or(Ok(taken.len()), Err)
    }

    fn settled(&self, settlements: &[Settlement]) {
        self.count(settlements);
        self.wake.notify_one();
    }

    fn count(&self, settlements: &[Settlement]) {
        self.counters.swept.add(settlements.len() as u64);
        let unresolved = settlements
            .iter()
            .filter(|s| matches!(s, Settlement::Unresolved { .. }))
            .count() as u64;
        self.counters.unresolved.add(unresolved);
        self.counters
            .released
            .add(settlements.len() as u64 - unresolved);
        tracing::info!(
            released = settlements.len() as u64 - unresolved,
            unresolved,
            "settled events that a crash left pending"
        );
    }
}

/// How soon the first sweep is tried again.
const RETRY: Duration = Duration::from_secs(1);
