//! The access log: one JSON line a request, never a secret, and never in the way.

use std::time::{Duration, Instant};

use crate::support::backend::Backend;
use crate::support::eventually;
use crate::support::gateway::{Gateway, config};
use crate::support::programs::run;

#[test]
fn each_request_is_one_json_line_with_what_an_operator_asks_for() {
    let backend = Backend::ok();
    let text = config(backend.address, "").replace(
        "log: { access: null }",
        "log: { access: $DIR/access.log, client_address: truncated }",
    );
    let mut g = Gateway::start(&text);
    let (id, key) = g.key("acct_1", &["contacts:read"]);
    let r = g.get("/v1/contacts/42?access_token=secret-value", &key);
    assert_eq!(r.status, 200);
    assert_eq!(g.call("GET", "/v1/contacts", &[], None).status, 401);
    let file = g.folder.path().join("access.log");
    let lines = eventually("two lines", Duration::from_secs(5), || {
        let text = std::fs::read_to_string(&file).ok()?;
        let mut lines: Vec<serde_json::Value> = text
            .lines()
            .filter_map(|l| serde_json::from_str(l).ok())
            .collect();
        // Lines of two connections may come in either order.
        lines.sort_by_key(|l| l["status"].as_u64());
        (lines.len() == 2).then_some(lines)
    });
    let served = &lines[0];
    let text = served.to_string();
    assert!(text.contains(r.header("x-request-id").unwrap()), "{text}");
    assert!(text.contains("acct_1") && text.contains(&id), "{text}");
    assert!(text.contains("/v1/contacts/{id}"), "{text}");
    assert_eq!(served["status"], 200);
    assert!(
        text.contains("127.0.0.0"),
        "the address is truncated: {text}"
    );
    let refused = lines[1].to_string();
    assert!(refused.contains("missing_credentials"), "{refused}");
    let all = std::fs::read_to_string(&file).unwrap();
    assert!(
        !all.contains(&key) && !all.contains("secret-value"),
        "{all}"
    );

    // A file that was moved away is opened anew.
    std::fs::rename(&file, g.folder.path().join("access.log.1")).unwrap();
    eventually("a new file", Duration::from_secs(10), || {
        assert_eq!(g.get("/v1/contacts", &key).status, 200);
        std::thread::sleep(Duration::from_millis(50));
        std::fs::read_to_string(&file)
            .ok()
            .filter(|t| !t.is_empty())
    });
    // A clean stop writes what is left.
    assert_eq!(g.get("/v1/contacts/last", &key).status, 200);
    assert_eq!(g.stop(), Some(0));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.lines().any(|l| l.contains("/v1/contacts/{id}")));
}

#[test]
fn after_a_reload_lines_go_where_the_new_configuration_says() {
    let backend = Backend::ok();
    let to = |sink: &str| {
        config(backend.address, "").replace(
            "log: { access: null }",
            &format!("log: {{ access: {sink} }}"),
        )
    };
    let mut g = Gateway::start(&to("$DIR/a.log"));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    for (n, sink) in ["$DIR/a.log", "$DIR/b.log", "null", "$DIR/a.log"]
        .into_iter()
        .enumerate()
    {
        g.write_config(&to(sink));
        let r = g.admin("POST", "/admin/v1/config/reload", None);
        assert_eq!(r.status, 200, "{}", r.text());
        assert_eq!(g.get(&format!("/v1/contacts/{n}"), &key).status, 200);
    }
    // A clean stop writes what is left.
    assert_eq!(g.stop(), Some(0));
    let paths = |file: &str| {
        let text = std::fs::read_to_string(g.folder.path().join(file)).unwrap();
        text.lines()
            .map(|l| {
                let line: serde_json::Value = serde_json::from_str(l).unwrap();
                line["path"].as_str().unwrap().to_owned()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(paths("a.log"), ["/v1/contacts/0", "/v1/contacts/3"]);
    assert_eq!(paths("b.log"), ["/v1/contacts/1"]);
}

#[test]
fn a_blocked_sink_slows_no_request_and_dropped_lines_are_counted() {
    let backend = Backend::ok();
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(run("mkfifo", &[fifo.to_str().unwrap()]).status.success());
    // Held open and never read: the pipe fills and then blocks its writer.
    let _held = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&fifo)
        .unwrap();
    let text = config(backend.address, "").replace(
        "log: { access: null }",
        &format!("log: {{ access: {} }}", fifo.display()),
    );
    let g = Gateway::start(&text);
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let mut connection = crate::support::http::Connection::open(g.address());
    let bytes = crate::support::http::encode(
        "GET",
        "/v1/contacts",
        &[("Authorization", &format!("Bearer {key}"))],
        None,
    );
    let begun = Instant::now();
    let mut slowest = Duration::ZERO;
    // Lines of some 300 bytes: this is more than the pipe and everything in between holds.
    for _ in 0..25_000 {
        let one = Instant::now();
        assert_eq!(connection.exchange(&bytes).status, 200);
        slowest = slowest.max(one.elapsed());
    }
    println!(
        "25000 requests in {:?}, the slowest {slowest:?}",
        begun.elapsed()
    );
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    eventually("dropped lines are counted", Duration::from_secs(10), || {
        (g.metric("fuelgate_access_log_dropped_total") > 0.0).then_some(())
    });
}

#[test]
fn an_upstream_that_is_down_does_not_fill_the_log() {
    let dead = crate::support::programs::free_port();
    let g = Gateway::start(&config(([127, 0, 0, 1], dead).into(), ""));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let began = std::time::Instant::now();
    for _ in 0..300 {
        assert_eq!(g.get("/v1/contacts", &key).status, 502);
    }
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap() + 1;
    let log = g.stderr();
    let said = log.matches("/v1/contacts").count();
    assert!(said >= 1, "the first one is said: {log}");
    // A line of Pingora's, and one that counts those left out.
    assert!(log.lines().count() < 10 + 2 * seconds, "{log}");
}
