//! Quotas and buckets of a running gateway to the request: who shares which, what takes from what, and what a refusal says; never usage over time.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fuelgate::base::clock::Clock;
use serde_json::{Value, json};

use crate::limits::used;
use crate::support::backend::Backend;
use crate::support::gateway::{Gateway, config_with_plan};
use crate::support::http::{Connection, Response, encode};

/// A rate that brings no token while a test runs.
const DRY: &str = "requests: 1, per_seconds: 86400";

/// A gateway whose hour does not end while a test runs, and by how much its clock is ahead for that.
fn within_an_hour(text: &str) -> (Gateway, Duration) {
    let now = Clock::system().now();
    let end = now.hour_start().plus(Duration::from_secs(3600));
    if end.since(now) < Duration::from_secs(120) {
        (
            Gateway::start_shifted(text, "+180s"),
            Duration::from_secs(180),
        )
    } else {
        (Gateway::start(text), Duration::ZERO)
    }
}

/// Gives an account overrides; one that is not known yet is made.
fn override_of(g: &Gateway, account: &str, overrides: Value) {
    let path = format!("/admin/v1/accounts/{account}");
    let put = g.admin("PUT", &path, Some(&json!({"overrides": overrides})));
    assert_eq!(put.status, 200, "{}", put.text());
}

/// Asks until a request is refused: how many were admitted, and the refusal.
fn until_refused(g: &Gateway, key: &str) -> (u64, Response) {
    for admitted in 0..100 {
        let r = g.get("/v1/contacts", key);
        if r.status != 200 {
            return (admitted, r);
        }
    }
    panic!("a hundred were admitted");
}

fn is_refused_by(r: &Response, code: &str, policies: &[&str]) {
    assert_eq!(r.status, 429, "{}", r.text());
    assert_eq!(r.header("x-fuelgate-error"), Some(code));
    assert_eq!(r.json()["violated-policies"], json!(policies));
}

#[test]
fn a_used_up_quota_takes_no_tokens_and_an_empty_bucket_no_quota() {
    let backend = Backend::ok();
    let plan = format!(
        "rate: {{ {DRY}, burst: 10 }}, account_rate: {{ {DRY}, burst: 14 }}, quotas: {{ hour: 3, month: 1000 }}, max_keys: 10"
    );
    let (g, _) = within_an_hour(&config_with_plan(backend.address, &plan, ""));
    let (_, one) = g.key("acct_1", &["contacts:read"]);
    let (_, two) = g.key("acct_1", &["contacts:read"]);
    assert_eq!(until_refused(&g, &one).0, 3);
    for key in [&one, &two, &one, &two, &one] {
        let r = g.get("/v1/contacts", key);
        is_refused_by(&r, "quota_exceeded", &["hour"]);
    }
    assert_eq!(used(&g, "acct_1"), (3, 3));

    override_of(&g, "acct_1", json!({"quotas": {"hour": 1000}}));
    // Seven of its own ten were left, and eleven of the fourteen that both share.
    let (admitted, refused) = until_refused(&g, &one);
    assert_eq!(admitted, 7);
    is_refused_by(&refused, "rate_limited", &["burst"]);
    let (admitted, refused) = until_refused(&g, &two);
    assert_eq!(admitted, 4);
    is_refused_by(&refused, "rate_limited", &["account"]);
    assert_eq!(used(&g, "acct_1"), (14, 14));
    assert_eq!(backend.count(), 14);
}

#[test]
fn a_used_up_month_says_so_and_to_come_back_when_the_next_begins() {
    let backend = Backend::ok();
    let rate = "rate: { requests: 1000, per_seconds: 1, burst: 1000 }, max_keys: 10";
    // A quota of the month alone, and one of the hour that is used up with it: the later end counts.
    for (quotas, violated) in [
        ("{ month: 2 }", &["month"][..]),
        ("{ hour: 2, month: 2 }", &["hour", "month"]),
    ] {
        let plan = format!("{rate}, quotas: {quotas}");
        let (g, ahead) = within_an_hour(&config_with_plan(backend.address, &plan, ""));
        let now = || Clock::system().now().plus(ahead);
        let (_, key) = g.key("acct_1", &["contacts:read"]);
        assert_eq!(until_refused(&g, &key).0, 2);
        let begun = now();
        let r = g.get("/v1/contacts", &key);
        let ended = now();
        is_refused_by(&r, "quota_exceeded", violated);

        let (start, end) = (begun.month_start(), begun.next_month_start());
        // A second for what is rounded up, and one for clocks that are read apart.
        let least = end.since(ended).as_secs().saturating_sub(1);
        let most = end.since(begun).as_secs() + 2;
        let retry: u64 = r.header("retry-after").unwrap().parse().unwrap();
        assert!(
            (least..=most).contains(&retry),
            "{least} <= {retry} <= {most}"
        );
        let limit = r.header("ratelimit").unwrap();
        let more: u64 = limit
            .strip_prefix("\"month\";r=0;t=")
            .unwrap_or_else(|| panic!("{limit}"))
            .parse()
            .unwrap();
        assert!(more.abs_diff(retry) <= 1, "{more} and {retry}");
        let policy = r.header("ratelimit-policy").unwrap();
        let length = end.since(start).as_secs();
        let wanted = format!("\"month\";q=2;w={length}");
        assert!(policy.ends_with(&wanted), "{policy}");
        assert_eq!(policy.contains("\"hour\""), violated.contains(&"hour"));

        let problem = r.json();
        let told = [&problem["title"], &problem["detail"]].map(|t| t.as_str().unwrap().to_owned());
        assert!(told.iter().all(|t| t.contains("quota")), "{told:?}");
        assert_eq!(
            problem,
            json!({
                "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
                "title": told[0], "status": 429, "detail": told[1], "code": "quota_exceeded",
                "request_id": r.header("x-request-id").unwrap(), "violated-policies": violated,
            })
        );
        assert_eq!(used(&g, "acct_1"), (2, 2));
    }
}

