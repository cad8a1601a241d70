//! What clients and upstreams see on the wire: refusals, kept connections, forwarded headers, failures; real sockets throughout.

mod balance;
mod ceilings;
mod events;
mod failures;
mod fields;
mod hosts;
mod http2;
mod inner;
mod limits;
mod order;
mod own_key;
mod trusted;
mod upstreams;
mod warm;

use std::time::Duration;

use super::testing::{Harness, KeyOptions};
use crate::base::clock::Timestamp;

const ROUTES: &str = r#"
ceilings: { body_bytes: 1000, header_bytes: 4096, uri_bytes: 512 }
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ], read_timeout_ms: 300 }
  dead: { targets: [ { address: "127.0.0.1:1" } ] }
routes:
  - { path: "/v1/contacts", methods: [GET, HEAD], scopes: ["contacts:read"], upstream: crm }
  - { path: "/v1/contacts", methods: [POST], scopes: ["contacts:write"], json_only: true, upstream: crm }
  - { path: "/v1/contacts/{id}", methods: [GET, POST], scopes: ["contacts:read"], upstream: crm }
  - { path: "/v1/old/{id}", methods: [GET], scopes: [], upstream: crm, rewrite: "/api/new/{id}",
      deprecated: { since: 2026-12-01, sunset: 2027-06-30, link: "https://docs.example/new" } }
  - { path: "/open/{*rest}", methods: [GET, POST], auth: none, scopes: [], upstream: crm }
  - { path: "/login", methods: [GET], auth: passthrough, scopes: [], upstream: crm }
  - { path: "/both", methods: [GET], auth: key_or_passthrough, scopes: [], upstream: crm }
  - { path: "/dead", methods: [GET, POST], scopes: [], upstream: dead }
  - { path: "/costly", methods: [GET], scopes: [], upstream: crm, cost: 60 }
"#;

#[tokio::test]
async fn a_connection_lives_through_every_kind_of_refusal() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    let read_only = h
        .key(KeyOptions {
            scopes: &["contacts:read"],
            ..KeyOptions::default()
        })
        .await;
    let mut c = h.client().await;
    let body = "x".repeat(500);
    for (head, fields, body, status, code) in [
        ("GET /nowhere", &[][..], "", 404, "route_not_found"),
        ("POST /nowhere", &[], &*body, 404, "route_not_found"),
        ("DELETE /v1/contacts", &[], "", 405, "method_not_allowed"),
        ("TRACE /v1/contacts", &[], "", 405, "method_not_allowed"),
        ("GET /v1/contacts", &[], "", 401, "missing_credentials"),
        (
            "GET /v1/contacts",
            &["Authorization: Basic eDp5"],
            "",
            401,
            "missing_credentials",
        ),
        (
            "POST /v1/contacts",
            &["Authorization: Bearer nonsense"],
            &*body,
            401,
            "invalid_key",
        ),
        (
            "GET /v1/contacts",
            &["Authorization: Bearer"],
            "",
            400,
            "malformed_credentials",
        ),
        (
            "GET /v1/contacts",
            &["Authorization: Bearer a", "Authorization: Bearer b"],
            "",
            400,
            "malformed_credentials",
        ),
        (
            "POST /v1/contacts",
            &[&*read_only],
            &*body,
            403,
            "insufficient_scope",
        ),
        (
            "POST /v1/contacts",
            &[&*key],
            &*body,
            415,
            "unsupported_media_type",
        ),
        ("GET /v1/%2e%2e/contacts", &[&*key], "", 400, "bad_request"),
        ("OPTIONS *", &[], "", 400, "bad_request"),
    ] {
        let a = c.ask(head, fields, body).await;
        assert_eq!(
            (a.status, a.code().as_str()),
            (status, code),
            "{head} {fields:?}"
        );
        assert_ne!(a.get("connection"), Some("close"), "{head} {fields:?}");
    }
    let a = c.ask("GET /v1/contacts", &[&key], "").await;
    assert_eq!(a.status, 200);
    assert_eq!(h.upstream.seen().len(), 1);
}

#[tokio::test]
async fn challenges_and_allow_have_their_exact_forms() {
    let h = Harness::start(ROUTES).await;
    let mut c = h.client().await;
    let a = c.ask("GET /v1/contacts", &[], "").await;
    assert_eq!(a.get("www-authenticate"), Some("Bearer realm=\"crm\""));
    let a = c.ask("DELETE /v1/contacts", &[], "").await;
    assert_eq!(a.get("allow"), Some("GET, HEAD, POST"));
    let key = h.key(KeyOptions::default()).await;
    let a = c.ask("GET /v1/contacts", &[&key], "").await;
    assert_eq!(
        a.get("www-authenticate"),
        Some("Bearer realm=\"crm\", error=\"insufficient_scope\", scope=\"contacts:read\"")
    );
    assert!(a.get("ratelimit").is_some() && a.get("ratelimit-policy").is_some());
    let a = c.ask("HEAD /v1/contacts", &[], "").await;
    assert_eq!((a.status, a.body.len()), (401, 0));
    assert_eq!(c.ask("GET /nowhere", &[], "").await.status, 404);
}

