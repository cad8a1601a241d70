//! Limits as clients meet them: exact under concurrency, kept over restarts, changed at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::support::backend::{Answer, Backend, json as reply};
use crate::support::gateway::{Gateway, config_with_plan};
use crate::support::http::{Connection, encode};

/// What an account has used of the hour and of the month.
pub fn used(g: &Gateway, account: &str) -> (u64, u64) {
    let s = g
        .admin(
            "GET",
            &format!("/admin/v1/usage/summary?account_id={account}"),
            None,
        )
        .json();
    (
        s["hour"]["used"].as_u64().unwrap(),
        s["month"]["used"].as_u64().unwrap(),
    )
}

#[test]
fn two_thousand_at_once_admit_exactly_the_tokens_that_exist() {
    let backend = Backend::ok();
    // A rate of one token a day: none comes while the test runs.
    let plan = "rate: { requests: 1, per_seconds: 86400, burst: 100 }, quotas: { hour: 1000000, month: 1000000 }, max_keys: 10";
    let g = Gateway::start(&config_with_plan(backend.address, plan, ""));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let bytes = encode(
        "GET",
        "/v1/contacts",
        &[("Authorization", &format!("Bearer {key}"))],
        None,
    );
    let (admitted, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let barrier = std::sync::Barrier::new(100);
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                let mut c = Connection::open(g.address());
                barrier.wait();
                for _ in 0..20 {
                    match c.exchange(&bytes).status {
                        200 => admitted.fetch_add(1, Ordering::SeqCst),
                        429 => refused.fetch_add(1, Ordering::SeqCst),
                        other => panic!("{other}"),
                    };
                }
            });
        }
    });
    assert_eq!(admitted.load(Ordering::SeqCst), 100);
    assert_eq!(refused.load(Ordering::SeqCst), 1900);
    assert_eq!(backend.count(), 100);
    assert_eq!(used(&g, "acct_1"), (100, 100));
}

#[test]
fn quota_use_survives_a_restart_and_what_never_reached_the_upstream_is_free() {
    let backend = Backend::ok();
    let plan = "rate: { requests: 1000, per_seconds: 1, burst: 1000 }, quotas: { hour: 10, month: 20 }, max_keys: 10";
    let dead = crate::support::programs::free_port();
    let text = config_with_plan(
        backend.address,
        plan,
        "  - { path: /dead, methods: [GET], scopes: [contacts:read], upstream: dead }",
    )
    .replace(
        "upstreams:\n",
        &format!("upstreams:\n  dead: {{ targets: [ {{ address: \"127.0.0.1:{dead}\", weight: 1 }} ] }}\n"),
    );
    let mut g = Gateway::start(&text);
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    for _ in 0..4 {
        assert_eq!(g.get("/v1/contacts", &key).status, 200);
        assert_eq!(g.get("/dead", &key).status, 502);
        assert_eq!(g.get("/v1/deals", &key).status, 403);
    }
    assert_eq!(used(&g, "acct_1"), (4, 4));
    assert_eq!(g.stop(), Some(0));
    g.start_again();
    assert_eq!(used(&g, "acct_1"), (4, 4), "a clean stop loses nothing");
    for _ in 0..6 {
        assert_eq!(g.get("/v1/contacts", &key).status, 200);
    }
    assert_eq!(g.get("/v1/contacts", &key).status, 429);
    assert_eq!(used(&g, "acct_1"), (10, 10));
}

#[test]
fn a_new_plan_and_overrides_hold_at_once_and_use_stays() {
    let backend = Backend::ok();
    let plan = "rate: { requests: 1, per_seconds: 86400, burst: 5 }, quotas: { hour: 1000, month: 1000 }, max_keys: 2";
    let g = Gateway::start(
        &config_with_plan(backend.address, plan, "").replace(
            "plans:\n",
            "plans:\n  tiny: { rate: { requests: 1, per_seconds: 86400, burst: 2 }, quotas: { hour: 4, month: 1000 }, max_keys: 2 }\n",
        ),
    );
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    assert_eq!(g.get("/v1/contacts", &key).status, 200);
    let put = g.admin(
        "PUT",
        "/admin/v1/accounts/acct_1",
        Some(&json!({"plan": "tiny"})),
    );
    assert_eq!(put.status, 200, "{}", put.text());
    // Four tokens were left of five; the new burst clamps them to two.
    assert_eq!(g.get("/v1/contacts", &key).status, 200);
    assert_eq!(g.get("/v1/contacts", &key).status, 200);
    let r = g.get("/v1/contacts", &key);
    assert_eq!(
        (r.status, r.header("x-fuelgate-error")),
        (429, Some("rate_limited"))
    );
    // A wider rate for this account alone; now the plan's hourly quota of four is next.
    let put = g.admin(
        "PUT",
        "/admin/v1/accounts/acct_1",
        Some(&json!({"plan": "tiny", "overrides": {"rate": {"requests": 1000, "per_seconds": 1, "burst": 1000}}})),
    );
    assert_eq!(put.status, 200, "{}", put.text());
    crate::support::eventually(
        "tokens come at the new rate",
        Duration::from_secs(5),
        || (g.get("/v1/contacts", &key).status == 200).then_some(()),
    );
    let r = g.get("/v1/contacts", &key);
    assert_eq!(
        (r.status, r.header("x-fuelgate-error")),
        (429, Some("quota_exceeded"))
    );
    assert_eq!(used(&g, "acct_1"), (4, 4));

    let (_, _) = g.key("acct_1", &["contacts:read"]);
    let third = g.admin(
        "POST",
        "/admin/v1/keys",
        Some(&json!({"account_id": "acct_1", "name": "n", "scopes": ["contacts:read"], "expires_in_days": null})),
    );
    assert_eq!(third.status, 409, "max_keys: {}", third.text());
}

