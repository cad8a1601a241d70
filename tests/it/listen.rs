//! `fuelgate listen` and the stream below it: every event once and in order, whatever is cut, and no stream without bounds.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::backend::{Answer, Backend, Seen};
use crate::support::eventually;
use crate::support::gateway::{Gateway, TOKEN, config};
use crate::support::listener::{Listener, SECRET};
use crate::support::programs::free_port;
use crate::support::redis::Server;

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
  - { type: contact.deleted, route: { method: DELETE, path: \"/v1/contacts/{id}\" }, status: [204] }
webhooks: { endpoint: { concurrency: 64, per_second: 1000 }, retry_delays_seconds: [1, 1, 1, 1], timeout_ms: 5000, allowed_private_targets: [127.0.0.0/8], retention_days: 30 }
";

/// A backend that makes contacts `c1`, `c2` and so on.
fn crm() -> Backend {
    let made = AtomicU64::new(0);
    Backend::start(move |seen| match seen.method.as_str() {
        "POST" => {
            let id = made.fetch_add(1, Ordering::SeqCst) + 1;
            let body = format!("{{\"id\": \"c{id}\",\n \"name\":\"Zoë\"}}");
            let fields = [
                ("Content-Type", "application/json".to_owned()),
                ("Location", format!("/v1/contacts/c{id}")),
            ];
            let fields = fields.map(|(name, value)| (name.to_owned(), value));
            Answer::Reply(201, fields.into(), body.into_bytes())
        }
        _ => Answer::Reply(204, vec![], vec![]),
    })
}

/// The same configuration with an admin listener that is there again after a restart.
fn with_port(config: &str) -> (String, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let text = config.replace(
        "admin: { address: \"127.0.0.1:0\"",
        &format!("admin: {{ address: \"{address}\""),
    );
    assert_ne!(text, config);
    (text, address)
}

fn make_contacts(g: &Gateway, key: &str, count: usize) {
    for _ in 0..count {
        assert_eq!(g.post("/v1/contacts", key, &json!({})).status, 201);
    }
}

/// Number and contact of each event that a receiver was sent, every one of them verified.
fn verified(seen: &[Seen], secret: &str) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    for s in seen {
        assert!(s.verifies(secret), "{s:?}");
        let body: Value = serde_json::from_slice(&s.body).unwrap();
        let contact = body["data"]["id"].as_str().unwrap().to_owned();
        all.push((body["sequence"].as_u64().unwrap(), contact));
    }
    all
}

/// Numbers of the events that were taken, as the listener tells.
fn taken(listener: &Listener) -> Vec<u64> {
    let sent = listener.sent();
    let good = sent.iter().filter(|s| s["status"] == 200);
    good.map(|s| s["sequence"].as_u64().unwrap()).collect()
}

#[test]
fn every_event_is_forwarded_once_and_in_order_whatever_is_cut() {
    let crm = crm();
    let is_away = Arc::new(AtomicBool::new(false));
    let away = Arc::clone(&is_away);
    let local = Backend::start(move |_| match away.load(Ordering::SeqCst) {
        true => Answer::Raw(Vec::new()),
        false => Answer::Reply(200, vec![], vec![]),
    });
    let endpoint = Backend::ok();
    let (text, admin) = with_port(&config(crm.address, RULES));
    let mut g = Gateway::start(&text);
    let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    let url = format!("http://{}/hooks", endpoint.address);
    let made = g.admin(
        "POST",
        "/admin/v1/webhooks",
        Some(&json!({"account_id": "acct_1", "url": url, "event_types": ["contact.created"]})),
    );
    let endpoint_secret = made.json()["secret"].as_str().unwrap().to_owned();

    let listener = Listener::start(admin, local.address, &[]);
    listener.wait();
    make_contacts(&g, &key, 20);
    g.kill();
    g.start_again();
    make_contacts(&g, &key, 20);
    is_away.store(true, Ordering::SeqCst);
    make_contacts(&g, &key, 10);
    eventually(
        "the receiver was asked in vain",
        Duration::from_secs(20),
        || (listener.sent().len() > taken(&listener).len()).then_some(()),
    );
    assert_eq!(g.stop(), Some(0));
    let before = listener.sent().len();
    eventually(
        "it is asked in vain while the gateway is away too",
        Duration::from_secs(20),
        || (listener.sent().len() > before).then_some(()),
    );
    is_away.store(false, Ordering::SeqCst);
    g.start_again();
    make_contacts(&g, &key, 10);

    let all: Vec<u64> = (1..=60).collect();
    eventually("all are taken", Duration::from_secs(60), || {
        (taken(&listener).last() == Some(&60)).then_some(())
    });
    assert_eq!(taken(&listener), all, "once each and in order");
    assert!(
        listener.sent().len() > 60,
        "some were sent again while the receiver was away"
    );
    // What a receiver on the internet was sent is the same, body and id.
    eventually("the webhook's too", Duration::from_secs(30), || {
        (endpoint.count() >= 60).then_some(())
    });
    let mut delivered = verified(&endpoint.seen(), &endpoint_secret);
    delivered.sort();
    delivered.dedup();
    let mut forwarded = verified(&local.seen(), SECRET);
    forwarded.dedup();
    assert_eq!(forwarded, delivered);
    let body_of = |seen: &[Seen], id: &str| {
        let one = seen.iter().find(|s| s.header("webhook-id") == Some(id));
        one.unwrap().body.clone()
    };
    let local = local.seen();
    let id = local[0].header("webhook-id").unwrap();
    assert_eq!(body_of(&endpoint.seen(), id), local[0].body);
}

#[test]
fn a_listener_that_was_stopped_goes_on_where_it_said() {
    let (crm, local) = (crm(), Backend::ok());
    let g = Gateway::start(&config(crm.address, RULES));
    let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    let admin = g.listener("admin");
    make_contacts(&g, &key, 2);
    let mut first = Listener::start(admin, local.address, &[]);
    first.wait();
    make_contacts(&g, &key, 3);
    eventually("three", Duration::from_secs(10), || {
        (taken(&first).len() == 3).then_some(())
    });
    assert_eq!(first.stop(), Some(0));
    assert!(first.notes().contains("--after 5"), "{}", first.notes());
    make_contacts(&g, &key, 2);
    let second = Listener::start(admin, local.address, &["--after", "5"]);
    eventually("the others", Duration::from_secs(10), || {
        (taken(&second) == [6, 7]).then_some(())
    });
    // From the beginning, and only some types.
    let deleted = g.call(
        "DELETE",
        "/v1/contacts/c1",
        &[("Authorization", &format!("Bearer {key}"))],
        None,
    );
    assert_eq!(deleted.status, 204);
    let some = Listener::start(
        admin,
        local.address,
        &["--after", "0", "--event-types", "contact.deleted"],
    );
    eventually("the deletion alone", Duration::from_secs(10), || {
        (taken(&some) == [8]).then_some(())
    });
    let all = Listener::start(
        admin,
        local.address,
        &["--after", "0", "--event-types", "contact.*"],
    );
    eventually("all of them", Duration::from_secs(10), || {
        (taken(&all) == [1, 2, 3, 4, 5, 6, 7, 8]).then_some(())
    });
}

#[test]
fn a_listener_goes_on_at_another_node_of_the_same_redis() {
    let (server, crm, local) = (Server::start(&[]), crm(), Backend::ok());
    let spool = config(crm.address, RULES).replace(
        "store: { engine: embedded, path: $DIR/fuelgate.db }",
        &server.store(", deadline_ms: 500"),
    );
    let (text, admin) = with_port(&spool);
    let mut first = Gateway::start(&text);
    // The other node has an admin listener of its own until the first is gone.
    let second = Gateway::start(&spool);
    let (_, key) = second.key("acct_1", &["contacts:read", "contacts:write"]);
    let listener = Listener::start(admin, local.address, &[]);
    listener.wait();
    make_contacts(&first, &key, 5);
    make_contacts(&second, &key, 5);
    eventually("of both nodes", Duration::from_secs(20), || {
        (taken(&listener).len() == 10).then_some(())
    });
    first.kill();
    make_contacts(&second, &key, 10);
    let third = Gateway::start(&text);
    make_contacts(&third, &key, 5);
    make_contacts(&second, &key, 5);
    eventually("all", Duration::from_secs(30), || {
        (taken(&listener).last() == Some(&30)).then_some(())
    });
    assert_eq!(taken(&listener), (1..=30).collect::<Vec<u64>>());
}

#[test]
fn a_redis_that_lost_its_last_writes_costs_a_listener_no_event() {
    let (mut server, crm, local) = (Server::start(&[]), crm(), Backend::ok());
    let text = config(crm.address, RULES).replace(
        "store: { engine: embedded, path: $DIR/fuelgate.db }",
        &server.store(", deadline_ms: 500"),
    );
    let (first, second) = (Gateway::start(&text), Gateway::start(&text));
    let (_, key) = first.key("acct_1", &["contacts:read", "contacts:write"]);
    let listener = Listener::start(first.listener("admin"), local.address, &[]);
    listener.wait();
    make_contacts(&first, &key, 5);
    assert_eq!(
        second.get("/v1/contacts", &key).status,
        204,
        "it knows the key"
    );
    server.ask::<String>(&["SAVE"]);
    make_contacts(&first, &key, 10);
    eventually("what will be lost", Duration::from_secs(10), || {
        (taken(&listener).len() == 15).then_some(())
    });
    server.restart();
    // New events of both nodes come between those that the first writes again, and take their numbers. For a moment
    // limits are tighter, since what was in the buckets is lost too.
    for node in [&second, &first, &second] {
        for _ in 0..5 {
            eventually("a contact is made", Duration::from_secs(20), || {
                let made = node.post("/v1/contacts", &key, &json!({}));
                (made.status == 201).then_some(())
            });
        }
    }
    let contacts = |seen: &[Seen]| {
        let mut all: Vec<_> = verified(seen, SECRET).into_iter().map(|v| v.1).collect();
        all.sort();
        all.dedup();
        all.len()
    };
    eventually("every contact", Duration::from_secs(30), || {
        (contacts(&local.seen()) == 30).then_some(())
    });
}

#[test]
fn numbers_that_are_no_longer_kept_end_a_listener_that_would_miss_them() {
    let (crm, local) = (crm(), Backend::ok());
    let folder = tempfile::tempdir().unwrap();
    let path = format!("path: {}/fuelgate.db", folder.path().display());
    let text = config(crm.address, RULES).replace("path: $DIR/fuelgate.db", &path);
    let mut before = Gateway::start_shifted(&text, "-40d");
    let (_, key) = before.key("acct_1", &["contacts:read", "contacts:write"]);
    make_contacts(&before, &key, 4);
    assert_eq!(before.stop(), Some(0));
    let g = Gateway::start(&text);
    eventually("old events are gone", Duration::from_secs(20), || {
        let left = g.admin("GET", "/admin/v1/events", None).json();
        left["data"].as_array().unwrap().is_empty().then_some(())
    });
    make_contacts(&g, &key, 1);
    let admin = g.listener("admin");
    let mut late = Listener::start(admin, local.address, &["--after", "2"]);
    assert_eq!(late.end(), Some(1));
    let notes = late.notes();
    assert!(
        notes.contains("events 3 to 4 are no longer kept"),
        "{notes}"
    );
    assert!(notes.contains("--after 4"), "{notes}");
    assert_eq!(local.count(), 0, "nothing is sent past what is missing");
    for after in ["0", "4"] {
        let listener = Listener::start(admin, local.address, &["--after", after]);
        eventually("what is kept", Duration::from_secs(10), || {
            (taken(&listener) == [5]).then_some(())
        });
    }
}

#[test]
fn a_listener_that_cannot_begin_says_why_and_ends() {
    let (crm, local) = (crm(), Backend::ok());
    let g = Gateway::start(&config(crm.address, RULES));
    let nowhere = SocketAddr::from(([127, 0, 0, 1], free_port()));
    for (admin, more, code, said) in [
        (nowhere, &[][..], 3, "cannot be reached"),
        (
            g.listener("admin"),
            &["--after", "1"],
            1,
            "the last number of this account",
        ),
        (
            g.listener("admin"),
            &["--event-types", "contact.won"],
            1,
            "event_types[0]",
        ),
        (
            g.listener("admin"),
            &["--admin-token-file", "/dev/null"],
            2,
            "no admin token",
        ),
    ] {
        let mut listener = Listener::start(admin, local.address, more);
        assert_eq!(listener.end(), Some(code), "{more:?}");
        assert!(listener.notes().contains(said), "{}", listener.notes());
    }
}

/// A stream as raw bytes: its connection, read up to and with the first line.
fn open_stream(admin: SocketAddr, token: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(admin).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let head = format!(
        "GET /admin/v1/event-stream?account_id=acct_1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    BufReader::new(stream)
}

/// The status, and for a stream everything up to its first line of JSON.
fn begin(stream: &mut BufReader<TcpStream>) -> u16 {
    let mut status = 0;
    loop {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).unwrap() > 0, "it ended");
        if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
            status = rest[..3].parse().unwrap();
        }
        if line.starts_with("{\"position\"") || (status != 200 && line == "\r\n") {
            return status;
        }
    }
}

