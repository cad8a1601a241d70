//! What survives kill -9 and a full disk: events of every 2xx that a client saw, usage to a second, and the database itself.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::backend::{Answer, Backend};
use crate::support::eventually;
use crate::support::gateway::{Gateway, config};
use crate::support::http::{Connection, encode};

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
webhooks: { endpoint: { concurrency: 64, per_second: 1000 }, retry_delays_seconds: [1, 1, 1, 1, 1], timeout_ms: 2000, allowed_private_targets: [127.0.0.0/8], retention_days: 30 }
";

/// A CRM that makes a contact with a new id for each POST.
fn crm() -> Backend {
    let next = AtomicU64::new(0);
    Backend::start(move |_| {
        let id = format!("c{}", next.fetch_add(1, Ordering::SeqCst));
        Answer::Reply(
            201,
            vec![
                ("Content-Type".into(), "application/json".into()),
                ("Location".into(), format!("/v1/contacts/{id}")),
            ],
            json!({"id": id, "name": "Ada"}).to_string().into_bytes(),
        )
    })
}

/// A receiver that notes the contact id of every delivery.
fn receiver() -> (Backend, Arc<Mutex<HashSet<String>>>) {
    let ids = Arc::new(Mutex::new(HashSet::new()));
    let noted = ids.clone();
    let backend = Backend::start(move |seen| {
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        noted
            .lock()
            .unwrap()
            .insert(body["data"]["id"].as_str().unwrap_or("").to_owned());
        Answer::Reply(204, vec![], vec![])
    });
    (backend, ids)
}

fn subscribe(g: &Gateway, receiver: &Backend) {
    let url = format!("http://{}/hook", receiver.address);
    g.webhook("acct_1", &url, &["contact.created"]);
}

/// Creates contacts on one connection after another until told to stop; notes the id and time of each 201.
fn write_until(
    address: std::net::SocketAddr,
    key: &str,
    stop: &AtomicBool,
    seen: &Mutex<Vec<(String, Instant)>>,
) {
    let bytes = encode(
        "POST",
        "/v1/contacts",
        &[
            ("Authorization", &format!("Bearer {key}")),
            ("Content-Type", "application/json"),
        ],
        Some(br#"{"name":"Ada"}"#),
    );
    while !stop.load(Ordering::SeqCst) {
        let Some(mut c) = Connection::try_open(address) else {
            return;
        };
        while !stop.load(Ordering::SeqCst) {
            if c.try_send(&bytes).is_err() {
                break;
            }
            let Some(r) = c.try_receive(false) else { break };
            if r.status == 201 {
                let id = r.json()["id"].as_str().unwrap().to_owned();
                seen.lock().unwrap().push((id, Instant::now()));
            }
        }
    }
}

#[test]
fn kill_9_loses_no_event_that_a_client_saw_and_a_second_of_usage() {
    let crm = crm();
    let (receiver, delivered) = receiver();
    let mut g = Gateway::start(&config(crm.address, RULES));
    subscribe(&g, &receiver);
    let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    let rounds = 20;
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut may_be_lost = 0;
    for _ in 0..rounds {
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let (stop, seen, key, address) =
                    (stop.clone(), seen.clone(), key.clone(), g.address());
                std::thread::spawn(move || write_until(address, &key, &stop, &seen))
            })
            .collect();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Long enough that most writes are older than what a kill may lose.
        std::thread::sleep(Duration::from_millis(2000 + random % 1000));
        let killed = Instant::now();
        g.kill();
        stop.store(true, Ordering::SeqCst);
        for writer in writers {
            writer.join().unwrap();
        }
        // One flush interval, and the time that the flush itself may take.
        may_be_lost += seen
            .lock()
            .unwrap()
            .iter()
            .filter(|(_, at)| killed.saturating_duration_since(*at) <= Duration::from_millis(1250))
            .count();
        g.start_again();
    }
    let seen: HashSet<String> = seen.lock().unwrap().drain(..).map(|(id, _)| id).collect();
    assert!(seen.len() > 100, "only {} writes got through", seen.len());
    eventually(
        "every event that a client saw is delivered",
        Duration::from_secs(60),
        || seen.is_subset(&delivered.lock().unwrap()).then_some(()),
    );
    let used = g
        .admin("GET", "/admin/v1/usage/summary?account_id=acct_1", None)
        .json()["month"]["used"]
        .as_u64()
        .unwrap();
    let used = usize::try_from(used).unwrap();
    assert!(
        may_be_lost * 4 < seen.len() * 3,
        "{may_be_lost} of {} writes came within a second of a kill: the next line shows too little",
        seen.len()
    );
    assert!(
        used + may_be_lost >= seen.len(),
        "{} seen, {used} counted, {may_be_lost} within a second of a kill",
        seen.len()
    );
    println!(
        "{rounds} kills: {} writes seen, {} delivered, {used} counted, at most {may_be_lost} could be lost",
        seen.len(),
        delivered.lock().unwrap().len()
    );
}