#[test]
fn cost_and_the_accounts_bucket_are_shared_by_its_keys() {
    let backend = Backend::ok();
    let plan = "rate: { requests: 1, per_seconds: 86400, burst: 100 }, account_rate: { requests: 1, per_seconds: 86400, burst: 10 }, \
                quotas: { hour: 1000, month: 1000 }, max_keys: 10";
    let g = Gateway::start(&config_with_plan(
        backend.address,
        plan,
        "  - { path: /dear, methods: [GET], scopes: [contacts:read], upstream: crm, cost: 4 }",
    ));
    let (_, one) = g.key("acct_1", &["contacts:read"]);
    let (_, two) = g.key("acct_1", &["contacts:read"]);
    assert_eq!(g.get("/dear", &one).status, 200);
    assert_eq!(g.get("/dear", &two).status, 200);
    let r = g.get("/dear", &one);
    assert_eq!(r.status, 429);
    assert_eq!(r.json()["violated-policies"], json!(["account"]));
    // Two tokens are left: a refused request took nothing.
    assert_eq!(g.get("/v1/contacts", &two).status, 200);
    assert_eq!(g.get("/v1/contacts", &one).status, 200);
    assert_eq!(g.get("/v1/contacts", &one).status, 429);
    assert_eq!(
        used(&g, "acct_1"),
        (4, 4),
        "a quota counts requests, not cost"
    );
}

#[test]
fn a_key_can_ask_about_itself_and_that_is_not_counted() {
    let backend = Backend::start(|_| reply(200, &json!({})));
    let plan = "rate: { requests: 50, per_seconds: 1, burst: 100 }, quotas: { hour: 10000, month: 1000000 }, max_keys: 10";
    let g = Gateway::start(&config_with_plan(backend.address, plan, ""));
    let (id, key) = g.key("acct_1", &["contacts:read"]);
    assert_eq!(g.get("/v1/contacts", &key).status, 200);
    for _ in 0..3 {
        let r = g.get("/.well-known/fuelgate/key", &key);
        assert_eq!(r.status, 200, "{}", r.text());
        let me = r.json();
        assert_eq!(me["id"], id);
        assert_eq!(me["scopes"], json!(["contacts:read"]));
        assert_eq!(me["expires_at"], json!(null));
        assert_eq!(me["usage"]["hour"]["used"], 1);
        assert!(!r.text().contains(&key));
    }
    assert_eq!(
        g.call("GET", "/.well-known/fuelgate/key", &[], None).status,
        401
    );
    assert_eq!(backend.count(), 1);
}

#[test]
fn a_request_that_reached_the_upstream_has_counted_whatever_came_of_it() {
    let backend = Backend::start(|seen| match seen.target.as_str() {
        "/v1/contacts/slow" => Answer::Hang(Duration::from_secs(3)),
        "/v1/contacts/reset" => Answer::Raw(Vec::new()),
        _ => reply(500, &json!({})),
    });
    let plan = "rate: { requests: 1000, per_seconds: 1, burst: 1000 }, quotas: { hour: 100, month: 1000 }, max_keys: 10";
    let g = Gateway::start(
        &config_with_plan(backend.address, plan, "")
            .replace("read_timeout_ms: 5000", "read_timeout_ms: 300"),
    );
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    assert_eq!(g.get("/v1/contacts/slow", &key).status, 504);
    assert_eq!(g.get("/v1/contacts/reset", &key).status, 502);
    assert_eq!(g.get("/v1/contacts/1", &key).status, 500);
    assert_eq!(used(&g, "acct_1"), (3, 3));
    let now = fuelgate::base::clock::Clock::system().now();
    let series = crate::support::eventually("usage is flushed", Duration::from_secs(5), || {
        let r = g.admin(
            "GET",
            &format!(
                "/admin/v1/usage?account_id=acct_1&granularity=hour&from={}&to={}",
                now.hour_start(),
                now.hour_start().plus(Duration::from_secs(3600))
            ),
            None,
        );
        assert_eq!(r.status, 200, "{}", r.text());
        let point = r.json()["data"][0].clone();
        (point["requests"] == 3).then_some(point)
    });
    assert_eq!(series["by_status"]["5xx"], 3);
    assert_eq!(series["rejected"], 0);
}