#[test]
fn two_thousand_at_once_are_admitted_exactly_as_often_as_the_hour_allows() {
    let backend = Backend::ok();
    let plan = "rate: { requests: 1000000, per_seconds: 1, burst: 1000000 }, quotas: { hour: 300, month: 100000 }, max_keys: 10";
    let (g, _) = within_an_hour(&config_with_plan(backend.address, plan, ""));
    // The quota is the account's, so two keys make no difference.
    let keys = [0, 1].map(|_| g.key("acct_1", &["contacts:read"]).1);
    let requests = keys.map(|key| {
        let bearer = format!("Bearer {key}");
        encode("GET", "/v1/contacts", &[("Authorization", &bearer)], None)
    });
    let next = AtomicU64::new(0);
    let (admitted, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let barrier = Barrier::new(32);
    std::thread::scope(|scope| {
        for thread in 0..32 {
            let (g, next, barrier) = (&g, &next, &barrier);
            let (admitted, refused, bytes) = (&admitted, &refused, &requests[thread % 2]);
            scope.spawn(move || {
                let mut c = Connection::open(g.address());
                barrier.wait();
                while next.fetch_add(1, Ordering::SeqCst) < 2000 {
                    let r = c.exchange(bytes);
                    if r.status == 200 {
                        admitted.fetch_add(1, Ordering::SeqCst);
                    } else {
                        is_refused_by(&r, "quota_exceeded", &["hour"]);
                        refused.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    assert_eq!(admitted.load(Ordering::SeqCst), 300);
    assert_eq!(refused.load(Ordering::SeqCst), 1700);
    assert_eq!(backend.count(), 300);
    assert_eq!(used(&g, "acct_1"), (300, 300));
}

#[test]
fn each_key_of_an_account_has_a_bucket_of_its_own() {
    let backend = Backend::ok();
    let plan =
        format!("rate: {{ {DRY}, burst: 3 }}, quotas: {{ hour: 1000, month: 1000 }}, max_keys: 10");
    let g = Gateway::start(&config_with_plan(backend.address, &plan, ""));
    let keys = [0, 1].map(|_| g.key("acct_1", &["contacts:read"]).1);
    // In turns, so that one bucket for both would show at the fourth.
    for round in 0..3 {
        for key in &keys {
            let r = g.get("/v1/contacts", key);
            assert_eq!(r.status, 200, "{}", r.text());
            let left = format!("\"burst\";r={};", 2 - round);
            assert!(r.header("ratelimit").unwrap().starts_with(&left), "{left}");
        }
    }
    for key in &keys {
        let r = g.get("/v1/contacts", key);
        is_refused_by(&r, "rate_limited", &["burst"]);
    }
    let third = g.key("acct_1", &["contacts:read"]).1;
    assert_eq!(until_refused(&g, &third).0, 3, "a new key has a full one");
    assert_eq!(used(&g, "acct_1"), (9, 9));
}

#[test]
fn an_override_of_the_accounts_bucket_is_that_accounts_alone() {
    let backend = Backend::ok();
    let plan = format!(
        "rate: {{ {DRY}, burst: 50 }}, account_rate: {{ {DRY}, burst: 3 }}, quotas: {{ hour: 1000, month: 1000 }}, max_keys: 10"
    );
    let g = Gateway::start(&config_with_plan(backend.address, &plan, ""));
    let bucket =
        |burst: u64| json!({"account_rate": {"requests": 1, "per_seconds": 86400, "burst": burst}});
    let shown = |r: &Response, burst: u64| {
        let policy = r.header("ratelimit-policy").unwrap();
        let wanted = format!("\"account\";q={burst};w=");
        assert!(policy.contains(&wanted), "{policy}");
    };
    override_of(&g, "acct_1", bucket(5));
    let keys = [0, 1].map(|_| g.key("acct_1", &["contacts:read"]).1);
    let plain = g.key("acct_2", &["contacts:read"]).1;
    for at in [0, 1, 0, 1, 0] {
        let r = g.get("/v1/contacts", &keys[at]);
        assert_eq!(r.status, 200, "{}", r.text());
        shown(&r, 5);
    }
    for key in &keys {
        let r = g.get("/v1/contacts", key);
        is_refused_by(&r, "rate_limited", &["account"]);
        shown(&r, 5);
    }
    // Another account has the plan's, full.
    let (admitted, refused) = until_refused(&g, &plain);
    assert_eq!(admitted, 3);
    is_refused_by(&refused, "rate_limited", &["account"]);
    shown(&refused, 3);

    // A smaller one holds at once for who is at work, and is gone with the override.
    override_of(&g, "acct_3", bucket(10));
    let third = g.key("acct_3", &["contacts:read"]).1;
    shown(&g.get("/v1/contacts", &third), 10);
    override_of(&g, "acct_3", bucket(2));
    let (admitted, refused) = until_refused(&g, &third);
    assert_eq!(admitted, 2, "nine were left, the smaller bucket holds two");
    shown(&refused, 2);
    override_of(&g, "acct_3", Value::Null);
    shown(&g.get("/v1/contacts", &third), 3);
}
