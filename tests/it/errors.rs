//! Every row of the error table that can occur, asserted on the wire: status, fields and body.

use std::time::Duration;

use serde_json::json;

use crate::support::backend::{Answer, Backend};
use crate::support::gateway::{Gateway, config, config_with_plan};
use crate::support::http::{Connection, Response, encode};
use crate::support::programs::free_port;

/// What every error of the gateway's own has in common.
fn assert_problem(r: &Response, status: u16, code: &str) {
    assert_eq!(r.status, status, "{}", r.text());
    assert_eq!(r.header("x-fuelgate-error"), Some(code));
    assert_eq!(r.header("content-type"), Some("application/problem+json"));
    let body = r.json();
    assert_eq!(body["code"], code);
    assert_eq!(body["status"], status);
    assert_eq!(body["request_id"].as_str(), r.header("x-request-id"));
    assert!(body["title"].is_string() && body["detail"].is_string());
    if status == 429 {
        assert_eq!(
            body["type"],
            "https://iana.org/assignments/http-problem-types#quota-exceeded"
        );
    } else {
        assert_eq!(
            body["type"],
            format!("https://portal.example/docs/errors/{code}")
        );
    }
}

#[test]
fn missing_credentials_get_a_challenge_without_an_error() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    for headers in [
        &[][..],
        &[("Authorization", "")][..],
        &[("Authorization", "Basic dXNlcjpwYXNz")][..],
    ] {
        let r = g.call("GET", "/v1/contacts", headers, None);
        assert_problem(&r, 401, "missing_credentials");
        assert_eq!(r.header("www-authenticate"), Some("Bearer realm=\"crm\""));
    }
    assert_eq!(backend.count(), 0);
}

#[test]
fn malformed_credentials_are_an_invalid_request() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let bearer = format!("Bearer {key}");
    let two = format!("Bearer {key}, Bearer {key}");
    for headers in [
        &[("Authorization", "Bearer")][..],
        &[("Authorization", "Bearer\tabc")][..],
        &[("Authorization", "Bearer a\"b")][..],
        &[("Authorization", &*bearer), ("Authorization", &*bearer)][..],
        &[("Authorization", &*two)][..],
    ] {
        let r = g.call("GET", "/v1/contacts", headers, None);
        assert_problem(&r, 400, "malformed_credentials");
        assert!(
            r.header("www-authenticate")
                .unwrap()
                .starts_with("Bearer realm=\"crm\", error=\"invalid_request\"")
        );
    }
    let target = format!("/v1/contacts?access_token={key}");
    let r = g.get(&target, &key);
    assert_problem(&r, 400, "malformed_credentials");
    assert_eq!(backend.count(), 0);
}

#[test]
fn keys_that_are_unknown_expired_or_revoked_say_which() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let challenge = |r: &Response| r.header("www-authenticate").unwrap().to_owned();

    let r = g.get(
        "/v1/contacts",
        "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17",
    );
    assert_problem(&r, 401, "invalid_key");
    assert!(
        challenge(&r)
            .starts_with("Bearer realm=\"crm\", error=\"invalid_token\", error_description=\"")
    );
    // A wrong checksum is the same to the client.
    let r = g.get(
        "/v1/contacts",
        "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18",
    );
    assert_problem(&r, 401, "invalid_key");

    let (id, key) = g.key("acct_1", &["contacts:read"]);
    assert_eq!(g.get("/v1/contacts", &key).status, 200);
    let off = g.admin(
        "PATCH",
        &format!("/admin/v1/keys/{id}"),
        Some(&json!({"status": "disabled"})),
    );
    assert_eq!(off.status, 200, "{}", off.text());
    assert_problem(&g.get("/v1/contacts", &key), 401, "revoked_key");
    let on = g.admin(
        "PATCH",
        &format!("/admin/v1/keys/{id}"),
        Some(&json!({"status": "active"})),
    );
    assert_eq!(on.status, 200, "{}", on.text());
    assert_eq!(g.get("/v1/contacts", &key).status, 200);
    assert_eq!(
        g.admin("DELETE", &format!("/admin/v1/keys/{id}"), None)
            .status,
        204
    );
    let r = g.get("/v1/contacts", &key);
    assert_problem(&r, 401, "revoked_key");
    assert!(challenge(&r).contains("error=\"invalid_token\""));

    let soon = fuelgate::base::clock::Clock::system()
        .now()
        .plus(Duration::from_millis(1500));
    let made = g.admin(
        "POST",
        "/admin/v1/keys",
        Some(&json!({"account_id": "acct_1", "name": "short", "scopes": ["contacts:read"], "expires_at": soon})),
    );
    assert_eq!(made.status, 201, "{}", made.text());
    let key = made.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(g.get("/v1/contacts", &key).status, 200);
    let r = crate::support::eventually("the key expires", Duration::from_secs(5), || {
        Some(g.get("/v1/contacts", &key)).filter(|r| r.status != 200)
    });
    assert_problem(&r, 401, "expired_key");
    assert!(challenge(&r).contains("error=\"invalid_token\""));
}

