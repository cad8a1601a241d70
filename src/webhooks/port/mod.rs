//! What events and deliveries need of a store and of the network; no implementation.

pub mod feed;
pub mod inboxes;
pub mod notices;
pub mod replays;

use std::time::Duration;

use async_trait::async_trait;

pub use self::feed::EventFeed;
pub use self::inboxes::InboxStore;
pub use self::notices::NoticeStore;
pub use self::replays::ReplayStore;

use super::health::{Allowance, Effect, EndpointHealth};
use super::model::{
    Attempt, ClaimedDelivery, Completed, Delivery, DeliveryState, Endpoint, Event, EventState,
    Outcome, OutgoingRequest, Reply, Settlement,
};
use super::share::Room;
use crate::base::audit::Change;
use crate::base::ceilings::DELIVERY_ID_SLACK;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids;
use crate::base::page::{Page, PageRequest};

/// Which events are wanted; a missing member takes all.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Those of this account.
    pub account_id: Option<String>,
    /// Those of this type.
    pub event_type: Option<String>,
    /// Those in this state.
    pub state: Option<EventState>,
}

/// Which deliveries are wanted; a missing member takes all.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Those of this account.
    pub account_id: Option<String>,
    /// Those of events of this type.
    pub event_type: Option<String>,
    /// Those made since.
    pub from: Option<Timestamp>,
    /// Those made before.
    pub to: Option<Timestamp>,
    /// Those to this endpoint.
    pub endpoint_id: Option<String>,
    /// Those of this event.
    pub event_id: Option<String>,
    /// Those in this state.
    pub state: Option<DeliveryState>,
}

/// Ids that deliveries of a span of time lie between, for stores that keep them in the order of their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdSpan {
    /// None is less than this.
    pub least: Option<String>,
    /// All are less than this.
    pub end: Option<String>,
}

impl DeliveryFilter {
    /// Between which ids all lie that are wanted; not all that lie there are.
    pub fn ids(&self) -> IdSpan {
        let id = |at: Timestamp| ids::first_at(ids::DELIVERY, at);
        IdSpan {
            least: self.from.map(|t| id(t.minus(DELIVERY_ID_SLACK))),
            end: self.to.map(|t| id(t.plus(DELIVERY_ID_SLACK))),
        }
    }
}

/// What the delivery queue looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueStats {
    /// Deliveries that are not finished.
    pub pending_deliveries: u64,
    /// When the present schedule of the oldest unfinished delivery began.
    pub oldest_pending: Option<Timestamp>,
    /// Events that are unresolved.
    pub unresolved_events: u64,
}

/// What a claim may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimTerms {
    /// What is due by now.
    pub now: Timestamp,
    /// When others may take it over.
    pub until: Timestamp,
    /// How much, from whom.
    pub room: Room,
    /// How much of each endpoint.
    pub allowance: Allowance,
}

impl ClaimTerms {
    /// Up to `limit` of whatever is due, however much of it is one endpoint's.
    pub fn any(now: Timestamp, until: Timestamp, limit: u32) -> Self {
        Self {
            now,
            until,
            room: Room {
                all: limit,
                suspects: limit,
                ..Room::default()
            },
            allowance: Allowance {
                most: u32::MAX,
                untried: u32::MAX,
                spacing: Duration::ZERO,
            },
        }
    }
}

