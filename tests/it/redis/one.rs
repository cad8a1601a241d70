//! One node on Redis: everything that it does on the embedded store, and all of it is there after a restart.

use std::time::Duration;

use serde_json::json;

use super::{BOTH, crm, node, receiver, subscribe, used};
use crate::support::eventually;
use crate::support::gateway::Gateway;
use crate::support::http;
use crate::support::programs::promtool;
use crate::support::redis::{Cluster, Server};

#[test]
fn keys_limits_usage_events_and_the_admin_api_work_and_outlive_the_process() {
    let server = Server::start(&[]);
    serves(&server.store(", deadline_ms: 500"), &[&server]);
}

#[test]
fn the_same_on_a_cluster() {
    let cluster = Cluster::start("15000", &[]);
    let masters: Vec<_> = cluster.servers[..3].iter().collect();
    serves(&cluster.store(", deadline_ms: 500"), &masters);
}

fn serves(store: &str, servers: &[&Server]) {
    let (crm, (receiver, delivered)) = (crm(), receiver());
    let plan = "rate: { requests: 1, per_seconds: 86400, burst: 10 }, quotas: { hour: 1000, month: 2000 }, max_keys: 2";
    let mut g = Gateway::start(&node(crm.address, plan, store, ""));
    let (id, key) = g.key("acct_1", &BOTH);
    let (_, reader) = g.key("acct_1", &["contacts:read"]);
    let refused = g.admin(
        "POST",
        "/admin/v1/keys",
        Some(&json!({"account_id": "acct_1", "name": "x", "scopes": ["contacts:read"], "expires_in_days": null})),
    );
    assert_eq!(refused.status, 409, "the plan allows two keys");
    subscribe(&g, "acct_1", &receiver);
    assert_eq!(g.get("/v1/contacts", &key).status, 200);
    assert_eq!(g.post("/v1/contacts", &key, &json!({})).status, 201);
    assert_eq!(g.post("/v1/contacts", &reader, &json!({})).status, 403);
    let unknown = "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17";
    assert_eq!(g.get("/v1/contacts", unknown).status, 401);
    eventually("the delivery", Duration::from_secs(20), || {
        (*delivered.lock().unwrap() == ["c0"]).then_some(())
    });
    for _ in 2..10 {
        assert_eq!(g.get("/v1/contacts", &key).status, 200);
    }
    let refused = g.get("/v1/contacts", &key);
    assert_eq!(
        (refused.status, refused.header("retry-after").is_some()),
        (429, true)
    );
    eventually("usage", Duration::from_secs(10), || {
        (used(&g, "acct_1") == 10).then_some(())
    });

    promtool(&http::request(g.listener("admin"), "GET", "/metrics", &[], None).text());
    assert_eq!(g.stop(), Some(0), "{}", g.stderr());
    g.start_again();
    assert_eq!(
        g.get("/v1/contacts", &key).status,
        429,
        "its bucket is as it was"
    );
    assert_eq!(g.get("/v1/contacts", &reader).status, 200);
    assert_eq!(
        g.admin("GET", &format!("/admin/v1/keys/{id}"), None).status,
        200
    );
    let events = g
        .admin("GET", "/admin/v1/events?account_id=acct_1", None)
        .json();
    assert_eq!(events["data"][0]["status"], "released", "{events}");
    let summary = "/admin/v1/usage/summary?account_id=acct_1";
    eventually(
        "the quota is used as before",
        Duration::from_secs(10),
        || {
            let summary = g.admin("GET", summary, None).json();
            (summary["hour"]["used"] == 11).then_some(())
        },
    );
    let gone = g.admin("DELETE", "/admin/v1/accounts/acct_1", None);
    assert!([202, 204].contains(&gone.status), "{}", gone.text());
    assert_eq!(g.get("/v1/contacts", &reader).status, 401);
    eventually("the account is erased", Duration::from_secs(20), || {
        (g.admin("GET", "/admin/v1/accounts/acct_1", None).status == 404).then_some(())
    });
    assert_eq!(g.stop(), Some(0), "{}", g.stderr());
    // What was in hand when the erasure began is not reported afterwards.
    for server in servers {
        let left: Vec<String> = server.ask(&["KEYS", "*:lease:*"]);
        assert_eq!(left, [""; 0]);
    }
}