#[test]
fn a_missing_scope_is_named() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let (_, key) = g.key("acct_1", &["contacts:write"]);
    let r = g.get("/v1/contacts", &key);
    assert_problem(&r, 403, "insufficient_scope");
    let challenge = r.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer realm=\"crm\", error=\"insufficient_scope\""));
    assert!(challenge.contains("scope=\"contacts:read\""), "{challenge}");

    let (_, key) = g.key("acct_1", &["deals:read"]);
    let r = g.call(
        "DELETE",
        "/v1/contacts/1",
        &[("Authorization", &format!("Bearer {key}"))],
        None,
    );
    let challenge = r.header("www-authenticate").unwrap();
    assert!(
        challenge.contains("scope=\"contacts:read contacts:write\""),
        "{challenge}"
    );
    assert_eq!(backend.count(), 0);
}

#[test]
fn addresses_and_suspended_accounts_are_forbidden() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let made = g.admin(
        "POST",
        "/admin/v1/keys",
        Some(&json!({"account_id": "acct_1", "name": "n", "scopes": ["contacts:read"], "expires_in_days": 30,
                     "allowed_ips": ["192.0.2.0/24"]})),
    );
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let key = made["secret"].as_str().unwrap();
    assert_problem(&g.get("/v1/contacts", key), 403, "address_not_allowed");
    let id = made["id"].as_str().unwrap();
    let changed = g.admin(
        "PATCH",
        &format!("/admin/v1/keys/{id}"),
        Some(&json!({"allowed_ips": ["127.0.0.0/8"]})),
    );
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(g.get("/v1/contacts", key).status, 200);

    let put = g.admin(
        "PUT",
        "/admin/v1/accounts/acct_1",
        Some(&json!({"plan": "standard", "suspended": true})),
    );
    assert_eq!(put.status, 200, "{}", put.text());
    assert_problem(&g.get("/v1/contacts", key), 403, "account_suspended");
    let put = g.admin(
        "PUT",
        "/admin/v1/accounts/acct_1",
        Some(&json!({"plan": "standard", "suspended": false})),
    );
    assert_eq!(put.status, 200);
    assert_eq!(g.get("/v1/contacts", key).status, 200);
}

#[test]
fn limits_say_which_policy_and_when_to_come_back() {
    let backend = Backend::ok();
    let plan = "rate: { requests: 1, per_seconds: 60, burst: 2 }, quotas: { hour: 100, month: 1000 }, max_keys: 10";
    let g = Gateway::start(&config_with_plan(backend.address, plan, ""));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let first = g.get("/v1/contacts", &key);
    assert_eq!(first.status, 200);
    assert_eq!(first.header("ratelimit"), Some("\"burst\";r=1;t=60"));
    let policy = first.header("ratelimit-policy").unwrap().to_owned();
    assert!(
        policy.starts_with("\"burst\";q=2;w=120, \"hour\";q=100;w=3600, \"month\";q=1000;w="),
        "{policy}"
    );
    assert_eq!(g.get("/v1/contacts", &key).status, 200);
    let r = g.get("/v1/contacts", &key);
    assert_problem(&r, 429, "rate_limited");
    assert_eq!(r.json()["violated-policies"], json!(["burst"]));
    let retry: u64 = r.header("retry-after").unwrap().parse().unwrap();
    assert!((55..=60).contains(&retry), "{retry}");
    assert!(
        r.header("ratelimit")
            .unwrap()
            .starts_with("\"burst\";r=0;t=")
    );
    assert_eq!(r.header("ratelimit-policy"), Some(&*policy));
    assert_eq!(backend.count(), 2);
}

