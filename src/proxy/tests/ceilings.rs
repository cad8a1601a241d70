//! Ceilings of one route, and of what the gateway holds, as clients meet them; never those of a configuration's file.

use super::super::testing::{Harness, KeyOptions};

#[tokio::test]
async fn a_routes_own_ceiling_of_bodies_holds_in_place_of_all_routes() {
    let h = Harness::start(
        r#"
ceilings: { body_bytes: 1000 }
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ] }
routes:
  - { path: "/small", methods: [POST], auth: none, scopes: [], upstream: crm, body_bytes: 10 }
  - { path: "/large", methods: [POST], auth: none, scopes: [], upstream: crm, body_bytes: 5000 }
  - { path: "/usual", methods: [POST], auth: none, scopes: [], upstream: crm }
"#,
    )
    .await;
    for (path, ceiling) in [("/small", 10), ("/large", 5000), ("/usual", 1000)] {
        for (length, status) in [(ceiling, 200), (ceiling + 1, 413)] {
            let body = "x".repeat(length);
            let mut c = h.client().await;
            let a = c.ask(&format!("POST {path}"), &[], &body).await;
            assert_eq!(a.status, status, "{path} {length}");
            // The same where its length is not announced.
            let mut c = h.client().await;
            c.send(format!(
                "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
            ))
            .await;
            assert_eq!(
                c.answer(false).await.unwrap().status,
                status,
                "{path} {length}"
            );
        }
    }
}

#[tokio::test]
async fn keys_beyond_those_that_can_be_held_are_told_to_come_again() {
    let h = Harness::start_with_limits_for(
        1,
        r#"
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ] }
routes:
  - { path: "/a", methods: [GET], scopes: [], upstream: crm }
"#,
    )
    .await;
    let held = h.key(KeyOptions::default()).await;
    let further = h.key(KeyOptions::default()).await;
    let mut c = h.client().await;
    assert_eq!(c.ask("GET /a", &[&held], "").await.status, 200);
    let a = c.ask("GET /a", &[&further], "").await;
    assert_eq!((a.status, a.code().as_str()), (503, "overloaded"));
    assert_eq!(a.get("retry-after"), Some("1"));
    assert_eq!(a.get("www-authenticate"), None);
    // Neither the connection nor those who are held lose anything by it.
    assert_eq!(c.ask("GET /a", &[&held], "").await.status, 200);
    assert_eq!(h.upstream.seen().len(), 2);
}
