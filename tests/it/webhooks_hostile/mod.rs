//! Receivers that misbehave in every way there is, and what the gateway makes of each: asserted in its delivery log.

mod targets;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::backend::Backend;
use crate::support::eventually;
use crate::support::gateway::{Gateway, config};
use crate::support::hostile::Hostile;
use crate::support::hostile::certificates::{Authority, Identity};
use crate::support::hostile::http2::Http2;

/// Time for an attempt; longer than what the gateway reads of a slow body.
const TIMEOUT: Duration = Duration::from_millis(3_000);

/// One attempt within the test, and what comes next in an hour.
fn gateway(backend: &Backend, webhooks: &str, environment: &[(&str, &str)]) -> Gateway {
    let text = format!(
        "
events:
  - {{ type: contact.created, route: {{ method: POST, path: /v1/contacts }}, status: [201] }}
webhooks: {{ retry_delays_seconds: [3600, 3600], timeout_ms: {}, {webhooks} }}
",
        TIMEOUT.as_millis()
    );
    Gateway::start_with_env(&config(backend.address, &text), environment)
}

const LOOPBACK: &str = "allowed_private_targets: [127.0.0.1/32]";

/// Makes a webhook: its id.
fn subscribe(g: &Gateway, account: &str, url: &str) -> String {
    let made = g.webhook(account, url, &["contact.created"]);
    made["id"].as_str().unwrap().to_owned()
}

fn publish(g: &Gateway, account: &str) {
    let event = json!({"account_id": account, "type": "contact.created", "data": {"id": "c1"}});
    let done = g.admin("POST", "/admin/v1/events", Some(&event));
    assert!(matches!(done.status, 201 | 202), "{}", done.text());
}

/// The newest delivery of a webhook once an attempt was made.
fn delivery(g: &Gateway, id: &str) -> Value {
    eventually("an attempt", Duration::from_secs(20), || {
        let path = format!("/admin/v1/webhooks/{id}/deliveries");
        let found = g.admin("GET", &path, None).json()["data"][0].clone();
        found["attempts"][0].is_object().then_some(found)
    })
}

/// The first attempt of the only delivery: status, error and milliseconds.
fn outcome(g: &Gateway, id: &str) -> (Option<u64>, String, Duration, Value) {
    let found = delivery(g, id);
    let attempt = &found["attempts"][0];
    (
        attempt["status"].as_u64(),
        attempt["error"].as_str().unwrap_or("").to_owned(),
        Duration::from_millis(attempt["latency_ms"].as_u64().unwrap()),
        found.clone(),
    )
}

fn webhook(g: &Gateway, id: &str) -> Value {
    let path = format!("/admin/v1/webhooks/{id}");
    g.admin("GET", &path, None).json()
}

/// Seconds from the first attempt until the next.
fn wait(delivery: &Value) -> f64 {
    let at = |v: &Value| {
        let text = v.as_str().unwrap_or_else(|| panic!("{delivery}"));
        fuelgate::base::clock::Timestamp::parse(text).unwrap()
    };
    let next = at(&delivery["next_attempt_at"]);
    next.since(at(&delivery["attempts"][0]["at"])).as_secs_f64()
}

