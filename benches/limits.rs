//! Time of a decision of the limits, and of counting a request's usage; what a store would add is not in it.

use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use fuelgate::base::clock::Timestamp;
use fuelgate::config::model::{Plan, Quotas, Rate};
use fuelgate::limits::{AccountLimits, KeyBucket, fields};
use fuelgate::usage::{Recorder, Served};
use http::Method;

fn plan() -> Plan {
    let rate = |requests, burst| Rate {
        requests,
        per_seconds: 1,
        burst,
    };
    Plan {
        rate: rate(1_000_000_000, 1_000_000_000),
        account_rate: Some(rate(1_000_000_000, 1_000_000_000)),
        quotas: Quotas {
            hour: Some(u64::MAX),
            month: Some(u64::MAX),
        },
        max_keys: 100,
    }
}

fn main() {
    let mut c = Criterion::default().configure_from_args();
    let now = Timestamp::from_secs(1_800_000_000);
    let (account, key) = (
        AccountLimits::new(&plan(), (0, 0), now),
        KeyBucket::default(),
    );
    c.bench_function("limits/take, all four policies", |b| {
        b.iter(|| black_box(account.take(&key, 1, now)));
    });
    let standings = account.peek(&key, now);
    c.bench_function("limits/RateLimit field", |b| {
        b.iter(|| black_box(fields::ratelimit(&standings)));
    });
    let usage = Recorder::new("bench", None).key("acct_1", "key_1");
    let route: Arc<str> = "/v1/contacts/{id}".into();
    c.bench_function("usage/served", |b| {
        b.iter(|| {
            usage.served(&Served {
                at: now,
                route: &route,
                method: &Method::GET,
                status: 200,
                bytes_in: 0,
                bytes_out: 512,
                upstream_us: 900,
            });
        });
    });
    c.final_summary();
}
