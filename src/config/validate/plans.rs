//! Checks plans and the settings of the limiter; never counts anything.

use std::collections::BTreeMap;

use super::Check;
use super::words::is_name;
use crate::config::file::{ConfigFile, RateFile};
use crate::config::model::{Limits, Plan, Quotas, Rate};
use crate::config::tree::steps;

/// All plans.
pub(super) fn plans(check: &mut Check<'_>, f: &ConfigFile) -> BTreeMap<String, Plan> {
    if !f.plans.contains_key(&f.default_plan) && !check.written.plans.contains(&f.default_plan) {
        let names: Vec<&str> = f.plans.keys().map(String::as_str).collect();
        let message = format!("expected a name of `plans`: {}", names.join(", "));
        check.problem(&steps!["default_plan"], message);
    }
    let mut plans = BTreeMap::new();
    for (name, p) in &f.plans {
        if !is_name(name, "-_.", 64) {
            check.problem(
                &steps!["plans", name],
                "expected a name of 1 to 64 letters, digits, -, _ and .",
            );
        }
        let (hour, month) = (p.quotas.hour, p.quotas.month);
        if let (Some(hour), Some(month)) = (hour, month)
            && hour > month
        {
            check.problem(
                &steps!["plans", name, "quotas", "hour"],
                format!("expected no more than the quota of a month, which is {month}"),
            );
        }
        plans.insert(
            name.clone(),
            Plan {
                rate: rate(&p.rate),
                account_rate: p.account_rate.as_ref().map(rate),
                quotas: Quotas { hour, month },
                max_keys: p.max_keys,
            },
        );
    }
    plans
}

const fn rate(r: &RateFile) -> Rate {
    Rate {
        requests: r.requests,
        per_seconds: r.per_seconds,
        burst: r.burst,
    }
}

/// The smallest bucket there is, and the name of its setting: a request that costs more could never be served.
pub(super) fn smallest_burst(f: &ConfigFile) -> Option<(u64, String)> {
    f.plans
        .iter()
        .flat_map(|(name, p)| {
            let account = p.account_rate.as_ref();
            let key = Some((p.rate.burst, format!("plans.{name}.rate.burst")));
            let shared = account.map(|r| (r.burst, format!("plans.{name}.account_rate.burst")));
            [key, shared]
        })
        .flatten()
        .min()
}

/// The limiter.
pub(super) fn limits(f: &ConfigFile) -> Limits {
    Limits {
        on_store_failure: f.limits.on_store_failure,
        lease: f.limits.lease.mode,
    }
}
