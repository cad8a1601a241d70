//! The guides as their readers follow them: each block of code in them is run, sent or compared; never one that nobody looks at.

use std::collections::BTreeSet;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::backend::{Answer, Backend};
use crate::support::gateway::TOKEN;
use crate::support::html::blocks;
use crate::support::http::Response;
use crate::support::portal::{Portal, Setup};
use crate::support::programs::python_path;
use crate::support::{checkout, eventually};

/// A secret in the form of one, for where the guides have `whsec_…`.
const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The portal of the guides, with an endpoint that is going to be replaced.
fn portal() -> Portal {
    Portal::with(&Setup {
        extra: r#"
routes:
  - path: /v1/old
    methods: [GET]
    scopes: [contacts:read]
    upstream: crm
    rewrite: /v1/contacts
    deprecated: { since: 2026-12-01, sunset: 2027-06-30, link: "https://example.com/changes" }
"#,
        ..Setup::default()
    })
}

/// The blocks of a guide: the language that its source names, and the text that its page shows.
fn fenced(portal: &Portal, name: &str) -> Vec<(String, String)> {
    let docs = checkout().join("src/web/docs");
    let file = match name {
        "webhooks" => docs.join("webhooks/guide.md"),
        _ => docs.join(format!("guides/{name}.md")),
    };
    let source = std::fs::read_to_string(file).unwrap();
    let fences = source.lines().filter_map(|l| l.strip_prefix("```"));
    let languages: Vec<_> = fences.step_by(2).map(str::to_owned).collect();
    let shown = blocks(&portal.stranger().page(&format!("/docs/guides/{name}")));
    assert_eq!(languages.len(), shown.len(), "{name}");
    languages.into_iter().zip(shown).collect()
}

/// The blocks of one language.
fn of(portal: &Portal, guide: &str, language: &str) -> Vec<String> {
    let all = fenced(portal, guide).into_iter();
    all.filter(|(l, _)| l == language).map(|(_, t)| t).collect()
}

fn shell(code: &str, environment: &[(&str, &str)]) -> Output {
    Command::new("sh")
        .args(["-e", "-c", code])
        .env_remove("API_KEY")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// What a command printed; it must have succeeded.
fn said(out: &Output) -> String {
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{errors}");
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// The names of all members of a value, by their paths.
fn members(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        members(value, &path, into);
        into.insert(path);
    }
}

/// Whether an answer is as a block of HTTP shows it: its status, each field, and the members of its body. What `differs` is
/// named, since it is another one each time.
fn is_as_shown(shown: &str, answer: &Response, differs: &[&str]) {
    let (head, body) = shown.split_once("\n\n").unwrap_or((shown, ""));
    let mut lines = head.lines().peekable();
    if let Some(status) = lines.next_if(|l| l.starts_with("HTTP/")) {
        let status: u16 = status.split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!(answer.status, status, "{shown}");
    }
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        let got = answer
            .header(name)
            .unwrap_or_else(|| panic!("no {name}: {shown}"));
        if !differs.contains(&name) {
            assert_eq!(got, value, "{name}");
        }
    }
    if body.is_empty() {
        return;
    }
    let (mut shown, mut got): (Value, _) = (serde_json::from_str(body).unwrap(), answer.json());
    for member in differs {
        for value in [&mut shown, &mut got] {
            value.as_object_mut().unwrap().remove(*member);
        }
    }
    assert_eq!(got, shown);
}

#[test]
fn getting_started_leads_to_an_answer_as_it_is_shown() {
    let portal = portal();
    let (_, key) = portal.gateway.key("acct_1", &["contacts:read"]);
    let commands = of(&portal, "getting-started", "sh");
    assert_eq!(commands.len(), 2);
    let code = commands.join("\n").replace("lf_live_…", &key);
    assert!(code.contains(&key), "{code}");
    let got: Value = serde_json::from_str(&said(&shell(&code, &[]))).unwrap();
    let shown = of(&portal, "getting-started", "json");
    let shown: Value = serde_json::from_str(&shown[0]).unwrap();
    let (mut wanted, mut had) = (BTreeSet::new(), BTreeSet::new());
    members(&shown, "", &mut wanted);
    members(&got, "", &mut had);
    assert!(wanted.is_subset(&had), "{:?}", wanted.difference(&had));
    assert_eq!(got["scopes"], shown["scopes"]);
}

