//! `/api/` on the portal: calls that come that way are treated as any other, and nothing of theirs becomes the portal's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use fuelgate::base::ceilings::portal::API_SOURCE_CONNECTIONS;
use serde_json::json;

use crate::support::backend::{Answer, Backend};
use crate::support::eventually;
use crate::support::gateway::Gateway;
use crate::support::http::{self, Response};
use crate::support::portal::Portal;
use crate::support::programs::free_port;

/// Method, target and header fields.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// What is the same of an answer whichever way it came: not its time, its id, and how much is left of a limit.
fn comparable(answer: &Response) -> (u16, Option<String>, Option<String>, Option<String>) {
    let field = |name: &str| answer.header(name).map(str::to_owned);
    (
        answer.status,
        field("x-fuelgate-error"),
        field("www-authenticate"),
        field("allow"),
    )
}

#[test]
fn every_call_is_answered_as_on_the_apis_own_listener() {
    let portal = Portal::start();
    let g = &portal.gateway;
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let bearer = format!("Bearer {key}");
    let twice = format!("{bearer}, {bearer}");
    let spaced = format!("bEaReR   {key}");
    let in_query = format!("/v1/contacts?access_token={key}");
    let long = format!("Bearer {}", "x".repeat(5000));
    let good = [("Authorization", bearer.as_str())];
    let two = [good[0], good[0]];
    let cases: Vec<Case<'_>> = vec![
        ("GET", "/v1/contacts", &[]),
        ("GET", "/v1/contacts", &[("Authorization", "")]),
        ("GET", "/v1/contacts", &[("Authorization", "Basic eDp5")]),
        ("GET", "/v1/contacts", &[("Authorization", "Bearer")]),
        ("GET", "/v1/contacts", &[("Authorization", "Bearer\tk")]),
        ("GET", "/v1/contacts", &two),
        ("GET", &in_query, &good),
        ("GET", &in_query, &[]),
        (
            "GET",
            "/v1/contacts",
            &[(
                "Authorization",
                "Bearer lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18",
            )],
        ),
        (
            "GET",
            "/v1/contacts",
            &[(
                "Authorization",
                "Bearer lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17",
            )],
        ),
        ("GET", "/v1/deals", &good),
        ("POST", "/v1/contacts", &good),
        ("GET", "/nowhere", &good),
        ("TRACE", "/v1/contacts", &good),
        ("get", "/v1/contacts", &good),
        ("BREW", "/v1/contacts", &good),
        ("DELETE", "/v1/contacts", &good),
        ("GET", "/v1/../admin", &good),
        ("GET", "/v1/%2e%2e/admin", &good),
        ("GET", "/v1/.%2e/contacts", &good),
        ("GET", "/v1/contacts%2fx", &good),
        ("GET", "/v1/contacts%5cx", &good),
        ("GET", "/v1/%252e%252e/contacts", &good),
        ("GET", "//v1/contacts", &good),
        ("GET", "/./v1/contacts", &good),
        ("GET", "/v1/contacts/", &good),
        ("GET", "/V1/contacts", &good),
        ("GET", "/v1/contacts;/../x", &good),
        ("GET", "/v1/contacts%00", &good),
        ("GET", "/v1/contacts%0d%0a", &good),
        ("GET", "/v1/contacts%zz", &good),
        ("GET", "/v1/contacts%c0%ae", &good),
        ("GET", "/v1/contacts?limit=1", &good),
        ("HEAD", "/v1/contacts?limit=1", &good),
        ("GET", "/.well-known/fuelgate/key", &good),
    ];
    for (method, target, headers) in cases {
        let direct = g.call(method, target, headers, None);
        let inside = format!("/api{target}");
        let inside = http::request(portal.address(), method, &inside, headers, None);
        assert_eq!(
            comparable(&direct),
            comparable(&inside),
            "{method} {target} {headers:?}"
        );
        if direct.status == 200 && !target.ends_with("fuelgate/key") {
            assert_eq!(direct.text(), inside.text());
        }
        for name in ["x-request-id", "ratelimit-policy", "content-type"] {
            assert_eq!(
                direct.header(name).is_some(),
                inside.header(name).is_some(),
                "{name}: {target}"
            );
        }
    }
    for value in [&spaced, &twice, &long] {
        let headers = [("Authorization", value.as_str())];
        let direct = g.call("GET", "/v1/contacts", &headers, None);
        let inside = http::request(portal.address(), "GET", "/api/v1/contacts", &headers, None);
        assert_eq!(comparable(&direct), comparable(&inside));
    }
}

