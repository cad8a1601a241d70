//! That the operator hears of what ended badly, over kills of the gateway and from many nodes: at least once, and as one event.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fuelgate::base::clock::Clock;
use fuelgate::store::embedded::{EmbeddedStore, Options};
use fuelgate::webhooks::port::{EventStore, NoticeStore};
use serde_json::{Value, json};

use crate::support::backend::{Answer, Backend, Seen};
use crate::support::eventually;
use crate::support::gateway::{Gateway, config};
use crate::support::hostile::Hostile;
use crate::support::redis::Server;

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
webhooks: { retry_delays_seconds: [], timeout_ms: 1000, allowed_private_targets: [127.0.0.0/8] }
";
/// A node that is killed has its claims for the time of an attempt and twenty seconds.
const LONG: Duration = Duration::from_secs(90);
/// How often the moment is looked for in which something has ended and is not told yet. Notices are looked for every two
/// seconds, so that it is mostly found at once.
const TRIES: usize = 10;

const OPERATOR: &str = "fuelgate:operator";
const TOLD: [&str; 2] = ["endpoint.disabled", "delivery.exhausted"];

fn subscribe(g: &Gateway, account: &str, url: &str, types: &[&str]) -> String {
    let body = json!({"account_id": account, "url": url, "event_types": types});
    let made = g.admin("POST", "/admin/v1/webhooks", Some(&body));
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

fn publish(g: &Gateway, account: &str, id: &str) {
    let body =
        json!({"account_id": account, "type": "contact.created", "data": {"id": id}, "id": id});
    let answer = g.admin("POST", "/admin/v1/events", Some(&body));
    assert_eq!(answer.status, 201, "{}", answer.text());
}

fn body(seen: &Seen) -> Value {
    serde_json::from_slice(&seen.body).unwrap()
}

/// What lies in the store of a gateway that was killed.
trait Rest {
    /// Ids of notices that wait and that no event was made of.
    fn untold(&self, folder: &Path) -> Vec<String>;
}

struct Embedded;

impl Rest for Embedded {
    fn untold(&self, folder: &Path) -> Vec<String> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let path = folder.join("fuelgate.db");
            let store = EmbeddedStore::open(&path, Clock::system(), Options::default()).unwrap();
            let mut untold = Vec::new();
            for notice in store.waiting_notices(100).await.unwrap() {
                if store.event(&notice.id).await.unwrap().is_none() {
                    untold.push(notice.id);
                }
            }
            store.close();
            untold
        })
    }
}

impl Rest for Server {
    fn untold(&self, _: &Path) -> Vec<String> {
        let names: Vec<String> = self.ask(&["KEYS", "*:notice:*"]);
        let ids = names.iter().map(|n| n.rsplit(':').next().unwrap());
        let is_event = |id: &str| -> bool {
            let found: Vec<String> = self.ask(&["KEYS", &format!("*:e:{id}")]);
            !found.is_empty()
        };
        ids.filter(|id| !is_event(id)).map(str::to_owned).collect()
    }
}

/// Lets something end badly, kills the gateway before the operator is told, and starts it again.
fn is_told_after_a_kill(g: &mut Gateway, rest: &dyn Rest, kind: &str) {
    let operator = Backend::ok();
    let url = format!("http://{}/", operator.address);
    let told = subscribe(g, OPERATOR, &url, &TOLD);
    let receiver = Hostile::start();
    let at = match kind {
        "endpoint.disabled" => receiver.url("/gone"),
        _ => receiver.url("/status/500"),
    };
    for n in 0..TRIES {
        let account = format!("acct_{kind}_{n}");
        let id = subscribe(g, &account, &at, &["contact.created"]);
        let list = format!("/admin/v1/webhooks/{id}/deliveries?status=failed");
        publish(g, &account, &format!("evt_{}_{n}", kind.replace('.', "_")));
        eventually("it has ended", LONG, || {
            let failed = g.admin("GET", &list, None).json();
            (!failed["data"].as_array().unwrap().is_empty()).then_some(())
        });
        g.kill();
        let untold = rest.untold(g.folder.path());
        g.start_again();
        let Some(notice) = untold.first() else {
            continue;
        };
        let heard = eventually("the operator is told", LONG, || {
            let seen = operator.seen();
            let found = seen.iter().find(|s| s.header("webhook-id") == Some(notice));
            found.map(body)
        });
        assert_eq!(heard["type"], kind);
        assert_eq!(heard["data"]["webhook_id"], id.as_str());
        assert_eq!(heard["data"]["account_id"], account.as_str());
        eventually("it is an event of the operator", LONG, || {
            let gone = g.admin("GET", &format!("/admin/v1/events/{notice}"), None);
            (gone.status == 200).then_some(())
        });
        let path = format!("/admin/v1/webhooks/{told}");
        assert_eq!(g.admin("DELETE", &path, None).status, 204);
        return;
    }
    panic!("{kind} was always told before the kill");
}