fn to_the_end(mut stream: BufReader<TcpStream>) -> String {
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    rest
}

#[test]
fn streams_are_bounded_and_end_with_their_token_and_with_the_gateway() {
    let crm = crm();
    let text = config(crm.address, RULES).replace(
        &format!("token: {TOKEN}"),
        &format!("tokens: [ {{ name: ops, sha256: {}, permissions: [keys, webhooks, usage, portal, events] }}, {{ name: crm, sha256: {}, permissions: [events] }}, {{ name: keys, sha256: {}, permissions: [keys] }} ]",
            digest(TOKEN), digest("crm-token-0123456789abcdef"), digest("keys-token-0123456789abcdef")),
    );
    let mut g = Gateway::start(&text);
    let admin = g.listener("admin");
    assert_eq!(begin(&mut open_stream(admin, "nobody")), 401);
    assert_eq!(
        begin(&mut open_stream(admin, "keys-token-0123456789abcdef")),
        403
    );

    let mut all: Vec<_> = (0..64).map(|_| open_stream(admin, TOKEN)).collect();
    for stream in &mut all {
        assert_eq!(begin(stream), 200);
    }
    let mut refused = open_stream(admin, TOKEN);
    assert_eq!(begin(&mut refused), 503);
    all.truncate(1);
    let mut other = eventually("a place is free", Duration::from_secs(10), || {
        let mut stream = open_stream(admin, "crm-token-0123456789abcdef");
        (begin(&mut stream) == 200).then_some(stream)
    });

    // The token that opened it is taken away: the stream is no longer its bearer's.
    g.write_config(&text.replace(
        &digest("crm-token-0123456789abcdef"),
        &digest("another-token"),
    ));
    g.signal("HUP");
    let mut rest = String::new();
    other.read_to_string(&mut rest).ok();
    let began = Instant::now();
    let at_the_end = all.remove(0);
    assert_eq!(g.stop(), Some(0));
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    assert!(to_the_end(at_the_end).ends_with("0\r\n\r\n"));
}

fn digest(token: &str) -> String {
    let out = crate::support::programs::run(
        "sh",
        &[
            "-c",
            &format!("printf %s '{token}' | sha256sum | cut -d' ' -f1"),
        ],
    );
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}