#[test]
fn a_call_is_counted_makes_its_event_and_is_logged_once_with_the_callers_address() {
    for (store, portal) in Portal::both() {
        let g = &portal.gateway;
        let (id, key) = g.key("acct_1", &["contacts:write"]);
        let body = json!({"name": "Ada", "email": "ada@calls.example"}).to_string();
        let headers = [
            ("Authorization", &*format!("Bearer {key}")),
            ("Content-Type", "application/json"),
            ("X-Forwarded-For", "6.6.6.6"),
        ];
        let made = http::request(
            portal.address(),
            "POST",
            "/api/v1/contacts",
            &headers,
            Some(body.as_bytes()),
        );
        assert_eq!(made.status, 201, "{store}: {}", made.text());
        let request_id = made.header("x-request-id").unwrap().to_owned();
        eventually(
            "the request is counted once",
            Duration::from_secs(10),
            || {
                let path = "/admin/v1/usage/summary?account_id=acct_1";
                (g.admin("GET", path, None).json()["hour"]["used"] == 1).then_some(())
            },
        );
        let used_from = eventually("its use is noted", Duration::from_secs(20), || {
            let shown = g.admin("GET", &format!("/admin/v1/keys/{id}"), None).json();
            shown["last_used_ip"].as_str().map(str::to_owned)
        });
        assert_eq!(used_from, "127.0.0.1", "{store}");
        let events = eventually("its event is there", Duration::from_secs(10), || {
            let events = g
                .admin("GET", "/admin/v1/events?account_id=acct_1", None)
                .json();
            let all = events["data"].as_array().unwrap().clone();
            (!all.is_empty()).then_some(all)
        });
        assert_eq!(events.len(), 1, "{store}");
        let log = eventually("it is logged", Duration::from_secs(5), || {
            let log = std::fs::read_to_string(g.folder.path().join("access.log")).ok()?;
            log.contains(&request_id).then_some(log)
        });
        let lines: Vec<_> = log.lines().filter(|l| l.contains(&request_id)).collect();
        assert_eq!(lines.len(), 1, "{store}: {log}");
        assert!(
            lines[0].contains("127.0.0.1") && !lines[0].contains("6.6.6.6"),
            "{}",
            lines[0]
        );
        assert!(
            lines[0].contains("/v1/contacts") && !lines[0].contains("/api/"),
            "{}",
            lines[0]
        );
    }
}

/// A gateway with a portal before a backend of the test's.
struct Custom {
    gateway: Gateway,
    portal: std::net::SocketAddr,
}

fn custom(backend: &Backend, extra: &str) -> Custom {
    let (api, portal) = (free_port(), free_port());
    let token = crate::support::gateway::TOKEN;
    let text = format!(
        r#"
listeners: [ {{ address: "127.0.0.1:{api}" }} ]
admin: {{ address: "127.0.0.1:0", token: {token} }}
portal: {{ address: "127.0.0.1:{portal}", public_url: "http://127.0.0.1:{portal}", api_url: "http://api.example:8080" }}
log: {{ access: null }}
realm: crm
store: {{ engine: embedded, path: $DIR/fuelgate.db }}
keys: {{ prefix: lf_live, peppers: [ {{ id: p1, secret: "0123456789abcdef0123456789abcdef" }} ] }}
scopes: {{ "a:b": Something }}
default_plan: standard
plans: {{ standard: {{ rate: {{ requests: 1000, per_seconds: 1, burst: 1000 }}, quotas: {{ hour: 100000, month: 1000000 }}, max_keys: 10 }} }}
upstreams: {{ crm: {{ targets: [ {{ address: "{}" }} ] }} }}
routes:
  - {{ path: "/v1/{{*rest}}", hosts: [api.example], methods: [GET, POST, PUT], scopes: ["a:b"], upstream: crm }}
{extra}
"#,
        backend.address
    );
    let gateway = Gateway::start(&text);
    let portal = gateway.listener("portal");
    Custom { gateway, portal }
}