#[tokio::test]
async fn keys_that_ended_say_how() {
    let h = Harness::start(ROUTES).await;
    let past = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
    let mut c = h.client().await;
    let expired = h
        .key(KeyOptions {
            expires_at: Some(past),
            ..KeyOptions::default()
        })
        .await;
    let revoked = h
        .key(KeyOptions {
            revoked_at: Some(past),
            ..KeyOptions::default()
        })
        .await;
    let elsewhere = h
        .key(KeyOptions {
            scopes: &["contacts:read"],
            allowed_ips: &["10.0.0.0/8"],
            ..KeyOptions::default()
        })
        .await;
    for (key, status, code) in [
        (expired, 401, "expired_key"),
        (revoked, 401, "revoked_key"),
        (elsewhere, 403, "address_not_allowed"),
    ] {
        let a = c.ask("GET /v1/contacts", &[&key], "").await;
        assert_eq!((a.status, a.code().as_str()), (status, code));
    }
}

#[tokio::test]
async fn the_upstream_gets_what_the_gateway_says_and_nothing_that_it_must_not() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    let a = c
        .ask(
            "GET /v1/contacts?page=2",
            &[
                &key,
                "X-Fuelgate-Account: evil",
                "X_Fuelgate_Scopes: evil",
                "X-Forwarded-For: 6.6.6.6",
                "X-Request-Id: evil",
                "Connection: X-Fuelgate-Account, keep-alive",
                "X-HTTP-Method-Override: DELETE",
            ],
            "",
        )
        .await;
    assert_eq!(a.status, 200);
    let seen = h.upstream.last();
    assert_eq!(seen.target, "/v1/contacts?page=2");
    assert_eq!(seen.get("x-fuelgate-account").as_deref(), Some("acct_1"));
    assert_eq!(
        seen.get("x-fuelgate-scopes").as_deref(),
        Some("contacts:read contacts:write")
    );
    assert!(seen.get("x-fuelgate-key-id").unwrap().starts_with("key_"));
    assert_eq!(seen.get("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(seen.get("x-forwarded-proto").as_deref(), Some("http"));
    assert_eq!(seen.get("x-forwarded-host").as_deref(), Some("api.example"));
    assert_eq!(seen.get("x-request-id").as_deref(), a.get("x-request-id"));
    assert!(seen.get("traceparent").is_some());
    for gone in [
        "authorization",
        "x_fuelgate_scopes",
        "x-http-method-override",
    ] {
        assert_eq!(seen.get(gone), None, "{gone}");
    }
    assert_eq!(a.get("x-fuelgate-error"), None);
}

#[tokio::test]
async fn credentials_go_where_the_route_says() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    let session = "Authorization: Bearer session.of.the.crm";
    for (path, field, status, upstream_sees, identified) in [
        ("/open/a", session, 200, false, false),
        ("/login", session, 200, true, false),
        ("/both", session, 200, true, false),
        ("/both", "X-None: 1", 200, false, false),
        ("/both", &*key, 200, false, true),
        (
            "/both",
            "Authorization: Bearer lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18",
            401,
            false,
            false,
        ),
    ] {
        let before = h.upstream.seen().len();
        let a = c.ask(&format!("GET {path}"), &[field], "").await;
        assert_eq!(a.status, status, "{path} {field}");
        if status == 200 {
            let seen = h.upstream.last();
            assert_eq!(
                seen.get("authorization").is_some(),
                upstream_sees,
                "{path} {field}"
            );
            assert_eq!(
                seen.get("x-fuelgate-account").is_some(),
                identified,
                "{path} {field}"
            );
        } else {
            assert_eq!(h.upstream.seen().len(), before);
        }
    }
}

#[tokio::test]
async fn a_key_in_the_query_is_never_taken() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    let secret = key.rsplit(' ').next().unwrap();
    let mut c = h.client().await;
    let a = c
        .ask(&format!("GET /v1/contacts?api_key={secret}"), &[], "")
        .await;
    assert_eq!(a.code(), "missing_credentials");
    let a = c
        .ask(
            &format!("GET /v1/contacts?access_token={secret}"),
            &[&key],
            "",
        )
        .await;
    assert_eq!(a.code(), "malformed_credentials");
    let a = c
        .ask("GET /v1/contacts?access_token=other", &[&key], "")
        .await;
    assert_eq!(a.status, 200);
}

#[tokio::test]
async fn rewritten_and_deprecated_routes_say_so() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    let a = h
        .client()
        .await
        .ask("GET /v1/old/a%20b?x=1", &[&key], "")
        .await;
    assert_eq!(a.status, 200);
    assert_eq!(h.upstream.last().target, "/api/new/a%20b?x=1");
    assert_eq!(a.get("deprecation"), Some("@1796083200"));
    assert_eq!(a.get("sunset"), Some("Wed, 30 Jun 2027 00:00:00 GMT"));
    assert_eq!(
        a.get("link"),
        Some("<https://docs.example/new>; rel=\"deprecation\"")
    );
}

