//! Events, endpoints, deliveries and attempts as they are at rest; never how they are made or sent.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::health::EndpointHealth;
use crate::base::clock::Timestamp;

/// Where an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventState {
    /// Recorded before the response's header went out; its data is not known yet.
    Pending,
    /// Happened; deliveries were made for it.
    Released,
    /// A crash lost the body that its rule's condition needs: nobody knows whether it happened. Replay releases it by hand.
    Unresolved,
}

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `evt_…`, or the publisher's own id: also the `webhook-id`. Unique within the account's shard, never with a dot. A
    /// pending event may get its last one with its release.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// Its type, e.g. `contact.created`.
    pub event_type: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Where it stands.
    pub state: EventState,
    /// Grows per account with each release; `None` until then.
    pub sequence: Option<u64>,
    /// What happened, as JSON text; `None` until released.
    pub data: Option<String>,
    /// Whether only the resource's id could be kept.
    pub truncated: bool,
    /// The request that made it; `None` for a published one.
    pub request_id: Option<String>,
    /// The route's template; `None` for a published one.
    pub route: Option<String>,
    /// The method; `None` for a published one.
    pub method: Option<String>,
    /// Status of the response; `None` for a published one.
    pub status: Option<u16>,
    /// Id of the resource as far as path or Location tell it.
    pub resource_id: Option<String>,
    /// Whether its rule has a condition that needs a body.
    pub conditional: bool,
}

impl Event {
    /// One that no request made: published by a backend or by the gateway itself, and released at once.
    pub fn published(
        id: String,
        account_id: String,
        event_type: String,
        occurred_at: Timestamp,
        data: String,
    ) -> Self {
        Self {
            id,
            account_id,
            event_type,
            occurred_at,
            state: EventState::Released,
            sequence: None,
            data: Some(data),
            truncated: false,
            request_id: None,
            route: None,
            method: None,
            status: None,
            resource_id: None,
            conditional: false,
        }
    }
}

/// What becomes of a pending event.
#[derive(Debug, Clone, PartialEq)]
pub enum Settlement {
    /// It happened.
    Release {
        /// The event.
        event_id: String,
        /// Its account: where the event lives.
        account_id: String,
        /// JSON text.
        data: String,
        /// Whether only the id could be kept.
        truncated: bool,
        /// The resource's id, where the body told it.
        resource_id: Option<String>,
        /// The id that it has from now on, which the resource's is part of; `None` where nobody knows a resource. Where an
        /// event has this id already, this one is the same, told again: it is dropped.
        released_id: Option<String>,
    },
    /// Its condition says that it did not happen.
    Drop {
        /// The event.
        event_id: String,
        /// Its account.
        account_id: String,
    },
    /// Nobody can know.
    Unresolved {
        /// The event.
        event_id: String,
        /// Its account.
        account_id: String,
    },
}

impl Settlement {
    /// The event.
    pub fn event_id(&self) -> &str {
        match self {
            Self::Release { event_id, .. }
            | Self::Drop { event_id, .. }
            | Self::Unresolved { event_id, .. } => event_id,
        }
    }
}

/// State of a webhook endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndpointStatus {
    /// Deliveries are made and attempted.
    Active,
    /// Deliveries are made and wait.
    Paused,
    /// No deliveries are made; `disabled_reason` says why.
    Disabled,
}

/// An endpoint's secret, encrypted under a key that is not in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSecret {
    /// Id of the pepper that the sealing key comes from.
    pub pepper_id: String,
    /// Nonce and ciphertext, base64.
    pub sealed: String,
    /// Until when it still signs: set for the old secret after a rotation.
    pub valid_until: Option<Timestamp>,
}

/// A webhook endpoint of an account.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// `whk_…`.
    pub id: String,
    /// Its account.
    pub account_id: String,
    /// Where deliveries go.
    pub url: String,
    /// Types it wants, and patterns of them; never empty.
    pub event_types: Vec<String>,
    /// What its owner calls it.
    pub description: Option<String>,
    /// Its state.
    pub status: EndpointStatus,
    /// Why it was disabled.
    pub disabled_reason: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The current secret first, then those that still sign.
    pub secrets: Vec<SealedSecret>,
    /// Grows by one with each change; a write names the one it read.
    pub revision: u64,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Waits for its next attempt.
    Pending,
    /// A 2xx came.
    Succeeded,
    /// The last attempt failed and there is no further one.
    Failed,
    /// The endpoint went away first.
    Cancelled,
}

/// One event on its way to one endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// `dlv_…`.
    pub id: String,
    /// The event.
    pub event_id: String,
    /// The endpoint.
    pub endpoint_id: String,
    /// The account.
    pub account_id: String,
    /// The event's type.
    pub event_type: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts made on the present schedule; a retry by hand starts it again.
    pub attempts: u32,
    /// When the next attempt is due; `None` when there is none.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it came to its end.
    pub finished_at: Option<Timestamp>,
}

/// A header field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HeaderField {
    /// Its name, in lower case.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl HeaderField {
    /// A field.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

/// One attempt of a delivery, or in its place why there was none: its endpoint was disabled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Attempt {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Status of the reply; `None` when none came.
    pub status: Option<u16>,
    /// From begin to end, in milliseconds.
    pub latency_ms: u64,
    /// What went wrong; public text.
    pub error: Option<String>,
    /// The beginning of the reply's body.
    pub reply_excerpt: Option<String>,
    /// Those of the reply's header fields that help to see what answered: its type, date and server, where it redirects to and
    /// when it is to be asked again.
    #[serde(default)]
    pub reply_headers: Vec<HeaderField>,
}

/// A delivery that this node may attempt until `claimed_until`.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// Whose claim it is; completing needs it.
    pub claim: String,
    /// When another node may take it over.
    pub claimed_until: Timestamp,
    /// The event.
    pub event: Event,
    /// The endpoint as it is now.
    pub endpoint: Endpoint,
    /// How that fares.
    pub health: EndpointHealth,
}

/// What an attempt led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx.
    Succeeded,
    /// Again at this instant.
    Retry(Timestamp),
    /// No further attempt.
    Exhausted,
    /// No further attempt of this or any delivery to the endpoint: it is disabled, for this reason.
    DisableEndpoint(String),
}

/// What became of a result that was to be noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completed {
    /// Nothing: the claim was lost, or the delivery is gone.
    Lost,
    /// It is noted.
    Noted,
    /// It is noted, and with it the endpoint was disabled.
    Disabled,
}

/// What is sent to a receiver.
#[derive(Debug, Clone)]
pub struct OutgoingRequest {
    /// Where to.
    pub url: String,
    /// `webhook-id`, `webhook-timestamp`, `webhook-signature` and the like.
    pub headers: Vec<(&'static str, String)>,
    /// The exact bytes that were signed.
    pub body: String,
    /// Time for the whole exchange.
    pub timeout: Duration,
    /// How the body is sent; all at once where nothing is said.
    pub pace: Option<Pace>,
}

/// A body that is sent slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Into how many pieces it is cut.
    pub pieces: u32,
    /// How long all of them take.
    pub time: Duration,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// `Retry-After` as it was sent.
    pub retry_after: Option<String>,
    /// The first of its header fields, at most [`crate::base::ceilings::WEBHOOK_REPLY_FIELDS_KEPT`], as text.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body, at most [`crate::base::ceilings::WEBHOOK_EXCERPT_BYTES`].
    pub excerpt: String,
}