#[test]
fn cookies_and_the_portals_origin_stay_the_portals() {
    let backend = Backend::start(|seen| {
        let field = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        let fields = vec![
            field("Content-Type", "text/html"),
            field("Set-Cookie", "fuelgate-portal=stolen; Path=/"),
            field("Clear-Site-Data", "\"*\""),
            field("Service-Worker-Allowed", "/"),
            field("Access-Control-Allow-Origin", "*"),
            field("Content-Security-Policy", "default-src * 'unsafe-inline'"),
            field("Location", "/v1/next"),
        ];
        let status = if seen.target.contains("moved") {
            302
        } else {
            200
        };
        Answer::Reply(status, fields, b"<script>window.__x = 1</script>".to_vec())
    });
    let c = custom(&backend, "");
    let (_, key) = c.gateway.key("acct_1", &["a:b"]);
    let bearer = format!("Bearer {key}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Cookie", "fuelgate-portal=session; other=1"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Fuelgate-Account", "evil"),
        ("Connection", "X-Hop"),
        ("X-Hop", "1"),
        ("Host", "evil.example"),
    ];
    let answer = http::request(c.portal, "GET", "/api/v1/a?b=c", &headers, None);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = backend.seen();
    let seen = seen.last().unwrap();
    assert_eq!(seen.target, "/v1/a?b=c");
    for gone in ["cookie", "authorization", "x-hop"] {
        assert_eq!(seen.header(gone), None, "{gone}");
    }
    assert_eq!(seen.header("x-forwarded-host"), Some("api.example:8080"));
    assert_eq!(seen.header("x-fuelgate-account"), Some("acct_1"));
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    for gone in [
        "set-cookie",
        "clear-site-data",
        "service-worker-allowed",
        "access-control-allow-origin",
    ] {
        assert_eq!(answer.header(gone), None, "{gone}");
    }
    let policy = answer.header("content-security-policy").unwrap();
    assert_eq!(
        policy,
        "default-src 'none'; sandbox; frame-ancestors 'none'"
    );
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(
        answer.header("cross-origin-resource-policy"),
        Some("same-origin")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let moved = http::request(c.portal, "GET", "/api/v1/moved", &headers, None);
    assert_eq!(
        (moved.status, moved.header("location")),
        (302, Some("/api/v1/next"))
    );
}

#[test]
fn what_no_script_of_ours_asks_for_is_refused_before_the_gateway() {
    let portal = Portal::start();
    let (_, key) = portal.gateway.key("acct_1", &["contacts:read"]);
    let bearer = format!("Bearer {key}");
    for (dest, site, status) in [
        ("empty", "same-origin", 200),
        ("script", "same-origin", 403),
        ("serviceworker", "same-origin", 403),
        ("document", "none", 403),
        ("iframe", "same-origin", 403),
        ("image", "same-origin", 403),
        ("empty", "cross-site", 403),
        ("empty", "same-site", 403),
    ] {
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Sec-Fetch-Dest", dest),
            ("Sec-Fetch-Site", site),
        ];
        let answer = http::request(portal.address(), "GET", "/api/v1/contacts", &headers, None);
        assert_eq!(answer.status, status, "{dest} {site}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
        if status == 403 {
            assert_eq!(answer.header("x-fuelgate-error"), None);
        }
    }
}

/// The most memory that a process ever had, in bytes.
fn peak(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    let number = line.split_whitespace().nth(1).unwrap();
    number.parse::<u64>().unwrap() * 1024
}

#[test]
fn large_bodies_stream_both_ways() {
    const BYTES: usize = 96 * 1024 * 1024;
    let backend = Backend::start(|seen| {
        let length = seen.body.len();
        Answer::Reply(
            200,
            vec![("X-Got".to_owned(), length.to_string())],
            seen.body.clone(),
        )
    });
    let c = custom(&backend, "");
    let (_, key) = c.gateway.key("acct_1", &["a:b"]);
    let bearer = format!("Bearer {key}");
    let headers = [("Authorization", bearer.as_str())];
    // Once before, so that everything that is made once is there.
    let small = http::request(c.portal, "PUT", "/api/v1/a", &headers, Some(b"x"));
    assert_eq!(small.status, 200);
    let before = peak(c.gateway.pid());
    let body: Vec<u8> = (0..BYTES).map(|n| (n * 31 % 251) as u8).collect();
    let answer = http::request(c.portal, "PUT", "/api/v1/a", &headers, Some(&body));
    assert_eq!(
        (answer.status, answer.header("x-got")),
        (200, Some(&*BYTES.to_string()))
    );
    assert!(answer.body == body, "{} bytes came back", answer.body.len());
    // Who held the body, or what came back of it, would have grown by at least as much.
    let grown = peak(c.gateway.pid()) - before;
    assert!(
        grown < BYTES as u64 / 2,
        "{grown} bytes more were in memory"
    );
}

#[test]
fn the_answer_to_an_announced_body_that_is_too_large_comes_back() {
    let backend = Backend::start(|_| Answer::Reply(200, Vec::new(), Vec::new()));
    let c = custom(&backend, "ceilings: { body_bytes: 1000 }");
    let (_, key) = c.gateway.key("acct_1", &["a:b"]);
    let bearer = format!("Bearer {key}");
    let headers = [("Authorization", bearer.as_str())];
    let answer = http::request(c.portal, "PUT", "/api/v1/a", &headers, Some(&[b'x'; 2000]));
    assert_eq!(answer.status, 413);
    assert_eq!(answer.header("x-fuelgate-error"), Some("body_too_large"));
    assert!(backend.seen().is_empty());
}

#[test]
fn one_source_has_no_more_calls_under_way_than_its_share_and_others_still_have_theirs() {
    let (release, held) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (released, counted) = (Arc::clone(&release), Arc::clone(&held));
    let backend = Backend::start(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        while !released.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Answer::Reply(200, vec![], b"{}".to_vec())
    });
    let c = custom(&backend, "trusted_proxies: [127.0.0.0/8]");
    let (_, key) = c.gateway.key("acct_1", &["a:b"]);
    let bearer = format!("Bearer {key}");
    let bytes = |source: &str| {
        let headers = [
            ("Authorization", bearer.as_str()),
            ("X-Forwarded-For", source),
        ];
        http::encode("GET", "/api/v1/slow", &headers, None)
    };
    let send = |source: &str| {
        let mut connection = http::Connection::open(c.portal);
        connection.send(&bytes(source));
        connection
    };
    let under_way = |n| {
        eventually("they are at the backend", Duration::from_secs(20), || {
            (held.load(Ordering::SeqCst) == n).then_some(())
        });
    };
    let mut mine: Vec<_> = (0..API_SOURCE_CONNECTIONS)
        .map(|_| send("203.0.113.7"))
        .collect();
    under_way(API_SOURCE_CONNECTIONS);
    let refused = http::Connection::open(c.portal).exchange(&bytes("203.0.113.7"));
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert_eq!(refused.header("retry-after"), Some("1"));
    let mut other = send("203.0.113.8");
    under_way(API_SOURCE_CONNECTIONS + 1);
    release.store(true, Ordering::SeqCst);
    for connection in mine.iter_mut().chain([&mut other]) {
        assert_eq!(connection.receive().status, 200);
    }
    eventually("its places are free again", Duration::from_secs(10), || {
        let answer = http::Connection::open(c.portal).exchange(&bytes("203.0.113.7"));
        (answer.status == 200).then_some(())
    });
}