/// What a kill may lose: one interval between flushes, and the time in which a flush reaches the disk of a busy machine.
const MAY_BE_LOST: Duration = Duration::from_millis(1_000 + 100);

#[test]
fn kill_9_loses_a_second_of_usage_at_most_and_counts_nothing_that_was_not() {
    let crm = crm();
    let mut g = Gateway::start(&config(crm.address, ""));
    let (_, key) = g.key("acct_1", &["contacts:write"]);
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let (mut before, mut lost) = (0, 0);
    for round in 0..8 {
        let (stop, seen) = (AtomicBool::new(false), Mutex::new(Vec::new()));
        let upstream = crm.count();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let address = g.address();
        let killed = std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| write_until(address, &key, &stop, &seen));
            }
            // At any time between two flushes, and after one at least.
            std::thread::sleep(Duration::from_millis(1_800 + random % 1_000));
            let killed = Instant::now();
            g.kill();
            stop.store(true, Ordering::SeqCst);
            killed
        });
        let mut seen = seen.into_inner().unwrap();
        seen.sort_by_key(|(_, at)| *at);
        let older = |(_, at): &&(String, Instant)| *at + MAY_BE_LOST < killed;
        let certain = seen.iter().filter(older).count() as u64;
        assert!(certain > 20, "{certain} of {} are old enough", seen.len());
        g.start_again();
        let path = "/admin/v1/usage/summary?account_id=acct_1";
        let used = g.admin("GET", path, None).json()["month"]["used"].as_u64();
        let path = "/admin/v1/usage?account_id=acct_1&granularity=month";
        let series = g.admin("GET", path, None).json();
        let points = series["data"].as_array().unwrap().iter();
        let requests: u64 = points.map(|p| p["requests"].as_u64().unwrap()).sum();
        let used = used.unwrap();
        assert_eq!(used, requests, "both roll-ups are of one batch");
        let counted = used - before;
        let admitted = (crm.count() - upstream) as u64;
        let first_lost = seen.get(usize::try_from(counted).unwrap());
        println!(
            "round {round}: {} seen, {certain} of them old enough, {counted} counted, {admitted} at the upstream, the first lost {:?} before the kill",
            seen.len(),
            first_lost.map(|(_, at)| killed.saturating_duration_since(*at))
        );
        assert!(
            counted >= certain,
            "{counted} of {certain} that were old enough"
        );
        assert!(
            counted <= admitted,
            "{counted} of {admitted} that reached the upstream"
        );
        lost += admitted - counted;
        before = used;
    }
    assert!(
        lost > 0,
        "no kill came between a request and its flush: this shows nothing"
    );
}

#[test]
fn a_full_disk_refuses_writes_before_they_are_forwarded_and_heals() {
    let crm = crm();
    let (receiver, delivered) = receiver();
    let g = Gateway::start(&config(crm.address, RULES));
    subscribe(&g, &receiver);
    let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    let seen = std::cell::Cell::new(0);
    let write = || {
        let r = g.post("/v1/contacts", &key, &json!({}));
        seen.set(seen.get() + usize::from(r.status == 201));
        r
    };
    assert_eq!(write().status, 201);
    // No file may grow past what the database has now: to the process its disk is full.
    let limit = |size: &str| {
        let done = crate::support::programs::run(
            "prlimit",
            &[
                "--pid",
                &g.pid().to_string(),
                &format!("--fsize={size}:unlimited"),
            ],
        );
        assert!(done.status.success(), "{done:?}");
    };
    limit("4096");
    let mut last = None;
    let refused = eventually("writes are refused", Duration::from_secs(20), || {
        let r = write();
        let status = r.status;
        last = Some(r);
        (status == 503).then(|| last.take().unwrap())
    });
    assert_eq!(
        refused.header("x-fuelgate-error"),
        Some("store_unavailable")
    );
    assert!(refused.header("retry-after").is_some());
    let before = crm.count();
    for _ in 0..5 {
        assert_eq!(write().status, 503);
    }
    assert_eq!(crm.count(), before, "a refused write is not forwarded");
    assert_eq!(g.get("/v1/contacts/1", &key).status, 201, "reads go on");
    let made = g.admin(
        "POST",
        "/admin/v1/keys",
        Some(&json!({"account_id": "acct_1", "name": "n", "scopes": ["contacts:read"], "expires_in_days": 30})),
    );
    assert_eq!(
        (made.status, made.header("x-fuelgate-error")),
        (503, Some("store_unavailable"))
    );
    limit("unlimited");
    eventually("writes go through again", Duration::from_secs(20), || {
        (write().status == 201).then_some(())
    });
    eventually(
        "every write that a client saw is delivered",
        Duration::from_secs(30),
        || (delivered.lock().unwrap().len() >= seen.get()).then_some(()),
    );
}
