//! Endpoints, deliveries and events as the admin API and the portal show them; never a secret.

use serde::Serialize;

use super::health::EndpointHealth;
use super::model::{Attempt, Delivery, DeliveryState, Endpoint, EndpointStatus, Event, EventState};
use super::port::replays::{ReplayJob, ReplayOnly, ReplayState};
use crate::base::clock::Timestamp;

/// An endpoint's public fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct EndpointView {
    /// `whk_…`.
    pub id: String,
    /// Its account.
    pub account_id: String,
    /// Where deliveries go.
    pub url: String,
    /// Types it wants.
    pub event_types: Vec<String>,
    /// What its owner calls it.
    pub description: Option<String>,
    /// Its state.
    pub status: EndpointStatus,
    /// Why it was disabled.
    pub disabled_reason: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// How it fares.
    pub health: HealthView,
    /// Until when the secret before the present one signs as well; null where only one does.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub previous_secret_valid_until: Option<Timestamp>,
}

/// How an endpoint's last attempts went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct HealthView {
    /// Failures in a row.
    pub failures: u32,
    /// When the first of them was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failing_since: Option<Timestamp>,
    /// No attempt is made before this: it failed too often, or its receiver asked for it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub hold_until: Option<Timestamp>,
}

impl EndpointHealth {
    /// It as it is shown at `now`.
    pub fn view(&self, now: Timestamp) -> HealthView {
        // Attempts to every endpoint lie some milliseconds apart, which is nothing to tell.
        let is_held = self.is_suspect() || self.pace_ms > 0;
        HealthView {
            failures: self.failures,
            failing_since: self.failing_since,
            hold_until: self.hold_until.filter(|t| is_held && *t > now),
        }
    }
}

impl EndpointView {
    /// It with how it fares.
    #[must_use]
    pub fn with_health(mut self, health: &EndpointHealth, now: Timestamp) -> Self {
        self.health = health.view(now);
        self
    }
}

impl Endpoint {
    /// The endpoint as it is shown at `now`, as far as it tells itself: see [`EndpointView::with_health`].
    pub fn view(&self, now: Timestamp) -> EndpointView {
        EndpointView {
            id: self.id.clone(),
            account_id: self.account_id.clone(),
            url: self.url.clone(),
            event_types: self.event_types.clone(),
            description: self.description.clone(),
            status: self.status,
            disabled_reason: self.disabled_reason.clone(),
            created_at: self.created_at,
            health: HealthView::default(),
            previous_secret_valid_until: self
                .secrets
                .iter()
                .filter_map(|s| s.valid_until)
                .filter(|t| *t > now)
                .max(),
        }
    }
}

/// A delivery with its attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DeliveryView {
    /// `dlv_…`.
    pub id: String,
    /// The event.
    pub event_id: String,
    /// The endpoint.
    pub webhook_id: String,
    /// The account.
    pub account_id: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Where it stands.
    pub status: DeliveryState,
    /// When the next attempt is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_attempt_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it came to its end.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// Every attempt, oldest first.
    pub attempts: Vec<Attempt>,
}

impl DeliveryView {
    /// The delivery as it is shown.
    pub fn new(delivery: Delivery, attempts: Vec<Attempt>) -> Self {
        Self {
            id: delivery.id,
            event_id: delivery.event_id,
            webhook_id: delivery.endpoint_id,
            account_id: delivery.account_id,
            event_type: delivery.event_type,
            status: delivery.state,
            next_attempt_at: delivery.next_attempt_at,
            created_at: delivery.created_at,
            finished_at: delivery.finished_at,
            attempts,
        }
    }
}

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct EventView {
    /// `evt_…`, or the publisher's own id; the `webhook-id` of its deliveries. A pending event gets its last one, which
    /// the resource's id is part of, with its release.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// Where it stands.
    pub status: EventState,
    /// Its number among the account's events.
    pub sequence: Option<u64>,
    /// What happened; null until it is released.
    #[schema(value_type = Option<serde_json::Value>)]
    pub data: Option<serde_json::Value>,
    /// Whether only the resource's id could be kept.
    pub truncated: bool,
    /// The request that made it.
    pub request_id: Option<String>,
    /// The route's template.
    pub route: Option<String>,
    /// The method.
    pub method: Option<String>,
    /// Status of the response.
    pub response_status: Option<u16>,
    /// Id of the resource, as far as it is known.
    pub resource_id: Option<String>,
}

impl From<Event> for EventView {
    fn from(e: Event) -> Self {
        Self {
            data: e.data.as_deref().and_then(|d| serde_json::from_str(d).ok()),
            id: e.id,
            account_id: e.account_id,
            event_type: e.event_type,
            timestamp: e.occurred_at,
            status: e.state,
            sequence: e.sequence,
            truncated: e.truncated,
            request_id: e.request_id,
            route: e.route,
            method: e.method,
            response_status: e.status,
            resource_id: e.resource_id,
        }
    }
}

/// A replay of many deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ReplayView {
    /// `rpl_…`.
    pub id: String,
    /// Where it stands.
    pub status: ReplayState,
    /// Only deliveries of this account.
    pub account_id: Option<String>,
    /// Only deliveries to this webhook.
    pub webhook_id: Option<String>,
    /// Only those of these types or patterns; empty for all.
    pub event_types: Vec<String>,
    /// Only those made since; of `missed` and `undelivered`: of events that happened since.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Only those made before, or of events that happened before.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// What it is of.
    pub only: ReplayOnly,
    /// How many a second.
    pub per_second: u32,
    /// How many were started anew, or made, so far.
    pub replayed: u64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it came to its end.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
}

impl From<ReplayJob> for ReplayView {
    fn from(job: ReplayJob) -> Self {
        let scope = job.scope;
        Self {
            id: job.id,
            status: job.state,
            account_id: scope.account_id,
            webhook_id: scope.endpoint_id,
            event_types: scope.event_types,
            from: scope.from,
            to: scope.to,
            only: scope.only,
            per_second: scope.per_second,
            replayed: job.done,
            created_at: job.created_at,
            finished_at: job.finished_at,
        }
    }
}