#[tokio::test]
async fn limits_refuse_with_their_fields_and_what_never_left_consumes_nothing() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    let a = c.ask("GET /costly", &[&key], "").await;
    assert_eq!(a.get("ratelimit"), Some("\"burst\";r=40;t=1"));
    let a = c.ask("GET /dead", &[&key], "").await;
    assert_eq!((a.status, a.code().as_str()), (502, "upstream_unreachable"));
    assert_eq!(a.get("ratelimit"), Some("\"burst\";r=40;t=1"));
    let mut c = h.client().await;
    let a = c.ask("GET /costly", &[&key], "").await;
    assert_eq!((a.status, a.code().as_str()), (429, "rate_limited"));
    assert_eq!(a.get("retry-after"), Some("1"));
    assert_eq!(a.json()["violated-policies"][0], "burst");
    let a = c.ask("GET /.well-known/fuelgate/key", &[&key], "").await;
    assert_eq!(a.status, 200);
    let described = a.json();
    assert_eq!(described["account_id"], "acct_1");
    assert_eq!(described["scopes"][0], "contacts:read");
    assert_eq!(described["usage"]["hour"]["used"], 1);
    h.clock.advance(Duration::from_secs(1));
    assert_eq!(c.ask("GET /costly", &[&key], "").await.status, 200);
}

#[tokio::test]
async fn bodies_over_the_ceiling_are_refused_announced_or_not() {
    let h = Harness::start(ROUTES).await;
    let mut c = h.client().await;
    c.send("POST /open/a HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\nxxxx")
        .await;
    let a = c.answer(false).await.unwrap();
    assert_eq!((a.status, a.code().as_str()), (413, "body_too_large"));
    assert_eq!(a.get("connection"), Some("close"));
    assert!(h.upstream.seen().is_empty());
    let mut c = h.client().await;
    c.send("POST /open/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    let chunk = format!("190\r\n{}\r\n", "x".repeat(400));
    for _ in 0..4 {
        if !c.try_send(&chunk).await {
            break;
        }
    }
    let a = c.answer(false).await.unwrap();
    assert_eq!((a.status, a.code().as_str()), (413, "body_too_large"));
    assert!(h.upstream.seen().is_empty());
}

#[tokio::test]
async fn who_waits_for_100_gets_the_final_answer_at_once() {
    let h = Harness::start(ROUTES).await;
    let mut c = h.client().await;
    c.send("POST /v1/contacts HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n").await;
    let a = c.answer(false).await.unwrap();
    assert_eq!((a.status, a.get("connection")), (401, Some("close")));
    assert!(c.is_closed().await);
}

#[tokio::test]
async fn ambiguous_requests_are_refused() {
    let h = Harness::start(ROUTES).await;
    let long = format!("GET /open/{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(600));
    let big = format!(
        "GET /open/a HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(5000)
    );
    for (request, status) in [
        ("GET /open/a HTTP/1.1\r\n\r\n", 400),
        ("GET /open/a HTTP/1.1\r\nHost: \r\n\r\n", 400),
        ("GET /open/a HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        ("GET /open/a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET /open/a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET //open/a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /open/%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http://b/open/a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405),
        (
            "POST /open/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "POST /open/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "POST /open/a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            400,
        ),
        (&long, 414),
        (&big, 431),
    ] {
        let mut c = h.client().await;
        c.send(request).await;
        assert_eq!(
            c.answer(false).await.unwrap().status,
            status,
            "{request:.60}"
        );
    }
    assert!(h.upstream.seen().is_empty());
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let h = Harness::start(ROUTES).await;
    let mut c = h.client().await;
    let one = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    c.send(format!(
        "{}{}{}",
        one("/open/1"),
        one("/nowhere"),
        one("/open/3")
    ))
    .await;
    for status in [200, 404, 200] {
        assert_eq!(c.answer(false).await.unwrap().status, status);
    }
}

#[tokio::test]
async fn an_idle_connection_ends_with_the_gateway_and_a_busy_one_after_its_answer() {
    let h = Harness::start(ROUTES).await;
    let mut idle = h.client().await;
    assert_eq!(idle.ask("GET /open/a", &[], "").await.status, 200);
    assert_eq!(h.gateway.in_flight().connections(), 1);
    h.stop();
    assert!(idle.is_closed().await);
    assert!(tokio::net::TcpStream::connect(h.address).await.is_err());
}

#[tokio::test]
async fn a_header_that_comes_in_parts_is_served() {
    let h = Harness::start(ROUTES).await;
    let mut c = h.client().await;
    for part in ["GET /open/a HT", "TP/1.1\r\nHost: a\r\n", "\r\n"] {
        c.send(part).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(c.answer(false).await.unwrap().status, 200);
}
