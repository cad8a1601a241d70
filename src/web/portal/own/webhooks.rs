//! Webhooks, deliveries and events of the account that is signed in; never another's.

use super::Own;
use super::once::Once;
use crate::base::clock::Timestamp;
use crate::base::ids;
use crate::base::page::{Page, PageRequest};
use crate::web::portal::refuse::PageError;
use crate::webhooks::model::{DeliveryState, EndpointStatus};
use crate::webhooks::port::replays::{ReplayOnly, ReplayScope};
use crate::webhooks::port::{DeliveryFilter, EventFilter};
use crate::webhooks::service::{EndpointPatch, Made, NewEndpoint, SentRequest};
use crate::webhooks::view::{DeliveryView, EndpointView, EventView, ReplayView};

/// How many deliveries of a replay are made or started anew each second: what one endpoint is given without harm.
const REPLAY_SPEED: u32 = 20;
/// How many of a webhook's replays are looked through for its last recovery.
const REPLAYS_LOOKED: u32 = 20;

/// Which deliveries a page lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::web::portal) struct Deliveries {
    pub(in crate::web::portal) webhook: Option<String>,
    pub(in crate::web::portal) event_type: Option<String>,
    pub(in crate::web::portal) event: Option<String>,
    pub(in crate::web::portal) state: Option<DeliveryState>,
    /// Made since.
    pub(in crate::web::portal) from: Option<Timestamp>,
    /// Made before.
    pub(in crate::web::portal) to: Option<Timestamp>,
}

/// A webhook as its form says it.
#[derive(Debug, Clone, Default)]
pub(in crate::web::portal) struct WebhookForm {
    pub(in crate::web::portal) url: String,
    pub(in crate::web::portal) description: String,
    pub(in crate::web::portal) types: Vec<String>,
}