/// Events, endpoints and deliveries at rest. Every write is durable when the call returns and idempotent by event id.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// Whether writes go through now. Asked before a request is forwarded; must not block.
    fn is_healthy(&self) -> bool;
    /// Records pending events, all or none. Those that are there already stay as they are; those of an account that is
    /// being erased, or was within a day, are left out.
    async fn record_pending(&self, events: &[Event]) -> Result<(), StoreError>;
    /// Settles pending events. A release takes the account's next sequence number and makes one delivery for each
    /// endpoint that is active or paused and wants the type. Events that are not pending are left alone.
    async fn settle(&self, settlements: &[Settlement], now: Timestamp) -> Result<(), StoreError>;
    /// Events still pending that were recorded before `before`, oldest first.
    async fn stale_pending(&self, before: Timestamp, limit: u32) -> Result<Vec<Event>, StoreError>;
    /// Records and releases an event at once; the one that is there already when its id is known. `Conflict` when that
    /// one belongs to another account.
    async fn publish(
        &self,
        event: &Event,
        now: Timestamp,
        change: &Change,
    ) -> Result<Event, StoreError>;
    /// Makes deliveries again for all endpoints that want the event now, starting their schedules anew; releases an
    /// unresolved one, with `data` for want of its own and then as truncated. `Conflict` while it is pending.
    async fn replay(
        &self,
        event_id: &str,
        data: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Event, StoreError>;
    /// One event.
    async fn event(&self, id: &str) -> Result<Option<Event>, StoreError>;
    /// Events, newest recorded first. `NotFound` for a cursor that is none.
    async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Event>, StoreError>;

    /// Makes an endpoint. `Conflict` when the account has `max` of them or is being erased.
    async fn create_endpoint(
        &self,
        endpoint: &Endpoint,
        max: usize,
        change: &Change,
    ) -> Result<(), StoreError>;
    /// Replaces an endpoint. `Conflict` unless the stored revision is `endpoint.revision - 1`.
    async fn update_endpoint(&self, endpoint: &Endpoint, change: &Change)
    -> Result<(), StoreError>;
    /// Deletes an endpoint and cancels what is on its way to it; of a large backlog the rest with later claims. True where
    /// deliveries to it may be claimed: their attempts begin within [`crate::base::ceilings::CLAIM_BEGIN`] or not at all.
    async fn delete_endpoint(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<bool, StoreError>;
    /// One endpoint.
    async fn endpoint(&self, id: &str) -> Result<Option<Endpoint>, StoreError>;
    /// Endpoints of an account (or of all), newest first.
    async fn endpoints(
        &self,
        account_id: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<Endpoint>, StoreError>;

    /// Makes a delivery of one event to one endpoint whatever types it wants (a test), due at once. `NotFound` unless the
    /// endpoint is the account's, `Conflict` when it is disabled.
    async fn deliver_to(
        &self,
        event: &Event,
        endpoint_id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Delivery, StoreError>;
    /// Takes deliveries that are due and not claimed, for active endpoints: of each endpoint the oldest due first, and no
    /// more than it may have under way; accounts and their endpoints by turns. Those whose last attempt failed share a
    /// part of the room. What waits for an endpoint that was disabled or deleted ends, some with each call.
    async fn claim_due(&self, terms: &ClaimTerms) -> Result<Vec<ClaimedDelivery>, StoreError>;
    /// Logs an attempt, ends or reschedules its delivery and notes what it means for the endpoint, which may be disabled by
    /// it: what waits for it then ends as failed, with the reason in its log. Leaves a notice of that, and of a delivery
    /// that is exhausted. Nothing happens where the claim was lost or the delivery is gone. Where the endpoint was given
    /// another URL since the claim, the attempt means nothing for it, and one that would have disabled it is due again at
    /// once.
    async fn complete(
        &self,
        delivery_id: &str,
        claim: &str,
        attempt: &Attempt,
        outcome: &Outcome,
        effect: &Effect,
        now: Timestamp,
    ) -> Result<Completed, StoreError>;
    /// How these endpoints fare, in the same order.
    async fn endpoint_health(
        &self,
        endpoints: &[Endpoint],
    ) -> Result<Vec<EndpointHealth>, StoreError>;
    /// Starts a delivery's schedule anew, due at once. `Conflict` when its endpoint is gone or disabled.
    async fn retry_delivery(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Delivery, StoreError>;
    /// One delivery with its attempts, oldest first.
    async fn delivery(&self, id: &str) -> Result<Option<(Delivery, Vec<Attempt>)>, StoreError>;
    /// Deliveries with their attempts, newest first.
    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<(Delivery, Vec<Attempt>)>, StoreError>;
    /// When a delivery may next be claimed: a claimed one when its claim ends, one of a paused endpoint never, one of an
    /// endpoint whose last attempt failed only where those count. It may be earlier than that while an endpoint's change
    /// still reaches its backlog; a claim then finds nothing and goes on.
    async fn next_due(&self, with_suspects: bool) -> Result<Option<Timestamp>, StoreError>;
    /// Numbers for the metrics.
    async fn queue_stats(&self) -> Result<QueueStats, StoreError>;
    /// Deletes finished deliveries and released events from before `before`, those that have failed and their events only
    /// from before `dead_before` as well.
    async fn prune_events(
        &self,
        before: Timestamp,
        dead_before: Timestamp,
    ) -> Result<(), StoreError>;
}

/// The network as deliveries see it.
#[async_trait]
pub trait WebhookTransport: Send + Sync {
    /// Sends one request, to a vetted address only, and reads the beginning of the reply.
    ///
    /// # Errors
    /// A short public text: what went wrong, without addresses inside the operator's network.
    async fn send(&self, request: &OutgoingRequest) -> Result<Reply, String>;
    /// Whether `url` may be a target at all, as far as its text tells.
    ///
    /// # Errors
    /// A sentence for whoever wrote it.
    fn check_url(&self, url: &str) -> Result<(), String>;
}
