//! What lies behind the gateway and cannot answer, or is closed for maintenance.

use std::time::Duration;

use super::{assert_problem, request_id};
use crate::support::backend::{Answer, Backend};
use crate::support::gateway::{Gateway, config};
use crate::support::programs::free_port;

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
    request_id(&r);
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
    let r = g.call("GET", "/open", &[], None);
    assert_eq!(r.status, 200);
    request_id(&r);
}