/// All behaviours at once, one webhook for each, one event for all.
#[test]
fn each_behaviour_of_a_receiver_has_its_outcome() {
    let (backend, hostile) = (Backend::ok(), Hostile::start());
    let (mute, deaf) = (Hostile::start_mute(), Hostile::start_deaf());
    let g = gateway(&backend, LOOPBACK, &[]);
    let to = |path: &str| subscribe(&g, "acct_1", &hostile.url(path));
    let ok = to("/ok");
    let (never, drip_header, interim) = (to("/never"), to("/drip-header"), to("/continue"));
    let (drip, endless) = (to("/drip"), to("/endless"));
    let (cut, short, reset) = (to("/reset-after-headers"), to("/short"), to("/reset"));
    let (metadata, here) = (to("/redirect-metadata"), to("/redirect-here"));
    let (gone, date, seconds) = (to("/gone"), to("/busy-date/7200"), to("/busy-seconds/7300"));
    let (bad_length, other, long) = (to("/bad-length"), to("/not-http"), to("/long-header"));
    let silent = subscribe(&g, "acct_1", &mute.url("/"));
    let silent_tls = subscribe(&g, "acct_1", &mute.url("/").replace("http:", "https:"));
    let unheard = subscribe(&g, "acct_1", &deaf.url("/"));
    let no_tls = subscribe(&g, "acct_1", &hostile.url("/ok").replace("http:", "https:"));
    let memory = g.resident();
    publish(&g, "acct_1");

    let (status, error, took, found) = outcome(&g, &ok);
    assert_eq!((status, error.as_str()), (Some(200), ""));
    assert!(took < TIMEOUT, "{took:?}");
    assert_eq!(found["status"], "succeeded");

    // Whoever does not answer costs the time of an attempt, and no more.
    for (name, id) in [
        ("never", &never),
        ("drip-header", &drip_header),
        ("continue", &interim),
        ("mute", &silent),
        ("mute with TLS", &silent_tls),
        ("deaf", &unheard),
    ] {
        let (status, error, took, found) = outcome(&g, id);
        assert_eq!(status, None, "{name}");
        assert_eq!(error, "no answer within 3000 ms", "{name}");
        let limit = TIMEOUT + Duration::from_millis(4_000);
        assert!(took >= TIMEOUT && took < limit, "{name}: {took:?}");
        assert_eq!(found["status"], "pending", "{name}");
        let next = wait(&found);
        assert!((3600.0..=3970.0).contains(&next), "{name}: {next}");
    }

    // A status that has come counts, whatever becomes of the body, and nobody waits for it.
    for (name, id, text) in [
        ("drip", &drip, "a"),
        ("endless", &endless, "x"),
        ("reset-after-headers", &cut, "begun"),
        ("short", &short, "begun"),
    ] {
        let (status, error, took, found) = outcome(&g, id);
        assert_eq!((status, error.as_str()), (Some(200), ""), "{name}");
        assert_eq!(found["status"], "succeeded", "{name}");
        assert!(took < Duration::from_millis(2_900), "{name}: {took:?}");
        let excerpt = found["attempts"][0]["reply_excerpt"].as_str().unwrap();
        assert!(excerpt.starts_with(text), "{name}: {excerpt}");
        assert!(excerpt.len() <= 1024, "{name}");
    }
    let sent = hostile.visits("/endless")[0].sent;
    assert!(sent < 16_000_000, "{sent} bytes were taken or buffered");

    for (name, id, message) in [
        ("reset", &reset, "the connection was reset"),
        (
            "bad-length",
            &bad_length,
            "the receiver broke off or does not speak HTTP",
        ),
        (
            "not-http",
            &other,
            "the receiver broke off or does not speak HTTP",
        ),
        (
            "long-header",
            &long,
            "the receiver broke off or does not speak HTTP",
        ),
    ] {
        let (status, error, _, found) = outcome(&g, id);
        assert_eq!((status, error.as_str()), (None, message), "{name}");
        assert_eq!(found["status"], "pending", "{name}");
    }
    let (status, error, _, _) = outcome(&g, &no_tls);
    assert_eq!(status, None);
    assert!(error.starts_with("the TLS handshake failed"), "{error}");

    // Redirects are replies like others that are no success.
    for (id, code) in [(&metadata, 302), (&here, 307)] {
        let (status, error, _, found) = outcome(&g, id);
        assert_eq!(status, Some(code));
        assert_eq!(error, format!("the receiver answered {code}"));
        assert_eq!(found["status"], "pending");
    }
    assert_eq!(hostile.count("/ok/redirected"), 0);

    let (status, ..) = outcome(&g, &gone);
    assert_eq!(status, Some(410));
    let disabled = eventually("it is disabled", Duration::from_secs(5), || {
        Some(webhook(&g, &gone)).filter(|w| w["status"] == "disabled")
    });
    let reason = disabled["disabled_reason"].as_str().unwrap();
    assert!(reason.contains("410"), "{reason}");

    // What the receiver asks for is longer than the schedule here; a date has whole seconds.
    for (id, asked) in [(&date, 7200.0), (&seconds, 7300.0)] {
        let (status, _, _, found) = outcome(&g, id);
        assert_eq!(status, Some(429));
        let next = wait(&found);
        assert!((asked - 1.5..=asked + 3.0).contains(&next), "{next}");
    }

    let grown = g.resident().saturating_sub(memory);
    assert!(grown < 64_000_000, "{grown} bytes for all of them");
    // The gateway closes what it has no more use for.
    eventually("connections are closed", Duration::from_secs(5), || {
        hostile
            .visits("/")
            .iter()
            .all(|v| v.over.is_some())
            .then_some(())
    });
    publish(&g, "acct_1");
    eventually("the good one goes on", Duration::from_secs(5), || {
        (hostile.count("/ok") == 2).then_some(())
    });
}

