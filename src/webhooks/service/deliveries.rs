//! Deliveries: show, try again, and the test that sends one; endpoints and events live beside it.

use serde_json::json;

use super::{WebhookError, WebhookService};
use crate::base::audit::ChangeContext;
use crate::base::ids;
use crate::base::page::{Page, PageRequest};
use crate::webhooks::model::{Endpoint, EndpointStatus, Event};
use crate::webhooks::port::DeliveryFilter;
use crate::webhooks::settings::TEST_TYPE;
use crate::webhooks::view::DeliveryView;

impl WebhookService {
    /// Sends an event of type `webhook.test` to this endpoint only, whatever types it wants.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` unless the endpoint is active.
    pub async fn test_endpoint(
        &self,
        id: &str,
        ctx: &ChangeContext,
    ) -> Result<DeliveryView, WebhookError> {
        let endpoint = self.endpoint(id).await?;
        if endpoint.status != EndpointStatus::Active {
            return Err(not_active(&endpoint));
        }
        let event = Event {
            request_id: Some(ctx.request_id.clone()),
            ..Event::published(
                ids::new(ids::EVENT),
                endpoint.account_id.clone(),
                TEST_TYPE.to_owned(),
                ctx.at,
                json!({ "webhook_id": id, "message": "This is a test." }).to_string(),
            )
        };
        let details = json!({ "event_id": event.id });
        let change = ctx.change("webhook.test", Some(&event.account_id), Some(id), details);
        let delivery = self.store.deliver_to(&event, id, ctx.at, &change).await?;
        self.wake.notify_one();
        Ok(DeliveryView::new(delivery, Vec::new()))
    }

    /// Deliveries to an endpoint, as far as a filter wants them, newest first.
    ///
    /// # Errors
    /// `NotFound` where there is no such endpoint.
    pub async fn deliveries(
        &self,
        endpoint_id: &str,
        filter: DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<DeliveryView>, WebhookError> {
        self.endpoint(endpoint_id).await?;
        let filter = DeliveryFilter {
            endpoint_id: Some(endpoint_id.to_owned()),
            ..filter
        };
        self.all_deliveries(&filter, page).await
    }

    /// Deliveries to any endpoint, newest first; one that has failed is a dead letter.
    ///
    /// # Errors
    /// The store's.
    pub async fn all_deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<DeliveryView>, WebhookError> {
        let found = self.store.deliveries(filter, page).await?;
        Ok(Page {
            items: found
                .items
                .into_iter()
                .map(|(d, attempts)| DeliveryView::new(d, attempts))
                .collect(),
            next: found.next,
        })
    }

    /// One delivery with its attempts.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delivery(&self, id: &str) -> Result<DeliveryView, WebhookError> {
        let (delivery, attempts) = self
            .store
            .delivery(id)
            .await?
            .ok_or(WebhookError::NotFound)?;
        Ok(DeliveryView::new(delivery, attempts))
    }

    /// Starts a delivery's schedule anew, due at once.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` where its endpoint is gone or disabled.
    pub async fn retry_delivery(
        &self,
        id: &str,
        ctx: &ChangeContext,
    ) -> Result<DeliveryView, WebhookError> {
        let before = self.delivery(id).await?;
        let endpoint = self
            .store
            .endpoint(&before.webhook_id)
            .await?
            .ok_or_else(|| WebhookError::Conflict("The webhook was deleted.".to_owned()))?;
        if endpoint.status == EndpointStatus::Disabled {
            return Err(not_active(&endpoint));
        }
        let details = json!({ "event_id": before.event_id, "webhook_id": before.webhook_id });
        let change = ctx.change(
            "delivery.retry",
            Some(&before.account_id),
            Some(id),
            details,
        );
        let delivery = self.store.retry_delivery(id, ctx.at, &change).await?;
        self.wake.notify_one();
        Ok(DeliveryView::new(delivery, before.attempts))
    }
}

/// The refusal of what only an endpoint that takes deliveries can do.
pub(super) fn not_active(endpoint: &Endpoint) -> WebhookError {
    let state = match endpoint.status {
        EndpointStatus::Paused => "paused",
        _ => "disabled",
    };
    WebhookError::Conflict(format!(
        "The webhook is {state}. Set its status to active first."
    ))
}
