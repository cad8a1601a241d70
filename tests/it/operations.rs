//! Replays and operational events on the wire: what comes, at what rate, and what a kill leaves of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::backend::{Answer, Backend};
use crate::support::eventually;
use crate::support::gateway::{Gateway, config};

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
webhooks: { retry_delays_seconds: [], timeout_ms: 1000, allowed_private_targets: [127.0.0.0/8], retention_days: 30 }
";

/// Answers 500 until it is told otherwise.
fn failing() -> (Backend, Arc<AtomicBool>) {
    let is_well = Arc::new(AtomicBool::new(false));
    let well = Arc::clone(&is_well);
    let backend = Backend::start(move |_| match well.load(Ordering::SeqCst) {
        true => Answer::Reply(204, vec![], vec![]),
        false => Answer::Reply(500, vec![], vec![]),
    });
    (backend, is_well)
}

fn subscribe(g: &Gateway, account: &str, receiver: &Backend, types: &[&str]) {
    g.webhook(account, &format!("http://{}/hook", receiver.address), types);
}

fn publish(g: &Gateway, n: usize) {
    for i in 0..n {
        let event = json!({"account_id": "acct_1", "type": "contact.created", "data": {"id": i}, "id": format!("own-{i}")});
        assert_eq!(
            g.admin("POST", "/admin/v1/events", Some(&event)).status,
            201
        );
    }
}

fn in_state(g: &Gateway, status: &str) -> usize {
    let path = format!("/admin/v1/deliveries?limit=200&status={status}");
    let list = g.admin("GET", &path, None).json();
    list["data"].as_array().unwrap().len()
}