#[test]
fn authentication_and_scopes_show_what_is_sent_and_what_comes_back() {
    let portal = portal();
    let g = &portal.gateway;
    let (_, key) = g.key("acct_1", &["deals:read"]);
    // The request is sent byte for byte, with a key and a host.
    let request = of(&portal, "authentication", "http").remove(0);
    let (line, field) = request.split_once('\n').unwrap();
    let mut parts = line.split(' ');
    let (method, path) = (parts.next().unwrap(), parts.next().unwrap());
    let (name, value) = field.split_once(": ").unwrap();
    let value = value.replace("lf_live_…", &key);
    assert_eq!(g.call(method, path, &[(name, &value)], None).status, 200);
    // The pattern of the secret scanner finds a key.
    let pattern = of(&portal, "authentication", "").remove(0);
    let found = shell(
        "printf '%s' \"$KEY\" | grep -qxE \"$PATTERN\"",
        &[("KEY", &key), ("PATTERN", &pattern)],
    );
    assert!(found.status.success(), "{pattern}");

    let command = of(&portal, "scopes", "sh").remove(0);
    let told: Value = serde_json::from_str(&said(&shell(&command, &[("API_KEY", &key)]))).unwrap();
    assert_eq!(told["scopes"], json!(["deals:read"]));
    let refused = g.get("/v1/contacts", &key);
    let shown = of(&portal, "scopes", "http").remove(0);
    is_as_shown(&shown, &refused, &[]);
}

#[test]
fn errors_and_limits_come_as_they_are_shown() {
    let portal = portal();
    let g = &portal.gateway;
    let unknown = "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17";
    let refused = g.get("/v1/contacts", unknown);
    let shown = of(&portal, "errors", "http").remove(0);
    is_as_shown(&shown, &refused, &["X-Request-Id", "request_id"]);

    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let answer = g.get("/v1/contacts", &key);
    let shown = of(&portal, "rate-limits", "http").remove(0);
    // A month has from 28 to 31 days.
    let month = |text: &str| {
        text.replace("2678400", "M")
            .replace("2592000", "M")
            .replace("2419200", "M")
    };
    let (policy, left) = shown.split_once('\n').unwrap();
    let got = |name: &str| format!("{name}: {}", answer.header(name).unwrap());
    assert_eq!(month(&got("RateLimit-Policy")), month(policy));
    assert_eq!(got("RateLimit"), left);
}

#[test]
fn the_program_about_limits_waits_as_it_is_told_and_gives_up_where_that_is_long() {
    let portal = Portal::start();
    let code = of(&portal, "rate-limits", "python").remove(0);
    for (waits, wanted) in [("1", "200 2"), ("7200", "RuntimeError")] {
        let calls = AtomicUsize::new(0);
        let backend = Backend::start(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Answer::Reply(429, vec![("Retry-After".into(), waits.into())], vec![]),
            _ => Answer::Reply(200, vec![], b"{}".to_vec()),
        });
        let code = format!(
            "{code}\nprint(get('http://{}/').status_code)",
            backend.address
        );
        let out = Command::new(python_path())
            .args(["-c", &code])
            .env("API_KEY", "lf_live_x")
            .output()
            .unwrap();
        let said = [out.stdout, out.stderr].concat();
        let said = format!(
            "{} {}",
            String::from_utf8_lossy(&said).trim(),
            backend.seen().len()
        );
        assert!(said.contains(wanted), "{said}");
    }
}

#[test]
fn an_endpoint_that_will_go_says_so_as_the_guide_shows_and_its_command_finds_it() {
    let portal = portal();
    let g = &portal.gateway;
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let answer = g.get("/v1/old", &key);
    assert_eq!(answer.status, 200, "{}", answer.text());
    is_as_shown(&of(&portal, "versioning", "http").remove(0), &answer, &[]);
    let command = of(&portal, "versioning", "sh").remove(0);
    let url = |path: &str| format!("{}{path}", portal.api_url);
    let found = shell(&command, &[("URL", &url("/v1/old")), ("API_KEY", &key)]);
    let found = said(&found).to_lowercase();
    for name in ["deprecation:", "sunset:", "link:"] {
        assert!(found.contains(name), "{found}");
    }
    let other = shell(
        &command,
        &[("URL", &url("/v1/contacts")), ("API_KEY", &key)],
    );
    assert!(other.stdout.is_empty(), "{:?}", other.stdout);
}