/// The gateway is killed while the operator's endpoint has the message and does not answer.
fn is_told_again_after_a_kill_in_the_middle(g: &mut Gateway) {
    let is_silent = Arc::new(AtomicBool::new(true));
    let silent = Arc::clone(&is_silent);
    let operator = Backend::start(move |_| match silent.load(Ordering::SeqCst) {
        true => Answer::Hang(Duration::from_secs(30)),
        false => Answer::Reply(200, vec![], vec![]),
    });
    subscribe(g, OPERATOR, &format!("http://{}/", operator.address), &TOLD);
    let receiver = Hostile::start();
    let id = subscribe(
        g,
        "acct_middle",
        &receiver.url("/gone"),
        &["contact.created"],
    );
    publish(g, "acct_middle", "evt_middle");
    eventually("the operator is being told", LONG, || {
        (operator.count() > 0).then_some(())
    });
    g.kill();
    is_silent.store(false, Ordering::SeqCst);
    g.start_again();
    let seen = eventually("the operator is told again", LONG, || {
        let seen = operator.seen();
        (seen.len() > 1).then_some(seen)
    });
    assert_eq!(body(&seen[0])["data"]["webhook_id"], id.as_str());
    for again in &seen[1..] {
        assert_eq!(again.header("webhook-id"), seen[0].header("webhook-id"));
        assert_eq!(again.body, seen[0].body);
    }
}

fn redis_config(redis: &Server) -> String {
    let nobody = "127.0.0.1:9".parse().unwrap();
    config(nobody, RULES).replace(
        "store: { engine: embedded, path: $DIR/fuelgate.db }",
        &redis.store(", deadline_ms: 500"),
    )
}

#[test]
fn what_ended_badly_before_a_kill_is_told_after_it() {
    let nobody = "127.0.0.1:9".parse().unwrap();
    let mut g = Gateway::start(&config(nobody, RULES));
    for kind in TOLD {
        is_told_after_a_kill(&mut g, &Embedded, kind);
    }
    is_told_again_after_a_kill_in_the_middle(&mut g);
}

#[test]
fn what_ended_badly_before_a_kill_is_told_after_it_with_redis() {
    let redis = Server::start(&["--appendonly", "yes"]);
    let mut g = Gateway::start(&redis_config(&redis));
    for kind in TOLD {
        is_told_after_a_kill(&mut g, &redis, kind);
    }
    is_told_again_after_a_kill_in_the_middle(&mut g);
}

#[test]
fn two_nodes_tell_the_operator_of_each_thing_as_one_event() {
    const EACH: usize = 20;
    let redis = Server::start(&["--appendonly", "yes"]);
    let nodes = [(); 2].map(|()| Gateway::start(&redis_config(&redis)));
    let operator = Backend::ok();
    let url = format!("http://{}/", operator.address);
    subscribe(&nodes[0], OPERATOR, &url, &TOLD);
    let receiver = Hostile::start();
    let mut wanted = BTreeSet::new();
    for n in 0..EACH {
        for (manner, kind) in [("/gone", TOLD[0]), ("/status/500", TOLD[1])] {
            let account = format!("acct_{n}");
            let url = receiver.url(&format!("{manner}/{n}"));
            let id = subscribe(&nodes[n % 2], &account, &url, &["contact.created"]);
            wanted.insert((kind.to_owned(), id));
        }
    }
    for n in 0..EACH {
        publish(
            &nodes[(n + 1) % 2],
            &format!("acct_{n}"),
            &format!("evt_{n}"),
        );
    }
    let told = |seen: &[Seen]| {
        let mut told: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for s in seen {
            let body = body(s);
            let text = |pointer: &str| body.pointer(pointer).unwrap().as_str().unwrap().to_owned();
            let ids = told
                .entry((text("/type"), text("/data/webhook_id")))
                .or_default();
            ids.insert(s.header("webhook-id").unwrap().to_owned());
        }
        told
    };
    eventually("all is told", LONG, || {
        let told = told(&operator.seen());
        wanted.iter().all(|w| told.contains_key(w)).then_some(())
    });
    eventually("nothing waits to be told or delivered", LONG, || {
        let path = format!("/admin/v1/deliveries?account_id={OPERATOR}&status=pending");
        let waiting = nodes[0].admin("GET", &path, None).json();
        let notices: Vec<String> = redis.ask(&["KEYS", "*:notice:*"]);
        (notices.is_empty() && waiting["data"].as_array().unwrap().is_empty()).then_some(())
    });
    let told = told(&operator.seen());
    assert_eq!(told.keys().cloned().collect::<BTreeSet<_>>(), wanted);
    for (what, ids) in &told {
        assert_eq!(ids.len(), 1, "{what:?} was told as several events: {ids:?}");
    }
    let path = format!("/admin/v1/events?account_id={OPERATOR}&limit=200");
    let events = nodes[1].admin("GET", &path, None).json();
    assert_eq!(events["data"].as_array().unwrap().len(), wanted.len());
    // Nothing is left to be told.
    assert_eq!(redis.untold(Path::new("")), Vec::<String>::new());
}