fn replay(g: &Gateway, per_second: u32) -> String {
    let body = json!({"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", "only": "failed", "per_second": per_second});
    let made = g.admin("POST", "/admin/v1/replays", Some(&body));
    assert_eq!(made.status, 202, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

fn shown(g: &Gateway, id: &str) -> Value {
    g.admin("GET", &format!("/admin/v1/replays/{id}"), None)
        .json()
}

#[test]
fn a_replay_of_dead_letters_keeps_its_rate_and_goes_on_after_a_kill() {
    let (receiver, is_well) = failing();
    let crm = Backend::ok();
    let mut g = Gateway::start(&config(crm.address, RULES));
    subscribe(&g, "acct_1", &receiver, &["contact.*"]);
    publish(&g, 40);
    eventually("all have failed", Duration::from_secs(30), || {
        (in_state(&g, "failed") == 40).then_some(())
    });
    let before = receiver.seen().len();
    is_well.store(true, Ordering::SeqCst);
    let began = Instant::now();
    let id = replay(&g, 10);
    eventually("it has begun", Duration::from_secs(10), || {
        (shown(&g, &id)["replayed"].as_u64() >= Some(10)).then_some(())
    });
    g.kill();
    g.start_again();
    // Another node may go on with it when the claim of the killed one has ended.
    let ended = eventually("it is done", Duration::from_secs(60), || {
        Some(shown(&g, &id)).filter(|r| r["status"] == "done")
    });
    assert!(
        began.elapsed() > Duration::from_secs(3),
        "40 at 10 a second"
    );
    assert!(ended["replayed"].as_u64() <= Some(40), "{ended}");
    eventually("all have come", Duration::from_secs(10), || {
        (in_state(&g, "succeeded") == 40).then_some(())
    });
    // Under the ids that they had, and hardly one of them twice.
    let ids: Vec<String> = receiver.seen()[before..]
        .iter()
        .filter_map(|s| s.header("webhook-id").map(str::to_owned))
        .collect();
    let distinct: std::collections::HashSet<&String> = ids.iter().collect();
    assert_eq!(distinct.len(), 40);
    assert!(ids.len() <= 60, "{} requests", ids.len());
}

#[test]
fn the_operator_is_told_of_keys_and_usage_once_whatever_is_restarted() {
    let (crm, receiver) = (Backend::ok(), Backend::ok());
    let plan = "rate: { requests: 1000, per_seconds: 1, burst: 1000 }, quotas: { hour: 10, month: 1000 }, max_keys: 10";
    let text = crate::support::gateway::config_with_plan(crm.address, plan, RULES);
    let mut g = Gateway::start(&text);
    let types = ["key.expiring", "usage.threshold_reached"];
    subscribe(&g, "fuelgate:operator", &receiver, &types);
    let in_days = |days: u64| {
        let at = std::time::SystemTime::now() + Duration::from_secs(days * 86_400 + 3600);
        let secs = at.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        fuelgate::base::clock::Timestamp::from_secs(i64::try_from(secs).unwrap()).to_string()
    };
    let mut secret = String::new();
    for days in [5, 20] {
        let key = json!({"account_id": "acct_1", "name": "k", "scopes": ["contacts:read"], "expires_at": in_days(days)});
        let made = g.admin("POST", "/admin/v1/keys", Some(&key));
        assert_eq!(made.status, 201, "{}", made.text());
        secret = made.json()["secret"].as_str().unwrap().to_owned();
    }
    for _ in 0..2 {
        g.stop();
        g.start_again();
    }
    let hour = || std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 3600;
    let mut used_in = hour();
    for _ in 0..9 {
        assert_eq!(g.get("/v1/contacts", &secret).status, 200);
    }
    let told = |kind: &str| -> Vec<Value> {
        let all = receiver.seen();
        let bodies = all
            .iter()
            .map(|s| serde_json::from_slice::<Value>(&s.body).unwrap());
        bodies.filter(|b| b["type"] == kind).collect()
    };
    eventually("of the key", Duration::from_secs(15), || {
        (!told("key.expiring").is_empty()).then_some(())
    });
    eventually("of the usage", Duration::from_secs(90), || {
        // An hour that ended before somebody looked took its use with it.
        if std::mem::replace(&mut used_in, hour()) != hour() {
            (0..9).for_each(|_| drop(g.get("/v1/contacts", &secret)));
        }
        (!told("usage.threshold_reached").is_empty()).then_some(())
    });
    let (keys, usage) = (told("key.expiring"), told("usage.threshold_reached"));
    assert_eq!((keys.len(), usage.len()), (1, 1), "{keys:?} {usage:?}");
    assert_eq!(keys[0]["account_id"], "fuelgate:operator");
    assert_eq!(keys[0]["data"]["account_id"], "acct_1");
    assert_eq!(keys[0]["data"]["days"], 7);
    assert_eq!(usage[0]["data"]["policy"], "hour");
    assert_eq!(usage[0]["data"]["percent"], 80);
    assert_eq!(usage[0]["data"]["limit"], 10);
}

#[test]
fn the_operator_is_told_of_what_ended_badly_and_never_of_their_own_endpoint() {
    let (failing, _) = failing();
    let gone = Backend::start(|_| Answer::Reply(410, vec![], vec![]));
    let (crm, operator) = (Backend::ok(), Backend::ok());
    let mut g = Gateway::start(&config(crm.address, RULES));
    let types = ["endpoint.disabled", "delivery.exhausted"];
    subscribe(&g, "fuelgate:operator", &operator, &types);
    // A second one of the operator's that fails itself.
    subscribe(&g, "fuelgate:operator", &failing, &types);
    subscribe(&g, "acct_1", &failing, &["*"]);
    subscribe(&g, "acct_1", &gone, &["*"]);
    publish(&g, 1);
    let told = || -> Vec<Value> {
        let seen = operator.seen();
        seen.iter()
            .map(|s| serde_json::from_slice(&s.body).unwrap())
            .collect()
    };
    let of = |kind: &str| told().into_iter().find(|b| b["type"] == kind);
    let disabled = eventually("of the disabled one", Duration::from_secs(20), || {
        of("endpoint.disabled")
    });
    let exhausted = eventually("of the exhausted one", Duration::from_secs(20), || {
        of("delivery.exhausted")
    });
    assert_eq!(disabled["account_id"], "fuelgate:operator");
    assert_eq!(disabled["data"]["account_id"], "acct_1");
    assert_eq!(
        disabled["data"]["url"],
        format!("http://{}/hook", gone.address)
    );
    assert_eq!(exhausted["data"]["event_id"], "own-0");
    assert_eq!(exhausted["data"]["event_type"], "contact.created");
    // What was told is not told again, and what failed to reach the operator makes nothing to tell.
    eventually(
        "the operator's other one fails",
        Duration::from_secs(20),
        || {
            let path = "/admin/v1/deliveries?account_id=fuelgate:operator&status=failed";
            let failed = g.admin("GET", path, None).json();
            (failed["data"].as_array().unwrap().len() >= 2).then_some(())
        },
    );
    g.stop();
    g.start_again();
    std::thread::sleep(Duration::from_secs(5));
    let kinds: Vec<String> = told().iter().map(|b| b["type"].to_string()).collect();
    assert!(kinds.len() <= 3, "{kinds:?}");
    let path = "/admin/v1/events?account_id=fuelgate:operator";
    let events = g.admin("GET", path, None).json();
    assert_eq!(events["data"].as_array().unwrap().len(), kinds.len());
}
