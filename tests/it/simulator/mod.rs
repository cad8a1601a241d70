//! The simulator over the binary: webhooks as they are sent, receivers under test, inboxes, and dry runs against the gateway itself.

mod dry_run;
mod inboxes;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::backend::{Answer, Backend, json as reply};
use crate::support::eventually;
use crate::support::gateway::{Gateway, TOKEN, config};
use crate::support::http::{self, Response, encode};
use crate::support::redis::Server;

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
  - { type: contact.large, route: { method: POST, path: /v1/contacts }, when: \"size(response.body.note) > 5\" }
  - { type: contact.updated, route: { method: PATCH, path: \"/v1/contacts/{id}\" }, status: [200] }
  - { type: contact.vip, route: { method: PATCH, path: \"/v1/contacts/{id}\" }, when: \"response.body.vip == true && request.body.vip == true\" }
  - { type: contact.own, route: { method: PATCH, path: \"/v1/contacts/{id}\" }, when: \"request.params.id == 'me'\" }
  - { type: contact.deleted, route: { method: DELETE, path: \"/v1/contacts/{id}\" }, status: [204] }
webhooks: { retry_delays_seconds: [1, 1], timeout_ms: 3000, allowed_private_targets: [127.0.0.0/8], retention_days: 30 }
ceilings: { header_bytes: 32768, header_fields: 100, uri_bytes: 8192, body_bytes: 1073741824, captured_body_bytes: 1000 }
";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BOTH: [&str; 2] = ["contacts:read", "contacts:write"];

/// What the CRM answers to a request: the tests know it as well as the CRM does.
fn answer_to(method: &str, target: &str, body: &[u8]) -> (u16, Value) {
    let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
    match (method, target) {
        ("POST", _) => {
            let size = body["size"].as_u64().unwrap_or(1);
            (201, json!({"id": "c7", "note": "x".repeat(size as usize)}))
        }
        ("PATCH", "/v1/contacts/bad") => (422, json!({})),
        ("PATCH", _) => {
            body["id"] = "c7".into();
            (200, body)
        }
        ("DELETE", _) => (204, Value::Null),
        _ => (200, json!({})),
    }
}

fn crm() -> Backend {
    Backend::start(|seen| {
        let (status, body) = answer_to(&seen.method, &seen.target, &seen.body);
        match status {
            204 => Answer::Reply(204, vec![], vec![]),
            _ => reply(status, &body),
        }
    })
}

fn post(g: &Gateway, path: &str, body: &Value) -> Response {
    g.admin("POST", &format!("/admin/v1/simulator/{path}"), Some(body))
}

fn ok(answer: &Response, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

fn inbox(g: &Gateway, account: &str) -> Value {
    ok(&post(g, "inboxes", &json!({"account_id": account})), 201)
}

fn messages(g: &Gateway, inbox: &Value) -> Vec<Value> {
    let path = format!(
        "/admin/v1/simulator/inboxes/{}/messages",
        text(inbox, "/id")
    );
    let list = ok(&g.admin("GET", &path, None), 200);
    list["data"].as_array().unwrap().clone()
}

fn webhook(g: &Gateway, account: &str, url: &str) -> Value {
    let body = json!({"account_id": account, "url": url, "event_types": ["contact.*"]});
    ok(&g.admin("POST", "/admin/v1/webhooks", Some(&body)), 201)
}

#[test]
fn a_webhook_is_composed_to_the_byte() {
    let upstream = crm();
    let g = Gateway::start(&config(upstream.address, RULES));
    let vector = json!({"body": "{\"test\": 2432232314}", "id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "timestamp": 1_614_265_330, "secret": SECRET});
    let made = ok(&post(&g, "compose", &vector), 200);
    assert_eq!(
        made["headers"][3],
        json!({"name": "webhook-signature", "value": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="})
    );
    assert_eq!(
        made["signed_text"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}"
    );
    assert_eq!(made["secret"], Value::Null);

    // A secret of a webhook's own signs and is not shown; the data stays as it was written.
    let receiver = Backend::ok();
    let hook = webhook(&g, "acct_1", &format!("http://{}/h", receiver.address));
    let wanted =
        json!({"type": "contact.created", "data": {"id": "c_1"}, "webhook_id": hook["id"]});
    let written = wanted
        .to_string()
        .replace("{\"id\":\"c_1\"}", "{\"id\":  1.10}");
    let answer = http::request(
        g.listener("admin"),
        "POST",
        "/admin/v1/simulator/compose",
        &[
            ("Authorization", &format!("Bearer {TOKEN}")),
            ("Content-Type", "application/json"),
        ],
        Some(written.as_bytes()),
    );
    let made = ok(&answer, 200);
    assert!(
        text(&made, "/body").ends_with("\"data\":{\"id\":  1.10}}"),
        "{made}"
    );
    assert!(text(&made, "/body").contains("\"account_id\":\"acct_1\""));
    assert_eq!(made["secret"], Value::Null);
    assert!(!made.to_string().contains(text(&hook, "/secret")));

    // With none of its own there is one, once.
    let made = ok(&post(&g, "compose", &json!({"type": "webhook.test"})), 200);
    assert!(text(&made, "/secret").starts_with("whsec_"));

    for (bad, field) in [
        (json!({}), "type"),
        (json!({"type": "nope.nope"}), "type"),
        (json!({"type": "contact.created", "body": "x"}), "body"),
        (json!({"body": "x", "data": {}}), "data"),
        (json!({"body": "x", "secret": "whsec_x"}), "secret"),
        (
            json!({"body": "x", "secret": SECRET, "inbox_id": "ibx_1"}),
            "secret",
        ),
        (json!({"body": "x", "id": "a.b"}), "id"),
        (json!({"body": "x", "timestamp": -1}), "timestamp"),
        (json!({"body": "x", "account_id": "a b"}), "account_id"),
        (json!({"body": "x", "what": 1}), "what"),
    ] {
        let answer = post(&g, "compose", &bad);
        assert_eq!(ok(&answer, 422)["errors"][0]["field"], field, "{bad}");
    }
    let of_another = json!({"body": "x", "webhook_id": hook["id"], "account_id": "acct_2"});
    assert_eq!(post(&g, "compose", &of_another).status, 404);
    assert_eq!(
        post(&g, "compose", &json!({"body": "x", "webhook_id": "whk_no"})).status,
        404
    );

    let types = ok(&g.admin("GET", "/admin/v1/simulator/types", None), 200);
    let named: Vec<_> = types["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| text(t, "/type"))
        .collect();
    assert_eq!(named.len(), 7);
    assert!(named.contains(&"webhook.test") && named.is_sorted());
}

/// A receiver that verifies with a client that others use.
fn good_receiver(secret: &'static str) -> Backend {
    Backend::start(move |seen| {
        let status = if seen.verifies(secret) { 204 } else { 401 };
        Answer::Reply(status, vec![("X-Seen".into(), "yes".into())], vec![])
    })
}

#[test]
fn a_good_receiver_does_as_expected_and_a_careless_one_does_not() {
    let upstream = crm();
    let g = Gateway::start(&config(upstream.address, RULES));
    let (good, careless) = (good_receiver(SECRET), Backend::ok());
    let faulty = |to: &Backend, fault: Option<&str>| {
        let message = json!({"type": "contact.created", "data": {"id": "c_1"}, "secret": SECRET, "sequence": 5});
        let body =
            json!({"message": message, "url": format!("http://{}/h", to.address), "fault": fault});
        ok(&post(&g, "send", &body), 200)
    };
    for (fault, requests) in [
        (None, 1),
        (Some("duplicate"), 2),
        (Some("out_of_order"), 3),
        (Some("old_timestamp"), 1),
        (Some("wrong_signature"), 1),
        (Some("slow"), 1),
        (Some("huge"), 1),
    ] {
        good.clear();
        let sent = faulty(&good, fault);
        assert_eq!(sent["as_expected"], true, "{fault:?} {sent}");
        let seen = good.seen();
        assert_eq!(seen.len(), requests, "{fault:?}");
        let exchange = &sent["exchanges"][0];
        assert!(
            exchange["reply_headers"]
                .as_array()
                .unwrap()
                .contains(&json!({"name": "x-seen", "value": "yes"}))
        );
        let distinct: BTreeSet<_> = seen
            .iter()
            .map(|s| s.header("webhook-id").unwrap().to_owned())
            .collect();
        match fault {
            Some("duplicate") => {
                assert_eq!(distinct.len(), 1);
                assert_eq!(seen[0].body, seen[1].body);
            }
            Some("out_of_order") => {
                let numbers: Vec<u64> = seen
                    .iter()
                    .map(|s| {
                        serde_json::from_slice::<Value>(&s.body).unwrap()["sequence"]
                            .as_u64()
                            .unwrap()
                    })
                    .collect();
                assert_eq!((numbers, distinct.len()), (vec![7, 5, 6], 3));
            }
            Some("slow") => assert!(
                exchange["latency_ms"].as_u64().unwrap() >= 4_500,
                "{exchange}"
            ),
            Some("huge") => assert!(seen[0].body.len() > 262_144, "{}", seen[0].body.len()),
            _ => {}
        }
    }
    for fault in ["old_timestamp", "wrong_signature"] {
        let sent = faulty(&careless, Some(fault));
        assert_eq!(sent["as_expected"], false, "{fault}");
        assert_eq!(sent["exchanges"][0]["expected"], "refuse");
    }
    let nobody = Backend::start(|_| Answer::Raw(vec![]));
    let sent = faulty(&nobody, None);
    assert_eq!(sent["as_expected"], false);
    assert!(sent["exchanges"][0]["error"].is_string(), "{sent}");

    // The rules of deliveries hold for where it may go.
    for (url, field) in [
        ("http://169.254.169.254/latest", "url"),
        ("https://10.0.0.1/", "url"),
        ("https://u:p@example.com/", "url"),
        ("ftp://example.com/", "url"),
    ] {
        let body = json!({"message": {"type": "contact.created", "secret": SECRET}, "url": url});
        assert_eq!(
            ok(&post(&g, "send", &body), 422)["errors"][0]["field"],
            field,
            "{url}"
        );
    }
    let nowhere = json!({"message": {"type": "contact.created", "secret": SECRET}});
    assert_eq!(
        ok(&post(&g, "send", &nowhere), 422)["errors"][0]["field"],
        "url"
    );
    let log = ok(
        &g.admin("GET", "/admin/v1/audit-log?action=simulator.send", None),
        200,
    );
    assert!(!log["data"].as_array().unwrap().is_empty());
    assert!(!log.to_string().contains(SECRET));
}

#[test]
fn the_command_line_does_all_of_it() {
    let upstream = crm();
    let g = Gateway::start(&config(upstream.address, RULES));
    let run = |flags: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_fuelgate"))
            .arg("simulator")
            .args(flags)
            .args(["--json", "--admin-url"])
            .arg(format!("http://{}", g.listener("admin")))
            .env("FUELGATE_ADMIN_TOKEN", TOKEN)
            .output()
            .unwrap();
        let shown = String::from_utf8(out.stdout).unwrap();
        let value: Value = serde_json::from_str(&shown).unwrap_or_default();
        (out.status.code().unwrap(), value)
    };
    let (code, caught) = run(&["inbox", "create", "--account", "acct_1"]);
    assert_eq!(code, 0, "{caught}");
    let id = text(&caught, "/id");
    let (code, sent) = run(&[
        "send",
        "--type",
        "contact.created",
        "--inbox",
        id,
        "--fault",
        "duplicate",
    ]);
    assert_eq!((code, &sent["as_expected"]), (0, &json!(true)), "{sent}");
    // An inbox takes everything: as a receiver it is careless.
    let (code, sent) = run(&[
        "send",
        "--type",
        "contact.created",
        "--inbox",
        id,
        "--fault",
        "wrong_signature",
    ]);
    assert_eq!((code, &sent["as_expected"]), (1, &json!(false)), "{sent}");
    let (_, list) = run(&["inbox", "messages", id]);
    let verified: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| &m["verified"])
        .collect();
    assert_eq!(verified, [false, true, true]);
    let (_, tried) = run(&[
        "dry-run",
        "--account",
        "acct_1",
        "--url",
        "/v1/contacts",
        "--response-body",
        "{\"note\":\"long enough\"}",
    ]);
    assert_eq!(tried["fired"], 2, "{tried}");
    let (code, composed) = run(&["compose", "--type", "contact.vip", "--inbox", id]);
    assert_eq!(code, 0, "{composed}");
    assert_eq!(run(&["inbox", "delete", id]).0, 0);
    assert_eq!(run(&["types"]).1["data"].as_array().unwrap().len(), 7);
}
