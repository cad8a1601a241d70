//! What the first page shows of an account: first steps, quotas, keys that end soon, webhooks that fail; never a change.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::Own;
use crate::accounts::service::{AccountError, effective_plan};
use crate::base::ceilings::portal::{KEY_EXPIRING_SOON, OVERVIEW_PAGES};
use crate::base::page::{MAX_LIMIT, PageRequest};
use crate::config::model::Plan;
use crate::keys::model::{KeyRecord, KeyStatus};
use crate::keys::previous_uses::OldSecrets;
use crate::limits::UsedQuotas;
use crate::web::portal::refuse::PageError;
use crate::web::usage_summary;
use crate::webhooks::model::EndpointStatus;
use crate::webhooks::view::EndpointView;

/// What the overview is made of.
#[derive(Debug)]
pub struct Overview {
    /// Keys that work.
    pub active_keys: usize,
    /// Whether any key was ever used.
    pub has_called: bool,
    /// Keys that work and end soon, the first to end first.
    pub expiring: Vec<KeyRecord>,
    /// Keys that have an old secret, and what there is to say of it.
    pub rotated: Vec<(KeyRecord, OldSecrets)>,
    /// Webhooks.
    pub webhooks: usize,
    /// Those that fail, or were disabled because they did.
    pub failing: Vec<EndpointView>,
    /// What is used of the quotas.
    pub used: UsedQuotas,
}

/// What was read of an account's quotas within a request.
#[derive(Debug, Clone, Default)]
pub struct Quotas(Arc<OnceCell<UsedQuotas>>);

impl Own {
    /// What the overview is made of.
    ///
    /// # Errors
    /// The store's.
    pub async fn overview(&self) -> Result<Overview, PageError> {
        let now = self.visit.now;
        let keys = async {
            let keys = self.all_keys().await?;
            let old = self.old_secrets(&keys).await?;
            Ok((keys, old))
        };
        let ((keys, mut old), webhooks, used) =
            futures_util::future::try_join3(keys, self.all_webhooks(), self.quotas()).await?;
        let rotated = keys
            .iter()
            .filter_map(|key| Some((key.clone(), old.remove(&key.id)?)));
        let rotated = rotated.collect();
        let mut expiring: Vec<_> = keys
            .iter()
            .filter(|k| k.status(now) == KeyStatus::Active)
            .filter(|k| {
                k.expires_at
                    .is_some_and(|at| at.since(now) < KEY_EXPIRING_SOON)
            })
            .cloned()
            .collect();
        expiring.sort_by_key(|k| k.expires_at);
        Ok(Overview {
            active_keys: keys
                .iter()
                .filter(|k| k.status(now) == KeyStatus::Active)
                .count(),
            has_called: keys.iter().any(|k| k.last_used_at.is_some()),
            expiring,
            rotated,
            webhooks: webhooks.len(),
            failing: webhooks
                .into_iter()
                .filter(|w| w.status == EndpointStatus::Disabled || w.health.failures > 0)
                .collect(),
            used,
        })
    }

    /// The account's keys, as far as the overview looks.
    pub(super) async fn all_keys(&self) -> Result<Vec<KeyRecord>, PageError> {
        let mut all = Vec::new();
        let mut after = None;
        for _ in 0..OVERVIEW_PAGES {
            let page = PageRequest {
                limit: MAX_LIMIT,
                after,
            };
            let found = self.state.keys.list(Some(self.account_id()), &page).await?;
            all.extend(found.items);
            after = found.next;
            if after.is_none() {
                break;
            }
        }
        Ok(all)
    }

    async fn all_webhooks(&self) -> Result<Vec<EndpointView>, PageError> {
        let page = PageRequest {
            limit: MAX_LIMIT,
            after: None,
        };
        let account = Some(self.account_id());
        let webhooks = &self.state.webhooks;
        let found = webhooks
            .shown_endpoints(account, &page, self.visit.now)
            .await?;
        Ok(found.items)
    }

    /// The account's plan with its overrides; the default plan for an account that never had a key.
    ///
    /// # Errors
    /// The store's.
    pub async fn plan(&self) -> Result<(String, Option<Plan>), PageError> {
        let config = self.config();
        match self.state.accounts.get(self.account_id()).await {
            Ok(account) => {
                let plan = effective_plan(config, &account);
                Ok((account.plan, plan))
            }
            Err(AccountError::NotFound) => {
                let plan = config.plans.get(&config.default_plan).copied();
                Ok((config.default_plan.clone(), plan))
            }
            Err(e) => Err(e.into()),
        }
    }

    /// What is used of the quotas. It is read once a request: the banner of a page has read it before the page.
    ///
    /// # Errors
    /// The store's.
    pub async fn quotas(&self) -> Result<UsedQuotas, PageError> {
        let read = || async {
            let quotas = async {
                let (_, plan) = self.plan().await?;
                Ok::<_, PageError>(plan.map(|p| p.quotas).unwrap_or_default())
            };
            let (limiter, usage) = (&self.state.limiter, self.state.usage.as_ref());
            usage_summary::used(limiter, usage, self.account_id(), self.visit.now, quotas).await
        };
        self.visit.quotas.0.get_or_try_init(read).await.copied()
    }
}
