//! What a hot key costs Redis: calls for each request, counted by Redis itself.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Does, Load, crm, node};
use crate::support::gateway::Gateway;
use crate::support::redis::Server;

/// Calls of each command since the server began.
fn calls(server: &Server) -> BTreeMap<String, f64> {
    let info: String = server.ask(&["INFO", "commandstats"]);
    let line = |l: &str| {
        let (name, rest) = l.trim().strip_prefix("cmdstat_")?.split_once(':')?;
        let calls = rest.strip_prefix("calls=")?.split(',').next()?;
        Some((name.to_owned(), calls.parse().ok()?))
    };
    info.lines().filter_map(line).collect()
}

/// How often scripts were called, and commands in all, which includes those within scripts.
fn grown(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) -> (f64, f64) {
    let of = |name: &str| {
        let get = |all: &BTreeMap<String, f64>| all.get(name).copied().unwrap_or(0.0);
        get(after) - get(before)
    };
    let scripts = of("evalsha") + of("eval");
    (scripts, after.keys().map(|name| of(name)).sum())
}

#[test]
fn a_hot_key_costs_at_most_two_calls_for_a_hundred_requests() {
    let (server, crm) = (Server::start(&[]), crm());
    let plan = "rate: { requests: 100000, per_seconds: 1, burst: 100000 }, quotas: { hour: 1000000000, month: 1000000000 }, max_keys: 9";
    let store = server.store(", deadline_ms: 500");
    let g = Gateway::start(&node(crm.address, plan, &store, ""));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let period = Duration::from_secs(5);
    let sent = || g.metric("fuelgate_store_operation_duration_seconds_count");
    let (idle_before, idle_sent) = (calls(&server), sent());
    std::thread::sleep(period);
    let (idle_after, busy_sent) = (calls(&server), sent());
    let load = Load::start(&[g.address(); 8], &key, Does::Reads, Duration::ZERO);
    std::thread::sleep(period);
    let seen = load.stop();
    let (after, all_sent) = (calls(&server), sent());
    let (idle, idle_all) = grown(&idle_before, &idle_after);
    let (busy, busy_all) = grown(&idle_after, &after);
    let requests = seen.count(200) as f64;
    assert_eq!(seen.statuses().len(), 1, "{:?}", seen.statuses());
    let calls = ((all_sent - busy_sent) - (busy_sent - idle_sent)) / requests;
    println!(
        "{requests} requests; for each: {calls:.4} calls of ours, {:.4} scripts, {:.4} commands with those in scripts",
        (busy - idle) / requests,
        (busy_all - idle_all) / requests
    );
    assert!((busy - idle) / requests <= 0.02);
    assert!(calls <= 0.02);
}
