//! A backlog of a million deliveries: the gateway's memory does not grow with it, and new events do not wait behind it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::gateway::{Gateway, config};
use crate::support::hostile::Hostile;
use crate::support::redis::Server;
use crate::support::{eventually, full};

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
webhooks:
  timeout_ms: 2000
  allowed_private_targets: [127.0.0.0/8]
  endpoint: { concurrency: 64, per_second: 1000 }
";
/// Most that memory may grow by while the backlog is worked on, whatever its length: far less than what the backlog holds,
/// some of it the allocator's.
const GROWTH: u64 = 96 << 20;
/// Bytes of each event's data.
const DATA: usize = 400;
/// The admin API of one event and the look-ups, with all else that happens, at worst.
const SOON: Duration = Duration::from_secs(5);

fn waiting() -> usize {
    if full() { 1_000_000 } else { 50_000 }
}

fn nobody() -> SocketAddr {
    "127.0.0.1:9".parse().unwrap()
}

fn subscribe(g: &Gateway, account: &str, url: &str) -> String {
    let made = g.webhook(account, url, &["contact.created"]);
    made["id"].as_str().unwrap().to_owned()
}

fn set_status(g: &Gateway, id: &str, status: &str) {
    let path = format!("/admin/v1/webhooks/{id}");
    let answer = g.admin("PATCH", &path, Some(&json!({"status": status})));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn publish(g: &Gateway, account: &str, id: &str) {
    let body = json!({"account_id": account, "type": "contact.created", "data": {"id": id, "note": "x".repeat(DATA)}, "id": id});
    let answer = g.admin("POST", "/admin/v1/events", Some(&body));
    assert_eq!(answer.status, 201, "{}", answer.text());
}

/// How long after it was asked for an event of another account is heard.
fn delay(g: &Gateway, receiver: &Hostile, id: &str) -> Duration {
    let asked = Instant::now();
    publish(g, "acct_new", id);
    eventually("a new event is heard", Duration::from_secs(30), || {
        let visits = receiver.visits("/ok/new");
        let heard = visits.iter().any(|v| v.header("webhook-id") == Some(id));
        heard.then_some(())
    });
    asked.elapsed()
}

/// Works on a backlog of `endpoints` for some seconds and measures.
fn work(g: &Gateway, receiver: &Hostile, endpoints: [&str; 2]) {
    let depth = g_depth(g);
    assert!(depth >= waiting() as f64, "{depth} wait");
    delay(g, receiver, "evt_before");
    let before = g.resident();
    for id in endpoints {
        set_status(g, id, "active");
    }
    let (mut most, mut slowest) = (0, Duration::ZERO);
    let end = Instant::now() + Duration::from_secs(if full() { 30 } else { 8 });
    let mut n = 0;
    while Instant::now() < end {
        n += 1;
        slowest = slowest.max(delay(g, receiver, &format!("evt_new_{n}")));
        most = most.max(g.resident());
        std::thread::sleep(Duration::from_millis(100));
    }
    let grown = most.saturating_sub(before);
    let heard = receiver.count("/ok/old");
    println!(
        "{depth} waiting: {heard} delivered meanwhile, memory {} MiB and {} MiB more, a new event heard after {slowest:?} at worst",
        before >> 20,
        grown >> 20
    );
    assert!(grown < GROWTH, "{before} bytes, then {most}");
    assert!(heard > 100, "{heard}");
    assert!(slowest < SOON, "{slowest:?}");
}

fn g_depth(g: &Gateway) -> f64 {
    eventually("the queue is seen", Duration::from_secs(60), || {
        let depth = g.metric("fuelgate_webhook_queue_depth");
        (depth >= waiting() as f64).then_some(depth)
    })
}

/// Two endpoints, one of which never answers, each with one paused delivery.
fn prepare(g: &Gateway, receiver: &Hostile) -> [String; 2] {
    subscribe(g, "acct_new", &receiver.url("/ok/new"));
    let both = [("acct_well", "/ok/old"), ("acct_ill", "/never")];
    both.map(|(account, path)| {
        let id = subscribe(g, account, &receiver.url(path));
        set_status(g, &id, "paused");
        publish(g, account, &format!("evt_of_{account}"));
        id
    })
}

#[test]
fn memory_is_bounded_whatever_waits_in_the_embedded_store() {
    let receiver = Hostile::start();
    let mut g = Gateway::start(&config(nobody(), RULES));
    let endpoints = prepare(&g, &receiver);
    assert_eq!(g.stop(), Some(0));
    let file = g.folder.path().join("fuelgate.db");
    let db = rusqlite::Connection::open(file).unwrap();
    let half = waiting() / 2;
    for (endpoint, account) in endpoints.iter().zip(["acct_well", "acct_ill"]) {
        db.execute(
            "INSERT INTO event (id, account_id, type, occurred_at, recorded_at, state, sequence, data, truncated, conditional)
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
             SELECT printf('evt_%s_%08d', ?1, i), account_id, type, occurred_at, recorded_at, 1, i + 1, data, 0, 0
             FROM n, event WHERE id = 'evt_of_' || ?1",
            (account, half),
        )
        .unwrap();
        db.execute(
            "UPDATE account_sequence SET last = ?2 + 1 WHERE account_id = ?1",
            (account, half),
        )
        .unwrap();
        db.execute(
            "INSERT INTO delivery (id, event_id, endpoint_id, account_id, event_type, state, attempts, next_attempt_at,
                 created_at, queued_at, due_at)
             SELECT 'dlv_' || e.id, e.id, d.endpoint_id, d.account_id, d.event_type, 0, 0, d.next_attempt_at, d.created_at,
                 d.queued_at, d.due_at
             FROM event e, delivery d WHERE d.endpoint_id = ?1 AND e.account_id = ?2 AND e.id <> d.event_id",
            (endpoint, account),
        )
        .unwrap();
    }
    drop(db);
    g.start_again();
    work(&g, &receiver, [&endpoints[0], &endpoints[1]]);
}

