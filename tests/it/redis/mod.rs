//! Gateway processes on real Redis servers that they share; what they promise with all well, and while a server is not.

mod caches;
mod clock;
mod commands;
mod ends;
mod faults;
mod limits;
mod one;
mod start;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::backend::{Answer, Backend};
use crate::support::gateway::{Gateway, config_with_plan};
use crate::support::http::{Connection, encode};

/// A plan that never limits.
const FREE: &str = "rate: { requests: 1000000, per_seconds: 1, burst: 1000000 }, quotas: { hour: 1000000000, month: 10000000000 }, max_keys: 1000";

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
webhooks: { endpoint: { concurrency: 64, per_second: 1000 }, retry_delays_seconds: [1, 1, 1, 1, 1], timeout_ms: 1000, allowed_private_targets: [127.0.0.0/8], retention_days: 30 }
shutdown: { grace_seconds: 2 }
";

const BOTH: [&str; 2] = ["contacts:read", "contacts:write"];

/// The configuration of a node with this plan on this store.
fn node(upstream: SocketAddr, plan: &str, store: &str, more: &str) -> String {
    config_with_plan(upstream, plan, &format!("{RULES}{more}"))
        .replace("store: { engine: embedded, path: $DIR/fuelgate.db }", store)
}

/// A CRM that answers GET with 200, and POST with 201 and a new id.
fn crm() -> Backend {
    let next = AtomicU64::new(0);
    Backend::start(move |seen| {
        let fields = vec![("Content-Type".into(), "application/json".into())];
        if seen.method != "POST" {
            return Answer::Reply(200, fields, b"{}".to_vec());
        }
        let id = format!("c{}", next.fetch_add(1, Ordering::SeqCst));
        let body = json!({"id": id, "name": "Ada"}).to_string();
        Answer::Reply(201, fields, body.into_bytes())
    })
}

/// A receiver of webhooks that notes the contact of each delivery.
fn receiver() -> (Backend, Arc<Mutex<Vec<String>>>) {
    let ids = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&ids);
    let backend = Backend::start(move |seen| {
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        let id = body["data"]["id"].as_str().unwrap_or("").to_owned();
        noted.lock().unwrap().push(id);
        Answer::Reply(204, vec![], vec![])
    });
    (backend, ids)
}

fn subscribe(g: &Gateway, account: &str, receiver: &Backend) {
    let url = format!("http://{}/hook", receiver.address);
    g.webhook(account, &url, &["contact.created"]);
}

/// Requests that the store says an account sent upstream since yesterday.
fn used(g: &Gateway, account: &str) -> u64 {
    let path = format!(
        "/admin/v1/usage?account_id={account}&from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&granularity=month"
    );
    let answer = g.admin("GET", &path, None);
    if answer.status != 200 {
        return 0;
    }
    let rows = answer.json()["data"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    rows.iter().map(|r| r["requests"].as_u64().unwrap()).sum()
}

/// One answered request: when it was sent, when its answer was there, and what it said.
#[derive(Debug, Clone, Copy)]
struct Answered {
    sent: Duration,
    answered: Duration,
    status: u16,
}

/// Clients that send as fast as they are answered until they are stopped.
struct Load {
    stop: Arc<AtomicBool>,
    began: Instant,
    clients: Vec<std::thread::JoinHandle<(Vec<Answered>, Vec<String>)>>,
}

/// What the clients of a load saw.
struct Seen {
    answers: Vec<Answered>,
    /// Ids of contacts whose making was answered with 201.
    made: Vec<String>,
    took: Duration,
}

impl Seen {
    fn count(&self, status: u16) -> u64 {
        self.answers.iter().filter(|a| a.status == status).count() as u64
    }

    fn statuses(&self) -> HashMap<u16, u64> {
        let mut all = HashMap::new();
        for a in &self.answers {
            *all.entry(a.status).or_default() += 1;
        }
        all
    }
}

/// What a client of a load does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    /// GET only.
    Reads,
    /// GET and POST in turns.
    Writes,
}

impl Load {
    /// Starts clients, one for each of `nodes`; each waits for `pause` between two requests.
    fn start(nodes: &[SocketAddr], key: &str, does: Does, pause: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let began = Instant::now();
        let clients = nodes
            .iter()
            .map(|address| {
                let (stop, key, address) = (Arc::clone(&stop), key.to_owned(), *address);
                std::thread::spawn(move || client(address, &key, does, pause, began, &stop))
            })
            .collect();
        Self {
            stop,
            began,
            clients,
        }
    }

    fn stop(self) -> Seen {
        self.stop.store(true, Ordering::SeqCst);
        let mut seen = Seen {
            answers: Vec::new(),
            made: Vec::new(),
            took: Duration::ZERO,
        };
        for client in self.clients {
            let (answers, made) = client.join().unwrap();
            seen.answers.extend(answers);
            seen.made.extend(made);
        }
        seen.took = self.began.elapsed();
        seen
    }
}

fn client(
    address: SocketAddr,
    key: &str,
    does: Does,
    pause: Duration,
    began: Instant,
    stop: &AtomicBool,
) -> (Vec<Answered>, Vec<String>) {
    let bearer = format!("Bearer {key}");
    let read = encode("GET", "/v1/contacts", &[("Authorization", &bearer)], None);
    let fields = [
        ("Authorization", &*bearer),
        ("Content-Type", "application/json"),
    ];
    let write = encode("POST", "/v1/contacts", &fields, Some(b"{\"name\":\"Ada\"}"));
    let mut connection = Connection::open(address);
    connection.set_read_timeout(Duration::from_secs(30));
    let (mut answers, mut made) = (Vec::new(), Vec::new());
    for n in 0_u64.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let writes = does == Does::Writes && n % 2 == 1;
        let sent = began.elapsed();
        let answer = connection.exchange(if writes { &write } else { &read });
        answers.push(Answered {
            sent,
            answered: began.elapsed(),
            status: answer.status,
        });
        if writes && answer.status == 201 {
            made.push(answer.json()["id"].as_str().unwrap().to_owned());
        }
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
    }
    (answers, made)
}
