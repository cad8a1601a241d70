//! Upstreams on the wire: other targets, health, late clients; never a client's credentials.

use crate::base::testing::eventually;
use crate::proxy::monitor;
use crate::proxy::testing::Harness;

const TWO_TARGETS: &str = r#"
upstreams:
  crm: { targets: [ { address: "127.0.0.1:1" }, { address: "UPSTREAM" } ], read_timeout_ms: 300 }
routes:
  - { path: "/{*rest}", methods: [GET, POST], auth: none, scopes: [], upstream: crm }
"#;

#[tokio::test]
async fn what_one_target_does_not_take_another_does() {
    let h = Harness::start(TWO_TARGETS).await;
    let mut c = h.client().await;
    for _ in 0..6 {
        let a = c.ask("POST /a", &[], "body").await;
        assert_eq!(a.status, 200);
    }
    let seen = h.upstream.seen();
    assert_eq!(seen.len(), 6);
    assert!(seen.iter().all(|s| s.body == b"body"));
}

#[tokio::test]
async fn a_client_that_stops_in_its_body_is_late_not_the_upstream() {
    let h = Harness::start(TWO_TARGETS).await;
    let mut c = h.client().await;
    c.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        .await;
    let a = c.answer(false).await.unwrap();
    assert_eq!((a.status, a.code().as_str()), (408, "request_timeout"));
    assert_eq!(a.get("connection"), Some("close"));
}

const CHECKED: &str = r#"
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ], health_check: { path: /missing, interval_seconds: 1 } }
routes:
  - { path: "/{*rest}", methods: [GET], auth: none, scopes: [], upstream: crm }
"#;

#[tokio::test]
async fn an_unhealthy_upstream_answers_503_and_keeps_the_connection() {
    let h = Harness::start(CHECKED).await;
    let snapshot = h.gateway.parts().snapshot.clone();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let watching = tokio::spawn(monitor::run(snapshot.clone(), stopped));
    let is_usable = || snapshot.load().upstreams[0].targets[0].is_usable();
    let mut c = h.client().await;
    assert_eq!(c.ask("GET /a", &[], "").await.status, 200);
    eventually("a check fails", || !is_usable()).await;
    let a = c.ask("GET /a", &[], "").await;
    assert_eq!((a.status, a.code().as_str()), (503, "no_healthy_upstream"));
    assert_ne!(a.get("connection"), Some("close"));
    watching.abort();
}

#[tokio::test]
async fn the_gateways_own_fields_take_the_upstreams_place_and_nothing_else_does() {
    const ROUTES: &str = r#"
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ] }
routes:
  - { path: "/open", methods: [GET], auth: none, scopes: [], upstream: crm }
  - { path: "/keyed", methods: [GET], scopes: [], upstream: crm }
"#;
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    for _ in 0..2 {
        let open = c.ask("GET /open", &[], "").await;
        let id = h.upstream.last().get("x-request-id");
        assert_eq!(open.get("x-request-id"), id.as_deref());
        // No limit of ours holds there, so that the upstream speaks for itself.
        assert_eq!(open.get("ratelimit"), Some("\"upstream\";r=1"));
        assert_eq!(open.get("ratelimit-policy"), Some("\"upstream\";q=1"));
        let keyed = c.ask("GET /keyed", &[&key], "").await;
        assert_eq!((open.status, keyed.status), (200, 200));
        let id = h.upstream.last().get("x-request-id");
        assert_eq!(keyed.get("x-request-id"), id.as_deref());
        for name in ["ratelimit", "ratelimit-policy"] {
            let value = keyed.get(name).unwrap();
            assert!(value.starts_with("\"burst\";"), "{name}: {value}");
        }
    }
}
