//! Events, endpoints and deliveries in Redis: the port, and how they lie there; never when an event happens or what is sent.
//!
//! # Layout
//!
//! Everything of an account's events lies in the slot of its shard (`P:{qN}:…`), spelled by [`shard`]:
//!
//! | key | holds |
//! | --- | --- |
//! | `e:<event>` | hash: the event |
//! | `events:all`, `events:account:<A>`, `events:type:<T>`, `events:pending`, `events:unresolved` | lists of events by position, for each filter that may leave out much |
//! | `events:released:<A>` | the account's released events by sequence number |
//! | `events:pending_since` | pending events by when they were recorded, for the sweeper |
//! | `events:position` | the newest position: microseconds of this Redis' clock, always growing |
//! | `seq:<A>` | the account's last sequence number |
//! | `eps:<A>` | the roster: status and wanted types of each of the account's endpoints, and a revision |
//! | `ep:<endpoint>`, `endpoints:all` | hash: an endpoint; all of them by id |
//! | `ed:<event>` | hash endpoint → delivery: one for each pair |
//! | `d:<delivery>`, `at:<delivery>` | hash: a delivery; list: its attempts |
//! | `q:<endpoint>` | the endpoint's queue: its unfinished deliveries by when each may be taken next |
//! | `eh:<endpoint>` | hash: how the endpoint fares |
//! | `ec:<endpoint>` | `<delivery>.<token>` of each attempt to it that is under way by when its claim ends |
//! | `endpoints:due` | the line: active endpoints by when the first of their queue may be taken, those whose last attempt failed far behind all others |
//! | `endpoints:gone` | disabled or deleted endpoints whose queue is still to be ended |
//! | `deliveries:all`, `dl:<endpoint>` | deliveries by id: all, those to an endpoint |
//! | `deliveries:queued`, `deliveries:finished` | unfinished ones by when their schedule began, finished ones by when they did |
//! | `deliveries:claims`, `claim:<token>` | who has claimed a delivery; what a call claimed, for the case that it comes twice |
//! | `deliveries:failed` | failed deliveries by when they did |
//! | `notices:all`, `notice:<id>` | what is still to be told to the operator: ids by when it happened; hash: one of them |
//! | `ib:<inbox>`, `im:<inbox>`, `ibs:<A>` | inboxes, see [`inboxes`] |
//! | `ps:<session>`, `pss:<A>` | sessions of the portal, see [`portal_sessions`] |
//! | `alerts:all` | hash: account → its settings of alerts |
//! | `alerts:all`, `ml:<message>`, `mls:all`, `mlo:<A>` | alerts and their messages, see [`alerts`] and [`mails`] |
//! | `erasing:<A>` | `erasing`, or `erased` for a day |
//!
//! A claim moves a delivery in its endpoint's queue to the end of the claim. Pausing an endpoint takes it off
//! `endpoints:due`, resuming puts it back: its queue stays where it is, however long. Ids of events, endpoints and
//! deliveries lead to no account; who asks by id asks all shards at once, which happens on operators' calls only, costs no
//! write and is never stale. A claim names its account and endpoint, so completing it needs no search.
//!
//! # What holds
//!
//! Scripts name all their keys. Which deliveries an event gets is therefore decided before its script runs, from the
//! account's roster, and the script does nothing when the roster has changed meanwhile; then it is decided anew.
//!
//! Every write may come twice: an event that is recorded, settled or published again, a claim or a completion whose reply
//! was lost. After a failover that lost writes, a node sends what it wrote in the last seconds again *in order*: an event
//! whose recording was lost is not released by its settlement alone, since only the recording has its type and its
//! request; recorded and settled again it is released as the first time. Deliveries that were lost with it are made anew
//! under other ids, and the receiver may get the event twice, under the same `webhook-id`.

mod alerts;
mod backlog;
mod claimed;
mod claims;
mod complete;
mod copy_in;
mod copy_look;
pub(super) mod copy_replays;
pub(super) mod copy_state;
pub(super) mod copy_sweep;
mod deliveries;
mod endpoints;
mod erase;
mod event_list;
mod feed;
mod inboxes;
mod list;
mod mails;
mod members;
mod notices;
mod portal_sessions;
mod prune;
mod publish;
mod record;
mod recovery;
mod replay_steps;
mod replays;
mod roster;
mod rows;
mod settle;
mod shard;
mod stats;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

