//! The buckets of all keys and the limits of all accounts in use, with a ceiling and a sweep; never a store of its own.

use std::future::Future;
use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::OnceCell;

use super::account::{AccountLimits, KeyBucket, UsedQuotas};
use super::desk::Desk;
use super::either::{KeyLimits, Limits};
use super::leased::{LeasedAccount, LeasedKey};
use crate::base::ceilings::LIMITER_ENTRIES;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::config::model::Plan;

/// Why there are no limits to ask.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LimiterError {
    /// As many keys or accounts are in use as the limiter may hold: answer `overloaded`. Letting one go would forget what it used.
    #[error("the limiter holds as many keys or accounts as it may")]
    Full,
    /// What the account used could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A place for an account's limits, filled by the first who needs them while the others wait.
type Slot = Arc<OnceCell<Limits>>;

/// All limits of this process. Those who serve requests hold the `Arc`s, so that the maps are asked only for keys and
/// accounts that are new to them.
#[derive(Debug)]
pub struct Limiter {
    keys: DashMap<Box<str>, KeyLimits>,
    accounts: DashMap<Box<str>, Slot>,
    ceiling: usize,
    /// Where leases are got; `None` where this node is the only one.
    desk: Option<Arc<Desk>>,
}

impl Default for Limiter {
    fn default() -> Self {
        Self::with_ceiling(LIMITER_ENTRIES)
    }
}

impl Limiter {
    /// A limiter of exact limits that holds at most `ceiling` keys and as many accounts.
    pub fn with_ceiling(ceiling: usize) -> Self {
        Self {
            keys: DashMap::new(),
            accounts: DashMap::new(),
            ceiling,
            desk: None,
        }
    }

    /// A limiter whose limits are leased.
    pub fn leased(desk: Arc<Desk>) -> Self {
        Self {
            desk: Some(desk),
            ..Self::default()
        }
    }

    /// Where leases are got, if they are.
    pub const fn desk(&self) -> Option<&Arc<Desk>> {
        self.desk.as_ref()
    }

    /// The limits of a key that exists, of the account whose limits these are.
    ///
    /// # Errors
    /// [`LimiterError::Full`].
    pub fn key(&self, key_id: &str, account: &Limits) -> Result<KeyLimits, LimiterError> {
        if let Some(known) = self.keys.get(key_id)
            && is_of(&known, account)
        {
            return Ok(known.clone());
        }
        if self.keys.len() >= self.ceiling {
            return Err(LimiterError::Full);
        }
        let make = || match account {
            Limits::Exact(_) => KeyLimits::Exact(Arc::new(KeyBucket::default())),
            Limits::Leased(account) => KeyLimits::Leased(Arc::new(LeasedKey::new(key_id, account))),
        };
        let mut slot = self.keys.entry(key_id.into()).or_insert_with(make);
        // An account that was forgotten and came back is another one.
        if !is_of(&slot, account) {
            *slot = make();
        }
        Ok(slot.clone())
    }

    /// The limits of an account. The first call asks `load` (hour start, month start) for what was used in the windows of
    /// `now`; calls that come meanwhile wait for its answer. After a failure the next call asks again. `plan` says what
    /// holds and since when that is known; it is asked once more when the limits are in place, so that a change of plan
    /// meanwhile is not missed.
    ///
    /// # Errors
    /// [`LimiterError::Full`], or what `load` says.
    pub async fn account<F, R>(
        &self,
        account_id: &str,
        plan: impl Fn() -> (Plan, Timestamp),
        now: Timestamp,
        load: F,
    ) -> Result<Limits, LimiterError>
    where
        F: FnOnce(Timestamp, Timestamp) -> R,
        R: Future<Output = Result<(u64, u64), StoreError>>,
    {
        let slot = self.slot(account_id)?;
        let limits = slot
            .get_or_try_init(|| async {
                let used = load(now.hour_start(), now.month_start()).await?;
                let (plan, as_of) = plan();
                Ok::<_, LimiterError>(match &self.desk {
                    None => Limits::Exact(Arc::new(AccountLimits::new(&plan, used, now))),
                    Some(desk) => Limits::Leased(Arc::new(LeasedAccount::new(
                        account_id, desk, &plan, as_of, used, now,
                    ))),
                })
            })
            .await?;
        // Limits that were there already may have missed a plan while nothing else of the account was in memory.
        loop {
            let (in_force, as_of) = plan();
            limits.set_plan(&in_force, Some(as_of), now);
            if plan().0 == in_force {
                return Ok(limits.clone());
            }
        }
    }

    fn slot(&self, account_id: &str) -> Result<Slot, LimiterError> {
        if let Some(known) = self.accounts.get(account_id) {
            return Ok(Arc::clone(&known));
        }
        if self.accounts.len() >= self.ceiling {
            return Err(LimiterError::Full);
        }
        Ok(Arc::clone(
            &self.accounts.entry(account_id.into()).or_default(),
        ))
    }

    /// The limits of an account that is in use.
    pub fn loaded(&self, account_id: &str) -> Option<Limits> {
        self.accounts.get(account_id)?.get().cloned()
    }

    /// Shows how much of its quotas each account in use has used.
    pub fn each_used(&self, now: Timestamp, mut show: impl FnMut(&str, &UsedQuotas)) {
        for entry in &self.accounts {
            if let Some(limits) = entry.value().get() {
                show(entry.key(), &limits.used(now));
            }
        }
    }

    /// Puts the plan that `plan_of` names for each account in use in force; `None` leaves it as it is. To be called when
    /// another configuration is in force, before [`Desk::set_config`].
    pub fn replan(&self, now: Timestamp, plan_of: impl Fn(&str) -> Option<Plan>) {
        for entry in &self.accounts {
            if let Some(limits) = entry.value().get()
                && let Some(plan) = plan_of(entry.key())
            {
                limits.set_plan(&plan, None, now);
            }
        }
    }