/// Copies the one delivery of an endpoint, `ARGV[1]` times.
const COPY: &str = "
local only = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
for i = tonumber(ARGV[2]), tonumber(ARGV[3]) do
  local id = string.format('dlv_%032d', i)
  redis.call('COPY', ARGV[1] .. only[1], ARGV[1] .. id)
  redis.call('ZADD', KEYS[1], only[2], id)
  redis.call('ZADD', KEYS[2], only[2], id)
  redis.call('ZADD', KEYS[3], 0, id)
  redis.call('ZADD', KEYS[4], 0, id)
end";

#[test]
fn memory_is_bounded_whatever_waits_in_redis() {
    let receiver = Hostile::start();
    let redis = Server::start(&["--appendonly", "yes"]);
    let text = config(nobody(), RULES).replace(
        "store: { engine: embedded, path: $DIR/fuelgate.db }",
        &redis.store(", deadline_ms: 500"),
    );
    let g = Gateway::start(&text);
    let endpoints = prepare(&g, &receiver);
    for endpoint in &endpoints {
        let queue: Vec<String> = redis.ask(&["KEYS", &format!("*:q:{endpoint}")]);
        let shard = queue[0].strip_suffix(&format!("q:{endpoint}")).unwrap();
        let names = [
            queue[0].clone(),
            format!("{shard}deliveries:queued"),
            format!("{shard}deliveries:all"),
            format!("{shard}dl:{endpoint}"),
            format!("{shard}d:"),
        ];
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for from in (0..waiting() / 2).step_by(5_000) {
            let (from, to) = (from.to_string(), (from + 4_999).to_string());
            let mut eval = vec!["EVAL", COPY, "4"];
            eval.extend(&names);
            eval.extend([from.as_str(), to.as_str()]);
            let () = redis.ask(&eval);
        }
    }
    work(&g, &receiver, [&endpoints[0], &endpoints[1]]);
}
