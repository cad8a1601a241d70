//! An event as the admin API shows it; never how it is kept.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::base::clock::Timestamp;
use crate::webhooks::model::{Event, EventState};

/// An event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "id": "evt_019abf6d2f7a7c3c9a6f0d7c2b1e4a55", "account_id": "acct_42", "type": "contact.created",
    "timestamp": "2026-11-23T22:15:04.120Z", "state": "released", "sequence": 17,
    "data": {"id": "c_1", "email": "ada@example.com"}, "truncated": false, "resource_id": "c_1",
    "request_id": "3f2a9c1e5b7d4a608c1f2e3d4b5a6978", "method": "POST", "route": "/v1/contacts", "response_status": 201
}))]
pub(super) struct EventView {
    /// Its id, also the `webhook-id` of its deliveries.
    id: String,
    /// The account.
    account_id: String,
    /// Its type.
    #[serde(rename = "type")]
    event_type: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    /// Where it stands.
    state: EventState,
    /// Grows per account with each release; null until then.
    sequence: Option<u64>,
    /// What happened; null until it is known.
    #[schema(value_type = Option<Object>)]
    data: Option<Box<RawValue>>,
    /// Whether only the resource's id could be kept.
    truncated: bool,
    /// Id of the resource, as far as it is known.
    resource_id: Option<String>,
    /// The request that made it; null for a published one, like the members that follow.
    request_id: Option<String>,
    /// Method of that request.
    method: Option<String>,
    /// Template of its route.
    route: Option<String>,
    /// Status of its response.
    response_status: Option<u16>,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            data: event.data.and_then(|text| RawValue::from_string(text).ok()),
            id: event.id,
            account_id: event.account_id,
            event_type: event.event_type,
            timestamp: event.occurred_at,
            state: event.state,
            sequence: event.sequence,
            truncated: event.truncated,
            resource_id: event.resource_id,
            request_id: event.request_id,
            method: event.method,
            route: event.route,
            response_status: event.status,
        }
    }
}