#[test]
fn the_message_of_the_webhook_guide_verifies_and_its_command_brings_real_ones() {
    let portal = Portal::start();
    let message = of(&portal, "webhooks", "http").remove(0);
    let (head, body) = message.split_once("\n\n").unwrap();
    let field = |name: &str| {
        let line = head
            .lines()
            .find_map(|l| l.strip_prefix(&format!("{name}: ")));
        line.unwrap().to_owned()
    };
    let receiver = standardwebhooks::Webhook::new(WEBHOOK_SECRET).unwrap();
    let at = field("webhook-timestamp").parse().unwrap();
    let signature = receiver
        .sign(&field("webhook-id"), at, body.as_bytes())
        .unwrap();
    assert_eq!(signature, field("webhook-signature"));
    let page = portal.stranger().page("/docs/guides/webhooks");
    assert!(page.contains(WEBHOOK_SECRET), "it names its secret");

    let backend = Backend::start(|_| Answer::Reply(204, vec![], vec![]));
    let command = of(&portal, "webhooks", "sh").remove(0);
    let code = command
        .replace("whsec_…", WEBHOOK_SECRET)
        .replace("127.0.0.1:8000", &backend.address.to_string())
        .replace(
            "fuelgate listen",
            &format!("exec {} listen", env!("CARGO_BIN_EXE_fuelgate")),
        );
    // An assignment before `exec` is not always passed on.
    let code = code
        .replacen("WEBHOOK_SECRET=", "export WEBHOOK_SECRET=", 1)
        .replacen(" exec", "\nexec", 1);
    let admin = format!("http://{}", portal.gateway.listener("admin"));
    let mut child = Command::new("sh")
        .args(["-e", "-c", &code])
        .env("FUELGATE_ADMIN_URL", admin)
        .env("FUELGATE_ADMIN_TOKEN", TOKEN)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (_, key) = portal.gateway.key("acct_1", &["contacts:write"]);
    let mut made = 0;
    let seen = eventually("an event arrives", Duration::from_secs(20), || {
        // The stream begins with what happens after it was opened.
        made += 1;
        let body = json!({"name": "Ada", "email": format!("ada{made}@example.com")});
        assert_eq!(portal.gateway.post("/v1/contacts", &key, &body).status, 201);
        std::thread::sleep(Duration::from_millis(200));
        backend.seen().first().cloned()
    });
    let _ = child.kill();
    let _ = child.wait();
    let mut headers = ::http::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, seen.header(name).unwrap().parse().unwrap());
    }
    receiver.verify(&seen.body, &headers).unwrap();
}

#[test]
fn every_link_of_the_guides_leads_somewhere_and_every_block_is_tried() {
    let portal = portal();
    let visitor = portal.stranger();
    let signed_in = portal.signed_in("acct_1", "developer");
    // What the tests above look at, by guide and language.
    let tried = [
        ("getting-started", vec!["sh", "sh", "json"]),
        ("authentication", vec!["http", ""]),
        ("scopes", vec!["sh", "http"]),
        ("rate-limits", vec!["http", "python"]),
        ("errors", vec!["http"]),
        ("webhooks", vec!["http", "sh"]),
        ("rotation", vec![]),
        ("versioning", vec!["http", "sh"]),
    ];
    for (guide, languages) in tried {
        let all = fenced(&portal, guide);
        let all: Vec<&str> = all.iter().map(|(l, _)| l.as_str()).collect();
        assert_eq!(all, languages, "{guide}");
        let page = visitor.page(&format!("/docs/guides/{guide}"));
        let (_, text) = page.split_once("guide-text").unwrap();
        for link in text.split("href=\"").skip(1) {
            let link = link.split('"').next().unwrap();
            let ours = link.strip_prefix(&portal.url).unwrap_or(link);
            let (path, id) = ours.split_once('#').unwrap_or((ours, ""));
            let there = match path {
                "" => page.clone(),
                _ if path.starts_with('/') => signed_in.page(path),
                _ => continue,
            };
            assert!(
                id.is_empty() || there.contains(&format!("id=\"{id}\"")),
                "{guide}: {link}"
            );
        }
    }
}
