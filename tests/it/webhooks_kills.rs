//! Gateway and Redis killed with -9 during delivery, in seeded rounds: what was acknowledged is delivered, what was deleted is not, and schedules stay.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fuelgate::base::clock::Timestamp;
use serde_json::{Value, json};

use crate::support::backend::{Answer, Backend};
use crate::support::gateway::{Gateway, config};
use crate::support::redis::Server;
use crate::support::{eventually, full};

/// The second delay is far beyond the test: whatever waits for it must wait as long after every kill.
const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
webhooks:
  retry_delays_seconds: [2, 7200]
  timeout_ms: 1000
  allowed_private_targets: [127.0.0.0/8]
  endpoint: { concurrency: 16, per_second: 1000 }
";
/// The first of these delays.
const RETRY: Duration = Duration::from_secs(2);
/// How long a claim of a killed process outlives it: the attempt's time and twenty seconds.
const CLAIM: Duration = Duration::from_secs(21);
/// How long a request may be on its way that had left the gateway before a deletion was answered.
const ON_ITS_WAY: Duration = Duration::from_millis(250);

/// A request of a delivery as its receiver saw it.
struct Call {
    path: String,
    id: String,
    at: Instant,
}

type Calls = Arc<Mutex<Vec<Call>>>;

/// A receiver that notes all calls. `/ok…` answers well after some moments; `/once…` fails the first call of each id;
/// `/never-well` fails always.
fn receiver(seed: u64) -> (Backend, Calls) {
    let calls = Calls::default();
    let noted = Arc::clone(&calls);
    let random = Mutex::new(fastrand::Rng::with_seed(seed));
    let backend = Backend::start(move |seen| {
        let call = Call {
            path: seen.target.clone(),
            id: seen.header("webhook-id").unwrap_or_default().to_owned(),
            at: Instant::now(),
        };
        let is_first = {
            let mut noted = noted.lock().unwrap();
            let is_first = !noted.iter().any(|c| c.id == call.id && c.path == call.path);
            noted.push(call);
            is_first
        };
        let wait = random.lock().unwrap().u64(0..200);
        std::thread::sleep(Duration::from_millis(wait));
        let fails = seen.target == "/never-well" || is_first && seen.target.starts_with("/once");
        Answer::Reply(if fails { 500 } else { 204 }, vec![], vec![])
    });
    (backend, calls)
}

/// Makes an endpoint; its id.
fn subscribe(g: &Gateway, account: &str, receiver: SocketAddr, path: &str) -> String {
    let body = json!({"account_id": account, "url": format!("http://{receiver}{path}"), "event_types": ["contact.created"]});
    // A Redis that was just started again is not reached yet.
    eventually("a webhook is made", Duration::from_secs(30), || {
        let made = g.admin("POST", "/admin/v1/webhooks", Some(&body));
        assert!(matches!(made.status, 201 | 503), "{}", made.text());
        (made.status == 201).then(|| made.json()["id"].as_str().unwrap().to_owned())
    })
}

/// Publishes an event of this id until it is acknowledged.
fn publish(g: &Gateway, account: &str, id: &str) {
    let body =
        json!({"account_id": account, "type": "contact.created", "data": {"id": id}, "id": id});
    eventually("an event is taken", Duration::from_secs(30), || {
        let answer = g.admin("POST", "/admin/v1/events", Some(&body));
        assert!(
            matches!(answer.status, 200 | 201 | 503),
            "{}",
            answer.text()
        );
        (answer.status != 503).then_some(())
    });
}

/// Deletes an endpoint until that is acknowledged; when it was.
fn delete(g: &Gateway, id: &str) -> Instant {
    eventually("a webhook is deleted", Duration::from_secs(30), || {
        let answer = g.admin("DELETE", &format!("/admin/v1/webhooks/{id}"), None);
        matches!(answer.status, 204 | 404).then(Instant::now)
    })
}

/// The only delivery to an endpoint, as the admin API shows it.
fn delivery(g: &Gateway, endpoint: &str) -> Value {
    let path = format!("/admin/v1/webhooks/{endpoint}/deliveries");
    g.admin("GET", &path, None).json()["data"][0].clone()
}

/// What a round kills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Gateway,
    Redis,
    Both,
}

/// A gateway, its store if that is Redis, and what was promised so far.
struct Rig {
    gateway: Gateway,
    redis: Option<Server>,
    receiver: SocketAddr,
    random: fastrand::Rng,
    /// Ids that were acknowledged, by the path of the endpoint that must hear of them.
    promised: Vec<(String, String)>,
    /// When an endpoint was gone, by its path.
    gone: HashMap<String, Instant>,
}

