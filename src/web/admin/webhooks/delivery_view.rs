//! A delivery with its attempts as the admin API shows it; never how it is made.

use serde::Serialize;

use crate::base::clock::Timestamp;
use crate::webhooks::model::{Attempt, Delivery, DeliveryState};

/// One event on its way to one webhook.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "id": "dlv_019abf6d2f7a7c3c9a6f0d7c2b1e4a56", "event_id": "evt_019abf6d2f7a7c3c9a6f0d7c2b1e4a55",
    "webhook_id": "whk_019abf6d2f7a7c3c9a6f0d7c2b1e4a57", "account_id": "acct_42", "type": "contact.created",
    "status": "succeeded", "created_at": "2026-11-23T22:15:04.121Z", "finished_at": "2026-11-23T22:15:04.160Z",
    "next_attempt_at": null,
    "attempts": [{"at": "2026-11-23T22:15:04.130Z", "status": 200, "latency_ms": 28, "error": null, "reply_excerpt": "ok"}]
}))]
pub(super) struct DeliveryView {
    /// Its id.
    id: String,
    /// The event.
    event_id: String,
    /// The webhook.
    webhook_id: String,
    /// The account.
    account_id: String,
    /// The event's type.
    #[serde(rename = "type")]
    event_type: String,
    /// Where it stands.
    status: DeliveryState,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it came to its end; null until then.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// When the next attempt is due; null when there is none.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    /// Every attempt, oldest first.
    attempts: Vec<Attempt>,
}

impl From<(Delivery, Vec<Attempt>)> for DeliveryView {
    fn from((delivery, attempts): (Delivery, Vec<Attempt>)) -> Self {
        Self {
            id: delivery.id,
            event_id: delivery.event_id,
            webhook_id: delivery.endpoint_id,
            account_id: delivery.account_id,
            event_type: delivery.event_type,
            status: delivery.state,
            created_at: delivery.created_at,
            finished_at: delivery.finished_at,
            next_attempt_at: delivery.next_attempt_at,
            attempts,
        }
    }
}
