//! Changing accounts for the admin API: plan, overrides, suspension and erasure; never HTTP, never a key.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::model::{Account, is_valid_id};
use super::port::{AccountStore, ErasureStep};
use super::state::Accounts;
use crate::base::audit::{ChangeContext, differences};
use crate::base::ceilings::{ERASURE_RETRY, ERASURE_WAIT, RATE_SECONDS, RATE_TOKENS};
use crate::base::error::{FieldError, StoreError};
use crate::base::ids::is_reserved_account;
use crate::base::page::{Page, PageRequest};
use crate::config::model::{Config, Plan, PlanOverrides, RateOverride};

/// Why a call over accounts failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AccountError {
    /// There is no such account.
    #[error("not found")]
    NotFound,
    /// The present state does not allow it; public text.
    #[error("{0}")]
    Conflict(String),
    /// What the caller gave is not acceptable.
    #[error("{} fields are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for AccountError {
    fn from(e: StoreError) -> Self {
        match e {
            StoreError::NotFound => Self::NotFound,
            StoreError::Conflict(_) => Self::Conflict("The account is being erased.".into()),
            e => Self::Store(e),
        }
    }
}

/// What an account is to be. A missing member stays as it is, so that a change of plan does not lift a suspension;
/// a new account gets the default plan, no overrides, and is not suspended.
#[derive(Debug, Clone, Default)]
pub struct PutAccount {
    /// Name of a plan.
    pub plan: Option<String>,
    /// All overrides there are to be.
    pub overrides: Option<PlanOverrides>,
    /// Whether its requests are refused.
    pub suspended: Option<bool>,
}

/// How far an erasure came while its caller waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    /// Nothing is left.
    Done,
    /// It goes on in the background, and after a restart.
    Running,
}

/// The operations over accounts. What the configuration decides comes with each call, since it may be reloaded.
#[derive(Clone)]
pub struct AccountService(Arc<Inner>);

struct Inner {
    store: Arc<dyn AccountStore>,
    accounts: Arc<Accounts>,
    /// One change of an account at a time: it reads what it keeps, writes, and then changes memory, in that order for
    /// all. An asynchronous lock, whose waiters leave their threads to others.
    writes: tokio::sync::Mutex<()>,
    /// Erasures that run in this process.
    erasing: Mutex<HashSet<String>>,
}

impl AccountService {
    /// Works on `store` and changes `accounts` at once.
    pub fn new(store: Arc<dyn AccountStore>, accounts: Arc<Accounts>) -> Self {
        Self(Arc::new(Inner {
            store,
            accounts,
            writes: tokio::sync::Mutex::default(),
            erasing: Mutex::default(),
        }))
    }

    /// One account.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] or the store's failure.
    pub async fn get(&self, id: &str) -> Result<Account, AccountError> {
        let found = self.0.store.account(id).await?;
        found.ok_or(AccountError::NotFound)
    }

    /// All accounts by id.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn list(&self, page: &PageRequest) -> Result<Page<Account>, AccountError> {
        Ok(self.0.store.accounts(page).await?)
    }

    /// How many keys the account may have: its plan's number with its overrides, or the default plan's for an account
    /// that is not known yet.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn max_keys(&self, config: &Config, id: &str) -> Result<u64, AccountError> {
        let account = self.0.store.account(id).await?;
        let plan = match &account {
            Some(a) => effective_plan(config, a),
            None => config.plans.get(&config.default_plan).copied(),
        };
        Ok(plan.map_or(0, |p| p.max_keys))
    }

    /// Makes an account or changes what `put` names of it. It holds on this node when the call returns.
    ///
    /// # Errors
    /// [`AccountError::Invalid`], or [`AccountError::Conflict`] while it is being erased.
    pub async fn put(
        &self,
        config: &Config,
        id: &str,
        put: &PutAccount,
        ctx: &ChangeContext,
    ) -> Result<Account, AccountError> {
        if !is_valid_id(id) {
            let text = "expected 1 to 128 characters of A-Z a-z 0-9 _ - . : @";
            return Err(AccountError::Invalid(vec![FieldError::new("id", text)]));
        }
        if is_reserved_account(id) {
            let text = "expected another account: this one is the gateway's own";
            return Err(AccountError::Invalid(vec![FieldError::new("id", text)]));
        }
        let _one_at_a_time = self.0.writes.lock().await;
        let before = self.0.store.account(id).await?;
        if before.as_ref().is_some_and(|a| a.erasing) {
            return Err(StoreError::Conflict("erasing".into()).into());
        }
        let after = merged(config, id, before.as_ref(), put, ctx);
        check(config, &after).map_err(AccountError::Invalid)?;
        if before.as_ref() == Some(&after) {
            // An earlier try may have been written without this node's hearing of it: it took too long, or its caller
            // went away.
            self.0.accounts.changed(after.clone(), ctx.at);
            return Ok(after);
        }
        let old = before.map_or_else(|| json!({}), |a| json!(a));
        let change = ctx.change(
            "account.put",
            Some(id),
            Some(id),
            differences(&old, &json!(after)),
        );
        let stored = self.0.store.put_account(&after, &change).await?;
        self.0.accounts.changed(stored.clone(), ctx.at);
        Ok(stored)
    }

    /// Erases an account with all it has. From the first moment on its keys are refused. Waits a little for the end;
    /// an account whose erasure runs already is waited for in the same way.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] or the store's failure.
    pub async fn erase(&self, id: &str, ctx: &ChangeContext) -> Result<Erasure, AccountError> {
        let change = ctx.change("account.erase", Some(id), Some(id), Value::Null);
        match self.0.store.begin_erasure(id, &change).await {
            // Begun before: it only has to be ended.
            Ok(()) | Err(StoreError::Conflict(_)) => {}
            Err(e) => return Err(e.into()),
        }
        self.0.accounts.gone(id);
        let Some(ended) = self.run(id.to_owned()) else {
            return Ok(Erasure::Running);
        };
        match tokio::time::timeout(ERASURE_WAIT, ended).await {
            Ok(Ok(())) => Ok(Erasure::Done),
            _ => Ok(Erasure::Running),
        }
    }

    /// Goes on with the erasures that an earlier process left, and says how many there are.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn resume(&self) -> Result<usize, AccountError> {
        let left = self.0.store.erasing().await?;
        for id in &left {
            self.0.accounts.gone(id);
            self.run(id.clone());
        }
        Ok(left.len())
    }

    /// Erases to the end in the background. `None` when that is being done already.
    fn run(&self, id: String) -> Option<oneshot::Receiver<()>> {
        if !self.0.erasing.lock().insert(id.clone()) {
            return None;
        }
        let (done, ended) = oneshot::channel();
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move {
            inner.erase_all(&id).await;
            inner.erasing.lock().remove(&id);
            // Nobody may be waiting any more.
            let _ = done.send(());
        });
        Some(ended)
    }
}

