//! The port of events, endpoints and deliveries: hands each call to the writer or a reader; never SQL.

use async_trait::async_trait;

use super::{EmbeddedStore, claims, delivery_rows, endpoints, event_rows, queue, settle};
use crate::base::audit::Change;
use crate::base::ceilings;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::webhooks::health::{Effect, EndpointHealth};
use crate::webhooks::model::{
    Attempt, ClaimedDelivery, Completed, Delivery, Endpoint, Event, Outcome, Settlement,
};
use crate::webhooks::port::{ClaimTerms, DeliveryFilter, EventFilter, EventStore, QueueStats};

#[async_trait]
impl EventStore for EmbeddedStore {
    fn is_healthy(&self) -> bool {
        self.database.is_healthy()
    }

    async fn record_pending(&self, events: &[Event]) -> Result<(), StoreError> {
        let (events, now) = (events.to_vec(), self.clock.now());
        self.write(move |c| settle::record(c, &events, now)).await
    }

    async fn settle(&self, settlements: &[Settlement], now: Timestamp) -> Result<(), StoreError> {
        let settlements = settlements.to_vec();
        self.write(move |c| settle::settle(c, &settlements, now))
            .await
    }

    async fn stale_pending(&self, before: Timestamp, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.read(move |c| event_rows::stale(c, before, limit))
            .await
    }

    async fn publish(
        &self,
        event: &Event,
        now: Timestamp,
        change: &Change,
    ) -> Result<Event, StoreError> {
        let (event, change) = (event.clone(), change.clone());
        self.write(move |c| settle::publish(c, &event, now, &change))
            .await
    }

    async fn replay(
        &self,
        event_id: &str,
        data: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Event, StoreError> {
        let (id, data, change) = (event_id.to_owned(), data.to_owned(), change.clone());
        self.write(move |c| settle::replay(c, &id, &data, now, &change))
            .await
    }

    async fn event(&self, id: &str) -> Result<Option<Event>, StoreError> {
        let id = id.to_owned();
        self.read(move |c| event_rows::by_id(c, &id)).await
    }

    async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Event>, StoreError> {
        let (filter, page) = (filter.clone(), page.clone());
        self.read(move |c| event_rows::list(c, &filter, &page))
            .await
    }

    async fn create_endpoint(
        &self,
        endpoint: &Endpoint,
        max: usize,
        change: &Change,
    ) -> Result<(), StoreError> {
        let (endpoint, change) = (endpoint.clone(), change.clone());
        self.write(move |c| endpoints::create(c, &endpoint, max, &change))
            .await
    }

    async fn update_endpoint(
        &self,
        endpoint: &Endpoint,
        change: &Change,
    ) -> Result<(), StoreError> {
        let (endpoint, change, now) = (endpoint.clone(), change.clone(), self.clock.now());
        self.write(move |c| endpoints::update(c, &endpoint, now, &change))
            .await
    }

    async fn delete_endpoint(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<bool, StoreError> {
        let (id, change) = (id.to_owned(), change.clone());
        self.write(move |c| endpoints::delete(c, &id, now, &change))
            .await
    }

    async fn endpoint(&self, id: &str) -> Result<Option<Endpoint>, StoreError> {
        let id = id.to_owned();
        self.read(move |c| endpoints::by_id(c, &id)).await
    }

    async fn endpoints(
        &self,
        account_id: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<Endpoint>, StoreError> {
        let (account_id, page) = (account_id.map(str::to_owned), page.clone());
        self.read(move |c| endpoints::list(c, account_id.as_deref(), &page))
            .await
    }

    async fn deliver_to(
        &self,
        event: &Event,
        endpoint_id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Delivery, StoreError> {
        let (event, id, change) = (event.clone(), endpoint_id.to_owned(), change.clone());
        self.write(move |c| settle::deliver_to(c, &event, &id, now, &change))
            .await
    }

    async fn claim_due(&self, terms: &ClaimTerms) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let terms = terms.clone();
        self.write(move |c| claims::claim_due(c, &terms)).await
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
        let (id, claim) = (delivery_id.to_owned(), claim.to_owned());
        let (attempt, outcome, effect) = (attempt.clone(), outcome.clone(), effect.clone());
        self.write(move |c| claims::complete(c, &id, &claim, &attempt, &outcome, &effect, now))
            .await
    }

    async fn endpoint_health(
        &self,
        endpoints: &[Endpoint],
    ) -> Result<Vec<EndpointHealth>, StoreError> {
        let ids: Vec<String> = endpoints.iter().map(|e| e.id.clone()).collect();
        self.read(move |c| ids.iter().map(|id| queue::of(c, id)).collect())
            .await
    }

    async fn retry_delivery(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Delivery, StoreError> {
        let (id, change) = (id.to_owned(), change.clone());
        self.write(move |c| claims::retry(c, &id, now, &change))
            .await
    }

    async fn delivery(&self, id: &str) -> Result<Option<(Delivery, Vec<Attempt>)>, StoreError> {
        let id = id.to_owned();
        self.read(move |c| delivery_rows::with_attempts(c, &id))
            .await
    }

    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<(Delivery, Vec<Attempt>)>, StoreError> {
        let (filter, page) = (filter.clone(), page.clone());
        self.read(move |c| delivery_rows::list(c, &filter, &page))
            .await
    }

    async fn next_due(&self, with_suspects: bool) -> Result<Option<Timestamp>, StoreError> {
        let now = self.clock.now();
        self.read(move |c| claims::next_due(c, with_suspects, now))
            .await
    }

    async fn queue_stats(&self) -> Result<QueueStats, StoreError> {
        self.read(claims::stats).await
    }

    async fn prune_events(
        &self,
        before: Timestamp,
        dead_before: Timestamp,
    ) -> Result<(), StoreError> {
        let limit = ceilings::STORE_DELETE_ROWS;
        while self
            .write(move |c| claims::prune_deliveries(c, before, dead_before, limit))
            .await?
            == limit as usize
        {}
        let mut after = Some(i64::MIN);
        while let Some(position) = after {
            after = self
                .write(move |c| claims::prune_events(c, before, position, limit))
                .await?;
        }
        Ok(())
    }
}
