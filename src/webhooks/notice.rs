//! What the operator is told of endpoints and deliveries, as both stores write it down; never how it is told.

use serde_json::json;

use super::model::{Attempt, Delivery, Endpoint};
use super::port::notices::Notice;
use crate::base::clock::Timestamp;
use crate::base::ids;

/// Type of the event that tells of an endpoint which was disabled because of its receiver.
pub const ENDPOINT_DISABLED: &str = "endpoint.disabled";
/// Type of the event that tells of a delivery whose last attempt failed.
pub const DELIVERY_EXHAUSTED: &str = "delivery.exhausted";

/// Whether the operator is told that deliveries of this account have failed. Not of those that were to tell the operator
/// something: a receiver of theirs that is away would make notices about itself for ever.
pub fn is_told(account_id: &str) -> bool {
    !ids::is_reserved_account(account_id)
}

/// What went wrong with an attempt.
pub fn failure(attempt: &Attempt) -> &str {
    attempt.error.as_deref().unwrap_or_default()
}

/// Id of the notice that an endpoint was disabled.
pub fn disabled_id(endpoint_id: &str, now: Timestamp) -> String {
    format!("disabled_{endpoint_id}_{}", now.millis())
}

/// Id of the notice that a delivery's last attempt failed.
pub fn exhausted_id(delivery_id: &str, now: Timestamp) -> String {
    format!("exhausted_{delivery_id}_{}", now.millis())
}

/// An endpoint was disabled. Redis' `complete.lua` writes the same.
pub fn disabled(endpoint: &Endpoint, reason: &str, now: Timestamp) -> Notice {
    Notice {
        id: disabled_id(&endpoint.id, now),
        account_id: endpoint.account_id.clone(),
        kind: ENDPOINT_DISABLED.to_owned(),
        at: now,
        details: json!({
            "webhook_id": endpoint.id,
            "url": endpoint.url,
            "reason": reason,
        })
        .to_string(),
    }
}

/// The last attempt of a delivery failed. Redis' `complete.lua` writes the same.
pub fn exhausted(delivery: &Delivery, attempt: &Attempt, now: Timestamp) -> Notice {
    Notice {
        id: exhausted_id(&delivery.id, now),
        account_id: delivery.account_id.clone(),
        kind: DELIVERY_EXHAUSTED.to_owned(),
        at: now,
        details: json!({
            "delivery_id": delivery.id,
            "webhook_id": delivery.endpoint_id,
            "event_id": delivery.event_id,
            "event_type": delivery.event_type,
            "error": failure(attempt),
        })
        .to_string(),
    }
}