impl Rig {
    fn kill(&mut self) {
        let victims = [Victim::Gateway, Victim::Redis, Victim::Both];
        let victim = match &self.redis {
            None => Victim::Gateway,
            Some(_) => *self.random.choice(victims.iter()).unwrap(),
        };
        if victim != Victim::Redis {
            self.gateway.kill();
        }
        if let (Some(redis), true) = (&mut self.redis, victim != Victim::Gateway) {
            redis.kill();
            std::thread::sleep(Duration::from_millis(self.random.u64(0..300)));
            redis.restart();
        }
        if victim != Victim::Redis {
            self.gateway.start_again();
        }
    }

    fn round(&mut self, n: usize) {
        let (account, ok) = (format!("acct_{n}"), format!("/ok/{n}"));
        let (once, doomed) = (format!("/once/{n}"), format!("/ok/doomed/{n}"));
        let g = &self.gateway;
        subscribe(g, &account, self.receiver, &ok);
        subscribe(g, &account, self.receiver, &once);
        let endpoint = subscribe(g, &account, self.receiver, &doomed);
        for i in 0..12 {
            let id = format!("evt_{n}_{i}");
            publish(g, &account, &id);
            for path in [&ok, &once] {
                self.promised.push((path.clone(), id.clone()));
            }
        }
        std::thread::sleep(Duration::from_millis(self.random.u64(0..400)));
        if self.random.bool() {
            self.kill();
            self.gone.insert(doomed, delete(&self.gateway, &endpoint));
        } else {
            self.gone.insert(doomed, delete(&self.gateway, &endpoint));
            self.kill();
        }
    }
}

fn rounds(redis: Option<Server>, seed: u64) {
    let (receiver, calls) = receiver(seed);
    let text = config(receiver.address, RULES);
    let text = match &redis {
        Some(server) => text.replace(
            "store: { engine: embedded, path: $DIR/fuelgate.db }",
            &server.store(", deadline_ms: 500"),
        ),
        None => text,
    };
    let gateway = Gateway::start(&text);
    let ill = subscribe(&gateway, "acct_ill", receiver.address, "/never-well");
    publish(&gateway, "acct_ill", "evt_ill");
    let next = eventually("its second attempt failed", Duration::from_secs(40), || {
        let shown = delivery(&gateway, &ill);
        let attempts = shown["attempts"].as_array()?;
        let [_, second] = &attempts[..] else {
            return None;
        };
        // A page may be read while an attempt is written down: until then what is next is the end of its claim.
        let at = |text: &Value| Timestamp::parse(text.as_str()?).ok();
        let next = at(&shown["next_attempt_at"])?;
        let is_planned = next.since(at(&second["at"])?) > CLAIM * 2;
        is_planned.then(|| shown["next_attempt_at"].clone())
    });
    let mut rig = Rig {
        gateway,
        redis,
        receiver: receiver.address,
        random: fastrand::Rng::with_seed(seed),
        promised: Vec::new(),
        gone: HashMap::new(),
    };
    for n in 0..if full() { 50 } else { 6 } {
        rig.round(n);
    }
    let wait = CLAIM * 2 + Duration::from_secs(20);
    eventually("every event is delivered", wait, || {
        let calls = calls.lock().unwrap();
        let heard: HashSet<(&str, &str)> = calls
            .iter()
            .map(|c| (c.path.as_str(), c.id.as_str()))
            .collect();
        let mut promised = rig.promised.iter();
        let is_done = promised.all(|(path, id)| heard.contains(&(path.as_str(), id.as_str())));
        is_done.then_some(())
    });
    // Whatever is still under a claim of a process that was killed is made again, or is not.
    std::thread::sleep(CLAIM);
    let after = delivery(&rig.gateway, &ill);
    assert_eq!(after["next_attempt_at"], next, "seed {seed}");
    assert_eq!(after["attempts"].as_array().unwrap().len(), 2);
    let calls = calls.lock().unwrap();
    for call in calls.iter() {
        if let Some(gone) = rig.gone.get(&call.path) {
            assert!(
                call.at <= *gone + ON_ITS_WAY,
                "{} heard of {} {:?} after it was deleted, seed {seed}",
                call.path,
                call.id,
                call.at - *gone
            );
        }
    }
    let mut last: HashMap<(&str, &str), Instant> = HashMap::new();
    for call in calls.iter().filter(|c| c.path.starts_with("/once")) {
        let before = last.insert((&call.path, &call.id), call.at);
        if let Some(before) = before {
            let between = call.at - before;
            assert!(
                between >= RETRY,
                "{} again after {between:?}, seed {seed}",
                call.id
            );
        }
    }
    let repeated = calls.len() as f64 / rig.promised.len() as f64;
    println!("{} calls, {repeated:.2} for each promise", calls.len());
}

#[test]
fn killed_gateways_on_the_embedded_store_deliver_all_and_keep_schedules() {
    rounds(None, 41);
}

#[test]
fn killed_gateways_and_servers_of_redis_deliver_all_and_keep_schedules() {
    let redis = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    rounds(Some(redis), 42);
}
