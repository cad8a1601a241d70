//! Nodes that end: killed in the middle of a delivery, or stopped while Redis is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;

use super::{BOTH, FREE, crm, node, receiver, subscribe, used};
use crate::support::backend::{Answer, Backend};
use crate::support::eventually;
use crate::support::gateway::Gateway;
use crate::support::redis::Server;

#[test]
fn a_node_killed_in_the_middle_of_a_delivery_is_taken_over() {
    let (server, crm) = (Server::start(&[]), crm());
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    // The first attempt hangs for as long as the node lives.
    let receiver = Backend::start(move |_| match counted.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::Hang(Duration::from_secs(30)),
        _ => Answer::Reply(204, vec![], vec![]),
    });
    let text = node(crm.address, FREE, &server.store(", deadline_ms: 500"), "");
    let text = text.replace("timeout_ms: 1000", "timeout_ms: 5000");
    let mut first = Gateway::start(&text);
    let (_, key) = first.key("acct_1", &BOTH);
    subscribe(&first, "acct_1", &receiver);
    assert_eq!(first.post("/v1/contacts", &key, &json!({})).status, 201);
    eventually("the first attempt", Duration::from_secs(10), || {
        (calls.load(Ordering::SeqCst) == 1).then_some(())
    });
    first.kill();
    let second = Gateway::start(&text);
    // A claim outlives the attempt's time by twenty seconds.
    eventually("another node makes it", Duration::from_secs(40), || {
        (calls.load(Ordering::SeqCst) == 2).then_some(())
    });
    eventually("it is noted", Duration::from_secs(10), || {
        let stats = second.metric("fuelgate_webhook_deliveries_total{outcome=\"success\"}");
        (stats == 1.0).then_some(())
    });
}

#[test]
fn a_stop_without_redis_names_the_spool_and_the_next_start_sends_it() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (crm, (receiver, delivered)) = (crm(), receiver());
    let text = node(crm.address, FREE, &server.store(", deadline_ms: 100"), "");
    let mut g = Gateway::start(&text);
    let (_, key) = g.key("acct_1", &BOTH);
    subscribe(&g, "acct_1", &receiver);
    assert_eq!(g.get("/v1/contacts", &key).status, 200);
    server.kill();
    let mut made = 0;
    for _ in 0..20 {
        match g.post("/v1/contacts", &key, &json!({})).status {
            201 => made += 1,
            429 => {}
            other => panic!("{other}"),
        }
    }
    assert!(made > 0);
    let code = g.stop();
    let log = g.stderr();
    assert_eq!(code, Some(1), "{log}");
    let last = log.lines().last().unwrap();
    let file = g.folder.path().join("spool.db").display().to_string();
    assert!(
        last.contains(&file) && last.contains("event writes wait"),
        "{last}"
    );
    assert!(
        last.contains("keep the file, the next start sends it"),
        "{last}"
    );
    server.restart();
    g.start_again();
    eventually("every event is delivered", Duration::from_secs(20), || {
        (delivered.lock().unwrap().len() == made).then_some(())
    });
    let wanted = crm.count() as u64;
    eventually("usage is whole", Duration::from_secs(20), || {
        (used(&g, "acct_1") == wanted).then_some(())
    });
    assert_eq!(g.stop(), Some(0), "{}", g.stderr());
}
