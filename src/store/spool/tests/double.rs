//! A store that fails on demand in front of embedded ones: down, hanging, or losing its replies; also one that fails over.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::store::embedded::EmbeddedStore;
use crate::usage::model::*;
use crate::usage::port::{SeriesQuery, UsageInsight, UsageStore};
use crate::webhooks::health::{Effect, EndpointHealth};
use crate::webhooks::model::*;
use crate::webhooks::port::*;

/// What the store does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Answers.
    Up,
    /// Refuses at once and does nothing.
    Down,
    /// Does nothing and says nothing until the mode changes.
    Hang,
    /// Does it and fails to say so.
    LoseReply,
    /// Does it and says nothing until the mode changes.
    HangAfter,
}

/// See the module.
pub(super) struct Flaky {
    /// All of them get what is written; the first answers. A replica that lags is not among them.
    stores: Mutex<Vec<Arc<EmbeddedStore>>>,
    mode: watch::Sender<Mode>,
    /// Writes that reached it, in order, whatever became of them: `record evt_…`, `settle evt_…`, `apply boot/7`.
    calls: Mutex<Vec<String>>,
    /// An event that it refuses to record or settle.
    refused: Mutex<Option<String>>,
}

fn away<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("away on purpose".to_owned()))
}

impl Flaky {
    pub(super) fn new(stores: Vec<Arc<EmbeddedStore>>) -> Arc<Self> {
        Arc::new(Self {
            stores: Mutex::new(stores),
            mode: watch::channel(Mode::Up).0,
            calls: Mutex::default(),
            refused: Mutex::default(),
        })
    }

    pub(super) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// From now on only these get what is written.
    pub(super) fn use_only(&self, stores: Vec<Arc<EmbeddedStore>>) {
        *self.stores.lock() = stores;
    }

    pub(super) fn refuse(&self, event_id: Option<&str>) {
        *self.refused.lock() = event_id.map(str::to_owned);
    }

    /// The writes that reached it since this was last asked.
    pub(super) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock())
    }

    fn store(&self) -> Arc<EmbeddedStore> {
        Arc::clone(&self.stores.lock()[0])
    }

    async fn until_changed(&self, from: Mode) {
        let mut mode = self.mode.subscribe();
        let _ = mode.wait_for(|m| *m != from).await;
    }

    async fn write<F, R>(&self, name: String, work: F) -> Result<(), StoreError>
    where
        F: Fn(Arc<EmbeddedStore>) -> R,
        R: Future<Output = Result<(), StoreError>>,
    {
        let mode = *self.mode.borrow();
        self.calls.lock().push(name.clone());
        match mode {
            Mode::Down => return away(),
            Mode::Hang => {
                self.until_changed(mode).await;
                return away();
            }
            Mode::Up | Mode::LoseReply | Mode::HangAfter => {}
        }
        if self
            .refused
            .lock()
            .as_ref()
            .is_some_and(|id| name.contains(id))
        {
            return Err(StoreError::Corrupt("refused on purpose".to_owned()));
        }
        let stores = self.stores.lock().clone();
        for store in stores {
            work(store).await?;
        }
        match mode {
            Mode::Up => Ok(()),
            Mode::HangAfter => {
                self.until_changed(mode).await;
                away()
            }
            _ => away(),
        }
    }

    async fn reach(&self) -> Result<Arc<EmbeddedStore>, StoreError> {
        let mode = *self.mode.borrow();
        match mode {
            Mode::Up => Ok(self.store()),
            Mode::Hang | Mode::HangAfter => {
                self.until_changed(mode).await;
                away()
            }
            Mode::Down | Mode::LoseReply => away(),
        }
    }
}

#[async_trait]
impl UsageInsight for Flaky {
    async fn rejections(
        &self,
        account_id: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<RejectedBy>, StoreError> {
        self.reach().await?.rejections(account_id, from, to).await
    }

    async fn busiest_keys(
        &self,
        account_id: &str,
        range: (Timestamp, Timestamp),
        by: Granularity,
        limit: u32,
    ) -> Result<Vec<KeyTotals>, StoreError> {
        let store = self.reach().await?;
        store.busiest_keys(account_id, range, by, limit).await
    }

    async fn key_routes(
        &self,
        account_id: &str,
        key_id: &str,
        range: (Timestamp, Timestamp),
        limit: u32,
    ) -> Result<Vec<RouteCalls>, StoreError> {
        let store = self.reach().await?;
        store.key_routes(account_id, key_id, range, limit).await
    }
}

#[async_trait]
impl UsageStore for Flaky {
    async fn apply(&self, batch: &UsageBatch) -> Result<(), StoreError> {
        let name = format!("apply {}/{}", batch.boot_id, batch.sequence);
        self.write(name, |s| async move { s.apply(batch).await })
            .await
    }

