//! In which order a request is asked: of two faults the earlier one is the answer; never what the answers hold.

use super::super::testing::{Harness, KeyOptions};
use crate::base::clock::Timestamp;

const ROUTES: &str = r#"
ceilings: { body_bytes: 1000 }
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ] }
  nowhere: { targets: [ { address: "nothing.invalid:80" } ] }
routes:
  - { path: "/open", methods: [GET], auth: none, scopes: [], upstream: crm }
  - { path: "/write", methods: [POST], scopes: ["contacts:write"], json_only: true, upstream: nowhere }
  - { path: "/costly", methods: [GET, POST], scopes: [], upstream: crm, cost: 100 }
  - { path: "/away", methods: [GET], scopes: [], upstream: nowhere, cost: 100 }
"#;

#[tokio::test]
async fn of_two_faults_the_earlier_one_is_the_answer() {
    let h = Harness::start(ROUTES).await;
    let past = Some(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
    let elsewhere = &["192.0.2.0/24"][..];
    let write = &["contacts:write"][..];
    let ended = h
        .key(KeyOptions {
            revoked_at: past,
            ..KeyOptions::default()
        })
        .await;
    let scopeless = h
        .key(KeyOptions {
            allowed_ips: elsewhere,
            ..KeyOptions::default()
        })
        .await;
    let far = h
        .key(KeyOptions {
            scopes: write,
            allowed_ips: elsewhere,
            ..KeyOptions::default()
        })
        .await;
    let good = h.full_key().await;
    let mut c = h.client().await;
    assert_eq!(c.ask("GET /costly", &[&good], "").await.status, 200);
    let large = "x".repeat(1001);
    for (head, fields, body, code) in [
        // Form and route.
        ("GET /open/../nowhere", &[][..], "", "bad_request"),
        // Route and credential.
        (
            "GET /nowhere",
            &["Authorization: Bearer"],
            "",
            "route_not_found",
        ),
        ("PUT /write", &[], "", "method_not_allowed"),
        // Credential and body.
        (
            "POST /write",
            &["Authorization: Bearer"],
            &*large,
            "malformed_credentials",
        ),
        // Key and scope.
        ("POST /write", &[&*ended], "", "revoked_key"),
        // Scope and address.
        ("POST /write", &[&*scopeless], "", "insufficient_scope"),
        // Address and body.
        ("POST /write", &[&*far], &*large, "address_not_allowed"),
        // Body and upstream.
        (
            "POST /write",
            &[&*good, "Content-Type: text/plain"],
            "x",
            "unsupported_media_type",
        ),
        // Body and limits, upstream and limits, limits.
        ("POST /costly", &[&*good], &*large, "body_too_large"),
        ("GET /away", &[&*good], "", "no_healthy_upstream"),
        ("GET /costly", &[&*good], "", "rate_limited"),
    ] {
        let mut c = h.client().await;
        assert_eq!(
            c.ask(head, fields, body).await.code(),
            code,
            "{head} {fields:?}"
        );
    }
}

#[tokio::test]
async fn maintenance_is_asked_after_the_route_and_before_any_credential() {
    let h = Harness::start(&format!("maintenance: {{ enabled: true }}\n{ROUTES}")).await;
    let mut c = h.client().await;
    for (head, fields, code) in [
        ("GET /nowhere", &[][..], "route_not_found"),
        ("GET /costly", &[], "maintenance"),
        ("GET /costly", &["Authorization: Bearer"], "maintenance"),
        ("GET /open", &[], "maintenance"),
    ] {
        assert_eq!(c.ask(head, fields, "").await.code(), code, "{head}");
    }
    assert!(h.upstream.seen().is_empty());
}
