//! The access log: one JSON line a request, never a secret, and never in the way.

use std::time::{Duration, Instant};

use crate::support::backend::Backend;
use crate::support::eventually;
use crate::support::gateway::{Gateway, config};
use crate::support::http::{Connection, encode};
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

/// A gateway that logs to `sink`, and the bytes of a request to it.
fn logging_to(backend: &Backend, sink: &str) -> (Gateway, Vec<u8>) {
    let text = config(backend.address, "").replace(
        "log: { access: null }",
        &format!("log: {{ access: {sink} }}"),
    );
    let g = Gateway::start(&text);
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let bearer = format!("Bearer {key}");
    let bytes = encode("GET", "/v1/contacts", &[("Authorization", &bearer)], None);
    (g, bytes)
}

fn timed(connection: &mut Connection, bytes: &[u8]) -> Duration {
    let begun = Instant::now();
    assert_eq!(connection.exchange(bytes).status, 200);
    begun.elapsed()
}

#[test]
fn a_blocked_sink_slows_no_request_and_dropped_lines_are_counted() {
    const DROPPED: &str = "fuelgate_access_log_dropped_total";
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
    let (blocked, bytes) = logging_to(&backend, fifo.to_str().unwrap());
    let (free, free_bytes) = logging_to(&backend, "$DIR/access.log");
    let mut to_blocked = Connection::open(blocked.address());
    // Lines of some 300 bytes: this is more than the pipe and everything in between holds.
    let mut slowest = Duration::ZERO;
    let mut sent = 0;
    while blocked.metric(DROPPED) == 0.0 {
        assert!(sent < 100_000, "{sent} lines and none is dropped");
        for _ in 0..1_000 {
            slowest = slowest.max(timed(&mut to_blocked, &bytes));
        }
        sent += 1_000;
    }
    // With all of it full: in turns with a gateway whose log is written, so that the machine's own load falls on both alike.
    let before = blocked.metric(DROPPED);
    let mut to_free = Connection::open(free.address());
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..3_000 {
        with.push(timed(&mut to_blocked, &bytes));
        without.push(timed(&mut to_free, &free_bytes));
    }
    for times in [&mut with, &mut without] {
        times.sort_unstable();
    }
    slowest = slowest.max(with[with.len() - 1]);
    let at = |times: &[Duration], percent: usize| times[times.len() * percent / 100];
    let (median, normal) = (at(&with, 50), at(&without, 50));
    println!(
        "{sent} requests until lines were dropped; medians {median:?} blocked and {normal:?} not; 99 of 100 {:?} and {:?}; the slowest {slowest:?}",
        at(&with, 99),
        at(&without, 99)
    );
    assert!(
        median <= normal * 3 + Duration::from_millis(5),
        "{median:?} and {normal:?}"
    );
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    // A line each that found no room, and none where there is room.
    let expected = before + 3_000.0;
    eventually("dropped lines are counted", Duration::from_secs(10), || {
        (blocked.metric(DROPPED) >= expected).then_some(())
    });
    let dropped = blocked.metric(DROPPED);
    assert!(
        dropped <= f64::from(sent) + 3_000.0,
        "{dropped} of {sent} and 3000"
    );
    assert!(free.metric(DROPPED) == 0.0);
    eventually("all lines are written", Duration::from_secs(10), || {
        let text = std::fs::read_to_string(free.folder.path().join("access.log")).ok()?;
        (text.lines().count() == 3_000).then_some(())
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
