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
    assert_eq!(limits["policies"][0]["remaining"], 100);
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
    // It costs every token that there is.
    assert_eq!(c.ask("GET /a", &[&key], "").await.status, 200);
    assert_eq!(c.ask("GET /a", &[&key], "").await.status, 429);
    assert_eq!(c.ask(PATH, &[&key], "").await.status, 200);
}
