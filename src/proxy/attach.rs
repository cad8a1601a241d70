//! What the gateway keeps beside a cached key, so that one look-up gives a request all it needs; never a decision.

use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use http::HeaderValue;
use parking_lot::Mutex;

use super::snapshot::Snapshot;
use crate::accounts::service::effective_plan;
use crate::accounts::state::{AccountState, Accounts};
use crate::base::ceilings::SCOPE_SETS;
use crate::base::clock::Clock;
use crate::base::error::StoreError;
use crate::config::model::Plan;
use crate::keys::cache::Attach;
use crate::keys::model::KeyRecord;
use crate::limits::{KeyLimits, Limiter, LimiterError, Limits};
use crate::usage::port::UsageStore;
use crate::usage::{KeyUsage, Recorder};

/// What stands beside a cached key.
#[derive(Debug)]
pub struct Attached {
    /// What its owner calls it.
    pub name: Box<str>,
    /// Its account, as it is at any moment.
    pub account: Arc<AccountState>,
    /// Its token bucket.
    pub bucket: KeyLimits,
    /// The limits of its account.
    pub limits: Limits,
    /// What it does, for usage and its metric.
    pub usage: Arc<KeyUsage>,
    /// `X-Fuelgate-Account`; a copy shares its bytes.
    pub account_value: HeaderValue,
    /// `X-Fuelgate-Scopes`; keys with the same scopes share its bytes.
    pub scopes_value: HeaderValue,
}

/// Makes [`Attached`] when a key is loaded.
pub struct Attacher {
    /// Accounts in memory.
    pub accounts: Arc<Accounts>,
    /// Buckets and quotas in memory.
    pub limiter: Arc<Limiter>,
    /// Where used quotas are read from when an account is new to this process.
    pub usage: Arc<dyn UsageStore>,
    /// Counts what keys do.
    pub recorder: Arc<Recorder>,
    /// The configuration in force: plans by name.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// The time.
    pub clock: Clock,
    /// One copy of each set of scopes, since most keys share a few.
    pub scope_values: ScopeValues,
}

/// Header values of sets of scopes, one copy of each; bounded.
#[derive(Debug, Default)]
pub struct ScopeValues(Mutex<HashSet<HeaderValue>>);

impl ScopeValues {
    fn value(&self, scopes: &[String]) -> HeaderValue {
        // Validation keeps scope names to visible ASCII.
        let made = HeaderValue::try_from(scopes.join(" ")).unwrap_or(HeaderValue::from_static(""));
        let mut known = self.0.lock();
        if let Some(same) = known.get(&made) {
            return same.clone();
        }
        if known.len() < SCOPE_SETS {
            known.insert(made.clone());
        }
        made
    }
}

impl Attacher {
    /// The plan that holds for an account now; the default plan where its own is not in the configuration.
    fn plan(&self, account: &AccountState) -> Option<Plan> {
        let snapshot = self.snapshot.load();
        let config = &snapshot.config;
        let account = account.account();
        effective_plan(config, &account).or_else(|| {
            let plan = config.plans.get(&config.default_plan)?;
            Some(plan.with(&account.overrides))
        })
    }
}

#[async_trait]
impl Attach<Attached> for Attacher {
    async fn attach(&self, record: &KeyRecord) -> Result<Attached, StoreError> {
        let now = self.clock.now();
        let id = record.account_id.as_str();
        let account = self
            .accounts
            .get(id, now)
            .await?
            .ok_or(StoreError::NotFound)?;
        let first = self
            .plan(&account)
            .ok_or_else(|| StoreError::Corrupt(format!("account {id} has no plan")))?;
        let plan = || (self.plan(&account).unwrap_or(first), account.read_at());
        let limits = self
            .limiter
            .account(id, plan, now, |hour, month| {
                self.usage.used(id, hour, month)
            })
            .await
            .map_err(refused)?;
        Ok(Attached {
            name: record.name.as_str().into(),
            bucket: self.limiter.key(&record.id, &limits).map_err(refused)?,
            limits,
            usage: self.recorder.key(id, record.id.as_str()),
            account_value: HeaderValue::try_from(id)
                .map_err(|_| StoreError::Corrupt(format!("account id {id}")))?,
            scopes_value: self.scope_values.value(&record.scopes),
            account,
        })
    }
}

fn refused(e: LimiterError) -> StoreError {
    match e {
        LimiterError::Store(e) => e,
        LimiterError::Full => StoreError::Overloaded(e.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_of_scopes_share_their_bytes() {
        let values = ScopeValues::default();
        let scopes = ["a:read".to_owned(), "b:write".to_owned()];
        let (first, second) = (values.value(&scopes), values.value(&scopes));
        assert_eq!(first, "a:read b:write");
        assert_eq!(first.as_bytes().as_ptr(), second.as_bytes().as_ptr());
    }
}
