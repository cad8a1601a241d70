//! Hostile requests: credentials, hosts, paths and header fields that try to be two things at once.

mod credentials;
mod fields;
mod lines;
mod options;
mod records;

use std::time::Duration;

use crate::support::backend::Backend;
use crate::support::gateway::{Gateway, config};
use crate::support::http::{Connection, Response};

const UNKNOWN: &str = "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17";

fn raw(g: &Gateway, bytes: &[u8]) -> Option<Response> {
    let mut c = Connection::open(g.address());
    c.try_send(bytes).ok()?;
    c.try_receive(false)
}

fn status(g: &Gateway, bytes: &[u8]) -> u16 {
    raw(g, bytes).map_or(0, |r| r.status)
}

fn code(r: &Response) -> String {
    r.header("x-fuelgate-error").unwrap_or("").to_owned()
}

#[test]
fn a_credentials_in_every_odd_form() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let call = |value: &str| g.call("GET", "/v1/contacts", &[("Authorization", value)], None);

    // A4: the scheme is case-insensitive, and more than one space may follow it.
    for value in [
        format!("bEaReR {key}"),
        format!("Bearer  {key}"),
        format!("BEARER   {key}"),
    ] {
        assert_eq!(call(&value).status, 200, "{value}");
    }
    // A3.
    for value in [
        "Bearer",
        "Bearer\tabc",
        "Bearer a b",
        "Bearer \"abc\"",
        "Bearer a,b",
    ] {
        let r = call(value);
        assert_eq!(
            (r.status, code(&r).as_str()),
            (400, "malformed_credentials"),
            "{value}"
        );
    }
    // A7: a key in the query only is no credential.
    let r = g.call("GET", &format!("/v1/contacts?api_key={key}"), &[], None);
    assert_eq!((r.status, code(&r).as_str()), (401, "missing_credentials"));
    // A parameter of such a name that is no key of ours is the backend's business.
    let r = g.get("/v1/contacts?access_token=something-else", &key);
    assert_eq!(r.status, 200);
    assert!(
        backend
            .last()
            .target
            .ends_with("?access_token=something-else")
    );
    // A8, A9.
    for value in ["lf_test_abc", "lf_live_short", "sk_123", UNKNOWN] {
        let r = call(&format!("Bearer {value}"));
        assert_eq!(
            (r.status, code(&r).as_str()),
            (401, "invalid_key"),
            "{value}"
        );
    }
    // A12: bytes that are not ASCII.
    let mut odd = b"GET /v1/contacts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ".to_vec();
    odd.extend_from_slice(&[0x80, 0xFF, 0xC3, 0x28]);
    odd.extend_from_slice(b"\r\n\r\n");
    assert!(matches!(status(&g, &odd), 400 | 401));
    // A13: neither credential reaches the upstream.
    let r = g.call(
        "GET",
        "/v1/contacts",
        &[
            ("Authorization", &format!("Bearer {key}")),
            ("Proxy-Authorization", "Basic eDp5"),
        ],
        None,
    );
    assert_eq!(r.status, 200);
    let seen = backend.last();
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(seen.header("proxy-authorization"), None);
    assert!(!g.stderr().contains("panicked"), "{}", g.stderr());
    assert!(!g.stderr().contains(&key), "a key is in the log");
}

#[test]
fn a_session_tokens_of_the_crm_go_through_where_the_route_says_so() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(
        backend.address,
        "  - { path: /session, methods: [GET], auth: passthrough, upstream: crm }\n  \
         - { path: /both, methods: [GET], auth: key_or_passthrough, scopes: [contacts:read], upstream: crm }",
    ));
    let (id, key) = g.key("acct_1", &["contacts:read"]);
    let session = [
        ("Authorization", "Bearer crm-session-abc"),
        ("Cookie", "sid=1"),
        ("X-Fuelgate-Account", "acct_2"),
    ];
    for target in ["/session", "/both"] {
        assert_eq!(g.call("GET", target, &session, None).status, 200);
        let seen = backend.last();
        assert_eq!(seen.header("authorization"), Some("Bearer crm-session-abc"));
        assert_eq!(seen.header("cookie"), Some("sid=1"));
        assert_eq!(seen.header("x-fuelgate-account"), None);
    }
    assert_eq!(g.get("/both", &key).status, 200);
    let seen = backend.last();
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(seen.header("x-fuelgate-key-id"), Some(&*id));
    // What looks like a key of ours is one, and a bad one is refused.
    let r = g.get("/both", UNKNOWN);
    assert_eq!((r.status, code(&r).as_str()), (401, "invalid_key"));
    // On an open route credentials are removed.
    assert_eq!(g.call("GET", "/open", &session, None).status, 200);
    assert_eq!(backend.last().header("authorization"), None);
}

