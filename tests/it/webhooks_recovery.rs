//! What a webhook missed while it was disabled, or before it was made: recovered once, under the same ids, over a kill of the gateway.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::backend::{Answer, Backend};
use crate::support::eventually;
use crate::support::gateway::{Gateway, config};
use crate::support::redis::Server;

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
  - { type: deal.won, route: { method: GET, path: /v1/deals }, status: [200] }
webhooks: { retry_delays_seconds: [], timeout_ms: 1000, allowed_private_targets: [127.0.0.0/8] }
";
/// A node that is killed has its job for half a minute.
const LONG: Duration = Duration::from_secs(90);
/// Events that the webhook misses.
const MISSED: usize = 40;

/// A receiver that answers what is set.
fn receiver(status: u16) -> (Backend, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(status));
    let answers = Arc::clone(&status);
    let answer = move |_: &_| Answer::Reply(answers.load(Ordering::SeqCst), vec![], vec![]);
    (Backend::start(answer), status)
}

fn post(g: &Gateway, path: &str, body: &Value, status: u16) -> Value {
    let answer = g.admin("POST", path, Some(body));
    assert_eq!(answer.status, status, "{path} {body}: {}", answer.text());
    answer.json()
}

fn subscribe(g: &Gateway, account: &str, to: &Backend, types: &[&str]) -> String {
    let url = format!("http://{}/{account}", to.address);
    let body = json!({"account_id": account, "url": url, "event_types": types});
    let made = post(g, "/admin/v1/webhooks", &body, 201);
    made["id"].as_str().unwrap().to_owned()
}

fn publish(g: &Gateway, account: &str, kind: &str, id: &str) {
    let body = json!({"account_id": account, "type": kind, "data": {"id": id}, "id": id});
    post(g, "/admin/v1/events", &body, 201);
}

fn shown(g: &Gateway, path: &str) -> Value {
    g.admin("GET", path, None).json()
}

/// The body of a replay of all that this webhook did not get.
fn wanted(webhook: &str, only: &str, per_second: u32) -> Value {
    json!({"webhook_id": webhook, "from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z",
        "only": only, "per_second": per_second})
}

fn is_done(g: &Gateway, job: &Value) -> Value {
    let path = format!("/admin/v1/replays/{}", job["id"].as_str().unwrap());
    eventually("the replay is done", LONG, || {
        let job = shown(g, &path);
        (job["status"] == "done").then_some(job)
    })
}

/// How often each event came to a path.
fn heard(receiver: &Backend, path: &str) -> BTreeMap<String, usize> {
    let mut heard = BTreeMap::new();
    for seen in receiver.seen().iter().filter(|s| s.target == path) {
        let id = seen.header("webhook-id").unwrap().to_owned();
        *heard.entry(id).or_insert(0) += 1;
    }
    heard
}

fn what_was_missed_comes_once(text: &str) {
    let mut g = Gateway::start(text);
    let (ours, status) = receiver(410);
    let (theirs, _) = receiver(200);
    let id = subscribe(&g, "acct_1", &ours, &["contact.*"]);
    let path = format!("/admin/v1/webhooks/{id}");
    subscribe(&g, "acct_2", &theirs, &["*"]);
    let is_disabled = || shown(&g, &path)["status"] == "disabled";
    publish(&g, "acct_1", "contact.created", "evt_refused");
    eventually("it is disabled", LONG, || is_disabled().then_some(()));
    for n in 0..MISSED {
        publish(&g, "acct_1", "contact.created", &format!("evt_{n}"));
    }
    publish(&g, "acct_1", "deal.won", "evt_unwanted");
    publish(&g, "acct_2", "contact.created", "evt_theirs");
    status.store(200, Ordering::SeqCst);
    let refused = post(&g, "/admin/v1/replays", &wanted(&id, "missed", 20), 409);
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("disabled"), "{detail}");
    let active = g.admin("PATCH", &path, Some(&json!({"status": "active"})));
    assert_eq!(active.status, 200);

    // It is killed somewhere in the middle and goes on by itself.
    let job = post(&g, "/admin/v1/replays", &wanted(&id, "missed", 5), 202);
    eventually("some are recovered", LONG, || {
        let count = heard(&ours, "/acct_1").len();
        (count > MISSED / 4).then_some(())
    });
    g.kill();
    g.start_again();
    is_done(&g, &job);
    let came = eventually("all that was missed came", LONG, || {
        let came = heard(&ours, "/acct_1");
        (came.len() > MISSED).then_some(came)
    });
    assert!(came.contains_key("evt_refused"), "before it was disabled");
    assert_eq!(came.len(), MISSED + 1, "nothing else: {came:?}");
    let list = format!("/admin/v1/webhooks/{id}/deliveries?limit=200");
    let log = shown(&g, &list)["data"].as_array().unwrap().len();
    assert_eq!(log, MISSED + 1, "one delivery of each");

    // Again there is nothing; and what was refused comes where that is asked for.
    let job = post(&g, "/admin/v1/replays", &wanted(&id, "missed", 1000), 202);
    assert_eq!(is_done(&g, &job)["replayed"], 0);
    let all = eventually("nothing is under way", LONG, || {
        let pending = shown(&g, &format!("{list}&status=pending"));
        let is_idle = pending["data"].as_array().unwrap().is_empty();
        is_idle.then(|| heard(&ours, "/acct_1"))
    });
    let job = post(
        &g,
        "/admin/v1/replays",
        &wanted(&id, "undelivered", 1000),
        202,
    );
    assert_eq!(is_done(&g, &job)["replayed"], 1);
    let after = eventually("it comes again", LONG, || {
        let came = heard(&ours, "/acct_1");
        (came["evt_refused"] == 2).then_some(came)
    });
    for (id, times) in all.iter().filter(|(id, _)| *id != "evt_refused") {
        assert_eq!(after[id], *times, "{id}");
    }
    // A webhook that is made later gets what happened before it.
    let late = subscribe(&g, "acct_1", &theirs, &["deal.won"]);
    let job = post(&g, "/admin/v1/replays", &wanted(&late, "missed", 1000), 202);
    assert_eq!(is_done(&g, &job)["replayed"], 1);
    eventually("it gets it", LONG, || {
        let came = heard(&theirs, "/acct_1");
        (came.len() == 1 && came.contains_key("evt_unwanted")).then_some(())
    });
    assert_eq!(heard(&theirs, "/acct_2").len(), 1, "nobody else's matter");
    let listed = shown(&g, &format!("/admin/v1/replays?webhook_id={id}"));
    assert_eq!(listed["data"].as_array().unwrap().len(), 3);
    let listed = shown(&g, "/admin/v1/replays?account_id=acct_2");
    assert_eq!(listed["data"], json!([]));
}

#[test]
fn what_a_disabled_webhook_missed_comes_once() {
    let nobody = "127.0.0.1:9".parse().unwrap();
    what_was_missed_comes_once(&config(nobody, RULES));
}

#[test]
fn what_a_disabled_webhook_missed_comes_once_with_redis() {
    let nobody = "127.0.0.1:9".parse().unwrap();
    let redis = Server::start(&["--appendonly", "yes"]);
    let text = config(nobody, RULES).replace(
        "store: { engine: embedded, path: $DIR/fuelgate.db }",
        &redis.store(", deadline_ms: 500"),
    );
    what_was_missed_comes_once(&text);
}
