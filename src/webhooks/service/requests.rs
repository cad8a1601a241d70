//! What a delivery's attempts sent, made again from the event; never a signature, which is not kept.

use super::{WebhookError, WebhookService};
use crate::webhooks::envelope;
use crate::webhooks::view::DeliveryView;

/// The request of a delivery, as far as it is known afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentRequest {
    /// Where the webhook is now; `None` where it was deleted. Attempts made before its address was changed went elsewhere.
    pub url: Option<String>,
    /// The `webhook-id`, the same in every attempt.
    pub id: String,
    /// The body, byte for byte the same in every attempt.
    pub body: String,
    /// Seconds of the `webhook-timestamp` of each attempt, oldest first.
    pub timestamps: Vec<i64>,
}

impl WebhookService {
    /// What the attempts of this delivery sent, and what its next one will send; `None` where its event is not kept any more.
    ///
    /// # Errors
    /// The store's.
    pub async fn request_of(
        &self,
        delivery: &DeliveryView,
    ) -> Result<Option<SentRequest>, WebhookError> {
        let Some(event) = self.store.event(&delivery.event_id).await? else {
            return Ok(None);
        };
        let endpoint = self.store.endpoint(&delivery.webhook_id).await?;
        Ok(Some(SentRequest {
            url: endpoint.map(|e| e.url),
            body: envelope::body(&event),
            id: event.id,
            timestamps: delivery.attempts.iter().map(|a| a.at.secs()).collect(),
        }))
    }
}
