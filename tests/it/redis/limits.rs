//! Three nodes, one key, skewed load above its limit: never more than the limit, hardly less; strict mode in every window.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Does, Load, Seen, crm, node};
use crate::support::full;
use crate::support::gateway::Gateway;
use crate::support::redis::{Cluster, Server};

const RATE: u64 = 200;
const BURST: u64 = 200;

fn length() -> Duration {
    Duration::from_secs(if full() { 60 } else { 20 })
}

/// Loads three nodes on this store unevenly, with more than the limit lets through.
fn run(store: &str, more: &str) -> Seen {
    let crm = crm();
    let plan = format!(
        "rate: {{ requests: {RATE}, per_seconds: 1, burst: {BURST} }}, quotas: {{ hour: 100000000, month: 100000000 }}, max_keys: 9"
    );
    let text = node(crm.address, &plan, store, more);
    let nodes: Vec<Gateway> = (0..3).map(|_| Gateway::start(&text)).collect();
    let (_, key) = nodes[0].key("acct_1", &["contacts:read"]);
    let clients: Vec<SocketAddr> = [0, 0, 0, 0, 0, 0, 1, 1, 2]
        .map(|n| nodes[n].address())
        .to_vec();
    let load = Load::start(&clients, &key, Does::Reads, Duration::from_millis(5));
    std::thread::sleep(length());
    let seen = load.stop();
    let statuses = seen.statuses();
    assert!(
        statuses.keys().all(|s| [200, 429].contains(s)),
        "{statuses:?}"
    );
    assert!(
        nodes
            .iter()
            .all(|g| g.metric("fuelgate_limiter_degraded ") == 0.0)
    );
    for g in &nodes {
        assert_eq!(g.metric("fuelgate_limiter_nodes "), 3.0);
    }
    let offered = seen.answers.len() as f64;
    let over = |time: Duration| BURST as f64 + RATE as f64 * time.as_secs_f64();
    // The last answers come after the load was told to stop.
    let (least, limit) = (over(length()), over(seen.took));
    assert!(
        offered > limit * 1.2,
        "{offered} requests do not test a limit of {limit}"
    );
    let admitted = seen.count(200) as f64;
    println!(
        "admitted {admitted} of {offered}, limit {limit:.0}, {:.4}",
        admitted / least
    );
    assert!(admitted <= limit, "{admitted} are over {limit}");
    assert!(
        admitted >= 0.98 * least,
        "{admitted} are under 98 % of {least}"
    );
    seen
}

/// Requests that were surely admitted within a window of this length, at most.
fn most_within(seen: &Seen, window: Duration) -> u64 {
    let admitted: Vec<_> = seen.answers.iter().filter(|a| a.status == 200).collect();
    let within = |from: Duration| {
        let inside = |a: &&&super::Answered| a.sent >= from && a.answered <= from + window;
        admitted.iter().filter(inside).count() as u64
    };
    admitted.iter().map(|a| within(a.sent)).max().unwrap_or(0)
}

fn holds_in_every_window(seen: &Seen) {
    for seconds in [1, 10] {
        let most = most_within(seen, Duration::from_secs(seconds));
        let limit = BURST + RATE * seconds;
        println!("within {seconds} s: {most}, limit {limit}");
        assert!(most <= limit, "{most} within {seconds} s are over {limit}");
    }
}

#[test]
fn three_nodes_on_one_redis_admit_what_one_would() {
    let server = Server::start(&[]);
    run(&server.store(", deadline_ms: 500"), "");
}

#[test]
fn in_strict_mode_every_window_holds() {
    let server = Server::start(&[]);
    let strict = "limits: { lease: { mode: strict } }";
    let seen = run(&server.store(", deadline_ms: 500"), strict);
    holds_in_every_window(&seen);
}

#[test]
fn three_nodes_on_a_cluster_of_six_admit_what_one_would() {
    let cluster = Cluster::start("15000", &[]);
    let strict = "limits: { lease: { mode: strict } }";
    let seen = run(&cluster.store(", deadline_ms: 500"), strict);
    holds_in_every_window(&seen);
}
