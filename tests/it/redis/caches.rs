//! What one node changes, another one knows within a second.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{BOTH, FREE, crm, node};
use crate::support::eventually;
use crate::support::gateway::Gateway;
use crate::support::redis::{Cluster, Server};

const SOON: Duration = Duration::from_secs(1);

fn pair(store: &str) {
    let crm = crm();
    let text = node(crm.address, FREE, store, "");
    let (a, b) = (Gateway::start(&text), Gateway::start(&text));
    let becomes = |what: &str, key: &str, status: u16| {
        let began = Instant::now();
        eventually(what, SOON, || {
            (b.get("/v1/contacts", key).status == status).then_some(())
        });
        println!("{what}: {:?}", began.elapsed());
    };
    let (id, key) = a.key("acct_1", &BOTH);
    becomes("a new key works elsewhere", &key, 200);
    a.admin("DELETE", &format!("/admin/v1/keys/{id}"), None);
    becomes("a revoked key is refused elsewhere", &key, 401);
    // A secret that was refused a moment ago is a key now.
    let (id, key) = a.key("acct_1", &BOTH);
    becomes("another new key works elsewhere", &key, 200);
    let rotated = a
        .admin(
            "POST",
            &format!("/admin/v1/keys/{id}/rotate"),
            Some(&json!({"grace_seconds": 0})),
        )
        .json();
    becomes("a rotated secret is refused elsewhere", &key, 401);
    let key = rotated["secret"].as_str().unwrap();
    becomes("the new secret works elsewhere", key, 200);
    let put = |suspended: bool| {
        let body = json!({"plan": "standard", "suspended": suspended});
        a.admin("PUT", "/admin/v1/accounts/acct_1", Some(&body))
    };
    assert_eq!(put(true).status, 200);
    becomes("a suspension holds elsewhere", key, 403);
    assert_eq!(put(false).status, 200);
    becomes("its end holds elsewhere", key, 200);
    let one = json!({"overrides": {"rate": {"requests": 1, "per_seconds": 86400, "burst": 1}}});
    let put = a.admin("PUT", "/admin/v1/accounts/acct_1", Some(&one));
    assert_eq!(put.status, 200, "{}", put.text());
    becomes("an override holds elsewhere", key, 429);
    a.admin("DELETE", "/admin/v1/accounts/acct_1", None);
    becomes("an erased account's key is refused elsewhere", key, 401);
}

#[test]
fn a_change_is_known_on_another_node_within_a_second() {
    let server = Server::start(&[]);
    pair(&server.store(", deadline_ms: 500"));
}

#[test]
fn a_change_is_known_on_another_node_of_a_cluster_within_a_second() {
    let cluster = Cluster::start("15000", &[]);
    pair(&cluster.store(", deadline_ms: 500"));
}

#[test]
fn what_was_not_heard_is_known_once_the_node_hears_again() {
    let (server, crm) = (Server::start(&[]), crm());
    let text = node(crm.address, FREE, &server.store(", deadline_ms: 500"), "");
    let (a, b) = (Gateway::start(&text), Gateway::start(&text));
    for _ in 0..5 {
        let (id, key) = a.key("acct_1", &BOTH);
        eventually("the key works", SOON, || {
            (b.get("/v1/contacts", &key).status == 200).then_some(())
        });
        // What is published before both listen again is heard by nobody.
        let _: u64 = server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        let gone = a.admin("DELETE", &format!("/admin/v1/keys/{id}"), None);
        assert_eq!(gone.status, 204);
        // Long before it would be read again for its age.
        eventually("the key is refused", Duration::from_secs(5), || {
            (b.get("/v1/contacts", &key).status == 401).then_some(())
        });
    }
}
