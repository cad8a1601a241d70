//! Endpoints: make, show, change, delete, new secrets; deliveries and events live beside it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::{EndpointPatch, Made, NewEndpoint, WebhookError, WebhookService};
use crate::base::audit::ChangeContext;
use crate::base::ceilings::{CLAIM_BEGIN, REVISION_TRIES, WEBHOOKS_PER_ACCOUNT};
use crate::base::clock::{Clock, Timestamp};
use crate::base::error::StoreError;
use crate::base::ids;
use crate::base::page::{Page, PageRequest};
use crate::base::secret::Secret;
use crate::webhooks::input::Check;
use crate::webhooks::model::{Endpoint, EndpointStatus};
use crate::webhooks::settings::Settings;
use crate::webhooks::sign;
use crate::webhooks::view::EndpointView;

/// How often it is looked whether the settings were swapped.
const RESEAL_LOOK: Duration = Duration::from_secs(5);

impl WebhookService {
    /// Makes an endpoint.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` when the account has as many as it may.
    pub async fn create_endpoint(
        &self,
        new: NewEndpoint,
        ctx: &ChangeContext,
    ) -> Result<Made, WebhookError> {
        let settings = self.settings.load_full();
        let mut check = Check::default();
        check.endpoint_account(&new.account_id);
        check.url(&new.url, &*self.transport);
        check.event_types(&new.account_id, &new.event_types, &settings);
        check.description(new.description.as_deref());
        check.done().map_err(WebhookError::Invalid)?;
        let id = ids::new(ids::WEBHOOK);
        let secret = new_secret()?;
        let endpoint = Endpoint {
            secrets: vec![settings.sealer.seal(&id, &secret)?],
            id,
            account_id: new.account_id,
            url: new.url,
            event_types: new.event_types,
            description: new.description,
            status: EndpointStatus::Active,
            disabled_reason: None,
            created_at: ctx.at,
            revision: 1,
        };
        let view = endpoint.view(ctx.at);
        let change = ctx
            .change(
                "webhook.create",
                Some(&endpoint.account_id),
                Some(&endpoint.id),
                json!({ "url": endpoint.url, "event_types": endpoint.event_types }),
            )
            .answered(ctx, 201, &json!(view));
        self.store
            .create_endpoint(&endpoint, WEBHOOKS_PER_ACCOUNT, &change)
            .await
            .map_err(|e| match e {
                StoreError::Conflict(_) => WebhookError::Conflict(format!(
                    "The account has {WEBHOOKS_PER_ACCOUNT} webhooks already, or is being erased."
                )),
                other => other.into(),
            })?;
        Ok(Made {
            endpoint: view,
            secret,
        })
    }

