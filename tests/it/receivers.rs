//! The receiver's side: the guide's programs and the published clients take live deliveries, during a rotation too, and refuse forgeries.

use std::time::Duration;

use fuelgate::base::clock::Clock;
use fuelgate::base::secret::Secret;
use fuelgate::webhooks::sign::{self, SigningKey};
use serde_json::{Value, json};

use crate::support::backend::{self, Backend};
use crate::support::eventually;
use crate::support::gateway::{Gateway, config};
use crate::support::receivers::{Endpoint, Message, guide, sign_and_send, verify};

const ENDPOINTS: [&str; 3] = ["verify.py", "verify.mjs", "verify.php"];
const VERIFIERS: [&str; 4] = [
    "verify.sh",
    "client_standardwebhooks.py",
    "client_standardwebhooks.mjs",
    "client_svix.py",
];

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
webhooks: { retry_delays_seconds: [1], timeout_ms: 10000, allowed_private_targets: [127.0.0.0/8], retention_days: 30 }
";

/// A backend whose answers hold what is easily damaged on the way: letters of several bytes, numbers, spaces.
fn crm() -> Backend {
    Backend::start(|_| {
        backend::Answer::Reply(
            201,
            vec![("Content-Type".into(), "application/json".into())],
            "{\"id\": \"c7\",\n \"name\":\"Zoë \u{1f600} \\u00e9 & <b>\", \"score\": 1.10, \"big\":12345678901234567890}".into(),
        )
    })
}

