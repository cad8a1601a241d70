//! One interface over limits that are exact in this node's memory and limits that are leased from a shared store; never a limit of its own.

use std::sync::Arc;

use super::account::{AccountLimits, KeyBucket, Ticket, UsedQuotas};
use super::decision::{Decision, Standings};
use super::leased::{LeasedAccount, LeasedKey, StoreAway};
use crate::base::clock::Timestamp;
use crate::config::model::{OnStoreFailure, Plan};

/// The limits that an account's keys share.
#[derive(Debug, Clone)]
pub enum Limits {
    /// In memory: this node is the only one.
    Exact(Arc<AccountLimits>),
    /// From a store that others share.
    Leased(Arc<LeasedAccount>),
}

/// The limits of one key.
#[derive(Debug, Clone)]
pub enum KeyLimits {
    /// In memory.
    Exact(Arc<KeyBucket>),
    /// From a store that others share.
    Leased(Arc<LeasedKey>),
}

impl Limits {
    /// Takes `cost` tokens from both buckets and one request from both quotas: all of it or nothing. Limits in memory,
    /// and a warm lease, answer without awaiting.
    ///
    /// # Errors
    /// Where limits are leased, the store is away, this node has nothing in hand, and `policy` is `deny`.
    pub async fn take(
        &self,
        key: &KeyLimits,
        cost: u64,
        policy: OnStoreFailure,
        now: Timestamp,
    ) -> Result<Decision, StoreAway> {
        match (self, key) {
            (Self::Exact(account), KeyLimits::Exact(key)) => Ok(account.take(key, cost, now)),
            (_, KeyLimits::Leased(key)) => key.take(cost, policy).await,
            // A limiter makes limits of one kind.
            (Self::Leased(_), KeyLimits::Exact(_)) => Err(StoreAway),
        }
    }

    /// Gives back what a request took that never reached an upstream.
    pub fn give_back(&self, key: &KeyLimits, ticket: Ticket, now: Timestamp) {
        match (self, key) {
            (Self::Exact(account), KeyLimits::Exact(key)) => account.give_back(key, ticket, now),
            (_, KeyLimits::Leased(key)) => key.give_back(&ticket),
            (Self::Leased(_), KeyLimits::Exact(_)) => {}
        }
    }

    /// A request has left: what it took is spent.
    pub fn sent(&self, key: &KeyLimits, ticket: Ticket) {
        if let KeyLimits::Leased(key) = key {
            key.sent(&ticket);
        }
    }

    /// Where the policies stand, without taking anything.
    pub fn peek(&self, key: &KeyLimits, now: Timestamp) -> Option<Standings> {
        match (self, key) {
            (Self::Exact(account), KeyLimits::Exact(key)) => Some(account.peek(key, now)),
            (_, KeyLimits::Leased(key)) => Some(key.peek()),
            (Self::Leased(_), KeyLimits::Exact(_)) => None,
        }
    }

    /// How much of the quotas is used, without taking anything. Of leased limits this is what this node knows: what other
    /// nodes hold counts as used.
    pub fn used(&self, now: Timestamp) -> UsedQuotas {
        match self {
            Self::Exact(account) => account.used(now),
            Self::Leased(account) => account.used(),
        }
    }

    /// Puts another plan in force at once. `as_of` says when the account was read that way; `None` where only the
    /// configuration changed.
    pub fn set_plan(&self, plan: &Plan, as_of: Option<Timestamp>, now: Timestamp) {
        match self {
            Self::Exact(account) => account.set_plan(plan, now),
            Self::Leased(account) => account.set_plan(plan, as_of),
        }
    }

    /// Whether they are leased: then they know themselves when their store is away.
    pub const fn is_leased(&self) -> bool {
        matches!(self, Self::Leased(_))
    }

    /// Whether nobody but the limiter holds them, and forgetting them changes nothing.
    pub(super) fn can_go(&self, now: Timestamp) -> bool {
        match self {
            Self::Exact(account) => Arc::strong_count(account) == 1 && account.is_idle(now),
            Self::Leased(account) => Arc::strong_count(account) == 1,
        }
    }
}

impl KeyLimits {
    /// Whether nobody but the limiter holds them, and forgetting them changes nothing. Leases that were idle for long
    /// let go of their state, held or not.
    pub(super) fn can_go(&self, now: Timestamp) -> bool {
        match self {
            Self::Exact(key) => Arc::strong_count(key) == 1 && key.is_idle(now),
            Self::Leased(key) => key.rest() && Arc::strong_count(key) == 1,
        }
    }
}