    /// One endpoint.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn endpoint(&self, id: &str) -> Result<Endpoint, WebhookError> {
        self.store.endpoint(id).await?.ok_or(WebhookError::NotFound)
    }

    /// Endpoints of an account (or of all), newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn endpoints(
        &self,
        account_id: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<Endpoint>, WebhookError> {
        Ok(self.store.endpoints(account_id, page).await?)
    }

    /// One endpoint as it is shown, with how it fares.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn shown_endpoint(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<EndpointView, WebhookError> {
        self.shown_one(&self.endpoint(id).await?, now).await
    }

    pub(super) async fn shown_one(
        &self,
        endpoint: &Endpoint,
        now: Timestamp,
    ) -> Result<EndpointView, WebhookError> {
        let shown = self.shown(std::slice::from_ref(endpoint), now).await?;
        shown.into_iter().next().ok_or(WebhookError::NotFound)
    }

    /// Endpoints of an account (or of all) as they are shown, newest first, with how they fare.
    ///
    /// # Errors
    /// The store's.
    pub async fn shown_endpoints(
        &self,
        account_id: Option<&str>,
        page: &PageRequest,
        now: Timestamp,
    ) -> Result<Page<EndpointView>, WebhookError> {
        let found = self.endpoints(account_id, page).await?;
        Ok(Page {
            items: self.shown(&found.items, now).await?,
            next: found.next,
        })
    }

    async fn shown(
        &self,
        endpoints: &[Endpoint],
        now: Timestamp,
    ) -> Result<Vec<EndpointView>, WebhookError> {
        let healths = self.store.endpoint_health(endpoints).await?;
        let both = endpoints.iter().zip(&healths);
        Ok(both
            .map(|(e, health)| e.view(now).with_health(health, now))
            .collect())
    }

    /// Changes an endpoint; setting a status ends a disabling.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`; `Conflict` when others keep changing it.
    pub async fn patch_endpoint(
        &self,
        id: &str,
        patch: EndpointPatch,
        ctx: &ChangeContext,
    ) -> Result<EndpointView, WebhookError> {
        let before = self.endpoint(id).await?;
        self.check_patch(&before.account_id, &patch)?;
        let changed = self
            .change_endpoint(id, "webhook.update", ctx, |e| {
                apply(e, &patch);
                Ok(())
            })
            .await?;
        self.wake.notify_one();
        self.shown_one(&changed, ctx.at).await
    }

    fn check_patch(&self, account: &str, patch: &EndpointPatch) -> Result<(), WebhookError> {
        let mut check = Check::default();
        if let Some(url) = &patch.url {
            check.url(url, &*self.transport);
        }
        if let Some(types) = &patch.event_types {
            check.event_types(account, types, &self.settings.load());
        }
        if let Some(text) = &patch.description {
            check.description(text.as_deref());
        }
        if let Some(status) = patch.status {
            check.status(status);
        }
        check.done().map_err(WebhookError::Invalid)
    }

    /// Deletes an endpoint and cancels what is on its way to it. An attempt that has begun by then may end, none begins
    /// after this returned.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_endpoint(&self, id: &str, ctx: &ChangeContext) -> Result<(), WebhookError> {
        let endpoint = self.endpoint(id).await?;
        let change = ctx.change(
            "webhook.delete",
            Some(&endpoint.account_id),
            Some(id),
            json!({ "url": endpoint.url }),
        );
        let may_begin = self.store.delete_endpoint(id, ctx.at, &change).await?;
        if may_begin {
            // An attempt that was claimed before may begin until then, on any node; none begins after the answer.
            tokio::time::sleep(CLAIM_BEGIN).await;
        }
        Ok(())
    }

    /// Seals secrets under the first pepper that were sealed under another, so that the other can go. Tells how many
    /// endpoints it changed. For a start and after a reload.
    ///
    /// # Errors
    /// The store's; an endpoint whose pepper is gone is logged and left.
    pub async fn reseal(&self, ctx: &ChangeContext) -> Result<u64, WebhookError> {
        let settings = self.settings.load_full();
        let mut page = PageRequest {
            limit: crate::base::page::MAX_LIMIT,
            after: None,
        };
        let mut changed = 0;
        loop {
            let found = self.store.endpoints(None, &page).await?;
            for endpoint in found.items {
                if !endpoint
                    .secrets
                    .iter()
                    .any(|s| settings.sealer.is_outdated(s))
                {
                    continue;
                }
                let resealed = self
                    .change_endpoint(&endpoint.id, "webhook.reseal", ctx, |e| {
                        for s in &mut e.secrets {
                            let secret = settings.sealer.open(&e.id, s)?;
                            let valid_until = s.valid_until;
                            *s = settings.sealer.seal(&e.id, &secret)?;
                            s.valid_until = valid_until;
                        }
                        Ok(())
                    })
                    .await;
                match resealed {
                    Ok(_) => changed += 1,
                    Err(WebhookError::Store(e)) => return Err(e.into()),
                    Err(e) => {
                        tracing::warn!(webhook = endpoint.id, error = %e, "a webhook's secret could not be sealed anew");
                    }
                }
            }
            match found.next {
                Some(next) => page.after = Some(next),
                None => return Ok(changed),
            }
        }
    }

    /// Keeps secrets sealed under the first pepper: at the start and whenever the settings were swapped, until `stop`
    /// says true. What the store does not take is tried again.
    pub async fn keep_sealed(self, clock: Clock, mut stop: watch::Receiver<bool>) {
        let mut done_for: Option<Arc<Settings>> = None;
        loop {
            let settings = self.settings.load_full();
            if done_for.as_ref().is_none_or(|d| !Arc::ptr_eq(d, &settings)) {
                match self
                    .reseal(&ChangeContext::internal(clock.now(), "fuelgate"))
                    .await
                {
                    Ok(changed) => {
                        if changed > 0 {
                            tracing::info!(
                                webhooks = changed,
                                "sealed secrets under the first pepper"
                            );
                        }
                        done_for = Some(settings);
                    }
                    Err(e) => tracing::warn!(error = %e, "secrets could not be sealed anew"),
                }
            }
            tokio::select! {
                () = tokio::time::sleep(RESEAL_LOOK) => {}
                _ = stop.wait_for(|s| *s) => return,
            }
        }
    }

    /// Reads, changes and writes; again when another change came between.
    pub(super) async fn change_endpoint(
        &self,
        id: &str,
        action: &str,
        ctx: &ChangeContext,
        mut edit: impl FnMut(&mut Endpoint) -> Result<(), WebhookError>,
    ) -> Result<Endpoint, WebhookError> {
        for _ in 0..REVISION_TRIES {
            let before = self.endpoint(id).await?;
            let mut after = before.clone();
            edit(&mut after)?;
            after.revision += 1;
            let change = ctx
                .change(
                    action,
                    Some(&after.account_id),
                    Some(id),
                    differences(&before, &after),
                )
                .answered(ctx, 200, &json!(after.view(ctx.at)));
            match self.store.update_endpoint(&after, &change).await {
                Ok(()) => return Ok(after),
                Err(StoreError::Conflict(_)) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Err(StoreError::Conflict(String::new()).into())
    }
}

pub(super) fn new_secret() -> Result<Secret, WebhookError> {
    sign::generate().map_err(|e| WebhookError::Secret(e.to_string()))
}

fn apply(endpoint: &mut Endpoint, patch: &EndpointPatch) {
    if let Some(url) = &patch.url {
        endpoint.url.clone_from(url);
    }
    if let Some(types) = &patch.event_types {
        endpoint.event_types.clone_from(types);
    }
    if let Some(text) = &patch.description {
        endpoint.description.clone_from(text);
    }
    if let Some(status) = patch.status {
        endpoint.status = status;
        endpoint.disabled_reason = None;
    }
}

/// Public fields that differ, before and after.
fn differences(before: &Endpoint, after: &Endpoint) -> serde_json::Value {
    let (before, after) = (
        json!(before.view(before.created_at)),
        json!(after.view(after.created_at)),
    );
    let mut found = serde_json::Map::new();
    if let (Some(b), Some(a)) = (before.as_object(), after.as_object()) {
        for (name, value) in a {
            if b.get(name) != Some(value) {
                found.insert(name.clone(), json!({ "from": b.get(name), "to": value }));
            }
        }
    }
    found.into()
}
