//! Request lines that are none, or hold what no target may: other versions, raw spaces, quotes and control bytes; never a field.

use super::*;
use crate::support::eventually;

#[test]
fn h_versions_that_are_not_spoken_are_refused_or_end_the_connection() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    for line in [
        "GET /open",
        "GET /open ",
        "GET /open HTTP/0.9",
        "GET /open HTTP/1.2",
        "GET /open HTTP/1.10",
        "GET /open HTTP/11",
        "GET /open HTTP/2",
        "GET /open HTTP/2.0",
        "GET /open HTTP/3.0",
        "GET /open http/1.1",
        "GET /open Http/1.1",
        "GET /open HTTPS/1.1",
        "PRI * HTTP/2.0",
    ] {
        for fields in ["", "Host: a\r\n"] {
            let mut c = Connection::open(g.address());
            c.set_read_timeout(Duration::from_secs(5));
            c.send(format!("{line}\r\n{fields}\r\n").as_bytes());
            match c.try_receive(false) {
                Some(r) => assert!(matches!(r.status, 400 | 505), "{line}: {r:?}"),
                None => assert!(c.is_closed(), "{line}: neither an answer nor an end"),
            }
        }
    }
    assert_eq!(backend.count(), 0, "{:?}", backend.seen());
    // The same line in the version that is spoken is served.
    assert_eq!(status(&g, b"GET /open HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_eq!(backend.count(), 1);
}

#[test]
fn h_http_1_0_is_one_request_and_the_end_of_its_connection() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let second = "GET /open?2 HTTP/1.0\r\n\r\n";
    for (fields, expected) in [("", &[200, 400][..]), ("Host: a\r\n", &[200])] {
        backend.clear();
        let mut c = Connection::open(g.address());
        c.set_read_timeout(Duration::from_secs(5));
        c.send(format!("GET /open?1 HTTP/1.0\r\n{fields}\r\n{second}").as_bytes());
        let r = c.receive();
        assert!(expected.contains(&r.status), "{fields:?}: {r:?}");
        assert!(c.is_closed(), "{fields:?}: the connection goes on");
        let targets: Vec<_> = backend.seen().into_iter().map(|s| s.target).collect();
        let one = (r.status == 200).then(|| "/open?1".to_owned());
        assert_eq!(targets, Vec::from_iter(one), "{fields:?}");
    }
    // Without a host a guarded route is as guarded.
    let s = status(&g, b"GET /v1/contacts HTTP/1.0\r\n\r\n");
    assert!(matches!(s, 400 | 401), "{s}");
}

#[test]
fn h_methods_that_no_route_can_have_are_not_allowed() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let long = "A".repeat(8192);
    for method in ["TRACE", "get", "Get", "FOO", "CONNECT", "M-SEARCH", &long] {
        // A route that takes GET and POST, and one that does not exist.
        for (target, other) in [("/open", 405), ("/none", 404)] {
            let bytes = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n");
            let s = status(&g, bytes.as_bytes());
            assert!(
                matches!(s, 405 | 501) || s == other,
                "{method:.20} {target}: {s}"
            );
        }
    }
    assert_eq!(backend.count(), 0, "{:?}", backend.seen());
}

/// The bytes of a GET of a target that may hold any byte.
fn get(target: &[u8]) -> Vec<u8> {
    [b"GET ", target, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat()
}

#[test]
fn p_raw_bytes_that_no_target_may_hold_are_refused_or_escaped_for_route_and_upstream_alike() {
    let backend = Backend::ok();
    let extra = "  - { path: \"/pub/{*rest}\", methods: [GET], auth: none, upstream: crm }\n  \
                 - { path: /admin, methods: [GET], scopes: [deals:read], upstream: crm }";
    let text = config(backend.address, extra)
        .replace("log: { access: null }", "log: { access: $DIR/access.log }");
    let g = Gateway::start(&text);
    let file = g.folder.path().join("access.log");
    let raw_bytes: [&[u8]; 12] = [
        b" ", b"<", b">", b"\"", b"`", b"{", b"}", b"|", b"^", b"\x01", b"\x7f", b"\t",
    ];
    let (mut escaped, mut lines) = (Vec::new(), 0);
    for byte in raw_bytes {
        for (before, after) in [("/pub/a", "b"), ("/pub/a", ""), ("/pub/a?q=", "b")] {
            backend.clear();
            let target = [before.as_bytes(), byte, after.as_bytes()].concat();
            let shown = String::from_utf8_lossy(&target).into_owned();
            let form = format!("{before}%{:02X}{after}", byte[0]);
            let Some(r) = raw(&g, &get(&target)) else {
                assert_eq!(backend.count(), 0, "{shown:?}");
                continue;
            };
            // What Pingora refuses while parsing has no line.
            lines += usize::from(r.header("x-request-id").is_some());
            match r.status {
                400 => assert_eq!(backend.count(), 0, "{shown:?}"),
                200 => {
                    let seen = backend.last();
                    assert_eq!((seen.method.as_str(), backend.count()), ("GET", 1));
                    // The upstream gets the byte escaped, or as it came where it stands for nothing else.
                    let plain = !byte[0].is_ascii_control() && byte != b" ";
                    assert!(
                        seen.target == form || (plain && seen.target == shown),
                        "{shown:?} became {:?}",
                        seen.target
                    );
                    let path = seen.target.split('?').next().unwrap().to_owned();
                    escaped.push(path);
                }
                other => panic!("{shown:?}: {other}"),
            }
        }
    }
    // What was routed, as the log says, is what was forwarded.
    let routed = eventually("the lines", Duration::from_secs(5), || {
        let text = std::fs::read_to_string(&file).ok()?;
        let whole = text.lines().count() == lines && text.ends_with('\n');
        let all = text.lines().map(|l| serde_json::from_str(l).unwrap());
        whole.then(|| all.collect::<Vec<serde_json::Value>>())
    });
    let mut routed: Vec<String> = routed
        .iter()
        .filter(|l| l["status"] == 200)
        .map(|l| l["path"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        !routed.is_empty(),
        "all of them are refused: this shows nothing"
    );
    routed.sort_unstable();
    escaped.sort_unstable();
    assert_eq!(routed, escaped);
    // No such byte makes a guarded route an open one, or another's path the guarded one's.
    for byte in raw_bytes {
        for around in [
            "/admin*",
            "/*admin",
            "/pub*/admin",
            "/ad*min",
            "/pub/*../admin",
        ] {
            backend.clear();
            let (before, after) = around.split_once('*').unwrap();
            let target = [before.as_bytes(), byte, after.as_bytes()].concat();
            let got = raw(&g, &get(&target)).map_or(0, |r| r.status);
            let open = got == 200 && around == "/pub/*../admin";
            assert!(open || matches!(got, 0 | 400 | 404), "{target:?}: {got}");
            for seen in backend.seen() {
                assert!(seen.target.starts_with("/pub/"), "{seen:?}");
                assert!(!seen.target.contains("/../"), "{seen:?}");
            }
        }
    }
}
