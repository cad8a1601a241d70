//! What a hot key costs Redis: calls for each request, counted by Redis itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

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

/// Leases are for some time of a node's own rate, and usage is flushed every second: calls come by time and not by request,
/// so that at the speed of a build for tests a request costs more of them than at any higher one.
const ENOUGH_FOR_A_RATIO: f64 = 2_000.0;

#[test]
fn a_hot_key_costs_at_most_two_calls_for_a_hundred_requests() {
    let (server, crm) = (Server::start(&[]), crm());
    let plan = "rate: { requests: 100000, per_seconds: 1, burst: 100000 }, quotas: { hour: 1000000000, month: 1000000000 }, max_keys: 9";
    let store = server.store(", deadline_ms: 500");
    let g = Gateway::start(&node(crm.address, plan, &store, ""));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let look = || {
        let sent = g.metric("fuelgate_store_operation_duration_seconds_count");
        (Instant::now(), calls(&server), sent)
    };
    let period = Duration::from_secs(5);
    let first = look();
    std::thread::sleep(period);
    let second = look();
    let load = Load::start(&[g.address(); 8], &key, Does::Reads, Duration::ZERO);
    std::thread::sleep(period);
    let seen = load.stop();
    let third = look();
    assert_eq!(seen.statuses().len(), 1, "{:?}", seen.statuses());
    // What an idle node does all the time is no cost of requests.
    let (idle_time, busy_time) = (second.0 - first.0, third.0 - second.0);
    let idle_part = busy_time.as_secs_f64() / idle_time.as_secs_f64();
    let ((idle, idle_all), (busy, busy_all)) =
        (grown(&first.1, &second.1), grown(&second.1, &third.1));
    let requests = seen.count(200) as f64;
    let scripts = (busy - idle * idle_part) / requests;
    let ours = ((third.2 - second.2) - (second.2 - first.2) * idle_part) / requests;
    let speed = requests / busy_time.as_secs_f64();
    println!(
        "{requests} requests, {speed:.0} a second; for each: {ours:.4} calls of ours, {scripts:.4} scripts, {:.4} commands with those in scripts",
        (busy_all - idle_all * idle_part) / requests
    );
    let most = 0.02 * (ENOUGH_FOR_A_RATIO / speed).max(1.0);
    assert!(
        scripts <= most,
        "{scripts} scripts a request are over {most}"
    );
    assert!(ours <= most, "{ours} calls a request are over {most}");
}