// For copies of another store.
pub(super) use self::copy_in::{forget_erasure, lists};
pub(super) use self::copy_look::look;
// For the erasure of an account, of which these are a part.
pub(super) use self::erase::{begin_erasure, erase_some, has_data};
use super::Store;
use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::webhooks::health::{Effect, EndpointHealth};
use crate::webhooks::model::{
    Attempt, ClaimedDelivery, Completed, Delivery, Endpoint, Event, Outcome, Settlement,
};
use crate::webhooks::port::{ClaimTerms, DeliveryFilter, EventFilter, EventStore, QueueStats};

#[async_trait]
impl EventStore for Store {
    fn is_healthy(&self) -> bool {
        self.link.is_up()
    }

    async fn record_pending(&self, events: &[Event]) -> Result<(), StoreError> {
        record::record(self, events).await
    }

    async fn settle(&self, settlements: &[Settlement], now: Timestamp) -> Result<(), StoreError> {
        settle::settle(self, settlements, now).await
    }

    async fn stale_pending(&self, before: Timestamp, limit: u32) -> Result<Vec<Event>, StoreError> {
        record::stale(self, before, limit).await
    }

    async fn publish(
        &self,
        event: &Event,
        now: Timestamp,
        change: &Change,
    ) -> Result<Event, StoreError> {
        publish::publish(self, event, now, change).await
    }

    async fn replay(
        &self,
        event_id: &str,
        data: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Event, StoreError> {
        publish::replay(self, event_id, data, now, change).await
    }

    async fn event(&self, id: &str) -> Result<Option<Event>, StoreError> {
        event_list::by_id(self, id).await
    }

    async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Event>, StoreError> {
        event_list::list(self, filter, page).await
    }

    async fn create_endpoint(
        &self,
        endpoint: &Endpoint,
        max: usize,
        change: &Change,
    ) -> Result<(), StoreError> {
        endpoints::create(self, endpoint, max, change).await
    }

    async fn update_endpoint(
        &self,
        endpoint: &Endpoint,
        change: &Change,
    ) -> Result<(), StoreError> {
        endpoints::update(self, endpoint, self.clock.now(), change).await
    }

    async fn delete_endpoint(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<bool, StoreError> {
        endpoints::delete(self, id, now, change).await
    }

    async fn endpoint(&self, id: &str) -> Result<Option<Endpoint>, StoreError> {
        endpoints::by_id(self, id).await
    }

    async fn endpoints(
        &self,
        account_id: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<Endpoint>, StoreError> {
        endpoints::list(self, account_id, page).await
    }

    async fn deliver_to(
        &self,
        event: &Event,
        endpoint_id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Delivery, StoreError> {
        publish::deliver_to(self, event, endpoint_id, now, change).await
    }

    async fn claim_due(&self, terms: &ClaimTerms) -> Result<Vec<ClaimedDelivery>, StoreError> {
        claims::claim_due(self, terms).await
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
        complete::complete(self, delivery_id, claim, attempt, outcome, effect, now).await
    }

    async fn endpoint_health(
        &self,
        endpoints: &[Endpoint],
    ) -> Result<Vec<EndpointHealth>, StoreError> {
        endpoints::health(self, endpoints).await
    }

    async fn retry_delivery(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Delivery, StoreError> {
        deliveries::retry(self, id, now, change).await
    }

    async fn delivery(&self, id: &str) -> Result<Option<(Delivery, Vec<Attempt>)>, StoreError> {
        deliveries::by_id(self, id).await
    }

    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<(Delivery, Vec<Attempt>)>, StoreError> {
        deliveries::list(self, filter, page).await
    }

    async fn next_due(&self, with_suspects: bool) -> Result<Option<Timestamp>, StoreError> {
        stats::next_due(self, with_suspects, self.clock.now()).await
    }

    async fn queue_stats(&self) -> Result<QueueStats, StoreError> {
        stats::queue_stats(self).await
    }

    async fn prune_events(
        &self,
        before: Timestamp,
        dead_before: Timestamp,
    ) -> Result<(), StoreError> {
        prune::prune(self, before, dead_before).await
    }
}
