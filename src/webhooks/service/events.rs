//! Events: publish, show, replay; endpoints and deliveries live beside it.

use serde::Deserialize;
use serde_json::json;

use super::{NewEvent, WebhookError, WebhookService};
use crate::base::audit::{ChangeContext, IdempotentAnswer};
use crate::base::error::StoreError;
use crate::base::ids;
use crate::base::page::{Page, PageRequest};
use crate::webhooks::input::Check;
use crate::webhooks::model::{Event, EventState};
use crate::webhooks::port::EventFilter;
use crate::webhooks::settlement::thin;
use crate::webhooks::view::EventView;

/// Of the answer kept for a repetition, what tells which event it is about.
#[derive(Deserialize)]
struct Kept {
    id: String,
    account_id: String,
}

impl WebhookService {
    /// Publishes an event that never crossed the gateway. Publishing an id again answers the event that is there.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` when the id is another account's.
    pub async fn publish(
        &self,
        new: NewEvent,
        ctx: &ChangeContext,
    ) -> Result<EventView, WebhookError> {
        let mut check = Check::default();
        check.event(&new, &self.settings.load());
        check.done().map_err(WebhookError::Invalid)?;
        let event = Event::published(
            new.id.unwrap_or_else(|| ids::new(ids::EVENT)),
            new.account_id,
            new.event_type,
            ctx.at,
            new.data,
        );
        let details = json!({ "type": event.event_type });
        let change = ctx
            .change(
                "event.publish",
                Some(&event.account_id),
                Some(&event.id),
                details,
            )
            .answered(ctx, 201, &json!(EventView::from(event.clone())));
        let published = self
            .store
            .publish(&event, ctx.at, &change)
            .await
            .map_err(|e| match e {
                StoreError::Conflict(_) => WebhookError::Conflict(
                    "Another account has an event with this id, or this one is being erased."
                        .to_owned(),
                ),
                other => other.into(),
            })?;
        self.wake.notify_one();
        Ok(published.into())
    }

    /// What a repetition of [`Self::publish`] is answered with, given what the first call left. That was written before
    /// the store numbered the event, or found another one with its id: so the event is read again. Where it is gone,
    /// what was left has to do.
    ///
    /// # Errors
    /// The store's.
    pub async fn published_before(
        &self,
        mut kept: IdempotentAnswer,
    ) -> Result<IdempotentAnswer, WebhookError> {
        let Ok(Kept { id, account_id }) = serde_json::from_str(&kept.body) else {
            return Ok(kept);
        };
        let found = self.store.event(&id).await?;
        // Once an event is gone, its id is free for another account.
        let event = found.filter(|e| e.account_id == account_id);
        if let Some(event) = event
            && let Ok(body) = serde_json::to_string(&EventView::from(event))
        {
            kept.body = body;
        }
        Ok(kept)
    }

    /// One event.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn event(&self, id: &str) -> Result<EventView, WebhookError> {
        let event = self.store.event(id).await?;
        Ok(event.ok_or(WebhookError::NotFound)?.into())
    }

    /// Events, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<EventView>, WebhookError> {
        let found = self.store.events(filter, page).await?;
        Ok(Page {
            items: found.items.into_iter().map(EventView::from).collect(),
            next: found.next,
        })
    }

    /// Delivers an event again to every endpoint that wants it now; releases an unresolved one, with the resource's
    /// id for want of its data.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` while its exchange is still under way.
    pub async fn replay(&self, id: &str, ctx: &ChangeContext) -> Result<EventView, WebhookError> {
        let event = self.store.event(id).await?.ok_or(WebhookError::NotFound)?;
        if event.state == EventState::Pending {
            return Err(WebhookError::Conflict(
                "The event is still pending: its request is under way.".to_owned(),
            ));
        }
        let details = json!({ "type": event.event_type, "status": event.state });
        let change = ctx.change("event.replay", Some(&event.account_id), Some(id), details);
        let data = thin(event.resource_id.as_deref());
        let replayed = self.store.replay(id, &data, ctx.at, &change).await?;
        self.wake.notify_one();
        Ok(replayed.into())
    }
}