    /// Forgets an account that is being erased, and these keys of its.
    pub fn forget<'k>(&self, account_id: &str, key_ids: impl IntoIterator<Item = &'k str>) {
        if let Some((_, slot)) = self.accounts.remove(account_id)
            && let Some(Limits::Leased(account)) = slot.get()
        {
            account.set_gone();
        }
        for id in key_ids {
            self.keys.remove(id);
        }
    }

    /// Lets go of what nobody holds and would be made anew just as it is: full buckets, accounts that used nothing in the
    /// open windows, leases of nothing. To be called every minute or so.
    pub fn sweep(&self, now: Timestamp) {
        self.keys.retain(|_, key| !key.can_go(now));
        self.accounts.retain(|_, slot| {
            let in_use = Arc::strong_count(slot) > 1;
            in_use || slot.get().is_some_and(|l| !l.can_go(now))
        });
    }

    /// Keys and accounts that are held, for the metrics.
    pub fn len(&self) -> (usize, usize) {
        (self.keys.len(), self.accounts.len())
    }
}

/// Whether a key's limits go with these limits of an account.
fn is_of(key: &KeyLimits, account: &Limits) -> bool {
    match (key, account) {
        (KeyLimits::Exact(_), Limits::Exact(_)) => true,
        (KeyLimits::Leased(key), Limits::Leased(account)) => Arc::ptr_eq(&key.account, account),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::config::model::{OnStoreFailure, Quotas, Rate};

    fn plan(burst: u64) -> Plan {
        Plan {
            rate: Rate {
                requests: 1,
                per_seconds: 1,
                burst,
            },
            account_rate: None,
            quotas: Quotas::default(),
            max_keys: 1,
        }
    }

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[tokio::test]
    async fn what_was_used_is_read_once_and_again_only_after_a_failure() {
        let limiter = Limiter::default();
        let reads = AtomicUsize::new(0);
        let load = |_, _| async {
            match reads.fetch_add(1, Ordering::SeqCst) {
                0 => Err(StoreError::Unavailable("gone".into())),
                _ => {
                    tokio::task::yield_now().await;
                    Ok((3, 9))
                }
            }
        };
        assert!(
            limiter
                .account("a", || (plan(1), NOW), NOW, load)
                .await
                .is_err()
        );
        let p = plan(1);
        let calls = (0..20).map(|_| limiter.account("a", || (p, NOW), NOW, load));
        for limits in futures_util::future::join_all(calls).await {
            let used = limits.unwrap().used(NOW);
            assert_eq!((used.hour.used, used.month.used), (3, 9));
        }
        assert_eq!(reads.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn limits_that_were_kept_get_the_plan_of_whoever_asks_for_them() {
        let limiter = Limiter::default();
        let none = |_, _| async { Ok((0, 0)) };
        let burst = |limits: &Limits| {
            let key = limiter.key("k", limits).unwrap();
            limits.peek(&key, NOW).unwrap().policies[0].quota
        };
        let first = limiter.account("a", || (plan(10), NOW), NOW, none).await;
        assert_eq!(burst(&first.unwrap()), 10);
        // Nobody had the account in memory when its plan changed.
        let second = limiter.account("a", || (plan(4), NOW), NOW, none).await;
        assert_eq!(burst(&second.unwrap()), 4);
        // The plan changes once more while it is put in force.
        let asked = AtomicUsize::new(0);
        let changing = || match asked.fetch_add(1, Ordering::SeqCst) {
            0 => (plan(4), NOW),
            _ => (plan(6), NOW),
        };
        let third = limiter.account("a", changing, NOW, none).await;
        assert_eq!(burst(&third.unwrap()), 6);
    }

    #[tokio::test]
    async fn the_sweep_lets_go_only_of_what_forgetting_does_not_change() {
        let limiter = Limiter::default();
        let none = |_, _| async { Ok((0, 0)) };
        let account = limiter
            .account("a", || (plan(10), NOW), NOW, none)
            .await
            .unwrap();
        limiter
            .account("idle", || (plan(10), NOW), NOW, none)
            .await
            .unwrap();
        let key = limiter.key("k", &account).unwrap();
        drop(limiter.key("unused", &account).unwrap());
        let taken = account.take(&key, 1, OnStoreFailure::Local, NOW).await;
        assert!(taken.unwrap().is_admitted());
        limiter.sweep(NOW);
        assert_eq!(limiter.len(), (1, 1));
        drop((key, account));
        limiter.sweep(NOW);
        assert_eq!(
            limiter.len(),
            (1, 1),
            "a token is missing, a request is counted"
        );
        limiter.sweep(NOW.plus(std::time::Duration::from_secs(1)));
        assert_eq!(limiter.len(), (0, 1), "the month goes on");
        limiter.sweep(NOW.next_month_start());
        assert_eq!(limiter.len(), (0, 0));
    }

    #[tokio::test]
    async fn at_the_ceiling_new_keys_and_accounts_are_refused_and_known_ones_served() {
        let limiter = Limiter::with_ceiling(1);
        let none = |_, _| async { Ok((0, 0)) };
        let account = limiter.account("a", || (plan(1), NOW), NOW, none).await;
        let account = account.unwrap();
        assert!(limiter.key("a", &account).is_ok() && limiter.key("a", &account).is_ok());
        let refused = limiter.key("b", &account);
        assert!(matches!(refused, Err(LimiterError::Full)));
        let refused = limiter.account("b", || (plan(1), NOW), NOW, none).await;
        assert!(matches!(refused, Err(LimiterError::Full)));
        limiter.forget("a", ["a"]);
        assert!(limiter.key("b", &account).is_ok());
    }
}
