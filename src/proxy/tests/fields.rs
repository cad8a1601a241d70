//! Fields beside the usual: what upstreams get, what errors carry, which bodies a type is asked of; never whether a key may call.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::testing::{Harness, KeyOptions};

const ROUTES: &str = r#"
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ] }
routes:
  - { path: "/keyed/{*rest}", methods: [GET], scopes: [], upstream: crm, deprecated: { since: 2026-12-01 } }
  - { path: "/json", methods: [POST], auth: none, scopes: [], upstream: crm, json_only: true }
  - { path: "/open/{*rest}", methods: [GET, POST], auth: none, scopes: [], upstream: crm }
"#;

#[tokio::test]
async fn a_key_without_scopes_is_forwarded_with_none_rather_than_without_the_field() {
    let h = Harness::start(ROUTES).await;
    let key = h.key(KeyOptions::default()).await;
    let mut c = h.client().await;
    let fields = [&*key, "X-Fuelgate-Scopes: contacts:read"];
    assert_eq!(c.ask("GET /keyed/a", &fields, "").await.status, 200);
    let seen = h.upstream.last().get("x-fuelgate-scopes");
    assert_eq!(seen.as_deref(), Some(""));
}

#[tokio::test]
async fn no_upgrade_reaches_the_upstream() {
    let h = Harness::start(ROUTES).await;
    let mut c = h.client().await;
    let asked = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let a = c.ask("GET /open/a", &asked, "").await;
    assert_eq!(a.status, 200);
    let seen = h.upstream.last();
    assert_eq!(seen.get("upgrade"), None);
    let connection = seen.get("connection").unwrap_or_default();
    assert!(!connection.to_ascii_lowercase().contains("upgrade"));
}

#[tokio::test]
async fn errors_of_a_deprecated_route_say_so_too_and_show_its_limits() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    for (head, status) in [("GET /keyed/a", 200), ("GET /keyed/missing", 404)] {
        let a = c.ask(head, &[&key], "").await;
        assert_eq!(a.status, status, "{head}");
        assert_eq!(a.get("deprecation"), Some("@1796083200"), "{head}");
        for name in ["ratelimit", "ratelimit-policy"] {
            let value = a.get(name).unwrap();
            assert!(value.starts_with("\"burst\";"), "{head} {name}: {value}");
        }
    }
    let a = c.ask("GET /keyed/a", &[], "").await;
    assert_eq!(a.code(), "missing_credentials");
    assert_eq!(a.get("deprecation"), Some("@1796083200"));
    assert_eq!(a.get("cache-control"), Some("no-store"));
    let a = c.ask("GET /open/missing", &[], "").await;
    assert_eq!((a.status, a.get("deprecation")), (404, None));
}

#[tokio::test]
async fn what_comes_before_the_answer_goes_on_as_it_is() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    let mut c = tokio::net::TcpStream::connect(h.address).await.unwrap();
    let ask = format!("GET /keyed/early HTTP/1.1\r\nHost: a\r\n{key}\r\nConnection: close\r\n\r\n");
    c.write_all(ask.as_bytes()).await.unwrap();
    let mut text = String::new();
    c.read_to_string(&mut text).await.unwrap();
    let text = text.to_ascii_lowercase();
    let (early, answer) = text.split_once("\r\n\r\n").unwrap();
    assert!(early.starts_with("http/1.1 103 "), "{early}");
    assert!(answer.starts_with("http/1.1 201 "), "{answer}");
    for name in ["deprecation:", "ratelimit:", "x-request-id:"] {
        assert!(!early.contains(name) && answer.contains(name), "{name}");
    }
}

#[tokio::test]
async fn a_type_is_asked_of_bodies_that_there_are_announced_or_not() {
    let h = Harness::start(ROUTES).await;
    let json = "Content-Type: application/json\r\n";
    for (framing, body, kind, status) in [
        ("Content-Length: 0", "", "", 200),
        ("Content-Length: 2", "{}", "", 415),
        ("Content-Length: 2", "{}", json, 200),
        (
            "Transfer-Encoding: chunked",
            "2\r\n{}\r\n0\r\n\r\n",
            "",
            415,
        ),
        (
            "Transfer-Encoding: chunked",
            "2\r\n{}\r\n0\r\n\r\n",
            json,
            200,
        ),
    ] {
        let mut c = h.client().await;
        c.send(format!(
            "POST /json HTTP/1.1\r\nHost: a\r\n{kind}{framing}\r\n\r\n{body}"
        ))
        .await;
        let a = c.answer(false).await.unwrap();
        assert_eq!(a.status, status, "{framing} {kind}");
    }
}

#[tokio::test]
async fn a_chunked_body_leaves_the_connection_to_the_upstream_good() {
    let h = Harness::start(ROUTES).await;
    for _ in 0..3 {
        let mut c = h.client().await;
        c.send("POST /open/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n")
            .await;
        assert_eq!(c.answer(false).await.unwrap().status, 200);
        assert_eq!(h.upstream.last().body, b"body");
    }
    assert_eq!((h.upstream.seen().len(), h.upstream.connections()), (3, 1));
}
