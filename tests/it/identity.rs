//! Which events are one and the same on the wire, and data that a rule makes: ids, repetitions, shapes.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::backend::{Answer, Backend, Seen};
use crate::support::eventually;
use crate::support::gateway::{Gateway, config};
use crate::support::redis::Server;

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
  - { type: contact.deleted, route: { method: DELETE, path: \"/v1/contacts/{id}\" }, status: [204] }
  - type: contact.updated
    route: { method: PATCH, path: \"/v1/contacts/{id}\" }
    status: [200]
    data: >-
      has(response.body.contact)
      ? {'id': response.body.contact.uid, 'name': response.body.contact.given + ' ' + response.body.contact.family}
      : {'id': response.body.id, 'name': response.body.name}
webhooks: { retry_delays_seconds: [1, 1], timeout_ms: 1000, allowed_private_targets: [127.0.0.0/8], retention_days: 30 }
trusted_proxies: [127.0.0.0/8]
";

/// A CRM that answers a creation with the id that it is told, and a change in the form that it is told.
fn crm() -> Backend {
    Backend::start(|seen| {
        let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
        let fields = vec![("Content-Type".into(), "application/json".into())];
        let reply = |status, body: &Value| {
            Answer::Reply(status, fields.clone(), body.to_string().into_bytes())
        };
        match seen.method.as_str() {
            "POST" => reply(
                201,
                &json!({"id": seen.header("x-reply-id"), "n": body["n"]}),
            ),
            "DELETE" => Answer::Reply(204, vec![], vec![]),
            _ if body["form"] == "broken" => reply(200, &json!({"id": "c7"})),
            _ if body["form"] == "v2" => reply(
                200,
                &json!({"contact": {"family": "Lovelace", "given": "Ada", "uid": "c7"}, "id": "x", "more": [1, 2]}),
            ),
            _ => reply(
                200,
                &json!({"id": "c7", "name": "Ada Lovelace", "old": true}),
            ),
        }
    })
}

struct Bench {
    crm: Backend,
    receiver: Backend,
    g: Gateway,
    key: String,
}

impl Bench {
    fn new() -> Self {
        Self::on(None)
    }

    fn on(redis: Option<&Server>) -> Self {
        let (crm, receiver) = (crm(), Backend::ok());
        let mut text = config(crm.address, RULES);
        if let Some(server) = redis {
            text = text.replace(
                "store: { engine: embedded, path: $DIR/fuelgate.db }",
                &server.store(", deadline_ms: 500"),
            );
        }
        let g = Gateway::start(&text);
        let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
        let url = format!("http://{}/hook", receiver.address);
        g.webhook("acct_1", &url, &["contact.*"]);
        Self {
            crm,
            receiver,
            g,
            key,
        }
    }

    fn call(&self, method: &str, target: &str, fields: &[(&str, &str)], body: &Value) -> u16 {
        let authorization = format!("Bearer {}", self.key);
        let mut all = vec![
            ("Authorization", authorization.as_str()),
            ("Content-Type", "application/json"),
        ];
        all.extend_from_slice(fields);
        let body = body.to_string();
        let answer = self.g.call(method, target, &all, Some(body.as_bytes()));
        answer.status
    }

    /// Creates the contact `id` and says that it is request `n`, with an Idempotency-Key.
    fn create(&self, key: &str, id: &str, n: u64) {
        let fields = [("Idempotency-Key", key), ("X-Reply-Id", id)];
        let status = self.call("POST", "/v1/contacts", &fields, &json!({"n": n}));
        assert_eq!(status, 201);
    }

    /// Deliveries once there are `n`, and that no further one comes behind a last event of another type.
    fn deliveries(&self, n: usize) -> Vec<Seen> {
        let status = self.call("DELETE", "/v1/contacts/last", &[], &json!({}));
        assert_eq!(status, 204);
        let seen = eventually("the deliveries", Duration::from_secs(20), || {
            let seen = self.receiver.seen();
            let is_last = |s: &Seen| s.text().contains("contact.deleted");
            (seen.iter().any(is_last) && seen.len() > n).then_some(seen)
        });
        assert_eq!(seen.len(), n + 1, "{:?}", bodies(&seen));
        let mut seen: Vec<Seen> = seen
            .into_iter()
            .filter(|s| !s.text().contains("contact.deleted"))
            .collect();
        seen.sort_by_key(|s| body(s)["sequence"].as_u64());
        seen
    }
}

fn body(seen: &Seen) -> Value {
    serde_json::from_slice(&seen.body).unwrap()
}

fn bodies(seen: &[Seen]) -> Vec<String> {
    seen.iter().map(Seen::text).collect()
}

fn ids(seen: &[Seen]) -> BTreeSet<String> {
    seen.iter()
        .filter_map(|s| s.header("webhook-id").map(str::to_owned))
        .collect()
}

/// What must be equal for a request to be a repetition, one after the other.
fn repeats(b: &Bench) {
    b.create("\"k1\"", "c1", 1);
    b.create("\"k1\"", "c1", 1);
    b.create("k1", "c1", 1);
    // Another resource, another body, another key.
    b.create("\"k1\"", "c2", 1);
    b.create("\"k1\"", "c1", 2);
    b.create("\"k2\"", "c1", 1);
    let seen = b.deliveries(4);
    assert_eq!(b.crm.count(), 7, "the upstream gets every request");
    assert_eq!(ids(&seen).len(), 4);
    let told: Vec<_> = seen
        .iter()
        .map(|s| {
            let body = body(s);
            (
                body["sequence"].as_u64(),
                body["data"]["id"].as_str().unwrap().to_owned(),
                body["data"]["n"].as_u64(),
            )
        })
        .collect();
    let expected = [("c1", 1), ("c2", 1), ("c1", 2), ("c1", 1)];
    let expected: Vec<_> = (1..)
        .zip(expected)
        .map(|(i, (id, n))| (Some(i), id.to_owned(), Some(n)))
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn a_request_repeated_with_its_key_makes_no_second_event() {
    repeats(&Bench::new());
}

#[test]
fn a_request_repeated_with_its_key_makes_no_second_event_on_redis() {
    let server = Server::start(&[]);
    repeats(&Bench::on(Some(&server)));
}

#[test]
fn requests_without_one_key_are_never_repetitions() {
    let b = Bench::new();
    let create = |fields: &[(&str, &str)]| {
        let mut all = vec![("X-Reply-Id", "c1")];
        all.extend_from_slice(fields);
        let status = b.call("POST", "/v1/contacts", &all, &json!({"n": 1}));
        assert_eq!(status, 201);
    };
    for fields in [
        &[][..],
        &[("Idempotency-Key", "\"open")],
        &[("Idempotency-Key", "k"), ("Idempotency-Key", "k")],
    ] {
        create(fields);
        create(fields);
    }
    assert_eq!(ids(&b.deliveries(6)).len(), 6);
}

#[test]
fn a_deletion_repeated_with_its_key_is_told_once() {
    let b = Bench::new();
    let authorization = format!("Bearer {}", b.key);
    let fields = [
        ("Authorization", authorization.as_str()),
        ("Idempotency-Key", "\"k\""),
    ];
    for _ in 0..3 {
        let answer = b.g.call("DELETE", "/v1/contacts/c1", &fields, None);
        assert_eq!(answer.status, 204);
    }
    let answer = b.g.call("DELETE", "/v1/contacts/c2", &fields, None);
    assert_eq!(answer.status, 204);
    b.create("\"k\"", "c1", 1);
    let seen = eventually("the deliveries", Duration::from_secs(20), || {
        let seen = b.receiver.seen();
        (seen.len() >= 3).then_some(seen)
    });
    assert_eq!(
        (seen.len(), ids(&seen).len()),
        (3, 3),
        "{:?}",
        bodies(&seen)
    );
}

#[test]
fn requests_that_a_proxy_gives_one_id_share_no_event() {
    let b = Bench::new();
    for n in 0..3 {
        let fields = [("X-Request-Id", "same"), ("X-Reply-Id", "c1")];
        let status = b.call("POST", "/v1/contacts", &fields, &json!({"n": n}));
        assert_eq!(status, 201);
    }
    let seen = b.deliveries(3);
    assert_eq!(ids(&seen).len(), 3);
    let listed =
        b.g.admin("GET", "/admin/v1/events?account_id=acct_1", None)
            .json();
    let of_request = |e: &&Value| e["request_id"] == "same";
    assert_eq!(
        listed["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter(of_request)
            .count(),
        3
    );
}

#[test]
fn a_backends_next_version_reaches_receivers_in_the_form_that_they_know() {
    let b = Bench::new();
    for form in ["v1", "v2", "broken"] {
        let status = b.call("PATCH", "/v1/contacts/c7", &[], &json!({"form": form}));
        assert_eq!(status, 200);
    }
    let seen = b.deliveries(3);
    let data = |s: &Seen| {
        let text = s.text();
        let at = text.find("\"data\":").unwrap();
        text[at..].to_owned()
    };
    assert_eq!(
        data(&seen[0]),
        "\"data\":{\"id\":\"c7\",\"name\":\"Ada Lovelace\"}}"
    );
    assert_eq!(data(&seen[1]), data(&seen[0]));
    assert_eq!(
        data(&seen[2]),
        "\"data\":{\"id\":\"c7\"},\"truncated\":true}"
    );
    eventually("the count", Duration::from_secs(10), || {
        (b.g.metric("fuelgate_event_shape_errors_total") >= 1.0).then_some(())
    });
}

#[test]
fn a_replay_keeps_the_webhook_id_and_so_does_a_restart() {
    let mut b = Bench::new();
    b.create("\"k1\"", "c1", 1);
    let seen = b.deliveries(1);
    let id = seen[0].header("webhook-id").unwrap().to_owned();
    assert!(id.starts_with("evt_") && id.len() == 36, "{id}");
    let event =
        b.g.admin("GET", &format!("/admin/v1/events/{id}"), None)
            .json();
    assert_eq!(
        (&event["id"], &event["resource_id"]),
        (&json!(id), &json!("c1"))
    );
    b.g.stop();
    b.g.start_again();
    // The repetition is still known, and the replay has the id that receivers know.
    b.create("\"k1\"", "c1", 1);
    let replayed =
        b.g.admin("POST", &format!("/admin/v1/events/{id}/replay"), None);
    assert!(matches!(replayed.status, 200 | 202), "{}", replayed.text());
    let seen = eventually("the replay", Duration::from_secs(20), || {
        let seen = b.receiver.seen();
        (seen.len() >= 3).then_some(seen)
    });
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[2].header("webhook-id"), Some(id.as_str()));
    assert_eq!(
        seen[2].body,
        seen.iter()
            .find(|s| s.header("webhook-id") == Some(&id))
            .unwrap()
            .body
    );
}