#[test]
fn h_hosts_and_targets_that_are_none() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(
        backend.address,
        "  - { path: /hosted, hosts: [crm.example], methods: [GET], auth: none, upstream: crm }",
    ));
    let one = |bytes: &str| status(&g, bytes.as_bytes());
    // H1 to H5.
    assert_eq!(one("GET /open HTTP/1.1\r\n\r\n"), 400);
    assert_eq!(one("GET /open HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
    assert_eq!(one("GET /open HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400);
    for host in ["", "a/b", "a,b", "a:port", "a:99999", "a b", "a?x"] {
        let s = one(&format!("GET /open HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(s, 400, "host {host:?}");
    }
    assert_eq!(one("GET http://b/open HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    assert!(matches!(one("GET /open HTTP/1.0\r\n\r\n"), 200 | 400));
    // Hosts choose routes, whatever their case and port.
    assert_eq!(
        one("GET /hosted HTTP/1.1\r\nHost: CRM.example:8080\r\n\r\n"),
        200
    );
    assert_eq!(
        one("GET /hosted HTTP/1.1\r\nHost: other.example\r\n\r\n"),
        404
    );
    // H7.
    assert_eq!(one("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), 405);
    let before = backend.count();
    // H9.
    assert!(matches!(
        one("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
        204 | 400
    ));
    assert_eq!(one("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    assert_eq!(
        backend.count(),
        before,
        "nothing of this reaches the upstream"
    );
}

#[test]
fn p_paths_decide_and_travel_as_one() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(
        backend.address,
        "  - { path: \"/pub/{*rest}\", methods: [GET], auth: none, upstream: crm }\n  \
         - { path: /admin, methods: [GET], scopes: [deals:read], upstream: crm }",
    ));
    let hostile = [
        "/pub/../admin",
        "/pub/%2e%2e/admin",
        "/pub/.%2e/admin",
        "/pub/%2E%2E/admin",
        "/pub/..;/admin",
        "/pub/a/..%2f..%2fadmin",
        "/pub/..%5cadmin",
        "/pub/..\\admin",
        "/pub/%252e%252e/admin",
        "//admin",
        "/./admin",
        "/admin/",
        "/ADMIN",
        "/Admin",
        "/pub;/../admin",
        "/admin;x=1",
        "/%61dmin",
        "/admin%00",
        "/admin%0d%0aX:y",
        "/admin%zz",
        "/admin%c0%ae",
        "/admin#frag",
        "/admin%2f",
        "/pub/x%2f..%2f..%2fadmin",
    ];
    for path in hostile {
        backend.clear();
        let Some(r) = raw(
            &g,
            format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes(),
        ) else {
            assert_eq!(backend.count(), 0);
            continue;
        };
        assert!(
            matches!(r.status, 200 | 400 | 401 | 404),
            "{path}: {}",
            r.status
        );
        for seen in backend.seen() {
            // Whatever the upstream gets must itself be a public path, however often it decodes it.
            let mut target = seen.target.clone();
            for _ in 0..3 {
                let segments: Vec<_> = target.split(['/', '\\']).collect();
                assert!(
                    target.starts_with("/pub/")
                        && !segments.iter().any(|s| *s == ".." || s.starts_with("..;")),
                    "{path} became {}",
                    seen.target
                );
                let once = percent_decode(&target);
                if once == target || path.contains("%25") {
                    break;
                }
                target = once;
            }
        }
    }
    // P6: these are refused.
    for path in [
        "/pub/%00",
        "/pub/%0d%0a",
        "/pub/%zz",
        "/pub/%c0%ae",
        "/pub/a#frag",
    ] {
        let s = status(
            &g,
            format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes(),
        );
        assert_eq!(s, 400, "{path}");
    }
    // Ordinary escapes travel as they are.
    assert_eq!(
        g.call("GET", "/pub/J%C3%BCrgen%20K?x=%20y", &[], None)
            .status,
        200
    );
    assert_eq!(backend.last().target, "/pub/J%C3%BCrgen%20K?x=%20y");
}

fn percent_decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

#[test]
fn f_framing_that_two_parties_could_read_differently() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    for te in [
        "chunked, chunked",
        "gzip, chunked",
        "identity",
        "xchunked",
        "chunked, gzip",
        "",
    ] {
        backend.clear();
        let s = status(
            &g,
            format!("POST /open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {te}\r\n\r\n0\r\n\r\n")
                .as_bytes(),
        );
        assert!(matches!(s, 400 | 501), "{te}: {s}");
        assert_eq!(backend.count(), 0, "{te}");
    }
    let s = status(
        &g,
        b"POST /open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    );
    assert!(matches!(s, 400 | 501), "{s}");
    assert_eq!(backend.count(), 0);
    // F18: a body that looks like a request stays a body.
    let inner = b"GET /admin HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(g.call("POST", "/open", &[], Some(inner)).status, 200);
    assert_eq!(backend.count(), 1);
    // F19: pipelined requests are answered in order, or the connection closes.
    let mut c = Connection::open(g.address());
    c.send(b"GET /open?1 HTTP/1.1\r\nHost: a\r\n\r\nGET /open?2 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(c.receive().status, 200);
    if let Some(second) = c.try_receive(false) {
        assert_eq!(second.status, 200);
    }
}