#[test]
fn a_used_up_quota_is_told_from_a_rate() {
    let backend = Backend::ok();
    let plan = "rate: { requests: 100, per_seconds: 1, burst: 100 }, quotas: { hour: 3, month: 1000 }, max_keys: 10";
    let g = Gateway::start(&config_with_plan(backend.address, plan, ""));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    for _ in 0..3 {
        assert_eq!(g.get("/v1/contacts", &key).status, 200);
    }
    let r = g.get("/v1/contacts", &key);
    assert_problem(&r, 429, "quota_exceeded");
    assert_eq!(r.json()["violated-policies"], json!(["hour"]));
    let retry: u64 = r.header("retry-after").unwrap().parse().unwrap();
    assert!(retry <= 3600);
    let summary = g
        .admin("GET", "/admin/v1/usage/summary?account_id=acct_1", None)
        .json();
    assert_eq!(summary["hour"]["used"], 3);
    assert_eq!(summary["hour"]["limit"], 3);
    assert_eq!(summary["month"]["used"], 3);
}

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
fn an_upstream_that_cannot_answer_is_told_apart_from_one_that_is_slow() {
    let dead = free_port();
    let backend = Backend::start(|seen| match seen.target.as_str() {
        "/slow" => Answer::Hang(Duration::from_secs(3)),
        "/reset" => Answer::Raw(Vec::new()),
        "/garbage" => Answer::Raw(b"this is not HTTP at all\r\n\r\n".to_vec()),
        _ => Answer::Reply(
            503,
            vec![("X-Fuelgate-Error".into(), "forged".into())],
            b"mine".to_vec(),
        ),
    });
    let g = Gateway::start(&config(
        backend.address,
        "  - { path: /slow, methods: [GET], auth: none, upstream: slow }\n  \
         - { path: /reset, methods: [GET], auth: none, upstream: slow }\n  \
         - { path: /garbage, methods: [GET], auth: none, upstream: slow }\n  \
         - { path: /dead, methods: [GET], auth: none, upstream: dead }\n  \
         - { path: /sick, methods: [GET], auth: none, upstream: sick }\n"
    ).replace("upstreams:\n", &format!(
        "upstreams:\n  slow: {{ targets: [ {{ address: \"{a}\", weight: 1 }} ], read_timeout_ms: 500 }}\n  \
         dead: {{ targets: [ {{ address: \"127.0.0.1:{dead}\", weight: 1 }} ] }}\n  \
         sick: {{ targets: [ {{ address: \"127.0.0.1:{dead}\", weight: 1 }} ], health_check: {{ path: /healthz, interval_seconds: 1 }} }}\n",
        a = backend.address)));
    assert_problem(
        &g.call("GET", "/dead", &[], None),
        502,
        "upstream_unreachable",
    );
    assert_problem(
        &g.call("GET", "/reset", &[], None),
        502,
        "upstream_unreachable",
    );
    assert_problem(
        &g.call("GET", "/garbage", &[], None),
        502,
        "upstream_unreachable",
    );
    assert_problem(&g.call("GET", "/slow", &[], None), 504, "upstream_timeout");
    crate::support::eventually("the check fails", Duration::from_secs(10), || {
        let r = g.call("GET", "/sick", &[], None);
        (r.status == 503).then(|| assert_problem(&r, 503, "no_healthy_upstream"))
    });
    // An upstream's own error passes unchanged, and cannot pretend to be ours.
    let r = g.call("GET", "/open", &[], None);
    assert_eq!((r.status, r.text().as_str()), (503, "mine"));
    assert_eq!(r.header("x-fuelgate-error"), None);
    assert!(r.header("x-request-id").is_some());
}

#[test]
fn maintenance_answers_with_a_time_to_come_back() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(
        backend.address,
        "maintenance: { enabled: true, writes_only: true, retry_after_seconds: 120 }",
    ));
    let r = g.call("POST", "/open", &[], Some(b"x"));
    assert_problem(&r, 503, "maintenance");
    assert_eq!(r.header("retry-after"), Some("120"));
    assert_eq!(g.call("GET", "/open", &[], None).status, 200);
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
    for (bytes, status) in requests {
        let r = c.exchange(&bytes);
        assert_eq!(r.status, status, "{}", r.text());
        assert_ne!(r.header("connection"), Some("close"), "{status}");
    }
}
