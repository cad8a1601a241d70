//! The limits of a key and its account, taken all or none under two short locks, the key's before the account's; never a store.

use http::HeaderValue;
use parking_lot::Mutex;
use smallvec::SmallVec;

use super::bucket::{Bucket, BucketSpec};
use super::decision::{Decision, Policy, Standing, Standings};
use super::fields::{PolicyTerms, policy_field};
use super::lease::Origin;
use super::quota::{Counter, Width};
use crate::base::clock::Timestamp;
use crate::config::model::{Plan, Quotas};

/// The token bucket of one key. It is empty of state until its first request, when it is full.
#[derive(Debug, Default)]
pub struct KeyBucket(Mutex<Option<Bucket>>);

impl KeyBucket {
    /// Whether forgetting it changes nothing: it was never used, or is full at `now` under its last rate.
    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        let mut bucket = self.0.lock();
        bucket.as_mut().is_none_or(|b| refilled(b, now).is_full())
    }
}

fn refilled(bucket: &mut Bucket, now: Timestamp) -> &Bucket {
    let spec = *bucket.spec();
    bucket.refill(&spec, now);
    bucket
}

/// What an admitted request took: it cannot be copied, so that it is given back at most once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "give it back if the request does not reach an upstream"]
pub struct Ticket {
    pub(super) key_tokens: u64,
    pub(super) account_tokens: u64,
    pub(super) hour: Timestamp,
    pub(super) month: Timestamp,
    /// Where leased tokens came from; `None` for those of buckets in memory.
    pub(super) origin: Option<Origin>,
}

/// How much of a quota is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedQuota {
    /// Requests counted in the window.
    pub used: u64,
    /// How many there may be; `None` for any number.
    pub limit: Option<u64>,
    /// When the next window begins.
    pub resets_at: Timestamp,
}

/// How much of an account's quotas is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedQuotas {
    /// In the UTC hour.
    pub hour: UsedQuota,
    /// In the UTC month.
    pub month: UsedQuota,
}

/// The limits that an account's keys share, and the plan they follow.
#[derive(Debug)]
pub struct AccountLimits(Mutex<State>);

#[derive(Debug, Clone)]
struct State {
    key_spec: BucketSpec,
    account: Option<Bucket>,
    quotas: Quotas,
    hour: Counter,
    month: Counter,
    /// Text of `RateLimit-Policy` for this plan and month.
    field: HeaderValue,
}

impl AccountLimits {
    /// Limits under `plan`, with what was used in the hour and the month of `now`.
    pub fn new(plan: &Plan, used: (u64, u64), now: Timestamp) -> Self {
        let mut state = State {
            key_spec: BucketSpec::new(plan.rate),
            account: None,
            quotas: plan.quotas,
            hour: Counter::new(Width::Hour, now, used.0),
            month: Counter::new(Width::Month, now, used.1),
            field: HeaderValue::from_static(""),
        };
        state.set_plan(plan, now);
        Self(Mutex::new(state))
    }

    /// Puts another plan in force at once: what was used stays, the limits are the new ones, tokens that a bucket no
    /// longer holds are gone.
    pub fn set_plan(&self, plan: &Plan, now: Timestamp) {
        self.0.lock().set_plan(plan, now);
    }

    /// Takes `cost` tokens from both buckets and one request from both quotas: all of it or nothing.
    pub fn take(&self, key: &KeyBucket, cost: u64, now: Timestamp) -> Decision {
        let mut bucket = key.0.lock();
        let mut state = self.0.lock();
        state.roll(now);
        let bucket = bucket.get_or_insert_with(|| Bucket::full(state.key_spec, now));
        bucket.refill(&state.key_spec, now);
        let ticket = if state.quotas_have_room(cost) {
            state.debit(bucket, cost)
        } else {
            None
        };
        // An admitted request sees what is left behind it, a refused one what it lacks.
        let wanted = if ticket.is_some() { 0 } else { cost };
        Decision {
            standings: Standings {
                policies: state.standings(bucket, wanted, now),
                policy_field: state.field.clone(),
            },
            ticket,
        }
    }

    /// Gives back what a request took that never reached an upstream: tokens as far as they fit, its place in a quota as
    /// long as the window lasts.
    pub fn give_back(&self, key: &KeyBucket, ticket: Ticket, now: Timestamp) {
        let mut bucket = key.0.lock();
        let mut state = self.0.lock();
        state.roll(now);
        if let Some(bucket) = bucket.as_mut() {
            bucket.refill(&state.key_spec, now);
            bucket.give_back(ticket.key_tokens);
        }
        if let Some(account) = state.account.as_mut() {
            account.give_back(ticket.account_tokens);
        }
        state.hour.remove(ticket.hour);
        state.month.remove(ticket.month);
    }

    /// Where the policies stand, without taking or changing anything: whoever only looks may have looked at the clock
    /// long ago.
    pub fn peek(&self, key: &KeyBucket, now: Timestamp) -> Standings {
        let bucket = *key.0.lock();
        let mut state = self.0.lock().clone();
        state.roll(now);
        let mut bucket = bucket.unwrap_or_else(|| Bucket::full(state.key_spec, now));
        bucket.refill(&state.key_spec, now);
        Standings {
            policies: state.standings(&bucket, 0, now),
            policy_field: state.field.clone(),
        }
    }

