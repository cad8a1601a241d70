//! Line breaks and control bytes on their way into a log line or a webhook: encoded, so that one record stays one; never what a record is for.

use serde_json::{Value, json};

use super::*;
use crate::support::backend::{self, Answer};
use crate::support::eventually;

#[test]
fn x_nothing_that_a_client_sends_breaks_a_line_of_the_access_log() {
    let backend = Backend::ok();
    let more = "trusted_proxies: [127.0.0.0/8]";
    let text = config(backend.address, more)
        .replace("log: { access: null }", "log: { access: $DIR/access.log }");
    let mut g = Gateway::start(&text);
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let bearer = format!("Authorization: Bearer {key}");
    let targets: [&[u8]; 9] = [
        b"/v1/contacts/plain",
        b"/v1/contacts/a%0d%0a{%22status%22:200}",
        b"/v1/contacts/a%00%1b%5b31m",
        b"/v1/contacts/a\"b\"",
        b"/v1/contacts/a\",\"status\":200,\"x\":\"",
        b"/v1/contacts/a\x1b[31mb",
        b"/v1/contacts/\xc3\xbc\xff",
        b"/v1/contacts/a%E2%80%A8b",
        b"/v1/contacts/x?note=%0d%0a{%22status%22:200}&q=\"\x1b",
    ];
    let fields: [&[u8]; 6] = [
        b"X-Ordinary: 1",
        b"User-Agent: a\x01b\x1b[31m",
        b"User-Agent: \xc3\xa9\"\\",
        b"X-Request-Id: a\"b\\c",
        b"X-Forwarded-For: 1.2.3.4\", \"status\": \"200",
        b"Referer: http://a/%0d%0a\t{}",
    ];
    let mut ids = Vec::new();
    for target in targets {
        for field in fields {
            let all: [&[u8]; 7] = [
                b"GET ",
                target,
                b" HTTP/1.1\r\nHost: a\r\n",
                bearer.as_bytes(),
                b"\r\n",
                field,
                b"\r\n\r\n",
            ];
            let Some(r) = raw(&g, &all.concat()) else {
                continue;
            };
            assert!(matches!(r.status, 200 | 400), "{target:?} {field:?}: {r:?}");
            ids.extend(r.header("x-request-id").map(str::to_owned));
        }
    }
    assert!(ids.len() >= 20, "few were more than refused: {}", ids.len());
    // A clean stop writes what is left.
    assert_eq!(g.stop(), Some(0));
    let text = std::fs::read(g.folder.path().join("access.log")).unwrap();
    let odd = |b: &&u8| (b.is_ascii_control() && **b != b'\n') || !b.is_ascii();
    let text = String::from_utf8(text).expect("UTF-8");
    assert_eq!(text.as_bytes().iter().find(odd), None, "{text}");
    let lines = text.lines().map(serde_json::from_str::<Value>);
    let lines: Vec<Value> = lines.collect::<Result<_, _>>().unwrap();
    let mut logged: Vec<&str> = lines
        .iter()
        .filter_map(|l| l["request_id"].as_str())
        .collect();
    // One line each, which is the gateway's own in every member.
    for line in &lines {
        let status = line["status"].as_u64();
        assert!(matches!(status, Some(200 | 400)), "{line}");
        assert_eq!(line.get("x"), None, "{line}");
    }
    logged.sort_unstable();
    ids.sort_unstable();
    assert_eq!(logged, ids);
    let log = g.stderr();
    assert!(
        !log.contains('\u{1b}') && !log.contains("panicked"),
        "{log:?}"
    );
}

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
  - { type: contact.deleted, route: { method: DELETE, path: \"/v1/contacts/{id}\" }, status: [204] }
webhooks: { retry_delays_seconds: [1, 1], timeout_ms: 2000, allowed_private_targets: [127.0.0.0/8], retention_days: 30 }
";

#[test]
fn x_control_bytes_of_an_answer_are_escaped_in_its_webhook() {
    let name = "a\r\nwebhook-id: evil\r\n\r\n{}\u{0}\u{1}\u{1b}[31m\"\\\u{2028}\u{7f}";
    let crm = Backend::start(move |seen| match seen.method.as_str() {
        "POST" if seen.text().contains("raw") => Answer::Reply(
            201,
            vec![("Content-Type".into(), "application/json".into())],
            // No JSON: a string may not hold a raw line break.
            b"{\"id\":\"c2\",\"name\":\"a\r\n\x01b\"}".to_vec(),
        ),
        "POST" => backend::json(201, &json!({"id": "c1", "name": name})),
        _ => Answer::Reply(204, vec![], vec![]),
    });
    let receiver = Backend::ok();
    let g = Gateway::start(&config(crm.address, RULES));
    let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    let url = format!("http://{}/hook", receiver.address);
    let made = g.webhook("acct_1", &url, &["contact.*"]);
    let secret = made["secret"].as_str().unwrap();
    for body in [json!({}), json!({"form": "raw"})] {
        assert_eq!(g.post("/v1/contacts", &key, &body).status, 201);
    }
    // The id of a thin event comes from the path, where line breaks are refused and the rest stays escaped.
    let fields = [("Authorization", &*format!("Bearer {key}"))];
    let delete = |id: &str| g.call("DELETE", &format!("/v1/contacts/{id}"), &fields, None);
    assert_eq!(delete("a%0d%0ab").status, 400);
    assert_eq!(delete("a%22%E2%80%A8b").status, 204);
    let seen = eventually("the deliveries", Duration::from_secs(15), || {
        Some(receiver.seen()).filter(|s| s.len() >= 3)
    });
    assert_eq!(seen.len(), 3, "{seen:?}");
    let mut told = Vec::new();
    for delivery in &seen {
        assert!(delivery.verifies(secret), "{delivery:?}");
        assert!(delivery.body.iter().all(|b| *b >= b' '), "{delivery:?}");
        let id = delivery.header("webhook-id").unwrap();
        assert!(id.starts_with("evt_"), "{id}");
        let body: Value = serde_json::from_slice(&delivery.body).unwrap();
        told.push((body["sequence"].as_u64().unwrap(), body));
    }
    told.sort_by_key(|(sequence, _)| *sequence);
    assert_eq!(told[0].1["data"], json!({"id": "c1", "name": name}));
    assert_eq!(told[1].1["data"]["name"], Value::Null, "{}", told[1].1);
    assert_eq!(told[1].1["truncated"], true, "{}", told[1].1);
    let id = told[2].1["data"]["id"].as_str().unwrap();
    assert!(["a\"\u{2028}b", "a%22%E2%80%A8b"].contains(&id), "{id:?}");
}
