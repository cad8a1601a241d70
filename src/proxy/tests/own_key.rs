//! What a key is told about itself; never about another.

use super::super::testing::{Harness, KeyOptions};
use crate::base::clock::Timestamp;

const PATH: &str = "GET /.well-known/fuelgate/key";
const ROUTES: &str = r#"
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ] }
routes:
  - { path: "/a", methods: [GET], scopes: [], upstream: crm, cost: 100 }
"#;

#[tokio::test]
async fn a_key_sees_its_end_its_limits_and_what_is_used() {
    let h = Harness::start(ROUTES).await;
    let end = Timestamp::parse("2027-01-31T00:00:00Z").unwrap();
    let key = h
        .key(KeyOptions {
            scopes: &["contacts:read"],
            expires_at: Some(end),
            ..KeyOptions::default()
        })
        .await;
    let mut c = h.client().await;
    let told = c.ask(PATH, &[&key], "").await.json();
    assert_eq!(told["account_id"], "acct_1");
    assert_eq!(told["name"], "test");
    assert_eq!(told["scopes"], serde_json::json!(["contacts:read"]));
    assert_eq!(told["expires_at"], "2027-01-31T00:00:00Z");
    let limits = &told["limits"];
    assert_eq!(
        (&limits["burst"], &limits["hour"]),
        (&100.into(), &10_000.into())
    );
    assert_eq!(limits["month"], 1_000_000);
    assert!(limits["account"].is_null(), "the plan has none");
    assert_eq!(told["usage"]["hour"]["limit"], 10_000);
    assert_eq!(told["usage"]["month"]["limit"], 1_000_000);
}

#[tokio::test]
async fn asking_takes_neither_a_token_nor_a_place_in_a_quota() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    for _ in 0..3 {
        let a = c.ask(PATH, &[&key], "").await;
        assert_eq!(a.status, 200);
        assert_eq!(a.json()["usage"]["hour"]["used"], 0);
    }
    assert!(h.recorder.drain().is_none());
    // It costs every token that there is.
    assert_eq!(c.ask("GET /a", &[&key], "").await.status, 200);
    assert_eq!(c.ask("GET /a", &[&key], "").await.status, 429);
    assert_eq!(c.ask(PATH, &[&key], "").await.status, 200);
}

#[tokio::test]
async fn what_was_used_is_missing_from_what_is_left() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    assert_eq!(c.ask("GET /a", &[&key], "").await.status, 200);
    let a = c.ask(PATH, &[&key], "").await;
    assert_eq!(a.get("ratelimit"), Some("\"burst\";r=0;t=1"));
    let told = a.json();
    let policy = |policy, limit: u64, left: u64, kind| serde_json::json!({ "policy": policy, "limit": limit, "remaining": left, "kind": kind });
    assert_eq!(
        told["limits"]["policies"],
        serde_json::json!([
            policy("burst", 100, 0, "rate"),
            policy("hour", 10_000, 9_999, "quota"),
            policy("month", 1_000_000, 999_999, "quota"),
        ])
    );
    assert_eq!(
        told["usage"],
        serde_json::json!({
            "hour": { "used": 1, "limit": 10_000, "resets_at": "2026-11-23T13:00:00Z" },
            "month": { "used": 1, "limit": 1_000_000, "resets_at": "2026-12-01T00:00:00Z" },
        })
    );
}

#[tokio::test]
async fn only_a_key_that_could_call_is_described_and_only_to_those_who_read() {
    let h = Harness::start(ROUTES).await;
    let good = h.full_key().await;
    let expired = h
        .key(KeyOptions {
            expires_at: Some(Timestamp::parse("2026-01-01T00:00:00Z").unwrap()),
            ..KeyOptions::default()
        })
        .await;
    let elsewhere = h
        .key(KeyOptions {
            allowed_ips: &["192.0.2.0/24"],
            ..KeyOptions::default()
        })
        .await;
    let mut c = h.client().await;
    for (key, code) in [
        (&expired, "expired_key"),
        (&elsewhere, "address_not_allowed"),
    ] {
        assert_eq!(c.ask(PATH, &[key], "").await.code(), code);
    }
    assert_eq!(c.ask(PATH, &[], "").await.code(), "missing_credentials");
    let a = c.ask(&PATH.replace("GET", "POST"), &[&good], "").await;
    assert_eq!(a.code(), "method_not_allowed");
    assert_eq!(a.get("allow"), Some("GET, HEAD"));
    assert!(h.recorder.drain().is_none(), "nothing of it is counted");
}

#[tokio::test]
async fn a_suspended_accounts_key_is_told_so_here_too() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    h.suspend().await;
    let mut c = h.client().await;
    for head in [PATH, "GET /a"] {
        let code = c.ask(head, &[&key], "").await.code();
        assert_eq!(code, "account_suspended", "{head}");
    }
}
