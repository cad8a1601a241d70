//! Header fields that say who calls, from where and over what: a client's own word for it counts nothing; never a body.

use super::*;
use crate::support::http::encode;

#[test]
fn x_identity_is_the_gateways_alone() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let (id, key) = g.key("acct_1", &["contacts:read", "deals:read"]);
    let bearer = format!("Bearer {key}");
    let r = g.call(
        "GET",
        "/v1/contacts",
        &[
            ("Authorization", &bearer),
            ("X-Fuelgate-Account", "acct_evil"),
            ("X_Fuelgate_Account", "acct_evil"),
            ("x-fuelgate_account", "acct_evil"),
            ("X-Fuelgate-Scopes", "everything"),
            ("X-Fuelgate-Admin", "1"),
            ("X-Request-Id", "forged"),
            ("X-Forwarded-For", "203.0.113.9"),
            ("X-Forwarded-Host", "evil.example"),
            ("X-Forwarded-Proto", "https"),
            ("Forwarded", "for=203.0.113.9"),
            ("X-Real-IP", "203.0.113.9"),
            ("X-HTTP-Method-Override", "DELETE"),
            ("X-Original-URL", "/admin"),
            ("X-Rewrite-URL", "/admin"),
            ("Connection", "X-Fuelgate-Account, X-Fuelgate-Key-Id"),
        ],
        None,
    );
    assert_eq!(r.status, 200, "{}", r.text());
    let seen = backend.last();
    assert_eq!(seen.all("x-fuelgate-account"), ["acct_1"]);
    assert_eq!(seen.all("x-fuelgate-key-id"), [&*id]);
    assert_eq!(seen.all("x-fuelgate-scopes"), ["contacts:read deals:read"]);
    assert_eq!(seen.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(seen.all("x-forwarded-host"), ["api.example"]);
    assert_eq!(seen.all("x-forwarded-proto"), ["http"]);
    assert_eq!(
        seen.all("x-request-id"),
        [r.header("x-request-id").unwrap()]
    );
    assert_ne!(r.header("x-request-id"), Some("forged"));
    let parent = seen.header("traceparent").unwrap();
    assert!(parent.len() == 55 && parent.starts_with("00-"), "{parent}");
    for name in [
        "x_fuelgate_account",
        "x-fuelgate_account",
        "x-fuelgate-admin",
        "forwarded",
        "x-real-ip",
        "x-http-method-override",
        "x-original-url",
        "x-rewrite-url",
        "authorization",
    ] {
        assert_eq!(seen.header(name), None, "{name}");
    }
    assert!(
        !seen.headers.iter().any(|(_, v)| v.contains("evil")),
        "{seen:?}"
    );
}

#[test]
fn x_forwarding_fields_are_believed_from_trusted_proxies_only() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(
        backend.address,
        "trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]",
    ));
    let r = g.call(
        "GET",
        "/open",
        &[
            ("X-Forwarded-For", "203.0.113.66, 198.51.100.7, 10.1.2.3"),
            ("X-Request-Id", "edge-1234"),
        ],
        None,
    );
    assert_eq!(r.status, 200);
    assert_eq!(r.header("x-request-id"), Some("edge-1234"));
    let seen = backend.last();
    assert!(
        seen.header("x-forwarded-for")
            .unwrap()
            .starts_with("198.51.100.7"),
        "the right-most address that is not a proxy's is the client: {seen:?}"
    );
    // A request id that could break a log line is not believed from anybody.
    let r = g.call("GET", "/open", &[("X-Request-Id", "a\"b\\c {}")], None);
    assert_ne!(r.header("x-request-id"), Some("a\"b\\c {}"));
}

#[test]
fn x_expectations_get_a_final_answer() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    // X9: a refused request with an expectation gets its final answer, no 100.
    let mut c = Connection::open(g.address());
    c.send(b"POST /v1/contacts HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(c.receive().status, 401);
    assert!(c.is_closed());
    // X10.
    let mut c = Connection::open(g.address());
    c.send(&encode("POST", "/open", &[("Expect", "foo")], Some(b"x")));
    let mut r = c.receive();
    if r.status == 100 {
        r = c.receive();
    }
    assert!(matches!(r.status, 200 | 417), "{}", r.status);
}
