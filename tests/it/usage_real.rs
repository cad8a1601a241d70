//! What requests through a running gateway leave in usage and in the access log: bytes, times and what counts; never how a store keeps it.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use fuelgate::base::clock::{Clock, Timestamp};
use serde_json::{Value, json};

use crate::limits::used;
use crate::support::backend::{Answer, Backend};
use crate::support::gateway::{Gateway, config, config_with_plan};
use crate::support::http::{Connection, Response, encode};
use crate::support::{eventually, is_since};

/// How long the backend takes for each answer.
const WAIT: Duration = Duration::from_millis(50);
/// Room between two clocks' readings and for the writing of a line; what is in the wrong unit lies far outside of it.
const SLACK_MS: f64 = 5_000.0;

/// Bytes of bodies: all different, so that no two can be mixed up.
const POSTED: usize = 1_234;
const CREATED: usize = 4_321;
const UPLOADED: usize = 3_000;
const CHUNKED: usize = 20_000;
const MISSING: usize = 77;

/// A body of JSON with exactly so many bytes.
fn json_of(bytes: usize) -> Vec<u8> {
    let body = format!("\"{}\"", "x".repeat(bytes - 2)).into_bytes();
    assert_eq!(body.len(), bytes);
    body
}

/// A CRM that waits before it answers, once without telling the length before.
fn slow_crm() -> Backend {
    Backend::start(|seen| {
        std::thread::sleep(WAIT);
        let kind = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        match (seen.method.as_str(), seen.target.as_str()) {
            ("POST", _) => Answer::Reply(201, kind, json_of(CREATED)),
            ("PUT", _) => {
                let mut raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
                raw.extend_from_slice(&chunks(CHUNKED, 1_000));
                Answer::Raw(raw)
            }
            _ => Answer::Reply(404, kind, json_of(MISSING)),
        }
    })
}

