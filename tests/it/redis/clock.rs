//! Machines whose clocks differ from that of Redis: what ends, ends by the clock that all nodes share.

use fuelgate::base::clock::Timestamp;
use serde_json::{Value, json};

use super::{BOTH, FREE, crm, node};
use crate::support::gateway::Gateway;
use crate::support::redis::Server;

const DAY: f64 = 86_400.0;

fn make(g: &Gateway) -> Value {
    let wanted =
        json!({"account_id": "acct_1", "name": "test", "scopes": BOTH, "expires_in_days": 30});
    let made = g.admin("POST", "/admin/v1/keys", Some(&wanted));
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()
}

#[test]
fn a_key_ends_by_the_clock_of_redis_whatever_that_of_a_node_shows() {
    let (server, crm) = (Server::start(&[]), crm());
    // On a machine that stands still for a moment limits are not what is asked here.
    let allow = "limits: { on_store_failure: allow }\n";
    let store = server.store(", deadline_ms: 500");
    let text = node(crm.address, FREE, &store, allow);
    let right = Gateway::start(&text);
    let ahead = Gateway::start_shifted(&text, "+31d");
    let behind = Gateway::start_shifted(&text, "-31d");
    for (g, skew) in [(&right, 0.0), (&ahead, 31.0), (&behind, -31.0)] {
        let shown = g.metric("fuelgate_clock_skew_seconds ") / DAY;
        assert!((shown - skew).abs() < 0.01, "{shown} days, not {skew}");
    }
    let made = [make(&right), make(&ahead), make(&behind)];
    let end = |m: &Value| Timestamp::parse(m["expires_at"].as_str().unwrap()).unwrap();
    for other in &made[1..] {
        let apart = end(other).millis() - end(&made[0]).millis();
        assert!(apart.abs() < 60_000, "{apart} ms");
    }
    for key in &made {
        for g in [&right, &ahead, &behind] {
            let answer = g.get("/v1/contacts", key["secret"].as_str().unwrap());
            assert_eq!(answer.status, 200, "{key}: {}", answer.text());
        }
    }
    // The one whose machine is ahead has said so.
    assert!(
        ahead
            .stderr()
            .contains("clocks of this machine and of redis differ")
    );
    assert!(!right.stderr().contains("clocks of this machine"));
}