impl Inner {
    /// In steps, so that other writes come in between; a store that refuses is asked again, ever more rarely.
    async fn erase_all(&self, id: &str) {
        let mut pause = std::time::Duration::from_millis(100);
        loop {
            match self.store.erase_some(id).await {
                Ok(ErasureStep::More) => tokio::task::yield_now().await,
                // Gone is what was wanted, whoever did it. An account that is not marked any more was erased to the end
                // elsewhere and made anew.
                Ok(ErasureStep::Done) | Err(StoreError::NotFound | StoreError::Conflict(_)) => {
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, "an erasure waits for the store");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(ERASURE_RETRY);
                }
            }
        }
        // Forgets a state that is marked, and so never that of an account made anew.
        self.accounts.erased(id);
    }
}

/// The account's plan with its overrides; `None` when the configuration has no such plan (validation refuses a reload
/// that removes one in use).
pub fn effective_plan(config: &Config, account: &Account) -> Option<Plan> {
    let plan = config.plans.get(&account.plan)?;
    Some(plan.with(&account.overrides))
}

fn merged(
    config: &Config,
    id: &str,
    before: Option<&Account>,
    put: &PutAccount,
    ctx: &ChangeContext,
) -> Account {
    let plan = put.plan.clone().or_else(|| before.map(|b| b.plan.clone()));
    Account {
        id: id.to_owned(),
        plan: plan.unwrap_or_else(|| config.default_plan.clone()),
        overrides: put
            .overrides
            .or_else(|| before.map(|b| b.overrides))
            .unwrap_or_default(),
        suspended: put
            .suspended
            .or_else(|| before.map(|b| b.suspended))
            .unwrap_or_default(),
        created_at: before.map_or(ctx.at, |b| b.created_at),
        erasing: false,
    }
}

fn check(config: &Config, account: &Account) -> Result<(), Vec<FieldError>> {
    let mut wrong = Vec::new();
    let o = &account.overrides;
    for (name, rate) in [("rate", o.rate), ("account_rate", o.account_rate)] {
        if let Some(rate) = rate {
            check_rate(config, &format!("overrides.{name}"), rate, &mut wrong);
        }
    }
    if o.max_keys == Some(0) {
        let text = "expected at least 1; suspend the account to refuse its requests";
        wrong.push(FieldError::new("overrides.max_keys", text));
    }
    match effective_plan(config, account) {
        None => {
            let names: Vec<_> = config.plans.keys().map(String::as_str).collect();
            let text = format!("expected the name of a plan: {}", names.join(", "));
            wrong.push(FieldError::new("plan", text));
        }
        Some(plan) => {
            if let (Some(hour), Some(month)) = (plan.quotas.hour, plan.quotas.month)
                && hour > month
                && o.quotas.is_some()
            {
                let text = format!("expected no more than the month's quota, which is {month}");
                wrong.push(FieldError::new("overrides.quotas.hour", text));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// A burst below the cost of a route would refuse that route for ever.
fn check_rate(config: &Config, at: &str, rate: RateOverride, wrong: &mut Vec<FieldError>) {
    let most_cost = config
        .routes
        .iter()
        .map(|r| r.cost)
        .max()
        .unwrap_or(1)
        .max(1);
    let fields = [
        ("requests", rate.requests, 1, RATE_TOKENS),
        ("per_seconds", rate.per_seconds, 1, RATE_SECONDS),
        ("burst", rate.burst, most_cost, RATE_TOKENS),
    ];
    for (name, value, least, most) in fields {
        if !(least..=most).contains(&value) {
            let mut text = format!("expected {least} to {most}");
            if name == "burst" && least > 1 {
                text.push_str("; a route costs that many tokens");
            }
            wrong.push(FieldError::new(format!("{at}.{name}"), text));
        }
    }
}
