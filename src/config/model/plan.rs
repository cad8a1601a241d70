//! Valid plans, rates, quotas and an account's overrides; never a count of anything used.

use serde::{Deserialize, Serialize};

/// A rate: `requests` tokens come in every `per`, up to `burst`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Tokens that come in each period; at least 1.
    pub requests: u64,
    /// The period in seconds; at least 1.
    pub per_seconds: u64,
    /// Tokens the bucket holds; at least 1.
    pub burst: u64,
}

/// Quotas of an account in UTC windows; `None` is no limit (in an override: the plan's).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Quotas {
    /// Requests sent upstream in a UTC hour.
    pub hour: Option<u64>,
    /// Requests sent upstream in a UTC month.
    pub month: Option<u64>,
}

/// What an account may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Token bucket of each key.
    pub rate: Rate,
    /// Token bucket that the account's keys share.
    pub account_rate: Option<Rate>,
    /// Quotas of the account.
    pub quotas: Quotas,
    /// Keys at most (active or disabled, not revoked or expired).
    pub max_keys: u64,
}

/// Settings of the limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What holds while the store is away.
    pub on_store_failure: OnStoreFailure,
    /// How nodes share buckets.
    pub lease: LeaseMode,
}

/// How exactly a rate holds across nodes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LeaseMode {
    /// Over a bucket's life: a window may hold what nodes had borrowed before it in addition.
    #[default]
    Shared,
    /// In every window: what nodes have borrowed is taken off the burst.
    Strict,
}

/// What the limiter does while the store is away.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OnStoreFailure {
    /// Limits go on with what this node knows.
    #[default]
    Local,
    /// Everything is admitted.
    Allow,
    /// Everything is refused with `store_unavailable`.
    Deny,
}

/// What an operator changes of a plan for one account; a missing member keeps the plan's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PlanOverrides {
    /// Instead of the plan's rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<RateOverride>,
    /// Instead of the plan's account rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_rate: Option<RateOverride>,
    /// Quotas instead of the plan's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Quotas>,
    /// Keys at most instead of the plan's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_keys: Option<u64>,
}

/// A rate in an override.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateOverride {
    /// Tokens that come in each period.
    pub requests: u64,
    /// The period in seconds.
    pub per_seconds: u64,
    /// Tokens the bucket holds.
    pub burst: u64,
}

impl Plan {
    /// This plan with an account's overrides.
    #[must_use]
    pub fn with(mut self, o: &PlanOverrides) -> Self {
        let rate = |r: RateOverride| Rate {
            requests: r.requests.max(1),
            per_seconds: r.per_seconds.max(1),
            burst: r.burst.max(1),
        };
        if let Some(r) = o.rate {
            self.rate = rate(r);
        }
        if let Some(r) = o.account_rate {
            self.account_rate = Some(rate(r));
        }
        if let Some(q) = o.quotas {
            self.quotas.hour = q.hour.or(self.quotas.hour);
            self.quotas.month = q.month.or(self.quotas.month);
        }
        self.max_keys = o.max_keys.unwrap_or(self.max_keys);
        self
    }
}
