//! Shapes of plans, rates, quotas and the limiter; never their checks.

use serde::{Deserialize, Serialize};

use crate::config::model::{LeaseMode, OnStoreFailure};

/// The largest count that JSON carries exactly in every language: 2^53 − 1.
pub(in crate::config) const MAX_COUNT: u64 = 9_007_199_254_740_991;

/// What an account may use.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct PlanFile {
    /// Token bucket of each key.
    pub(in crate::config) rate: RateFile,
    /// Token bucket that the account's keys share.
    #[serde(default)]
    pub(in crate::config) account_rate: Option<RateFile>,
    /// Requests of an account in a UTC hour and a UTC month.
    #[serde(default)]
    pub(in crate::config) quotas: QuotasFile,
    /// Keys that an account may have at a time.
    #[serde(default = "default_max_keys")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) max_keys: u64,
}

impl PlanFile {
    /// The plan that there is where no plan is configured.
    pub(super) fn standard() -> Self {
        let rate = |requests| RateFile {
            requests,
            per_seconds: 1,
            burst: requests * 2,
        };
        Self {
            rate: rate(50),
            account_rate: Some(rate(200)),
            quotas: QuotasFile {
                hour: Some(10_000),
                month: Some(1_000_000),
            },
            max_keys: default_max_keys(),
        }
    }
}

const fn default_max_keys() -> u64 {
    100
}

/// A token bucket: `requests` tokens come in every `per_seconds`, up to `burst`.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RateFile {
    /// Tokens that come in each period.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub(in crate::config) requests: u64,
    /// The period, in seconds.
    #[serde(default = "default_per_seconds")]
    #[schemars(range(min = 1, max = 86_400))]
    pub(in crate::config) per_seconds: u64,
    /// Tokens that the bucket holds.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub(in crate::config) burst: u64,
}

const fn default_per_seconds() -> u64 {
    1
}

/// Requests sent upstream in a UTC window, per account; null is no limit.
#[derive(Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct QuotasFile {
    /// In a UTC hour.
    #[schemars(range(min = 1, max = MAX_COUNT))]
    pub(in crate::config) hour: Option<u64>,
    /// In a UTC month.
    #[schemars(range(min = 1, max = MAX_COUNT))]
    pub(in crate::config) month: Option<u64>,
}

/// Settings of the limiter.
#[derive(Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct LimitsFile {
    /// What holds while the store is away.
    pub(in crate::config) on_store_failure: OnStoreFailure,
    /// How nodes share buckets.
    pub(in crate::config) lease: LeaseFile,
}

/// How nodes share buckets.
#[derive(Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct LeaseFile {
    /// The mode.
    pub(in crate::config) mode: LeaseMode,
}