impl WebhookForm {
    fn description(&self) -> Option<String> {
        let text = self.description.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

impl Own {
    /// The account's webhooks, newest first, with how they fare.
    pub(in crate::web::portal) async fn webhooks(
        &self,
        page: &PageRequest,
    ) -> Result<Page<EndpointView>, PageError> {
        let now = self.visit.now;
        let service = &self.state.webhooks;
        let account = Some(self.account_id());
        Ok(service.shown_endpoints(account, page, now).await?)
    }

    /// One webhook.
    pub(in crate::web::portal) async fn webhook(
        &self,
        id: &str,
    ) -> Result<EndpointView, PageError> {
        if !ids::is_valid(ids::WEBHOOK, id) {
            return Err(PageError::NotFound);
        }
        let found = self
            .state
            .webhooks
            .shown_endpoint(id, self.visit.now)
            .await?;
        self.mine(&found.account_id)?;
        Ok(found)
    }

    /// Makes a webhook, once for the text that its form carries.
    pub(in crate::web::portal) async fn create_webhook(
        &self,
        form: &WebhookForm,
        once: &str,
    ) -> Result<Once<Made>, PageError> {
        let new = NewEndpoint {
            account_id: self.account_id().to_owned(),
            url: form.url.trim().to_owned(),
            event_types: form.types.clone(),
            description: form.description(),
        };
        let mut said = vec![new.url.as_str(), form.description.as_str()];
        said.extend(new.event_types.iter().map(String::as_str));
        self.once("webhooks.create", once, &said, async |ctx| {
            self.state.webhooks.create_endpoint(new.clone(), &ctx).await
        })
        .await
    }

    /// Changes what a webhook's form has.
    pub(in crate::web::portal) async fn change_webhook(
        &self,
        id: &str,
        form: &WebhookForm,
    ) -> Result<EndpointView, PageError> {
        let patch = EndpointPatch {
            url: Some(form.url.trim().to_owned()),
            event_types: Some(form.types.clone()),
            description: Some(form.description()),
            status: None,
        };
        self.patch(id, patch).await
    }

    /// Pauses a webhook, or lets it go on; the latter ends a disabling.
    pub(in crate::web::portal) async fn set_webhook_status(
        &self,
        id: &str,
        status: EndpointStatus,
    ) -> Result<EndpointView, PageError> {
        let patch = EndpointPatch {
            status: Some(status),
            ..EndpointPatch::default()
        };
        self.patch(id, patch).await
    }

    async fn patch(&self, id: &str, patch: EndpointPatch) -> Result<EndpointView, PageError> {
        self.webhook(id).await?;
        let ctx = &self.visit.ctx;
        Ok(self.state.webhooks.patch_endpoint(id, patch, ctx).await?)
    }

    /// Gives a webhook a new secret, once for the text that its form carries.
    pub(in crate::web::portal) async fn rotate_webhook(
        &self,
        id: &str,
        once: &str,
    ) -> Result<Once<Made>, PageError> {
        self.webhook(id).await?;
        self.once("webhooks.rotate", once, &[id], async |ctx| {
            self.state.webhooks.rotate_secret(id, &ctx).await
        })
        .await
    }

    /// Ends the secrets before a webhook's present one.
    pub(in crate::web::portal) async fn revoke_previous_secrets(
        &self,
        id: &str,
    ) -> Result<EndpointView, PageError> {
        self.webhook(id).await?;
        let ctx = &self.visit.ctx;
        let service = &self.state.webhooks;
        Ok(service.revoke_previous_secrets(id, ctx).await?)
    }

    /// Deletes a webhook.
    pub(in crate::web::portal) async fn delete_webhook(&self, id: &str) -> Result<(), PageError> {
        self.webhook(id).await?;
        let ctx = &self.visit.ctx;
        Ok(self.state.webhooks.delete_endpoint(id, ctx).await?)
    }

    /// Sends a test to a webhook.
    pub(in crate::web::portal) async fn test_webhook(
        &self,
        id: &str,
    ) -> Result<DeliveryView, PageError> {
        self.webhook(id).await?;
        let ctx = &self.visit.ctx;
        Ok(self.state.webhooks.test_endpoint(id, ctx).await?)
    }

    /// Starts what has failed to a webhook since `from` anew, or makes what it missed.
    pub(in crate::web::portal) async fn replay(
        &self,
        id: &str,
        from: Timestamp,
        only: ReplayOnly,
    ) -> Result<ReplayView, PageError> {
        self.webhook(id).await?;
        let scope = ReplayScope {
            account_id: Some(self.account_id().to_owned()),
            endpoint_id: Some(id.to_owned()),
            event_types: Vec::new(),
            from,
            to: self.visit.now,
            only,
            per_second: REPLAY_SPEED,
        };
        let ctx = &self.visit.ctx;
        Ok(self.state.replays.create(scope, ctx).await?)
    }

    /// The last recovery of what a webhook missed, if there was one lately.
    pub(in crate::web::portal) async fn last_recovery(
        &self,
        webhook: &EndpointView,
    ) -> Result<Option<ReplayView>, PageError> {
        self.mine(&webhook.account_id)?;
        let page = PageRequest {
            limit: REPLAYS_LOOKED,
            after: None,
        };
        let (account, id) = (self.account_id(), webhook.id.as_str());
        let replays = &self.state.replays;
        let found = replays.replays(Some(account), Some(id), &page).await?;
        let mut recoveries = found.items.into_iter().filter(|r| r.only.is_recovery());
        Ok(recoveries.next())
    }

    /// The account's deliveries, newest first.
    pub(in crate::web::portal) async fn deliveries(
        &self,
        wanted: &Deliveries,
        page: &PageRequest,
    ) -> Result<Page<DeliveryView>, PageError> {
        if let Some(id) = &wanted.webhook {
            self.webhook(id).await?;
        }
        if wanted
            .event
            .as_deref()
            .is_some_and(|id| !ids::is_event_id(id))
        {
            return Err(PageError::NotFound);
        }
        let filter = DeliveryFilter {
            account_id: Some(self.account_id().to_owned()),
            event_type: wanted.event_type.clone(),
            endpoint_id: wanted.webhook.clone(),
            event_id: wanted.event.clone(),
            state: wanted.state,
            from: wanted.from,
            to: wanted.to,
        };
        Ok(self.state.webhooks.all_deliveries(&filter, page).await?)
    }

    /// One delivery.
    pub(in crate::web::portal) async fn delivery(
        &self,
        id: &str,
    ) -> Result<DeliveryView, PageError> {
        if !ids::is_valid(ids::DELIVERY, id) {
            return Err(PageError::NotFound);
        }
        let found = self.state.webhooks.delivery(id).await?;
        self.mine(&found.account_id)?;
        Ok(found)
    }

    /// What a delivery sends; of the account's own, since [`Self::delivery`] finds no other.
    pub(in crate::web::portal) async fn request_of(
        &self,
        delivery: &DeliveryView,
    ) -> Result<Option<SentRequest>, PageError> {
        self.mine(&delivery.account_id)?;
        Ok(self.state.webhooks.request_of(delivery).await?)
    }

    /// Starts a delivery anew.
    pub(in crate::web::portal) async fn retry_delivery(
        &self,
        id: &str,
    ) -> Result<DeliveryView, PageError> {
        self.delivery(id).await?;
        let ctx = &self.visit.ctx;
        Ok(self.state.webhooks.retry_delivery(id, ctx).await?)
    }

    /// The account's events, newest first.
    pub(in crate::web::portal) async fn events(
        &self,
        event_type: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<EventView>, PageError> {
        let filter = EventFilter {
            account_id: Some(self.account_id().to_owned()),
            event_type: event_type.map(str::to_owned),
            state: None,
        };
        Ok(self.state.webhooks.events(&filter, page).await?)
    }

    /// One event.
    pub(in crate::web::portal) async fn event(&self, id: &str) -> Result<EventView, PageError> {
        if !ids::is_event_id(id) {
            return Err(PageError::NotFound);
        }
        let found = self.state.webhooks.event(id).await?;
        self.mine(&found.account_id)?;
        Ok(found)
    }

    /// Delivers an event again to every webhook that wants it now.
    pub(in crate::web::portal) async fn replay_event(
        &self,
        id: &str,
    ) -> Result<EventView, PageError> {
        self.event(id).await?;
        let ctx = &self.visit.ctx;
        Ok(self.state.webhooks.replay(id, ctx).await?)
    }
}
