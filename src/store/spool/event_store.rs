//! The port of events with the spool in front of it: records and settlements may wait in it, everything else goes to the store.

use std::time::Duration;

use async_trait::async_trait;

use super::Deadlines;
use super::events::{EventWrite, EventWrites};
use super::lane::Lane;
use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::webhooks::health::{Effect, EndpointHealth};
use crate::webhooks::model::{
    Attempt, ClaimedDelivery, Completed, Delivery, Endpoint, Event, Outcome, Settlement,
};
use crate::webhooks::port::{ClaimTerms, DeliveryFilter, EventFilter, EventStore, QueueStats};

/// Events at rest in a store that may be away.
pub struct SpooledEvents {
    pub(super) lane: Lane<EventWrites>,
    record_deadline: Duration,
    settle_deadline: Duration,
}

impl std::fmt::Debug for SpooledEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpooledEvents").finish_non_exhaustive()
    }
}

impl SpooledEvents {
    pub(super) fn new(lane: Lane<EventWrites>, deadlines: Deadlines) -> Self {
        Self {
            lane,
            record_deadline: deadlines.record,
            settle_deadline: deadlines.settle,
        }
    }

    fn store(&self) -> &dyn EventStore {
        &**self.lane.kind().store()
    }
}

#[async_trait]
impl EventStore for SpooledEvents {
    /// While anything waits in the spool, what comes next must fit there too.
    fn is_healthy(&self) -> bool {
        self.lane.file().has_room() || !self.lane.front().is_behind() && self.store().is_healthy()
    }

    async fn record_pending(&self, events: &[Event]) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let write = EventWrite::Record(events.to_vec());
        self.lane.write(write, self.record_deadline).await
    }

    async fn settle(&self, settlements: &[Settlement], now: Timestamp) -> Result<(), StoreError> {
        if settlements.is_empty() {
            return Ok(());
        }
        let write = EventWrite::Settle(settlements.to_vec(), now);
        self.lane.write(write, self.settle_deadline).await
    }

    /// Refuses while the settlement of what is found may wait in a spool: found now it would lose its data.
    async fn stale_pending(&self, before: Timestamp, limit: u32) -> Result<Vec<Event>, StoreError> {
        if self.lane.front().is_settling() {
            return Err(StoreError::Unavailable(
                "what waits in the spool goes first".to_owned(),
            ));
        }
        self.store().stale_pending(before, limit).await
    }

    async fn publish(
        &self,
        event: &Event,
        now: Timestamp,
        change: &Change,
    ) -> Result<Event, StoreError> {
        self.store().publish(event, now, change).await
    }

    async fn replay(
        &self,
        event_id: &str,
        data: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Event, StoreError> {
        self.store().replay(event_id, data, now, change).await
    }

    async fn event(&self, id: &str) -> Result<Option<Event>, StoreError> {
        self.store().event(id).await
    }

    async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Event>, StoreError> {
        self.store().events(filter, page).await
    }

    async fn create_endpoint(
        &self,
        endpoint: &Endpoint,
        max: usize,
        change: &Change,
    ) -> Result<(), StoreError> {
        self.store().create_endpoint(endpoint, max, change).await
    }

    async fn update_endpoint(
        &self,
        endpoint: &Endpoint,
        change: &Change,
    ) -> Result<(), StoreError> {
        self.store().update_endpoint(endpoint, change).await
    }

    async fn delete_endpoint(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<bool, StoreError> {
        self.store().delete_endpoint(id, now, change).await
    }

    async fn endpoint(&self, id: &str) -> Result<Option<Endpoint>, StoreError> {
        self.store().endpoint(id).await
    }

    async fn endpoints(
        &self,
        account_id: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<Endpoint>, StoreError> {
        self.store().endpoints(account_id, page).await
    }

    async fn deliver_to(
        &self,
        event: &Event,
        endpoint_id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Delivery, StoreError> {
        let store = self.store();
        store.deliver_to(event, endpoint_id, now, change).await
    }

    async fn claim_due(&self, terms: &ClaimTerms) -> Result<Vec<ClaimedDelivery>, StoreError> {
        self.store().claim_due(terms).await
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
        let store = self.store();
        store
            .complete(delivery_id, claim, attempt, outcome, effect, now)
            .await
    }

    async fn endpoint_health(
        &self,
        endpoints: &[Endpoint],
    ) -> Result<Vec<EndpointHealth>, StoreError> {
        self.store().endpoint_health(endpoints).await
    }

    async fn retry_delivery(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Delivery, StoreError> {
        self.store().retry_delivery(id, now, change).await
    }

    async fn delivery(&self, id: &str) -> Result<Option<(Delivery, Vec<Attempt>)>, StoreError> {
        self.store().delivery(id).await
    }

    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<(Delivery, Vec<Attempt>)>, StoreError> {
        self.store().deliveries(filter, page).await
    }

    async fn next_due(&self, with_suspects: bool) -> Result<Option<Timestamp>, StoreError> {
        self.store().next_due(with_suspects).await
    }

    async fn queue_stats(&self) -> Result<QueueStats, StoreError> {
        self.store().queue_stats().await
    }

    async fn prune_events(
        &self,
        before: Timestamp,
        dead_before: Timestamp,
    ) -> Result<(), StoreError> {
        self.store().prune_events(before, dead_before).await
    }
}
