//! Events and webhooks on the wire: what fires, what is sent, what is retried, and what is kept.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::backend::{Answer, Backend, json as reply};
use crate::support::eventually;
use crate::support::gateway::{Gateway, config};

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
  - { type: contact.updated, route: { method: PATCH, path: \"/v1/contacts/{id}\" }, status: [200] }
  - { type: contact.vip, route: { method: PATCH, path: \"/v1/contacts/{id}\" }, status: [200], when: \"response.body.vip == true && request.body.vip == true\" }
  - { type: contact.deleted, route: { method: DELETE, path: \"/v1/contacts/{id}\" }, status: [204] }
webhooks: { retry_delays_seconds: [1, 1], timeout_ms: 1000, allowed_private_targets: [127.0.0.0/8], retention_days: 30 }
ceilings: { header_bytes: 32768, header_fields: 100, uri_bytes: 8192, body_bytes: 1073741824, captured_body_bytes: 1000 }
";

const TYPES: [&str; 4] = [
    "contact.created",
    "contact.updated",
    "contact.vip",
    "contact.deleted",
];

fn crm() -> Backend {
    Backend::start(|seen| match (seen.method.as_str(), seen.target.as_str()) {
        ("POST", _) => {
            let size: usize = serde_json::from_slice::<Value>(&seen.body).unwrap()["size"]
                .as_u64()
                .unwrap_or(1)
                .try_into()
                .unwrap();
            Answer::Reply(
                201,
                vec![
                    ("Content-Type".into(), "application/json".into()),
                    ("Location".into(), "/v1/contacts/c7".into()),
                ],
                json!({"id": "c7", "note": "x".repeat(size)})
                    .to_string()
                    .into_bytes(),
            )
        }
        ("PATCH", "/v1/contacts/bad") => reply(422, &json!({})),
        ("PATCH", _) => {
            let mut body: Value = serde_json::from_slice(&seen.body).unwrap();
            body["id"] = "c7".into();
            reply(200, &body)
        }
        ("DELETE", _) => Answer::Reply(204, vec![], vec![]),
        _ => reply(200, &json!({})),
    })
}

fn subscribe(g: &Gateway, account: &str, receiver: &Backend) -> Value {
    subscribe_to(g, account, receiver, &TYPES)
}

fn subscribe_to(g: &Gateway, account: &str, receiver: &Backend, types: &[&str]) -> Value {
    g.webhook(account, &format!("http://{}/hook", receiver.address), types)
}

fn call(g: &Gateway, key: &str, method: &str, target: &str, body: &Value) -> u16 {
    g.call(
        method,
        target,
        &[
            ("Authorization", &format!("Bearer {key}")),
            ("Content-Type", "application/json"),
        ],
        Some(body.to_string().as_bytes()),
    )
    .status
}

fn received(receiver: &Backend) -> Vec<Value> {
    receiver
        .seen()
        .iter()
        .map(|s| serde_json::from_slice(&s.body).unwrap())
        .collect()
}

#[test]
fn a_wildcard_gets_every_type_below_it_each_once() {
    let (crm, receiver, nothing) = (crm(), Backend::ok(), Backend::ok());
    let g = Gateway::start(&config(crm.address, RULES));
    let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    subscribe_to(&g, "acct_1", &receiver, &["contact.*", "contact.created"]);
    subscribe_to(&g, "acct_1", &nothing, &["contact.vip"]);
    let unknown = g.admin(
        "POST",
        "/admin/v1/webhooks",
        Some(
            &json!({"account_id": "acct_1", "url": "https://r.example", "event_types": ["deal.*"]}),
        ),
    );
    assert_eq!(unknown.status, 422, "{}", unknown.text());
    assert_eq!(call(&g, &key, "POST", "/v1/contacts", &json!({})), 201);
    assert_eq!(call(&g, &key, "DELETE", "/v1/contacts/c7", &json!({})), 204);
    let bodies = eventually("both deliveries", Duration::from_secs(15), || {
        Some(received(&receiver)).filter(|b| b.len() >= 2)
    });
    let mut kinds: Vec<&str> = bodies.iter().filter_map(|b| b["type"].as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["contact.created", "contact.deleted"]);
    assert_eq!(nothing.seen().len(), 0);
}

#[test]
fn rules_fire_for_what_happened_and_for_nothing_else() {
    let (crm, receiver) = (crm(), Backend::ok());
    let g = Gateway::start(&config(crm.address, RULES));
    let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    let (_, other) = g.key("acct_2", &["contacts:read", "contacts:write"]);
    subscribe(&g, "acct_1", &receiver);
    assert_eq!(call(&g, &key, "POST", "/v1/contacts", &json!({})), 201);
    assert_eq!(
        call(&g, &key, "PATCH", "/v1/contacts/c7", &json!({"vip": false})),
        200
    );
    assert_eq!(
        call(&g, &key, "PATCH", "/v1/contacts/c7", &json!({"vip": true})),
        200
    );
    assert_eq!(
        call(&g, &key, "PATCH", "/v1/contacts/bad", &json!({"vip": true})),
        422
    );
    assert_eq!(call(&g, &key, "DELETE", "/v1/contacts/c7", &json!({})), 204);
    // Another account's events are not this endpoint's.
    assert_eq!(call(&g, &other, "POST", "/v1/contacts", &json!({})), 201);
    let bodies = eventually("five deliveries", Duration::from_secs(15), || {
        Some(received(&receiver)).filter(|b| b.len() >= 5)
    });
    let mut kinds: Vec<_> = bodies
        .iter()
        .map(|b| b["type"].as_str().unwrap().to_owned())
        .collect();
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "contact.created",
            "contact.deleted",
            "contact.updated",
            "contact.updated",
            "contact.vip"
        ]
    );
    let mut numbers: Vec<_> = bodies
        .iter()
        .map(|b| b["sequence"].as_u64().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5], "no gap for what did not happen");
    let of = |kind: &str| bodies.iter().find(|b| b["type"] == kind).unwrap();
    assert_eq!(of("contact.vip")["data"]["vip"], true);
    assert_eq!(of("contact.deleted")["data"], json!({"id": "c7"}));
    let list = g
        .admin("GET", "/admin/v1/events?account_id=acct_1", None)
        .json();
    assert_eq!(list["data"].as_array().unwrap().len(), 5, "{list}");
}

#[test]
fn a_body_over_the_cap_makes_a_thin_event() {
    let (crm, receiver) = (crm(), Backend::ok());
    let g = Gateway::start(&config(crm.address, RULES));
    let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    subscribe(&g, "acct_1", &receiver);
    let r = g.post("/v1/contacts", &key, &json!({"size": 200_000}));
    assert_eq!(r.status, 201);
    assert!(r.body.len() > 200_000, "the client gets all of it");
    let body = eventually("the delivery", Duration::from_secs(10), || {
        received(&receiver).pop()
    });
    assert_eq!(body["data"], json!({"id": "c7"}));
    assert_eq!(body["truncated"], true);
}

#[test]
fn deliveries_are_retried_with_one_id_and_logged_and_can_be_retried_by_hand() {
    let crm = crm();
    let tries = AtomicU64::new(0);
    let receiver = Backend::start(move |_| match tries.fetch_add(1, Ordering::SeqCst) {
        0 => reply(500, &json!({"error": "later"})),
        1 => Answer::Reply(
            302,
            vec![("Location".into(), "http://127.0.0.1:1/".into())],
            vec![],
        ),
        2 => Answer::Hang(Duration::from_secs(3)),
        _ => Answer::Reply(200, vec![], vec![]),
    });
    let g = Gateway::start(&config(crm.address, RULES));
    let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    let endpoint = subscribe(&g, "acct_1", &receiver);
    let id = endpoint["id"].as_str().unwrap();
    assert_eq!(call(&g, &key, "POST", "/v1/contacts", &json!({})), 201);
    let deliveries = || {
        g.admin("GET", &format!("/admin/v1/webhooks/{id}/deliveries"), None)
            .json()
    };
    let failed = eventually("three attempts fail", Duration::from_secs(30), || {
        Some(deliveries()["data"][0].clone())
            .filter(|d| d["attempts"].as_array().is_some_and(|a| a.len() == 3))
    });
    assert_eq!(failed["attempts"][0]["status"], 500);
    assert_eq!(
        failed["attempts"][1]["status"], 302,
        "redirects are not followed"
    );
    assert!(failed["attempts"][2]["error"].is_string(), "{failed}");
    let seen = receiver.seen();
    assert_eq!(seen.len(), 3);
    assert!(
        seen.iter()
            .all(|s| s.header("webhook-id") == seen[0].header("webhook-id"))
    );
    assert!(seen.iter().all(|s| s.body == seen[0].body));
    let delivery = failed["id"].as_str().unwrap();
    let r = g.admin(
        "POST",
        &format!("/admin/v1/deliveries/{delivery}/retry"),
        None,
    );
    assert!(matches!(r.status, 200 | 202), "{}", r.text());
    eventually("it succeeds", Duration::from_secs(10), || {
        (deliveries()["data"][0]["attempts"]
            .as_array()
            .is_some_and(|a| a.len() == 4))
        .then_some(())
    });
    assert_eq!(
        receiver.last().header("webhook-id"),
        seen[0].header("webhook-id")
    );
}

#[test]
fn a_gone_receiver_disables_its_endpoint() {
    let crm = crm();
    let receiver = Backend::start(|_| Answer::Reply(410, vec![], vec![]));
    let g = Gateway::start(&config(crm.address, RULES));
    let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    let endpoint = subscribe(&g, "acct_1", &receiver);
    let id = endpoint["id"].as_str().unwrap();
    assert_eq!(call(&g, &key, "POST", "/v1/contacts", &json!({})), 201);
    let view = eventually("it is disabled", Duration::from_secs(10), || {
        let view = g
            .admin("GET", &format!("/admin/v1/webhooks/{id}"), None)
            .json();
        (view["status"] == "disabled").then_some(view)
    });
    assert!(view["disabled_reason"].is_string(), "{view}");
    assert!(
        !view.to_string().contains("whsec_"),
        "a secret is shown once"
    );
}

#[test]
fn the_backend_publishes_what_never_crosses_the_gateway_once_however_often_it_tries() {
    let (crm, receiver) = (crm(), Backend::ok());
    let g = Gateway::start(&config(crm.address, RULES));
    let (_, _) = g.key("acct_1", &["contacts:read"]);
    let endpoint = subscribe(&g, "acct_1", &receiver);
    let event = json!({"account_id": "acct_1", "type": "contact.updated", "data": {"id": "c9", "by": "hand"}, "id": "crm-1234"});
    let first = g.admin("POST", "/admin/v1/events", Some(&event));
    assert!(matches!(first.status, 201 | 202), "{}", first.text());
    for _ in 0..3 {
        let again = g.admin("POST", "/admin/v1/events", Some(&event));
        assert!(matches!(again.status, 200..=202), "{}", again.text());
    }
    let bad = g.admin(
        "POST",
        "/admin/v1/events",
        Some(&json!({"account_id": "acct_1", "type": "no.such.type", "data": {}})),
    );
    assert_eq!(bad.status, 422, "{}", bad.text());
    eventually("the delivery", Duration::from_secs(10), || {
        (receiver.count() >= 1).then_some(())
    });
    let seen = receiver.last();
    assert_eq!(seen.header("webhook-id"), Some("crm-1234"));
    let id = endpoint["id"].as_str().unwrap();
    let test = g.admin("POST", &format!("/admin/v1/webhooks/{id}/test"), None);
    assert!(matches!(test.status, 200..=202), "{}", test.text());
    eventually("the test", Duration::from_secs(10), || {
        received(&receiver)
            .iter()
            .any(|b| b["type"] == "webhook.test")
            .then_some(())
    });
    assert_eq!(received(&receiver).len(), 2, "published once, tested once");
}

#[test]
fn private_targets_are_refused_unless_the_operator_lists_them() {
    let crm = crm();
    let rules = RULES.replace(
        "allowed_private_targets: [127.0.0.0/8]",
        "allowed_private_targets: []",
    );
    let g = Gateway::start(&config(crm.address, &rules));
    let (_, _) = g.key("acct_1", &["contacts:read"]);
    for url in [
        "http://127.0.0.1:9/x",
        "https://127.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://10.0.0.7/x",
        "https://user:pass@example.com/x",
        "ftp://example.com/x",
        "http://example.com/x",
        "nonsense",
    ] {
        let r = g.admin(
            "POST",
            "/admin/v1/webhooks",
            Some(&json!({"account_id": "acct_1", "url": url, "event_types": ["contact.created"]})),
        );
        assert_eq!(r.status, 422, "{url}: {}", r.text());
        assert_eq!(r.json()["errors"][0]["field"], "url", "{url}");
    }
}