    async fn used(
        &self,
        account_id: &str,
        hour: Timestamp,
        month: Timestamp,
    ) -> Result<(u64, u64), StoreError> {
        self.reach().await?.used(account_id, hour, month).await
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Vec<UsagePoint>, StoreError> {
        self.reach().await?.series(query).await
    }

    async fn endpoints(
        &self,
        account_id: Option<&str>,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<EndpointUsage>, StoreError> {
        let store = self.reach().await?;
        UsageStore::endpoints(&*store, account_id, from, to, limit).await
    }

    async fn callers(
        &self,
        route: &str,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<RouteCaller>, StoreError> {
        self.reach().await?.callers(route, from, to, limit).await
    }

    async fn prune(&self, hours: Timestamp, days: Timestamp) -> Result<(), StoreError> {
        self.reach().await?.prune(hours, days).await
    }
}

fn ids<'a>(all: impl Iterator<Item = &'a str>) -> String {
    all.collect::<Vec<_>>().join(" ")
}

#[async_trait]
impl EventStore for Flaky {
    fn is_healthy(&self) -> bool {
        *self.mode.borrow() == Mode::Up && self.store().is_healthy()
    }

    async fn record_pending(&self, events: &[Event]) -> Result<(), StoreError> {
        let name = format!("record {}", ids(events.iter().map(|e| e.id.as_str())));
        self.write(name, |s| async move { s.record_pending(events).await })
            .await
    }

    async fn settle(&self, settlements: &[Settlement], now: Timestamp) -> Result<(), StoreError> {
        let name = format!(
            "settle {}",
            ids(settlements.iter().map(Settlement::event_id))
        );
        self.write(name, |s| async move { s.settle(settlements, now).await })
            .await
    }

    async fn stale_pending(&self, before: Timestamp, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.reach().await?.stale_pending(before, limit).await
    }

    async fn publish(
        &self,
        event: &Event,
        now: Timestamp,
        change: &Change,
    ) -> Result<Event, StoreError> {
        self.reach().await?.publish(event, now, change).await
    }

    async fn replay(
        &self,
        event_id: &str,
        data: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Event, StoreError> {
        self.reach()
            .await?
            .replay(event_id, data, now, change)
            .await
    }

    async fn event(&self, id: &str) -> Result<Option<Event>, StoreError> {
        self.reach().await?.event(id).await
    }

    async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Event>, StoreError> {
        self.reach().await?.events(filter, page).await
    }

    async fn create_endpoint(
        &self,
        endpoint: &Endpoint,
        max: usize,
        change: &Change,
    ) -> Result<(), StoreError> {
        let store = self.reach().await?;
        store.create_endpoint(endpoint, max, change).await
    }

    async fn update_endpoint(
        &self,
        endpoint: &Endpoint,
        change: &Change,
    ) -> Result<(), StoreError> {
        self.reach().await?.update_endpoint(endpoint, change).await
    }

    async fn delete_endpoint(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<bool, StoreError> {
        self.reach().await?.delete_endpoint(id, now, change).await
    }

    async fn endpoint(&self, id: &str) -> Result<Option<Endpoint>, StoreError> {
        self.reach().await?.endpoint(id).await
    }

    async fn endpoints(
        &self,
        account_id: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<Endpoint>, StoreError> {
        let store = self.reach().await?;
        EventStore::endpoints(&*store, account_id, page).await
    }

    async fn deliver_to(
        &self,
        event: &Event,
        endpoint_id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Delivery, StoreError> {
        let store = self.reach().await?;
        store.deliver_to(event, endpoint_id, now, change).await
    }

    async fn claim_due(&self, terms: &ClaimTerms) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let store = self.reach().await?;
        store.claim_due(terms).await
    }

    async fn complete(
        &self,
        delivery_id: &str,
        claim: &str,
        attempt: &Attempt,
        outcome: &Outcome,
        effect: &Effect,
        now: Timestamp,
    ) -> Result<Completed, StoreError> {
        let store = self.reach().await?;
        store
            .complete(delivery_id, claim, attempt, outcome, effect, now)
            .await
    }

    async fn endpoint_health(
        &self,
        endpoints: &[Endpoint],
    ) -> Result<Vec<EndpointHealth>, StoreError> {
        self.reach().await?.endpoint_health(endpoints).await
    }

    async fn retry_delivery(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Delivery, StoreError> {
        self.reach().await?.retry_delivery(id, now, change).await
    }

    async fn delivery(&self, id: &str) -> Result<Option<(Delivery, Vec<Attempt>)>, StoreError> {
        self.reach().await?.delivery(id).await
    }

    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<(Delivery, Vec<Attempt>)>, StoreError> {
        self.reach().await?.deliveries(filter, page).await
    }

    async fn next_due(&self, with_suspects: bool) -> Result<Option<Timestamp>, StoreError> {
        self.reach().await?.next_due(with_suspects).await
    }

    async fn queue_stats(&self) -> Result<QueueStats, StoreError> {
        self.reach().await?.queue_stats().await
    }

    async fn prune_events(
        &self,
        before: Timestamp,
        dead_before: Timestamp,
    ) -> Result<(), StoreError> {
        self.reach().await?.prune_events(before, dead_before).await
    }
}
