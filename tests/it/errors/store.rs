//! A store that cannot be used: a fault of ours that says so, and never that a key is no good.

use serde_json::json;

use super::{assert_problem, request_id};
use crate::support::backend::Backend;
use crate::support::eventually;
use crate::support::gateway::{Gateway, config};
use crate::support::http::{Connection, encode};
use crate::support::programs::free_port;

#[test]
fn a_store_that_is_away_is_told_as_a_fault_of_ours_with_a_time_to_come_back() {
    let backend = Backend::ok();
    let redis = format!(
        "store: {{ engine: redis, nodes: [\"redis://127.0.0.1:{}\"], deadline_ms: 200 }}",
        free_port()
    );
    let embedded = "store: { engine: embedded, path: $DIR/fuelgate.db }";
    let g = Gateway::launch(&config(backend.address, "").replace(embedded, &redis));
    // Nobody can know whether this is a key, on one connection that stays open.
    let key = "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17";
    let bearer = format!("Bearer {key}");
    let bytes = encode("GET", "/v1/contacts", &[("Authorization", &bearer)], None);
    let mut c = Connection::open(g.address());
    for _ in 0..2 {
        let r = c.exchange(&bytes);
        assert_problem(&r, 503, "store_unavailable");
        assert_eq!(r.header("retry-after"), Some("1"));
        assert_eq!(r.header("www-authenticate"), None);
        assert_eq!(r.header("cache-control"), Some("no-store"));
        let fields = [r.header("ratelimit"), r.header("ratelimit-policy")];
        assert_eq!(fields, [None; 2], "no limits are known");
        assert_ne!(r.header("connection"), Some("close"));
        let problem = r.json();
        assert_eq!(
            problem,
            json!({
                "type": "https://portal.example/docs/errors/store_unavailable",
                "title": problem["title"], "status": 503, "detail": problem["detail"],
                "code": "store_unavailable", "request_id": request_id(&r),
            })
        );
        let shown = r.text();
        assert!(problem["detail"].as_str().unwrap().contains("Retry-After"));
        for inner in ["redis", "127.0.0.1", "lf_live", "refused"] {
            assert!(!shown.contains(inner), "{inner}: {shown}");
        }
    }
    // What can be known without a store is told as ever.
    let mistyped = "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18";
    assert_problem(&g.get("/v1/contacts", mistyped), 401, "invalid_key");
    let missing = g.call("GET", "/v1/contacts", &[], None);
    assert_problem(&missing, 401, "missing_credentials");
    let open = g.call("GET", "/open", &[], None);
    assert_eq!(open.status, 200, "{}", open.text());
    assert_eq!(backend.count(), 1);
}

#[test]
fn a_write_whose_event_cannot_be_recorded_is_told_in_the_same_way() {
    let backend = Backend::ok();
    let rules = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
";
    let g = Gateway::start(&config(backend.address, rules));
    let (_, key) = g.key("acct_1", &["contacts:write"]);
    // No file may grow: to the process its disk is full.
    let pid = g.pid().to_string();
    let full = crate::support::programs::run("prlimit", &["--pid", &pid, "--fsize=4096:unlimited"]);
    assert!(full.status.success(), "{full:?}");
    let r = eventually("it is refused", std::time::Duration::from_secs(20), || {
        Some(g.post("/v1/contacts", &key, &json!({}))).filter(|r| r.status == 503)
    });
    assert_problem(&r, 503, "store_unavailable");
    assert_eq!(r.header("retry-after"), Some("1"));
    assert!(r.header("ratelimit").is_some(), "its key is known");
}