/// The authority is the only one that the gateway trusts.
#[test]
fn certificates_are_checked() {
    let backend = Backend::ok();
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("the tests");
    let file = authority.write(folder.path());
    let stranger = Authority::new("a stranger");
    let at = "127.0.0.1";
    let good = Hostile::start_tls(&authority.issue(at));
    let bad = [
        ("expired", authority.issue_expired(at), "xpired"),
        (
            "of another name",
            authority.issue("other.example"),
            "not valid for name",
        ),
        (
            "of another address",
            authority.issue("127.0.0.2"),
            "not valid for name",
        ),
        ("self-signed", Identity::self_signed(at), "UnknownIssuer"),
        ("of a stranger", stranger.issue(at), "UnknownIssuer"),
    ];
    let environment = [("SSL_CERT_FILE", file.to_str().unwrap())];
    let g = gateway(&backend, LOOPBACK, &environment);
    let to = |h: &Hostile| subscribe(&g, "acct_1", &h.url("/ok").replace("http:", "https:"));
    let trusted = to(&good);
    let bad = bad.map(|(name, identity, message)| {
        let receiver = Hostile::start_tls(&identity);
        (name, to(&receiver), receiver, message)
    });
    publish(&g, "acct_1");
    let (status, error, ..) = outcome(&g, &trusted);
    assert_eq!((status, error.as_str()), (Some(200), ""));
    for (name, id, receiver, message) in &bad {
        let (status, error, _, found) = outcome(&g, id);
        assert_eq!(status, None, "{name}");
        assert!(
            error.starts_with("the TLS handshake failed") && error.contains(message),
            "{name}: {error}"
        );
        assert_eq!(found["status"], "pending", "{name}");
        assert_eq!(receiver.count("/"), 0, "{name}: a request came through");
    }
}

#[test]
fn connections_are_used_again() {
    let (backend, hostile) = (Backend::ok(), Hostile::start());
    let g = gateway(&backend, LOOPBACK, &[]);
    subscribe(&g, "acct_1", &hostile.url("/ok"));
    subscribe(&g, "acct_2", &hostile.url("/status/500"));
    for n in 1..=20 {
        for account in ["acct_1", "acct_2"] {
            publish(&g, account);
        }
        eventually("both deliveries", Duration::from_secs(5), || {
            (hostile.count("/") == 2 * n).then_some(())
        });
    }
    // Two at a time at most, so that two connections do for all of them.
    let accepted = hostile.accepted();
    assert!(accepted <= 3, "{accepted} connections for 40 deliveries");
    // Several at once need several, and those are kept as well.
    for _ in 0..3 {
        let before = hostile.count("/ok");
        for _ in 0..8 {
            publish(&g, "acct_1");
        }
        eventually("a burst", Duration::from_secs(5), || {
            (hostile.count("/ok") == before + 8).then_some(())
        });
    }
    let accepted = hostile.accepted();
    assert!(accepted <= 12, "{accepted} connections for 64 deliveries");
}

/// The same bounds where a receiver speaks HTTP/2, which it tells in the TLS handshake.
#[test]
fn receivers_may_speak_http_2_within_the_same_bounds() {
    let backend = Backend::ok();
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("the tests");
    let file = authority.write(folder.path());
    let hostile = Http2::start(&authority.issue("127.0.0.1"));
    let environment = [("SSL_CERT_FILE", file.to_str().unwrap())];
    let g = gateway(&backend, LOOPBACK, &environment);
    let to = |path: &str| subscribe(&g, "acct_1", &hostile.url(path));
    let (ok, never, endless) = (to("/ok"), to("/never"), to("/endless"));
    let (long, redirect) = (to("/long-header"), to("/redirect"));
    publish(&g, "acct_1");
    assert_eq!(outcome(&g, &ok).0, Some(200));
    assert_eq!(outcome(&g, &redirect).0, Some(307));
    let (status, error, ..) = outcome(&g, &never);
    assert_eq!(status, None);
    assert_eq!(error, "no answer within 3000 ms");
    let (status, error, ..) = outcome(&g, &long);
    assert_eq!(status, None);
    assert_eq!(error, "the receiver broke off or does not speak HTTP");
    let (status, _, took, found) = outcome(&g, &endless);
    assert_eq!(status, Some(200));
    assert!(took < Duration::from_millis(2_900), "{took:?}");
    let excerpt = found["attempts"][0]["reply_excerpt"].as_str().unwrap();
    assert_eq!(excerpt.len(), 1024);
    assert!(hostile.sent() < 1_000_000, "{} bytes", hostile.sent());
    assert_eq!(hostile.requests(), 5);
    let accepted = hostile.accepted();
    assert!(accepted <= 5, "{accepted} connections");
}

/// A thousand receivers that never answer, ten thousand connections: one thread of this program serves them.
#[test]
fn the_receiver_of_these_tests_bears_thousands_of_connections() {
    let hostile = Hostile::start();
    let began = Instant::now();
    let mut open = Vec::new();
    for n in 0..2_000 {
        let mut c = std::net::TcpStream::connect(hostile.address).unwrap();
        let request =
            format!("POST /never/{n} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{{}}");
        std::io::Write::write_all(&mut c, request.as_bytes()).unwrap();
        open.push(c);
    }
    eventually("all are read", Duration::from_secs(10), || {
        (hostile.count("/never") == 2_000).then_some(())
    });
    assert_eq!(hostile.open(), 2_000);
    drop(open);
    eventually("all are closed", Duration::from_secs(10), || {
        (hostile.open() == 0).then_some(())
    });
    assert!(began.elapsed() < Duration::from_secs(20));
}
