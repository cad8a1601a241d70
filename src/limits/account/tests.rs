//! Key, account and quotas together: all or nothing, exact, and honest about when to come again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::base::error::Code;
use crate::config::model::Rate;
use crate::limits::fields::ratelimit;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-23T10:59:58.500Z").unwrap()
}

fn rate(requests: u64, per_seconds: u64, burst: u64) -> Rate {
    Rate {
        requests,
        per_seconds,
        burst,
    }
}

fn plan(key: Rate, account: Option<Rate>, hour: Option<u64>, month: Option<u64>) -> Plan {
    Plan {
        rate: key,
        account_rate: account,
        quotas: Quotas { hour, month },
        max_keys: 100,
    }
}

fn field(d: &Decision) -> String {
    ratelimit(&d.standings).unwrap().as_str().to_owned()
}

#[test]
fn the_contract_example_comes_out_to_the_letter() {
    let p = plan(rate(50, 1, 100), None, Some(10_000), Some(1_000_000));
    let (account, key) = (AccountLimits::new(&p, (0, 0), now()), KeyBucket::default());
    let mut last = None;
    for _ in 0..3 {
        last = Some(account.take(&key, 1, now()));
    }
    let d = last.unwrap();
    assert_eq!(
        d.standings.policy_field,
        r#""burst";q=100;w=2, "hour";q=10000;w=3600, "month";q=1000000;w=2592000"#
    );
    assert_eq!(field(&d), r#""burst";r=97;t=1"#);
}

#[test]
fn an_admitted_answer_shows_the_policy_with_the_least_left_in_proportion() {
    let shown = |hour, month, account| {
        let p = plan(rate(50, 1, 100), account, Some(hour), Some(month));
        let (account, key) = (AccountLimits::new(&p, (0, 0), now()), KeyBucket::default());
        let d = account.take(&key, 1, now());
        assert!(d.is_admitted());
        field(&d)
    };
    // Of 1,000 and 9 the 9 are fewer, and 8 of 9 is less than 99 of 100; an hour has 1.5 seconds left, a month a week.
    assert_eq!(shown(9, 1_000, None), r#""hour";r=8;t=2"#);
    assert_eq!(shown(1_000, 9, None), r#""month";r=8;t=651602"#);
    let small = Some(rate(1, 1, 4));
    assert_eq!(shown(9, 1_000, small), r#""account";r=3;t=1"#);
    assert_eq!(shown(1_000, 1_000_000, None), r#""burst";r=99;t=1"#);
    // With as little left, the one that takes longest.
    assert_eq!(shown(100, 100, None), r#""month";r=99;t=651602"#);
}

#[test]
fn an_admitted_request_that_could_not_be_repeated_is_not_shown_as_refused() {
    let p = plan(rate(1, 1, 10), None, Some(100), None);
    let (account, key) = (AccountLimits::new(&p, (95, 0), now()), KeyBucket::default());
    // Of the bucket's ten there are four left, of the hour's hundred too.
    let d = account.take(&key, 6, now());
    assert!(d.is_admitted() && d.standings.violated().next().is_none());
    assert_eq!(field(&d), r#""hour";r=4;t=2"#);
}

#[test]
fn who_looks_or_brings_a_plan_late_turns_no_clock_back() {
    let p = plan(rate(1, 1, 1_000), Some(rate(1, 1, 5)), Some(100), Some(100));
    let before = now().minus(Duration::from_secs(3));
    let after = now().plus(Duration::from_millis(1_500));
    assert_ne!(now().hour_start(), after.hour_start());
    let account = AccountLimits::new(&p, (0, 0), now());
    let key = KeyBucket::default();
    let take = || account.take(&key, 1, after).is_admitted();
    for _ in 0..5 {
        assert!(take());
    }
    // Three seconds that were earned already, and an hour that is over.
    let seen = account.peek(&key, before);
    assert_eq!(seen.policies.len(), 4);
    account.used(before);
    account.set_plan(&p, before);
    assert!(!take(), "no second was earned twice");
    let used = account.used(after);
    assert_eq!((used.hour.used, used.month.used), (5, 5));
    assert_eq!(
        used.hour.resets_at,
        after.hour_start().plus(Duration::from_secs(3_600))
    );
}

#[test]
fn a_refusal_takes_nothing_anywhere() {
    let p = plan(rate(1, 1, 10), Some(rate(1, 1, 3)), Some(100), Some(100));
    let account = AccountLimits::new(&p, (0, 0), now());
    let (a, b) = (KeyBucket::default(), KeyBucket::default());
    for _ in 0..3 {
        assert!(account.take(&a, 1, now()).is_admitted());
    }
    let d = account.take(&b, 1, now());
    assert_eq!(d.code(), Some(Code::RateLimited));
    assert_eq!(
        d.standings.violated().collect::<Vec<_>>(),
        [Policy::Account]
    );
    assert_eq!(
        d.standings.policies[0].remaining, 10,
        "the key's own bucket is untouched"
    );
    assert_eq!(account.used(now()).hour.used, 3);
    assert_eq!(d.retry_after_seconds(), 1);
    assert_eq!(field(&d), r#""account";r=0;t=1"#);
}

#[test]
fn a_used_quota_says_when_the_window_ends_to_the_second() {
    let p = plan(rate(50, 1, 100), None, Some(5), Some(1000));
    let (account, key) = (AccountLimits::new(&p, (5, 5), now()), KeyBucket::default());
    let d = account.take(&key, 1, now());
    assert_eq!(d.code(), Some(Code::QuotaExceeded));
    assert_eq!(d.retry_after_seconds(), 2, "1.5 s to the hour, rounded up");
    assert_eq!(field(&d), r#""hour";r=0;t=2"#);
    assert!(
        !account
            .take(&key, 1, now().plus(Duration::from_millis(1499)))
            .is_admitted()
    );
    assert!(
        account
            .take(&key, 1, now().plus(Duration::from_millis(1500)))
            .is_admitted()
    );
}

#[test]
fn where_a_bucket_and_a_quota_refuse_the_quota_is_named() {
    let p = plan(rate(1, 1, 3), None, Some(3), None);
    let (account, key) = (AccountLimits::new(&p, (0, 0), now()), KeyBucket::default());
    for _ in 0..3 {
        assert!(account.take(&key, 1, now()).is_admitted());
    }
    let d = account.take(&key, 1, now());
    let violated: Vec<_> = d.standings.violated().collect();
    assert_eq!(violated, [Policy::Burst, Policy::Hour]);
    assert_eq!(d.code(), Some(Code::QuotaExceeded));
    assert_eq!(d.retry_after_seconds(), 2, "the longer of the two");
}

#[test]
fn a_cost_debits_buckets_and_counts_one_request() {
    let p = plan(rate(1, 1, 10), Some(rate(10, 1, 20)), Some(100), None);
    let (account, key) = (AccountLimits::new(&p, (0, 0), now()), KeyBucket::default());
    let d = account.take(&key, 7, now());
    let left: Vec<_> = d.standings.policies.iter().map(|s| s.remaining).collect();
    assert_eq!(left, [3, 13, 99]);
    let d = account.take(&key, 7, now());
    assert_eq!(d.retry_after_seconds(), 4);
    assert_eq!(field(&d), r#""burst";r=3;t=1"#);
}

#[test]
fn what_is_given_back_returns_to_its_window_and_fits() {
    let p = plan(rate(1, 1, 10), Some(rate(1, 1, 10)), Some(100), Some(100));
    let (account, key) = (AccountLimits::new(&p, (0, 0), now()), KeyBucket::default());
    let first = account.take(&key, 4, now()).ticket.unwrap();
    let second = account.take(&key, 4, now()).ticket.unwrap();
    account.give_back(&key, first, now());
    assert_eq!(account.used(now()).hour.used, 1);
    let left = account.peek(&key, now()).policies;
    assert_eq!((left[0].remaining, left[1].remaining), (6, 6));
    let later = now().plus(Duration::from_secs(100));
    account.give_back(&key, second, later);
    let used = account.used(later);
    assert_eq!((used.hour.used, used.month.used), (0, 0));
    assert_eq!(account.peek(&key, later).policies[0].remaining, 10);
}

#[test]
fn a_plan_change_keeps_the_use_and_clamps_the_tokens() {
    let p = plan(rate(1, 1, 100), None, Some(1000), None);
    let (account, key) = (AccountLimits::new(&p, (0, 0), now()), KeyBucket::default());
    for _ in 0..10 {
        assert!(account.take(&key, 1, now()).is_admitted());
    }
    account.set_plan(
        &plan(rate(5, 1, 20), Some(rate(1, 1, 2)), Some(10), Some(11)),
        now(),
    );
    let s = account.peek(&key, now());
    let left: Vec<_> = s.policies.iter().map(|s| (s.policy, s.remaining)).collect();
    assert_eq!(
        left,
        [
            (Policy::Burst, 20),
            (Policy::Account, 2),
            (Policy::Hour, 0),
            (Policy::Month, 1)
        ]
    );
    assert_eq!(
        s.policy_field,
        r#""burst";q=20;w=4, "account";q=2;w=2, "hour";q=10;w=3600, "month";q=11;w=2592000"#
    );
    assert_eq!(
        account.take(&key, 1, now()).code(),
        Some(Code::QuotaExceeded)
    );
    account.set_plan(&p, now());
    assert_eq!(account.peek(&key, now()).policies.len(), 2);
    assert!(account.take(&key, 1, now()).is_admitted());
}

#[test]
fn a_cost_over_a_lowered_burst_takes_the_whole_bucket() {
    let p = plan(rate(1, 1, 3), None, None, None);
    let (account, key) = (AccountLimits::new(&p, (0, 0), now()), KeyBucket::default());
    assert!(account.take(&key, 5, now()).is_admitted());
    assert_eq!(account.take(&key, 5, now()).retry_after_seconds(), 3);
}

#[test]
fn two_thousand_at_once_on_a_hundred_tokens_admit_a_hundred() {
    let p = plan(
        rate(1, 3600, 100),
        Some(rate(1, 3600, 150)),
        Some(1000),
        Some(1000),
    );
    let (account, key) = (AccountLimits::new(&p, (0, 0), now()), KeyBucket::default());
    let admitted = AtomicU64::new(0);
    std::thread::scope(|s| {
        for _ in 0..20 {
            s.spawn(|| {
                for _ in 0..100 {
                    if account.take(&key, 1, now()).is_admitted() {
                        admitted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(admitted.into_inner(), 100);
    assert_eq!(account.used(now()).month.used, 100);
}

#[test]
fn a_new_month_has_its_own_length_and_an_empty_count() {
    let p = plan(rate(1, 1, 10), None, None, Some(5));
    let (account, key) = (AccountLimits::new(&p, (0, 5), now()), KeyBucket::default());
    assert!(!account.take(&key, 1, now()).is_admitted());
    let d = account.take(&key, 1, now().next_month_start());
    assert!(d.is_admitted());
    assert_eq!(
        d.standings.policy_field,
        r#""burst";q=10;w=10, "month";q=5;w=2678400"#
    );
}

proptest! {
    #[test]
    fn retry_after_is_enough_and_never_before_t(
        burst in 1u64..20, shared in 1u64..20, per in 1u64..7, hour in 1u64..30,
        costs in prop::collection::vec((1u64..20, 0u64..1500), 1..60),
    ) {
        let p = plan(rate(1, per, burst), Some(rate(2, per, shared)), Some(hour), None);
        let (account, key) = (AccountLimits::new(&p, (0, 0), now()), KeyBucket::default());
        let mut time = now();
        for (cost, step) in costs {
            time = time.plus(Duration::from_millis(step));
            let d = account.take(&key, cost, time);
            if !d.is_admitted() {
                let retry = d.retry_after_seconds();
                prop_assert!(retry >= d.standings.tightest().unwrap().more_in_seconds());
                time = time.plus(Duration::from_secs(retry));
                prop_assert!(account.take(&key, cost, time).is_admitted());
            }
        }
    }
}
