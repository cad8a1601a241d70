//! The commands that are clients of the admin API, against a running gateway: what they do and print for scripts; never how they look.

mod exits;

use std::process::Output;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::backend::{self, Backend};
use crate::support::cli::{err, fuelgate, out};
use crate::support::eventually;
use crate::support::gateway::{Gateway, config};

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
  - { type: contact.deleted, route: { method: DELETE, path: \"/v1/contacts/{id}\" }, status: [204] }
webhooks: { retry_delays_seconds: [1, 1], timeout_ms: 1000, allowed_private_targets: [127.0.0.0/8], retention_days: 30 }
";

/// A secret that no gateway has made, of a good checksum.
const FOREIGN: &str = "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17";
/// The pepper of the tests' configuration.
const PEPPER: &[u8] = b"0123456789abcdef0123456789abcdef";

struct Bench {
    g: Gateway,
    url: String,
    _crm: Backend,
}

impl Bench {
    fn start() -> Self {
        let crm = Backend::start(|seen| match seen.method.as_str() {
            "POST" => backend::json(201, &json!({"id": "c1"})),
            _ => backend::json(200, &json!({"id": "c1"})),
        });
        let g = Gateway::start(&config(crm.address, RULES));
        let url = format!("http://{}", g.listener("admin"));
        Self { g, url, _crm: crm }
    }

    fn run(&self, line: &str, more: &[&str]) -> Output {
        let mut all: Vec<&str> = line.split_whitespace().collect();
        all.extend(["--admin-url", &self.url]);
        all.extend(more);
        fuelgate(&all)
    }

    /// Runs a command that must succeed, and gives what it prints for people.
    fn shown(&self, line: &str) -> String {
        let o = self.run(line, &[]);
        assert_eq!(o.status.code(), Some(0), "{line}: {}", err(&o));
        out(&o)
    }

    /// The same for scripts: one JSON, and nothing beside it.
    fn json(&self, line: &str) -> Value {
        let o = self.run(line, &["--json"]);
        assert_eq!(o.status.code(), Some(0), "{line}: {}", err(&o));
        serde_json::from_slice(&o.stdout).unwrap_or_else(|e| panic!("{line}: {e}: {}", out(&o)))
    }

    /// Runs a command that must fail, and gives its code and its words; it prints nothing that a script would take for an
    /// answer.
    fn fails(&self, line: &str) -> (Option<i32>, String) {
        let o = self.run(line, &["--json"]);
        assert_eq!(out(&o), "", "{line}");
        assert!(!err(&o).contains("panicked"), "{line}: {}", err(&o));
        (o.status.code(), err(&o))
    }

    fn key(&self) -> (String, String) {
        let scopes = "--scope contacts:read,contacts:write";
        let made = self.json(&format!(
            "keys create --account acct_1 --name ci {scopes} --expires-in-days never"
        ));
        (text(&made["id"]), text(&made["secret"]))
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value}"))
        .to_owned()
}

fn ids(list: &Value) -> Vec<String> {
    let data = list["data"].as_array().unwrap();
    data.iter().map(|o| text(&o["id"])).collect()
}

#[test]
fn keys_are_made_listed_by_page_rotated_and_revoked_in_json() {
    let b = Bench::start();
    let (first, secret) = b.key();
    assert_eq!(b.g.get("/v1/contacts", &secret).status, 200);
    let instant = "2099-01-31T00:00:00Z";
    let made = b.json(&format!(
        "keys create --account acct_1 --name two --scope contacts:read --expires-at {instant} --allowed-ip 192.0.2.0/24"
    ));
    assert_eq!(made["expires_at"], instant);
    assert_eq!(made["allowed_ips"], json!(["192.0.2.0/24"]));
    assert_eq!(b.g.get("/v1/contacts", &text(&made["secret"])).status, 403);
    let second = text(&made["id"]);
    b.json("keys create --account acct_2 --name three --scope deals:read --expires-in-days 30");
    let list = b.json("keys list --account acct_1");
    assert_eq!(ids(&list), [&*second, &*first]);
    assert!(!list.to_string().contains(&secret), "{list}");
    assert_eq!(list["data"][1]["expires_at"], Value::Null);
    let page = b.json("keys list --account acct_1 --limit 1");
    assert_eq!(ids(&page), [&*second]);
    let cursor = text(&page["next_cursor"]);
    let page = b.json(&format!("keys list --account acct_1 --cursor {cursor}"));
    assert_eq!(
        (ids(&page), &page["next_cursor"]),
        (vec![first.clone()], &Value::Null)
    );
    assert_eq!(b.json("keys list")["data"].as_array().unwrap().len(), 3);
    // With a grace both secrets work, without one only the new.
    let rotated = b.json(&format!("keys rotate {first} --grace-seconds 3600"));
    assert_eq!(rotated["id"], *first);
    let newer = text(&rotated["secret"]);
    for secret in [&secret, &newer] {
        assert_eq!(b.g.get("/v1/contacts", secret).status, 200);
    }
    let rotated = b.json(&format!("keys rotate {first} --grace-seconds 0"));
    assert_eq!(b.g.get("/v1/contacts", &newer).status, 401);
    let newest = text(&rotated["secret"]);
    assert_eq!(b.g.get("/v1/contacts", &newest).status, 200);
    let o = b.run(&format!("keys revoke {first} {second}"), &[]);
    assert_eq!(o.status.code(), Some(0), "{}", err(&o));
    assert_eq!(b.g.get("/v1/contacts", &newest).status, 401);
    let list = b.json("keys list --account acct_1");
    let statuses = list["data"].as_array().unwrap().iter();
    assert!(statuses.clone().all(|k| k["status"] == "revoked"), "{list}");
}

#[test]
fn digests_of_existing_keys_are_imported_once_and_their_secrets_work() {
    let b = Bench::start();
    let folder = tempfile::tempdir().unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(PEPPER).unwrap();
    mac.update(FOREIGN.as_bytes());
    let digest = mac.finalize().into_bytes();
    let digest: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    let key = |digest: &str| {
        json!({"account_id": "acct_9", "name": "old", "scopes": ["contacts:read"], "expires_in_days": null,
            "digest": digest, "hash": "hmac_sha256", "pepper": "p1", "prefix": "lf_live", "last_four": "Lq17"})
    };
    let write = |name: &str, text: String| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let lines = write(
        "lines",
        format!("{}\n\n{}\n", key(&digest), key(&"ab".repeat(32))),
    );
    let array = write("array", json!([key(&digest)]).to_string());
    assert_eq!(b.g.get("/v1/contacts", FOREIGN).status, 401);
    let done = b.json(&format!("keys import {lines}"));
    assert_eq!(done, json!({"created": 2, "existing": 0}));
    let answer = b.g.get("/v1/contacts", FOREIGN);
    assert_eq!(answer.status, 200, "{}", answer.text());
    for file in [&lines, &array] {
        let done = b.json(&format!("keys import {file}"));
        assert_eq!(done["created"], 0, "{done}");
    }
    let list = b.json("keys list --account acct_9");
    assert_eq!(list["data"].as_array().unwrap().len(), 2, "{list}");
    assert!(!list.to_string().contains(&digest), "{list}");
    // Refused by the gateway: the field of the key at fault is named. A file that is none is a mistake of the caller's.
    let bad = write(
        "bad",
        format!("{}\n{}\n", key(&"cd".repeat(32)), key("abc")),
    );
    let (code, said) = b.fails(&format!("keys import {bad}"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("keys[1].digest"), "{said}");
    let list = b.json("keys list --account acct_9");
    assert_eq!(
        list["data"].as_array().unwrap().len(),
        2,
        "all of it or nothing"
    );
    for file in [
        write("empty", "\n".to_owned()),
        write("text", "not json\n".to_owned()),
    ] {
        let (code, said) = b.fails(&format!("keys import {file}"));
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(&file), "{said}");
    }
    let (code, said) = b.fails("keys import /nowhere/keys.json");
    assert_eq!(code, Some(2), "{said}");
}

#[test]
fn usage_shows_what_was_used_of_what_and_by_whom() {
    let b = Bench::start();
    let (id, secret) = b.key();
    for _ in 0..3 {
        assert_eq!(b.g.get("/v1/contacts", &secret).status, 200);
    }
    assert_eq!(b.g.get("/v1/contacts/c1", &secret).status, 200);
    assert_eq!(b.g.get("/v1/deals", &secret).status, 403);
    let summary = eventually("all is counted", Duration::from_secs(10), || {
        let summary = b.json("usage --account acct_1");
        (summary["month"]["used"] == 4).then_some(summary)
    });
    assert_eq!(summary["hour"]["used"], 4);
    assert_eq!(summary["hour"]["limit"], 1_000_000_000);
    // A point for each month of the last year, and the last is this one.
    let point = eventually("rows are written", Duration::from_secs(10), || {
        let series = b.json("usage --series month --account acct_1");
        let last = series["data"].as_array()?.last()?.clone();
        (last["requests"] == 4 && last["rejected"] == 1).then_some(last)
    });
    assert_eq!(point["by_status"]["2xx"], 4, "{point}");
    let none = b.json("usage --series month --account acct_1 --key key_none");
    assert!(
        none["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|p| p["requests"] == 0),
        "{none}"
    );
    let endpoints = b.json("usage --endpoints --account acct_1 --limit 1");
    let first = &endpoints["data"][0];
    assert_eq!(
        (&first["route"], &first["requests"]),
        (&json!("/v1/contacts"), &json!(3))
    );
    assert_eq!(endpoints["data"].as_array().unwrap().len(), 1);
    let callers = b.json("usage --callers /v1/contacts/{id}");
    assert_eq!(callers["data"][0]["key_id"], *id, "{callers}");
    assert_eq!(callers["data"][0]["requests"], 1, "{callers}");
    let table = b.shown("usage --account acct_1");
    let month: Vec<_> = table.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(month[..3], ["month", "4", "10000000000"], "{table}");
}

#[test]
fn webhooks_are_made_changed_tried_and_deleted_and_deliveries_sent_again() {
    let b = Bench::start();
    let receiver = Backend::ok();
    let (_, secret) = b.key();
    let url = format!("http://{}/hook", receiver.address);
    let made = b.json(&format!(
        "webhooks create --account acct_1 --url {url} --event-type contact.created --description mine"
    ));
    let (id, old_secret) = (text(&made["id"]), text(&made["secret"]));
    let list = b.json("webhooks list --account acct_1");
    assert_eq!(ids(&list), [&*id]);
    assert!(!list.to_string().contains(&old_secret), "{list}");
    let tried = b.json(&format!("webhooks test {id}"));
    assert_eq!(tried["type"], "webhook.test");
    let arrived = |n: usize| {
        eventually("a delivery", Duration::from_secs(15), || {
            (receiver.count() >= n).then(|| receiver.last())
        })
    };
    assert!(arrived(1).verifies(&old_secret));
    // A new secret signs beside the old one, until that is ended.
    let rotated = b.json(&format!("webhooks rotate-secret {id}"));
    let new_secret = text(&rotated["secret"]);
    assert_eq!(b.g.post("/v1/contacts", &secret, &json!({})).status, 201);
    let both = arrived(2);
    assert!(both.verifies(&new_secret) && both.verifies(&old_secret));
    b.json(&format!("webhooks revoke-previous-secrets {id}"));
    let events =
        b.json("webhooks events --account acct_1 --type contact.created --status released");
    let event = ids(&events).remove(0);
    b.json(&format!("webhooks replay {event}"));
    let again = arrived(3);
    assert!(again.verifies(&new_secret) && !again.verifies(&old_secret));
    assert_eq!(again.header("webhook-id"), Some(&*event));
    let done = eventually("the delivery is over", Duration::from_secs(15), || {
        let all = b.json(&format!(
            "webhooks deliveries {id} --event {event} --status succeeded"
        ));
        (!ids(&all).is_empty()).then_some(all)
    });
    let delivery = ids(&done).remove(0);
    assert_eq!(done["data"][0]["attempts"][0]["status"], 200, "{done}");
    let logged = b.json(&format!("webhooks log --webhook {id} --event {event}"));
    assert!(ids(&logged).contains(&delivery), "{logged}");
    let count = receiver.count();
    b.json(&format!("webhooks retry {delivery}"));
    assert_eq!(arrived(count + 1).header("webhook-id"), Some(&*event));
    let changed = b.json(&format!(
        "webhooks update {id} --status paused --event-type contact.deleted"
    ));
    assert_eq!(changed["status"], "paused");
    assert_eq!(changed["event_types"], json!(["contact.deleted"]));
    assert_eq!(changed["description"], "mine", "what is not named stays");
    let span = "--from 2020-01-01T00:00:00Z --to 2099-01-01T00:00:00Z";
    let replay = b.json(&format!("webhooks replays create {span} --only failed"));
    let replay = text(&replay["id"]);
    assert_eq!(
        b.json(&format!("webhooks replays get {replay}"))["id"],
        *replay
    );
    assert_eq!(ids(&b.json("webhooks replays list")), [&*replay]);
    assert!(b.shown(&format!("webhooks delete {id}")).contains(&id));
    assert!(ids(&b.json("webhooks list --account acct_1")).is_empty());
}