    /// How much of the quotas is used, without taking or changing anything.
    pub fn used(&self, now: Timestamp) -> UsedQuotas {
        let mut state = self.0.lock().clone();
        state.roll(now);
        let used = |c: &Counter, limit| UsedQuota {
            used: c.used(),
            limit,
            resets_at: c.end(),
        };
        UsedQuotas {
            hour: used(&state.hour, state.quotas.hour),
            month: used(&state.month, state.quotas.month),
        }
    }

    /// Whether forgetting it changes nothing: nothing is used in the open windows and its bucket is full.
    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        let mut state = self.0.lock();
        state.roll(now);
        state.hour.used() == 0
            && state.month.used() == 0
            && state.account.as_ref().is_none_or(Bucket::is_full)
    }
}

impl State {
    fn set_plan(&mut self, plan: &Plan, now: Timestamp) {
        // Whoever brings a plan may have waited for it: that is no clock that was set back.
        let last = self.account.as_ref().map_or(now, Bucket::refilled_at);
        let now = now.max(last).max(self.hour.start());
        self.roll(now);
        self.key_spec = BucketSpec::new(plan.rate);
        self.quotas = plan.quotas;
        self.account = plan.account_rate.map(|rate| {
            let spec = BucketSpec::new(rate);
            let mut bucket = self.account.unwrap_or_else(|| Bucket::full(spec, now));
            bucket.refill(&spec, now);
            bucket
        });
        self.field = policy_field(&self.terms());
    }

    /// Brings windows and the account's bucket up to `now`.
    fn roll(&mut self, now: Timestamp) {
        self.hour.roll(now);
        if self.month.roll(now) {
            self.field = policy_field(&self.terms());
        }
        if let Some(account) = self.account.as_mut() {
            refilled(account, now);
        }
    }

    fn terms(&self) -> SmallVec<[PolicyTerms; 4]> {
        let bucket = |policy, spec: &BucketSpec| PolicyTerms {
            policy,
            quota: spec.burst(),
            window_seconds: spec.window_seconds(),
        };
        let window = |policy, quota: Option<u64>, counter: &Counter| {
            quota.map(|quota| PolicyTerms {
                policy,
                quota,
                window_seconds: counter.seconds(),
            })
        };
        let account = self
            .account
            .as_ref()
            .map(|b| bucket(Policy::Account, b.spec()));
        [
            Some(bucket(Policy::Burst, &self.key_spec)),
            account,
            window(Policy::Hour, self.quotas.hour, &self.hour),
            window(Policy::Month, self.quotas.month, &self.month),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Where each policy stands for a request of this cost; a cost of 0 asks for nothing and is never refused.
    fn standings(&self, key: &Bucket, cost: u64, now: Timestamp) -> SmallVec<[Standing; 4]> {
        let mut all = SmallVec::new();
        all.push(bucket_standing(Policy::Burst, key, cost));
        if let Some(account) = &self.account {
            all.push(bucket_standing(Policy::Account, account, cost));
        }
        let quotas = [
            (Policy::Hour, self.quotas.hour, &self.hour),
            (Policy::Month, self.quotas.month, &self.month),
        ];
        for (policy, limit, counter) in quotas {
            let Some(quota) = limit else { continue };
            let remaining = quota.saturating_sub(counter.used());
            let left = counter.wait_ms(now).max(1);
            all.push(Standing {
                policy,
                quota,
                remaining,
                more_in_ms: left,
                wait_ms: if cost > 0 && remaining == 0 { left } else { 0 },
            });
        }
        all
    }

    /// Whether a request of this cost fits into the quotas.
    fn quotas_have_room(&self, cost: u64) -> bool {
        let has_room = |limit: Option<u64>, counter: &Counter| {
            cost == 0 || limit.is_none_or(|quota| counter.used() < quota)
        };
        has_room(self.quotas.hour, &self.hour) && has_room(self.quotas.month, &self.month)
    }

    /// Debits a request that fits into the quotas from both buckets; `None`, with nothing taken, where it does not.
    fn debit(&mut self, key: &mut Bucket, cost: u64) -> Option<Ticket> {
        let key_tokens = key.spec().effective(cost);
        let account_tokens = self
            .account
            .as_ref()
            .map_or(0, |a| a.spec().effective(cost));
        if !key.take(key_tokens) {
            return None;
        }
        if self
            .account
            .as_mut()
            .is_some_and(|a| !a.take(account_tokens))
        {
            key.give_back(key_tokens);
            return None;
        }
        self.hour.add();
        self.month.add();
        Some(Ticket {
            key_tokens,
            account_tokens,
            hour: self.hour.start(),
            month: self.month.start(),
            origin: None,
        })
    }
}

fn bucket_standing(policy: Policy, bucket: &Bucket, cost: u64) -> Standing {
    Standing {
        policy,
        quota: bucket.spec().burst(),
        remaining: bucket.tokens(),
        more_in_ms: bucket.next_token_ms(),
        wait_ms: match cost {
            0 => 0,
            _ => bucket.wait_ms(bucket.spec().effective(cost)),
        },
    }
}

#[cfg(test)]
mod tests;