fn webhook(g: &Gateway, url: &str) -> (String, String) {
    let made = g.webhook("acct_1", url, &["contact.created"]);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

fn rotate(g: &Gateway, id: &str) -> String {
    let path = format!("/admin/v1/webhooks/{id}/rotate-secret");
    let rotated = g.admin("POST", &path, None);
    assert_eq!(rotated.status, 200, "{}", rotated.text());
    rotated.json()["secret"].as_str().unwrap().to_owned()
}

fn make_contact(g: &Gateway, key: &str) {
    let made = g.post("/v1/contacts", key, &json!({"name": "Zoë"}));
    assert_eq!(made.status, 201);
}

/// A receiver's newest delivery once `count` of them have been attempted.
fn newest(g: &Gateway, webhook: &str, count: usize) -> Value {
    let path = format!("/admin/v1/webhooks/{webhook}/deliveries");
    eventually("the delivery is attempted", Duration::from_secs(20), || {
        let log = g.admin("GET", &path, None).json();
        let all = log["data"].as_array().unwrap();
        let is_tried = |d: &Value| !d["attempts"].as_array().unwrap().is_empty();
        (all.len() == count && is_tried(&all[0])).then(|| all[0].clone())
    })
}

#[test]
fn endpoints_of_the_guide_take_live_deliveries_with_either_secret_of_a_rotation() {
    let crm = crm();
    let g = Gateway::start(&config(crm.address, RULES));
    let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    let mut all: Vec<_> = ENDPOINTS
        .into_iter()
        .map(|program| {
            let mut endpoint = Endpoint::new(program);
            let (id, secret) = webhook(&g, &format!("http://{}/", endpoint.address));
            endpoint.start(&secret);
            (program, endpoint, id)
        })
        .collect();
    let takes = |all: &[(&str, Endpoint, String)], count: usize, status: u16| {
        make_contact(&g, &key);
        for (program, endpoint, id) in all {
            let delivery = newest(&g, id, count);
            assert_eq!(
                delivery["attempts"][0]["status"], status,
                "{program}: {delivery}"
            );
            let line = format!(
                "{} contact.created {count}",
                delivery["event_id"].as_str().unwrap()
            );
            assert_eq!(
                endpoint.printed().contains(&line),
                status == 204,
                "{program}: {}",
                endpoint.printed()
            );
        }
    };
    takes(&all, 1, 204);

    let new: Vec<_> = all.iter().map(|(.., id)| rotate(&g, id)).collect();
    takes(&all, 2, 204);
    for ((_, endpoint, _), secret) in all.iter_mut().zip(&new) {
        endpoint.start(secret);
    }
    takes(&all, 3, 204);

    let stranger = sign::generate().unwrap();
    for (_, endpoint, _) in &mut all {
        endpoint.start(stranger.expose());
    }
    takes(&all, 4, 401);
}

#[test]
fn published_clients_and_the_shell_verify_live_deliveries_with_either_secret_of_a_rotation() {
    let (crm, receiver) = (crm(), Backend::ok());
    let g = Gateway::start(&config(crm.address, RULES));
    let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    let (id, old) = webhook(&g, &format!("http://{}/hook", receiver.address));
    let deliver = |count: usize| {
        make_contact(&g, &key);
        eventually("the delivery", Duration::from_secs(10), || {
            (receiver.count() == count).then_some(())
        });
        Message::of(&receiver.last())
    };
    let before = deliver(1);
    let new = rotate(&g, &id);
    let during = deliver(2);
    assert_eq!(before.signature.split(' ').count(), 1);
    assert_eq!(during.signature.split(' ').count(), 2);
    for program in VERIFIERS {
        for (secret, message, is_good) in [
            (&old, &before, true),
            (&new, &before, false),
            (&old, &during, true),
            (&new, &during, true),
        ] {
            let (verified, said) = verify(program, secret, message);
            assert_eq!(verified, is_good, "{program}: {said}");
            let wanted = match program {
                "verify.sh" => "verified",
                _ => "verified contact.created",
            };
            assert!(!verified || said.trim() == wanted, "{program}: {said}");
        }
    }
}

/// Signs as the gateway does, `shift` seconds from now.
fn signed(secret: &Secret, shift: i64, body: &str) -> Message {
    let timestamp = Clock::system().now().secs() + shift;
    let keys = [SigningKey::new(secret).unwrap()];
    Message {
        id: "evt_1".to_owned(),
        timestamp: timestamp.to_string(),
        signature: sign::signatures(&keys, "evt_1", timestamp, body),
        body: body.as_bytes().to_vec(),
    }
}

/// Messages with what should be thought of them.
fn messages(secret: &Secret) -> Vec<(&'static str, Message, bool)> {
    let body = "{\"type\":\"contact.created\",\"sequence\":7,\"data\":{\"name\":\"Zoë\"}}";
    let good = || signed(secret, 0, body);
    let stranger = sign::generate().unwrap();
    let strange = signed(&stranger, 0, body).signature;
    let with_signature = |signature: String| Message {
        signature,
        ..good()
    };
    let mut later = good();
    later.timestamp = (later.timestamp.parse::<i64>().unwrap() + 1).to_string();
    let mut longer = good();
    longer.body.push(b' ');
    let mut other = good();
    other.body = body.replace("Zoë", "Zoe").into_bytes();
    let bare = good().signature[3..].to_owned();
    vec![
        ("as it was sent", good(), true),
        ("four minutes old", signed(secret, -240, body), true),
        (
            "a large body",
            signed(secret, 0, &body.replace("Zoë", &"ë".repeat(100_000))),
            true,
        ),
        (
            "two signatures, the first a stranger's",
            with_signature(format!("{strange} v1,{bare}")),
            true,
        ),
        (
            "one of another version before it",
            with_signature(format!("v1a,{bare} v1,{bare}")),
            true,
        ),
        ("a stranger's signature", with_signature(strange), false),
        (
            "another version",
            with_signature(format!("v2,{bare}")),
            false,
        ),
        ("no version", with_signature(bare.clone()), false),
        (
            "a part of the signature",
            with_signature(format!("v1,{}", &bare[..40])),
            false,
        ),
        (
            "an empty signature",
            with_signature("v1,".to_owned()),
            false,
        ),
        (
            "words for a signature",
            with_signature("v1,let me in".to_owned()),
            false,
        ),
        ("no signature", with_signature(String::new()), false),
        ("a changed body", other, false),
        ("a longer body", longer, false),
        (
            "another id",
            Message {
                id: "evt_2".to_owned(),
                ..good()
            },
            false,
        ),
        (
            "no id",
            Message {
                id: String::new(),
                ..good()
            },
            false,
        ),
        ("another timestamp", later, false),
        (
            "words for a timestamp",
            Message {
                timestamp: "soon".to_owned(),
                ..good()
            },
            false,
        ),
        (
            "no timestamp",
            Message {
                timestamp: String::new(),
                ..good()
            },
            false,
        ),
        ("six minutes old", signed(secret, -360, body), false),
        ("six minutes early", signed(secret, 360, body), false),
    ]
}

#[test]
fn endpoints_of_the_guide_refuse_what_was_changed_forged_or_old() {
    let secret = sign::generate().unwrap();
    for program in ENDPOINTS {
        let mut endpoint = Endpoint::new(program);
        endpoint.start(secret.expose());
        for (what, message, is_good) in messages(&secret) {
            let status = endpoint.send(&message);
            assert_eq!(status, if is_good { 204 } else { 401 }, "{program}: {what}");
        }
    }
}

#[test]
fn published_clients_and_the_shell_refuse_what_was_changed_forged_or_old() {
    let secret = sign::generate().unwrap();
    for program in VERIFIERS {
        for (what, message, is_good) in messages(&secret) {
            let (verified, said) = verify(program, secret.expose(), &message);
            assert_eq!(verified, is_good, "{program}: {what}: {said}");
        }
    }
}

#[test]
fn what_curl_sends_as_the_guide_signs_it_is_verified() {
    let secret = sign::generate().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let body = "{\"type\":\"contact.created\",\"sequence\":7,\n \"data\":{\"name\":\"Zoë\"}}\n";
    std::fs::write(file.path(), body).unwrap();
    for program in ENDPOINTS {
        let mut endpoint = Endpoint::new(program);
        endpoint.start(secret.expose());
        let (sent, said) = sign_and_send(secret.expose(), endpoint.address, file.path());
        assert!(sent && said.trim() == "204", "{program}: {said}");
        let stranger = sign::generate().unwrap();
        let (sent, said) = sign_and_send(stranger.expose(), endpoint.address, file.path());
        assert!(!sent && said.contains("401"), "{program}: {said}");
    }
    let receiver = Backend::ok();
    let (sent, said) = sign_and_send(secret.expose(), receiver.address, file.path());
    assert!(sent, "{said}");
    let message = Message::of(&receiver.last());
    assert_eq!(message.body, body.as_bytes());
    for program in VERIFIERS {
        let (verified, said) = verify(program, secret.expose(), &message);
        assert!(verified, "{program}: {said}");
    }
}

#[test]
fn the_guide_names_each_of_its_programs_and_each_is_run_here() {
    let text = std::fs::read_to_string(guide().join("guide.md")).unwrap();
    for entry in std::fs::read_dir(guide()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "guide.md" {
            continue;
        }
        assert!(text.contains(&format!("]({name})")), "{name}");
        let is_run = ENDPOINTS.contains(&name.as_str()) || VERIFIERS.contains(&name.as_str());
        assert!(is_run || name == "send.sh", "{name}");
    }
}
