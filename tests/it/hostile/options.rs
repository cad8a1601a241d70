//! Options of a connection that would take from a request what it needs, and upgrades that nobody offers; never what a body says.

use super::*;
use crate::support::backend::Answer;

#[test]
fn x_connection_options_that_name_what_a_request_needs_are_refused() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let thousand = vec!["x-a"; 1000].join(", ");
    let distinct: Vec<_> = (0..1000).map(|n| format!("x-{n}")).collect();
    for value in [
        "Host",
        "host",
        "keep-alive, Host",
        "X-Forwarded-For",
        "x-forwarded-for, close",
        "\"quoted\"",
        &thousand,
        &distinct.join(","),
    ] {
        let r = g.call("GET", "/open", &[("Connection", value)], None);
        assert_eq!(r.status, 400, "{value:.40}");
        assert_eq!(backend.count(), 0, "{value:.40}");
    }
    // Ordinary ones are taken, and end with this hop.
    for value in ["keep-alive", "close", "x-mine"] {
        let fields = [("Connection", value), ("X-Mine", "1")];
        assert_eq!(g.call("GET", "/open", &fields, None).status, 200);
        let seen = backend.last();
        assert_eq!(seen.header("x-mine").is_none(), value == "x-mine");
        assert_eq!(seen.all("x-forwarded-for"), ["127.0.0.1"]);
    }
}

/// Requests that ask for another protocol.
const UPGRADES: [&str; 3] = [
    "GET /open HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    "GET /open HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "POST /open HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: TLS/1.2\r\nContent-Length: 2\r\n\r\n{}",
];

#[test]
fn x_an_upgrade_is_an_ordinary_request_to_the_upstream() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    for request in UPGRADES {
        backend.clear();
        let r = raw(&g, request.as_bytes()).expect("an answer");
        assert_eq!(r.status, 200, "{request}");
        assert_eq!(r.header("upgrade"), None);
        assert_eq!(backend.count(), 1);
        let seen = backend.last();
        assert_eq!(seen.target, "/open");
        assert_eq!(seen.header("upgrade"), None, "{seen:?}");
        assert_eq!(seen.header("http2-settings"), None, "{seen:?}");
        let options = seen.all("connection").join(",").to_lowercase();
        assert!(!options.contains("upgrade"), "{seen:?}");
        assert!(!options.contains("http2-settings"), "{seen:?}");
    }
}

#[test]
fn x_what_follows_an_upgrade_is_never_the_upstreams() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    for request in UPGRADES {
        for smuggled in [
            &b"GET /v1/contacts HTTP/1.1\r\nHost: a\r\nX-Fuelgate-Account: acct_1\r\n\r\n"[..],
            b"GET /admin HTTP/1.1\r\nHost: a\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x81\x85\x00\x00\x00\x00hello",
        ] {
            backend.clear();
            let mut c = Connection::open(g.address());
            c.set_read_timeout(Duration::from_secs(5));
            c.send(&[request.as_bytes(), smuggled].concat());
            let first = c.receive();
            assert_eq!(first.status, 200, "{request}");
            // What follows is a request of its own, judged like every other, or the end; it is over with either.
            if smuggled[0] == 0x81 {
                c.stream().shutdown(std::net::Shutdown::Write).unwrap();
            }
            match c.try_receive(false) {
                Some(second) => assert!(
                    matches!(second.status, 400 | 401 | 404 | 505),
                    "{request}: {second:?}"
                ),
                None => assert!(c.is_closed(), "{request}: neither an answer nor an end"),
            }
            let seen = backend.seen();
            assert_eq!(seen.len(), 1, "{seen:?}");
            assert_eq!(seen[0].target, "/open");
            assert!(matches!(&*seen[0].body, b"" | b"{}"), "{seen:?}");
        }
    }
}

#[test]
fn x_an_upstream_that_switches_unasked_gives_no_tunnel() {
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nsecret";
    let backend = Backend::start(move |_| Answer::Raw(switch.to_vec()));
    let g = Gateway::start(&config(backend.address, ""));
    for request in UPGRADES {
        let mut c = Connection::open(g.address());
        c.set_read_timeout(Duration::from_secs(10));
        c.send(request.as_bytes());
        let r = c.receive();
        assert_eq!(r.status, 502, "{request}: {r:?}");
        assert!(!r.text().contains("secret"), "{r:?}");
        assert!(backend.count() > 0);
    }
}