/// A chunked body of so many bytes in chunks of that size.
fn chunks(bytes: usize, size: usize) -> Vec<u8> {
    assert_eq!(bytes % size, 0);
    let mut out = Vec::new();
    for _ in 0..bytes / size {
        out.extend_from_slice(format!("{size:x}\r\n").as_bytes());
        out.extend(std::iter::repeat_n(b'x', size));
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

/// The header of a request with a chunked body.
fn chunked_header(method: &str, target: &str, key: &str) -> Vec<u8> {
    let fields = [
        ("Authorization", &*format!("Bearer {key}")),
        ("Content-Type", "application/json"),
        ("Transfer-Encoding", "chunked"),
    ];
    encode(method, target, &fields, None)
}

/// Sums over the points of the hours since `from`: one may end while a test runs.
fn totals(g: &Gateway, query: &str, from: Timestamp) -> Value {
    let from = from.hour_start();
    let to = from.plus(Duration::from_secs(2 * 3600));
    let path = format!("/admin/v1/usage?{query}&granularity=hour&from={from}&to={to}");
    let answer = g.admin("GET", &path, None);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let points = answer["data"].as_array().unwrap();
    assert_eq!(points.len(), 2, "a point for each hour of the range");
    let sum = |of: &dyn Fn(&Value) -> u64| points.iter().map(of).sum::<u64>();
    let number = |name: &'static str| sum(&|p| p[name].as_u64().unwrap());
    let class = |name: &'static str| sum(&|p| p["by_status"][name].as_u64().unwrap_or(0));
    json!({
        "requests": number("requests"), "rejected": number("rejected"),
        "2xx": class("2xx"), "4xx": class("4xx"), "5xx": class("5xx"),
        "bytes_in": number("bytes_in"), "bytes_out": number("bytes_out"), "upstream_ms": number("upstream_ms"),
    })
}

/// The same once so many requests were flushed, sent upstream and refused ones together.
fn flushed(g: &Gateway, query: &str, from: Timestamp, requests: u64) -> Value {
    eventually("usage is flushed", Duration::from_secs(10), || {
        let all = totals(g, query, from);
        let seen = all["requests"].as_u64().unwrap() + all["rejected"].as_u64().unwrap();
        (seen >= requests).then_some(all)
    })
}

/// The four requests that the tests below ask about: each answer, and how long it took to come.
fn exchanges(g: &Gateway, key: &str) -> Vec<(Response, f64)> {
    let timed = |call: &dyn Fn() -> Response| {
        let begun = Instant::now();
        let answer = call();
        (answer, begun.elapsed().as_secs_f64() * 1000.0)
    };
    let post = |target: &str, body: &[u8]| {
        let bearer = format!("Bearer {key}");
        let fields = [
            ("Authorization", &*bearer),
            ("Content-Type", "application/json"),
        ];
        g.call("POST", target, &fields, Some(body))
    };
    let upload = || {
        let mut bytes = chunked_header("PUT", "/v1/contacts/7", key);
        bytes.extend_from_slice(&chunks(UPLOADED, 500));
        Connection::open(g.address()).exchange(&bytes)
    };
    let all = vec![
        timed(&|| post("/v1/contacts", &json_of(POSTED))),
        timed(&upload),
        timed(&|| g.get("/v1/contacts/none", key)),
        timed(&|| g.get("/v1/deals", key)),
    ];
    let seen: Vec<_> = all.iter().map(|(r, _)| (r.status, r.body.len())).collect();
    assert_eq!(seen[..3], [(201, CREATED), (200, CHUNKED), (404, MISSING)]);
    assert_eq!(seen[3].0, 403, "{}", all[3].0.text());
    all
}

#[test]
fn bytes_and_upstream_times_of_requests_are_in_the_series_and_not_those_of_refused_ones() {
    let backend = slow_crm();
    let g = Gateway::start(&config(backend.address, ""));
    let (id, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    let (other, _) = g.key("acct_1", &["contacts:read"]);
    let begun = Clock::system().now();
    let all = exchanges(&g, &key);
    let took: f64 = all[..3].iter().map(|(_, ms)| ms).sum();

    let account = flushed(&g, "account_id=acct_1", begun, 4);
    let upstream = account["upstream_ms"].as_u64().unwrap();
    let wanted = json!({
        "requests": 3, "rejected": 1, "2xx": 2, "4xx": 1, "5xx": 0,
        "bytes_in": POSTED + UPLOADED, "bytes_out": CREATED + CHUNKED + MISSING, "upstream_ms": upstream,
    });
    assert_eq!(account, wanted);
    let waited = 3 * u64::try_from(WAIT.as_millis()).unwrap();
    assert!(upstream >= waited, "{upstream} ms of {waited}");
    assert!(
        upstream as f64 <= took,
        "{upstream} ms in {took} ms: an upstream is waited for while its request is under way"
    );
    // The same by key, and nothing of it under the account's other key or another account.
    let by_key = totals(&g, &format!("account_id=acct_1&key_id={id}"), begun);
    assert_eq!(by_key, wanted);
    for query in [
        format!("account_id=acct_1&key_id={other}"),
        "account_id=acct_2".to_owned(),
    ] {
        let none = totals(&g, &query, begun);
        assert_eq!(none["requests"], 0, "{query}: {none}");
        assert_eq!(none["bytes_out"], 0, "{query}: {none}");
    }
    assert_eq!(used(&g, "acct_1"), (3, 3));

    let rows = g.admin(
        "GET",
        "/admin/v1/usage/endpoints?account_id=acct_1&limit=10",
        None,
    );
    let mut rows = rows.json()["data"].as_array().unwrap().clone();
    rows.sort_by_key(|r| r["method"].to_string());
    assert_eq!(
        json!(rows),
        json!([
            {"method": "GET", "route": "/v1/contacts/{id}", "requests": 1, "errors": 1},
            {"method": "POST", "route": "/v1/contacts", "requests": 1, "errors": 0},
            {"method": "PUT", "route": "/v1/contacts/{id}", "requests": 1, "errors": 0},
        ]),
        "what was refused called no endpoint"
    );
    let callers = g.admin(
        "GET",
        "/admin/v1/usage/callers?route=/v1/contacts/%7Bid%7D",
        None,
    );
    let callers = callers.json()["data"].take();
    let last = callers[0]["last_at"].clone();
    assert_eq!(
        callers,
        json!([{"account_id": "acct_1", "key_id": id, "requests": 2, "last_at": last}])
    );
    assert!(is_since(begun, &last), "{last}");
}

#[test]
fn a_line_of_the_access_log_tells_bytes_and_times_of_its_request() {
    let backend = slow_crm();
    let text = config(backend.address, "").replace(
        "log: { access: null }",
        "log: { access: $DIR/access.log, client_address: full }",
    );
    let mut g = Gateway::start(&text);
    let (id, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    let begun = Clock::system().now();
    let all = exchanges(&g, &key);
    // A clean stop writes what is left.
    assert_eq!(g.stop(), Some(0));
    let text = std::fs::read_to_string(g.folder.path().join("access.log")).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), 4, "{text}");
    let wanted = [
        ("POST", "/v1/contacts", POSTED, CREATED, None),
        ("PUT", "/v1/contacts/{id}", UPLOADED, CHUNKED, None),
        ("GET", "/v1/contacts/{id}", 0, MISSING, None),
        (
            "GET",
            "/v1/deals",
            0,
            all[3].0.body.len(),
            Some("insufficient_scope"),
        ),
    ];
    for ((answer, took_ms), (method, route, bytes_in, bytes_out, code)) in all.iter().zip(wanted) {
        let id_of = answer.header("x-request-id").unwrap();
        let line = lines.iter().find(|l| l["request_id"] == id_of).unwrap();
        let said = ["method", "route", "status", "bytes_in", "bytes_out", "code"].map(|n| &line[n]);
        let wanted = json!([method, route, answer.status, bytes_in, bytes_out, code]);
        assert_eq!(json!(said), wanted, "{line}");
        assert_eq!(
            (&line["account_id"], &line["key_id"]),
            (&json!("acct_1"), &json!(id))
        );
        assert_eq!(line["client_address"], "127.0.0.1");
        assert_eq!(line["protocol"], "HTTP/1.1");
        assert!(is_since(begun, &line["time"]), "{line}");
        let total = line["total_ms"].as_f64().unwrap();
        assert!(
            total > 0.0 && total <= took_ms + SLACK_MS,
            "{took_ms} ms: {line}"
        );
        if code.is_some() {
            assert_eq!(line["upstream_ms"], Value::Null, "it never left: {line}");
            continue;
        }
        let upstream = line["upstream_ms"].as_f64().unwrap();
        assert!(upstream >= WAIT.as_secs_f64() * 1000.0, "{line}");
        assert!(
            upstream <= total && upstream <= *took_ms,
            "{took_ms} ms: {line}"
        );
    }
}

/// An upstream that reads and never answers, and what says when it has read a header with `expected` bytes behind it.
fn silent_upstream(expected: usize) -> (SocketAddr, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (reached, is_reached) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut read, mut part) = (Vec::new(), [0; 4096]);
        let mut told = false;
        // To its end, so that the connection is not what breaks.
        while let Ok(n @ 1..) = stream.read(&mut part) {
            read.extend_from_slice(&part[..n]);
            let header = read.windows(4).position(|w| w == b"\r\n\r\n");
            let body = header.map_or(0, |at| read.len() - at - 4);
            if body >= expected && !told {
                told = true;
                let _ = reached.send(());
            }
        }
    });
    (address, is_reached)
}

