//! `fuelgate store copy` with the built binary: a store that is being written to, runs that are killed, the last run, and a gateway on the copy.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::backend::{self, Backend};
use crate::support::gateway::{Gateway, TOKEN, config};
use crate::support::http::{Connection, encode};
use crate::support::programs::{python, run};
use crate::support::redis::Server;
use crate::support::{eventually, full};

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
webhooks: { allowed_private_targets: [127.0.0.0/8], retry_delays_seconds: [3600] }
";
const EMBEDDED: &str = "store: { engine: embedded, path: $DIR/fuelgate.db }";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The configuration on Redis that goes with an embedded one.
fn on_redis(config: &str, server: &Server) -> String {
    let config = config.replace(EMBEDDED, &server.store(", key_prefix: fg"));
    assert!(config.contains("engine: redis"));
    config
}

struct Files {
    from: PathBuf,
    to: PathBuf,
}

impl Files {
    /// Both configurations of a gateway, in its folder.
    fn of(g: &Gateway, config: &str, server: &Server) -> Self {
        let write = |name: &str, text: &str| {
            let file = g.folder.path().join(name);
            let folder = g.folder.path().display().to_string();
            std::fs::write(&file, text.replace("$DIR", &folder)).unwrap();
            file
        };
        Self {
            from: write("embedded.yaml", config),
            to: write("redis.yaml", &on_redis(config, server)),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fuelgate"));
        command.args(["store", "copy", "--json"]);
        command.args(["--from", text(&self.from), "--to", text(&self.to)]);
        command.env("FUELGATE_ADMIN_TOKEN", TOKEN);
        command.stdin(Stdio::null());
        command
    }

    fn copy(&self) -> Output {
        self.command().output().unwrap()
    }

    /// What a run says that must succeed.
    fn copied(&self) -> Value {
        let o = self.copy();
        assert!(
            o.status.success(),
            "{}{}",
            String::from_utf8_lossy(&o.stdout),
            String::from_utf8_lossy(&o.stderr)
        );
        serde_json::from_slice(&o.stdout).unwrap()
    }

    /// Starts a run and kills it after a while; true if it was still running.
    fn killed(&self, after: Duration) -> bool {
        let mut command = self.command();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(after);
        let ran = child.try_wait().unwrap().is_none();
        let _ = child.kill();
        child.wait().unwrap();
        ran
    }

    /// Why a gateway does not start on the target.
    fn refused_start(&self) -> String {
        let o = Command::new(env!("CARGO_BIN_EXE_fuelgate"))
            .args(["serve", "--config", text(&self.to)])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(o.status.code(), Some(1));
        String::from_utf8_lossy(&o.stderr).into_owned()
    }
}

fn rows(report: &Value, kind: &str) -> u64 {
    let kinds = report["kinds"].as_array().unwrap();
    let found = kinds.iter().find(|k| k["kind"] == kind).unwrap();
    assert_eq!(found["rows"], found["target_rows"]);
    found["rows"].as_u64().unwrap()
}

/// Creates contacts until told to stop; gives how many the client saw.
fn write_until(g: &Gateway, key: &str, stop: &Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    let (address, stop) = (g.address(), stop.clone());
    let fields = [
        ("Authorization", format!("Bearer {key}")),
        ("Content-Type", "application/json".to_owned()),
    ];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let bytes = encode("POST", "/v1/contacts", &fields, Some(br#"{"name":"Ada"}"#));
    std::thread::spawn(move || {
        let mut c = Connection::open(address);
        let mut seen = 0;
        while !stop.load(Ordering::SeqCst) {
            assert_eq!(c.exchange(&bytes).status, 201);
            seen += 1;
            std::thread::sleep(Duration::from_millis(5));
        }
        seen
    })
}

/// All of a list of the admin API.
fn list(g: &Gateway, path: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = g.admin("GET", &format!("{path}limit=200{cursor}"), None);
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// What the admin API says of everything that does not change while no request comes.
fn said(g: &Gateway, accounts: &[String], webhook: &str) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let mut paths: Vec<String> = [
        "/admin/v1/accounts?",
        "/admin/v1/audit-log?",
        "/admin/v1/events?",
        "/admin/v1/keys?",
    ]
    .map(str::to_owned)
    .to_vec();
    paths.push(format!("/admin/v1/webhooks/{webhook}/deliveries?"));
    for account in accounts {
        paths.push(format!("/admin/v1/webhooks?account_id={account}&"));
    }
    for path in paths {
        all.push((path.clone(), json!(list(g, &path))));
    }
    for account in accounts {
        for path in [
            format!("/admin/v1/usage/summary?account_id={account}"),
            format!("/admin/v1/usage/endpoints?account_id={account}"),
        ] {
            let answer = g.admin("GET", &path, None);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            all.push((path, answer.json()));
        }
    }
    all
}

const VERIFY: &str = "
import sys, json
from standardwebhooks.webhooks import Webhook
Webhook(sys.argv[1]).verify(sys.argv[2], json.loads(sys.argv[3]))
print('good')
";

#[test]
fn a_store_that_is_written_to_and_runs_that_are_killed_end_in_a_gateway_on_redis() {
    let crm = Backend::start(|_| backend::json(201, &json!({"id": "c1", "name": "Ada"})));
    let inbox = Backend::ok();
    let server = Server::start(&[]);
    let config = config(crm.address, RULES);
    let mut g = Gateway::start(&config);
    let files = Files::of(&g, &config, &server);
    let accounts: Vec<String> = (0..12).map(|n| format!("acct_{n}")).collect();
    let scopes = ["contacts:read", "contacts:write"];
    let keys: Vec<_> = accounts.iter().map(|a| g.key(a, &scopes).1).collect();
    let webhook = |account: &str| {
        let body = json!({
            "account_id": account,
            "url": format!("http://{}/hook", inbox.address),
            "event_types": ["contact.created"],
        });
        let made = g.admin("POST", "/admin/v1/webhooks", Some(&body));
        assert_eq!(made.status, 201, "{}", made.text());
        let made = made.json();
        let of = |name: &str| made[name].as_str().unwrap().to_owned();
        (of("id"), of("secret"))
    };
    let (hook, secret) = webhook(&accounts[0]);
    for key in &keys {
        for _ in 0..20 {
            let answer = g.post("/v1/contacts", key, &json!({}));
            assert_eq!(answer.status, 201);
        }
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = keys[..3]
        .iter()
        .map(|k| write_until(&g, k, &stop))
        .collect();
    let mut killed = 0;
    for n in 0..8 {
        killed += u32::from(files.killed(Duration::from_millis(60 + 90 * n)));
    }
    assert!(killed >= 3, "{killed}");
    let said_then = files.refused_start();
    assert!(said_then.contains("a copy into it"), "{said_then}");
    let online = files.copied();
    assert_eq!(
        (&online["same"], &online["last"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(rows(&online, "keys"), 12);
    let said_then = files.refused_start();
    assert!(said_then.contains("lacks what came since"), "{said_then}");
    stop.store(true, Ordering::SeqCst);
    let written: u64 = writers.into_iter().map(|w| w.join().unwrap()).sum();
    assert!(written > 50, "{written}");
    let sent = written + 12 * 20;
    // Usage is flushed, and every event delivered.
    eventually("all is quiet", Duration::from_secs(60), || {
        let events = list(&g, "/admin/v1/events?");
        let deliveries = list(&g, &format!("/admin/v1/webhooks/{hook}/deliveries?"));
        let done = deliveries.iter().all(|d| d["status"] == "succeeded");
        let released = events.iter().all(|e| e["status"] == "released");
        (events.len() as u64 == sent && done && released && !deliveries.is_empty()).then_some(())
    });
    std::thread::sleep(Duration::from_secs(2));
    let before = said(&g, &accounts, &hook);
    assert_eq!(g.stop(), Some(0));

    let last = files.copied();
    assert_eq!((&last["same"], &last["last"]), (&json!(true), &json!(true)));
    assert_eq!(rows(&last, "events"), sent);
    let again = files.copied();
    for kind in again["kinds"].as_array().unwrap() {
        assert_eq!(kind["written"], 0, "{kind}");
    }
    g.write_config(&on_redis(&config, &server));
    g.start_again();
    let after = said(&g, &accounts, &hook);
    for ((path, before), (_, after)) in before.iter().zip(&after) {
        assert_eq!(before, after, "{path}");
    }
    // Keys verify, sequences go on, and the endpoint's secret signs.
    inbox.clear();
    for key in &keys {
        let answer = g.post("/v1/contacts", key, &json!({}));
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    let seen = eventually("a delivery", Duration::from_secs(30), || {
        (inbox.count() > 0).then(|| inbox.last())
    });
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    let old = before.iter().find(|(path, _)| path.ends_with("events?"));
    let theirs = old.unwrap().1.as_array().unwrap();
    let theirs = theirs.iter().filter(|e| e["account_id"] == "acct_0");
    assert_eq!(
        body["sequence"].as_u64().unwrap(),
        theirs.count() as u64 + 1
    );
    let fields = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let fields: serde_json::Map<_, _> = fields
        .iter()
        .map(|name| ((*name).to_owned(), json!(seen.header(name).unwrap())))
        .collect();
    let fields = Value::Object(fields).to_string();
    assert_eq!(
        python(VERIFY, &[&secret, &seen.text(), &fields]).trim(),
        "good"
    );
    let refused = files.copy();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("gateway"), "{said}");
    assert_eq!(g.stop(), Some(0));
    let said = String::from_utf8_lossy(&files.copy().stderr).into_owned();
    assert!(said.contains("has been started on the target"), "{said}");
}

/// Rows of a large store, as a gateway would have written them over months.
const FILL: &str = "
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
INSERT INTO account SELECT printf('acct_%05d', i), 'standard', '{}', 0, 1790000000000, NULL FROM n;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
INSERT INTO api_key SELECT printf('key_%032x', i), printf('acct_%05d', i / 10), 'key ' || i, '[\"contacts:read\"]',
    1790000000000, NULL, NULL, NULL, 0, NULL, '[]', 'lf_live', 'abcd', 1 FROM n;
INSERT INTO key_secret SELECT CAST(randomblob(32) AS BLOB), id, 0, '{\"pepper\":\"p1\"}', NULL FROM api_key;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49)
INSERT INTO usage SELECT 0, $HOUR - n.i * 3600000, a.id, printf('key_%032x', 10 * CAST(substr(a.id, 6) AS INTEGER)), 2,
    n.i + 1, 10, 20, 30 FROM n, account a;
INSERT INTO usage SELECT span, start, account_id, '', class, sum(requests), sum(bytes_in), sum(bytes_out), sum(upstream_us)
    FROM usage GROUP BY span, start, account_id, class;
INSERT INTO usage SELECT span, start, '', '', class, sum(requests), sum(bytes_in), sum(bytes_out), sum(upstream_us)
    FROM usage WHERE key_id = '' GROUP BY span, start, class;
INSERT INTO usage_total SELECT 0, start, account_id, requests FROM usage WHERE account_id <> '' AND key_id = '';
";

#[test]
fn a_large_store_is_copied_in_bounded_memory() {
    if !full() {
        return;
    }
    let crm = Backend::ok();
    let server = Server::start(&[]);
    let config = config(crm.address, "");
    let mut g = Gateway::start(&config);
    g.key("acct_first", &["contacts:read"]);
    let files = Files::of(&g, &config, &server);
    assert_eq!(g.stop(), Some(0));
    let raw = rusqlite::Connection::open(g.folder.path().join("fuelgate.db")).unwrap();
    let now = std::time::SystemTime::now();
    let ms = now
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    // Not the present hour, of which a month's total would have to know.
    let hour = ms / 3_600_000 * 3_600_000 - 3_600_000;
    let fill = FILL.replace("$HOUR", &hour.to_string());
    raw.execute_batch(&format!(
        "BEGIN; {fill} COMMIT; PRAGMA wal_checkpoint(TRUNCATE);"
    ))
    .unwrap();
    drop(raw);
    for round in ["first", "again"] {
        let began = Instant::now();
        let mut command = files.command();
        command.stdout(Stdio::piped()).stderr(Stdio::inherit());
        let child = command.spawn().unwrap();
        let status = format!("/proc/{}/status", child.id());
        let peak = std::thread::spawn(move || {
            let mut peak = 0_u64;
            while let Ok(text) = std::fs::read_to_string(&status) {
                let Some(line) = text.lines().find(|l| l.starts_with("VmHWM")) else {
                    break;
                };
                let kib = line.split_whitespace().nth(1).unwrap().parse().unwrap();
                peak = peak.max(kib);
                std::thread::sleep(Duration::from_millis(50));
            }
            peak
        });
        let o = child.wait_with_output().unwrap();
        assert!(o.status.success());
        let report: Value = serde_json::from_slice(&o.stdout).unwrap();
        let peak = peak.join().unwrap();
        println!(
            "{round}: {} keys, {} rows of usage in {:.1} s with {} MiB at most",
            rows(&report, "keys"),
            rows(&report, "usage"),
            began.elapsed().as_secs_f64(),
            peak / 1024
        );
        assert_eq!(rows(&report, "keys"), 100_001);
        assert!(rows(&report, "usage") > 1_000_000);
        assert!(peak < 256 * 1024, "{peak} KiB");
    }
    let size = run("du", &["-h", text(&g.folder.path().join("fuelgate.db"))]);
    println!("{}", String::from_utf8_lossy(&size.stdout));
}
