//! Time of a decision of the limits, and of counting a request's usage; what a store would add is not in it.

use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use fuelgate::base::clock::Timestamp;
use fuelgate::config::model::{OnStoreFailure, Plan, Quotas, Rate};
use fuelgate::limits::lease::{
    Amount, BucketView, Grant, Lease, Revision, Shared, Step, Terms, Who, WindowView,
};
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

/// A lease that holds more than a benchmark spends.
fn lease(now: Timestamp) -> (Shared, Lease) {
    let tick = 1;
    let terms = Terms::new(&plan(), false, Revision::default());
    let mut shared = Shared::new(terms, (0, 0), now, tick);
    let mut lease = Lease::new(&shared, tick, 1);
    lease.take(&mut shared, 1, OnStoreFailure::Local, tick, false);
    let name: Arc<str> = "name".into();
    let who = Who {
        account: &name,
        key: &name,
        boot: &name,
    };
    lease.ask(&mut shared, who, 1, tick);
    let bucket = BucketView {
        tokens: 1_000_000_000,
        part: 0,
        active: 1,
        elsewhere: 0,
    };
    let [hour, month] = shared.used_at(tick);
    let window = |end: u64, width: u64| WindowView {
        start: end - width,
        end,
        used: 0,
    };
    let grant = Grant {
        amount: Amount {
            key: u64::MAX / 4,
            account: u64::MAX / 4,
            places: u64::MAX / 4,
        },
        now: now.millis().unsigned_abs(),
        key: bucket,
        account: bucket,
        hour: window(hour.1, 3_600_000),
        month: window(month.1, 31 * 86_400_000),
        terms: None,
    };
    lease.granted(&mut shared, &grant, tick);
    (shared, lease)
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
    let (mut shared, mut lease) = lease(now);
    c.bench_function("limits/take from a lease, all four policies", |b| {
        b.iter(|| {
            let taken = lease.take(&mut shared, 1, OnStoreFailure::Local, 1, false);
            let Step::Admitted(spent) = taken.step else {
                std::process::abort()
            };
            let standings = lease.standings(&mut shared, 0, 1);
            lease.sent(&spent);
            black_box(standings)
        });
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