#[test]
fn a_body_found_too_large_on_its_way_has_counted_and_one_that_says_so_before_has_not() {
    let (upstream, is_reached) = silent_upstream(600);
    let plan = "rate: { requests: 1, per_seconds: 86400, burst: 10 }, quotas: { hour: 100, month: 1000 }, max_keys: 10";
    let g = Gateway::start(&config_with_plan(
        upstream,
        plan,
        "  - { path: /v1/files, methods: [POST], scopes: [contacts:write], upstream: crm, cost: 3 }\n\
         ceilings: { body_bytes: 1000 }",
    ));
    let (id, key) = g.key("acct_1", &["contacts:write"]);
    let begun = Clock::system().now();
    let left = |r: &Response| {
        let field = r.header("ratelimit").unwrap();
        let (left, _) = field
            .strip_prefix("\"burst\";r=")
            .and_then(|rest| rest.split_once(';'))
            .unwrap_or_else(|| panic!("{field}"));
        left.parse::<u64>().unwrap()
    };
    let too_large = |r: &Response| {
        assert_eq!(r.status, 413, "{}", r.text());
        assert_eq!(r.header("x-fuelgate-error"), Some("body_too_large"));
    };

    let mut c = Connection::open(g.address());
    let mut first = chunked_header("POST", "/v1/files", &key);
    first.extend_from_slice(b"258\r\n");
    first.extend_from_slice(&[b'x'; 600]);
    first.extend_from_slice(b"\r\n");
    c.send(&first);
    is_reached
        .recv_timeout(Duration::from_secs(20))
        .expect("the upstream has the beginning");
    // In one piece, since the connection may be closed once a part of it was read.
    let mut rest = b"258\r\n".to_vec();
    rest.extend_from_slice(&[b'x'; 600]);
    rest.extend_from_slice(b"\r\n0\r\n\r\n");
    let after = c.exchange(&rest);
    too_large(&after);
    assert_eq!(left(&after), 7, "it has cost what its route costs");
    assert_eq!(used(&g, "acct_1"), (1, 1), "and counted as one");

    let bearer = format!("Bearer {key}");
    let fields = [("Authorization", &*bearer)];
    let before = g.call("POST", "/v1/files", &fields, Some(&[b'x'; 1001]));
    too_large(&before);
    assert_eq!(left(&before), 7, "it never left and took nothing");
    assert_eq!(used(&g, "acct_1"), (1, 1));

    let all = flushed(&g, "account_id=acct_1", begun, 2);
    let of = ["requests", "rejected", "4xx"].map(|n| &all[n]);
    assert_eq!(json!(of), json!([1, 1, 1]), "{all}");
    let series = format!("fuelgate_usage_requests_total{{account=\"acct_1\",key=\"{id}\"}}");
    assert_eq!(g.metric(&series), 1.0);
}
