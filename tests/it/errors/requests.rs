//! Requests that are none of ours, too large, malformed or too slow, each with a status of its own.

use std::collections::HashSet;
use std::time::Duration;

use super::{assert_problem, request_id};
use crate::support::backend::Backend;
use crate::support::gateway::{Gateway, config, config_with_plan};
use crate::support::http::{Connection, encode};

#[test]
fn unknown_paths_and_methods_are_told_before_any_credential() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let broken = &[("Authorization", "Bearer")][..];
    assert_problem(
        &g.call("GET", "/nowhere", broken, None),
        404,
        "route_not_found",
    );
    let r = g.call("PUT", "/v1/contacts", broken, None);
    assert_problem(&r, 405, "method_not_allowed");
    let mut allow: Vec<_> = r.header("allow").unwrap().split(", ").collect();
    allow.sort_unstable();
    assert_eq!(allow, ["GET", "HEAD", "POST"]);
    for method in ["TRACE", "get", "PROPFIND"] {
        assert_problem(
            &g.call(method, "/v1/contacts", &[], None),
            405,
            "method_not_allowed",
        );
    }
    assert_eq!(backend.count(), 0);
}

#[test]
fn a_body_that_is_not_json_is_refused_where_json_is_asked_for() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let (_, key) = g.key("acct_1", &["contacts:write"]);
    let bearer = format!("Bearer {key}");
    let r = g.call(
        "POST",
        "/v1/contacts",
        &[("Authorization", &bearer), ("Content-Type", "text/plain")],
        Some(b"hello"),
    );
    assert_problem(&r, 415, "unsupported_media_type");
    for kind in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/vnd.crm+json",
    ] {
        let r = g.call(
            "POST",
            "/v1/contacts",
            &[("Authorization", &bearer), ("Content-Type", kind)],
            Some(b"{}"),
        );
        assert_eq!(r.status, 200, "{kind}: {}", r.text());
    }
}

#[test]
fn what_is_over_a_ceiling_has_a_status_of_its_own() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(
        backend.address,
        "ceilings: { header_bytes: 8192, header_fields: 50, uri_bytes: 1024, body_bytes: 1000, captured_body_bytes: 500 }",
    ));
    let long = format!("/open?q={}", "a".repeat(1100));
    assert_problem(&g.call("GET", &long, &[], None), 414, "uri_too_long");
    let value = "v".repeat(9000);
    assert_problem(
        &g.call("GET", "/open", &[("X-Long", &value)], None),
        431,
        "headers_too_large",
    );
    let many: Vec<_> = (0..60).map(|_| ("X-Many", "1")).collect();
    assert_problem(
        &g.call("GET", "/open", &many, None),
        431,
        "headers_too_large",
    );
    let body = vec![b'x'; 1001];
    assert_problem(
        &g.call("POST", "/open", &[], Some(&body)),
        413,
        "body_too_large",
    );
    assert_eq!(backend.count(), 0);
    assert_eq!(
        g.call("POST", "/open", &[], Some(&body[..1000])).status,
        200
    );

    let mut chunked =
        b"POST /open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..3 {
        chunked.extend_from_slice(b"190\r\n");
        chunked.extend_from_slice(&[b'x'; 400]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_problem(
        &Connection::open(g.address()).exchange(&chunked),
        413,
        "body_too_large",
    );
}

#[test]
fn malformed_requests_are_bad_requests() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let mut c = Connection::open(g.address());
    assert_problem(
        &c.exchange(b"GET /open HTTP/1.1\r\n\r\n"),
        400,
        "bad_request",
    );
    let r = g.call("GET", "/open/%zz", &[], None);
    assert_problem(&r, 400, "bad_request");
    assert_eq!(backend.count(), 0);
}

#[test]
fn a_body_that_does_not_come_is_a_request_timeout() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let mut c = Connection::open(g.address());
    c.set_read_timeout(Duration::from_secs(60));
    c.send(b"POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab");
    assert_problem(&c.receive(), 408, "request_timeout");
}

#[test]
fn refusals_keep_the_connection() {
    let backend = Backend::ok();
    let plan = "rate: { requests: 1, per_seconds: 60, burst: 1 }, quotas: { hour: 100, month: 1000 }, max_keys: 10";
    let g = Gateway::start(&config_with_plan(backend.address, plan, ""));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let bearer = format!("Bearer {key}");
    let mut c = Connection::open(g.address());
    let auth = &[("Authorization", &*bearer)][..];
    let requests = [
        (encode("GET", "/v1/contacts", auth, None), 200),
        (encode("GET", "/v1/contacts", auth, None), 429),
        (encode("GET", "/v1/contacts", &[], None), 401),
        (encode("GET", "/v1/deals", auth, None), 403),
        (encode("GET", "/nowhere", &[], None), 404),
        (
            encode("PUT", "/v1/contacts", &[], Some(b"a small unread body")),
            405,
        ),
        (
            encode("POST", "/v1/contacts", &[], Some(b"a small unread body")),
            401,
        ),
        (encode("GET", "/open", &[], None), 200),
    ];
    let mut ids = HashSet::new();
    for (bytes, status) in requests {
        let r = c.exchange(&bytes);
        assert_eq!(r.status, status, "{}", r.text());
        assert_ne!(r.header("connection"), Some("close"), "{status}");
        let id = request_id(&r).to_owned();
        assert!(ids.insert(id), "each request has an id of its own");
    }
}
