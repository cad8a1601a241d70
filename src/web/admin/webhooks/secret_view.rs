//! A webhook with its signing secret, for the one answer that shows it.

use serde::Serialize;

use crate::webhooks::service::Made;
use crate::webhooks::view::EndpointView;

/// A webhook with its signing secret: shown once, when it is made.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "id": "whk_019abf6d2f7a7c3c9a6f0d7c2b1e4a57", "account_id": "acct_42", "url": "https://example.com/hooks",
    "event_types": ["contact.created"], "description": null, "status": "active", "disabled_reason": null,
    "created_at": "2026-11-23T22:15:04Z", "previous_secret_valid_until": null, "secret": "whsec_(shown once)"
}))]
pub(super) struct WebhookWithSecret {
    #[serde(flatten)]
    webhook: EndpointView,
    /// The secret that signs deliveries. It is not in the answer that a repeated call gets.
    secret: String,
}

impl From<Made> for WebhookWithSecret {
    fn from(made: Made) -> Self {
        Self {
            webhook: made.endpoint,
            secret: made.secret.expose().to_owned(),
        }
    }
}
