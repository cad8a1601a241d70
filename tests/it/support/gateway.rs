//! The built binary as a process: its configuration, listeners, admin API and end.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::http::{self, Response};

/// The single admin token of tests.
pub const TOKEN: &str = "test-admin-token-0123456789abcdef";

/// A gateway process with a folder of its own; killed when dropped.
pub struct Gateway {
    /// Its folder: configuration, database, what it wrote to standard error.
    pub folder: tempfile::TempDir,
    child: Option<Child>,
    /// What is set in its environment, at each start.
    environment: Vec<(String, String)>,
    listeners: HashMap<String, SocketAddr>,
}

/// The least configuration: one upstream, a plan that never limits, routes below `/v1/contacts`; `extra` is appended.
pub fn config(upstream: SocketAddr, extra: &str) -> String {
    config_with_plan(
        upstream,
        "rate: { requests: 1000000, per_seconds: 1, burst: 1000000 }, quotas: { hour: 1000000000, month: 10000000000 }, max_keys: 10000",
        extra,
    )
}

/// The same with a plan of the test's.
pub fn config_with_plan(upstream: SocketAddr, plan: &str, extra: &str) -> String {
    format!(
        r#"
listeners:
  - address: 127.0.0.1:0
admin: {{ address: "127.0.0.1:0", token: {TOKEN} }}
portal: {{ address: "127.0.0.1:0", public_url: "https://portal.example" }}
log: {{ access: null }}
realm: crm
store: {{ engine: embedded, path: $DIR/fuelgate.db }}
spool: {{ path: $DIR/spool.db, max_bytes: 1073741824 }}
keys:
  prefix: lf_live
  peppers: [ {{ id: p1, secret: "0123456789abcdef0123456789abcdef" }} ]
scopes:
  contacts:read: Read-only access to all contacts
  contacts:write: Create and change contacts
  deals:read: Read-only access to all deals
default_plan: standard
plans:
  standard: {{ {plan} }}
upstreams:
  crm: {{ targets: [ {{ address: "{upstream}", weight: 1 }} ], connect_timeout_ms: 1000, read_timeout_ms: 5000 }}
routes:
  - {{ path: /v1/contacts, methods: [GET, HEAD], scopes: [contacts:read], upstream: crm }}
  - {{ path: /v1/contacts, methods: [POST], scopes: [contacts:write], upstream: crm, json_only: true }}
  - {{ path: "/v1/contacts/{{id}}", methods: [GET], scopes: [contacts:read], upstream: crm }}
  - {{ path: "/v1/contacts/{{id}}", methods: [PUT, PATCH, DELETE], scopes: [contacts:read, contacts:write], upstream: crm }}
  - {{ path: /v1/deals, methods: [GET], scopes: [deals:read], upstream: crm }}
  - {{ path: /open, methods: [GET, POST], auth: none, upstream: crm }}
{extra}
"#
    )
}

impl Gateway {
    /// Starts `fuelgate serve` and waits until it is ready. `$DIR` in the text becomes the gateway's folder.
    pub fn start(config: &str) -> Self {
        let mut gateway = Self::prepare(config);
        gateway.start_again();
        gateway
    }

    /// The same on a machine whose clock is shifted: `+31d`.
    pub fn start_shifted(config: &str, shift: &str) -> Self {
        let library = faketime();
        let environment = [
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME", shift),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        Self::start_with_env(config, &environment)
    }

    /// Has the clock of its machine shifted at later starts: `+90s`.
    pub fn shift(&mut self, shift: &str) {
        let set = [
            ("LD_PRELOAD", faketime()),
            ("FAKETIME", shift.to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        self.environment = set.map(|(name, value)| (name.to_owned(), value)).to_vec();
    }

    /// The same with variables set in its environment, at later starts too.
    pub fn start_with_env(config: &str, environment: &[(&str, &str)]) -> Self {
        let mut gateway = Self::prepare(config);
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        gateway.environment = environment.iter().map(owned).collect();
        gateway.start_again();
        gateway
    }

    /// The same without waiting until it is ready, only until it listens.
    pub fn launch(config: &str) -> Self {
        let mut gateway = Self::prepare(config);
        gateway.launch_again();
        gateway
    }

    fn prepare(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gateway = Self {
            folder,
            child: None,
            environment: Vec::new(),
            listeners: HashMap::new(),
        };
        gateway.write_config(config);
        gateway
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("fuelgate.yaml")
    }

    /// Writes the configuration, at once as an editor does; a running gateway may reload it.
    pub fn write_config(&self, config: &str) {
        let text = config.replace("$DIR", &self.folder.path().display().to_string());
        let new = self.folder.path().join("fuelgate.yaml.new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.config_file()).unwrap();
    }

    /// Starts the process (again) and waits until it is ready.
    pub fn start_again(&mut self) {
        self.launch_again();
        super::eventually("it is ready", Duration::from_secs(20), || {
            self.is_ready().then_some(())
        });
    }

    /// Whether it says that it is ready.
    pub fn is_ready(&self) -> bool {
        http::request(self.listener("admin"), "GET", "/readyz", &[], None).status == 200
    }

    /// Starts the process (again) and waits until it listens.
    pub fn launch_again(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("stderr"))
            .unwrap();
        // A write past a file-size limit is an error then, as on a full disk, and not a signal.
        let mut command = Command::new("sh");
        command.env("FUELGATE_LOG", "info");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let mut child = command
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(env!("CARGO_BIN_EXE_fuelgate"))
            .args(["serve", "--config"])
            .arg(self.config_file())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        self.child = Some(child);
        self.listeners.clear();
        let (send, lines) = std::sync::mpsc::channel();
        // The pipe is read to its end, so that a gateway that logs to it never blocks.
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        loop {
            let Ok(line) = lines.recv_timeout(Duration::from_secs(20)) else {
                panic!("it did not start:\n{}", self.stderr());
            };
            let mut words = line.split_whitespace();
            if words.next() != Some("listening") {
                continue;
            }
            let (what, address) = (words.next().unwrap(), words.next().unwrap());
            self.listeners
                .entry(what.to_owned())
                .or_insert(address.parse().unwrap());
            // The admin API's comes last.
            if self.listeners.contains_key("admin") {
                return;
            }
        }
    }

    /// Address of a listener by what `serve` calls it (`http`, `https`, `admin`, `status`).
    pub fn listener(&self, what: &str) -> SocketAddr {
        *self
            .listeners
            .get(what)
            .unwrap_or_else(|| panic!("no listener {what} among {:?}", self.listeners))
    }

    /// The plain client-facing listener.
    pub fn address(&self) -> SocketAddr {
        self.listener("http")
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// What it wrote to standard error.
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let done = super::programs::run("kill", &["-s", name, &self.pid().to_string()]);
        assert!(done.status.success());
    }

    /// SIGKILL, as a crash.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM, and the exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.take().unwrap().wait().unwrap().code()
    }

    /// Waits until it has ended by itself; the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.take().unwrap().wait().unwrap().code()
    }

    /// One request to the client-facing listener.
    pub fn call(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Response {
        http::request(self.address(), method, target, headers, body)
    }

    /// One GET with a key.
    pub fn get(&self, target: &str, key: &str) -> Response {
        self.call(
            "GET",
            target,
            &[("Authorization", &format!("Bearer {key}"))],
            None,
        )
    }

    /// One POST of JSON with a key.
    pub fn post(&self, target: &str, key: &str, body: &Value) -> Response {
        self.call(
            "POST",
            target,
            &[
                ("Authorization", &format!("Bearer {key}")),
                ("Content-Type", "application/json"),
            ],
            Some(body.to_string().as_bytes()),
        )
    }

    /// One call of the admin API.
    pub fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Response {
        let text = body.map(Value::to_string);
        http::request(
            self.listener("admin"),
            method,
            path,
            &[
                ("Authorization", &format!("Bearer {TOKEN}")),
                ("Content-Type", "application/json"),
            ],
            text.as_ref().map(String::as_bytes),
        )
    }

    /// Makes a key without expiry: its id and secret.
    pub fn key(&self, account: &str, scopes: &[&str]) -> (String, String) {
        let made = self.admin(
            "POST",
            "/admin/v1/keys",
            Some(&json!({"account_id": account, "name": "test", "scopes": scopes, "expires_in_days": null})),
        );
        assert_eq!(made.status, 201, "{}", made.text());
        let made = made.json();
        (
            made["id"].as_str().unwrap().to_owned(),
            made["secret"].as_str().unwrap().to_owned(),
        )
    }

    /// Makes a webhook: what the answer says of it.
    pub fn webhook(&self, account: &str, url: &str, types: &[&str]) -> Value {
        let body = json!({"account_id": account, "url": url, "event_types": types});
        let made = self.admin("POST", "/admin/v1/webhooks", Some(&body));
        assert_eq!(made.status, 201, "{url}: {}", made.text());
        made.json()
    }

    /// The value of a metric whose line begins with `series`.
    pub fn metric(&self, series: &str) -> f64 {
        let text = http::request(self.listener("admin"), "GET", "/metrics", &[], None).text();
        text.lines()
            .filter(|l| l.starts_with(series))
            .filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = text.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            * 1024
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- the gateway's standard error:\n{}", self.stderr());
        }
    }
}

/// Variables of a process whose clock stands still.
pub fn stopped_clock() -> Vec<(String, String)> {
    // `2026-11-27T22:20:25Z` as the library reads it.
    let now = fuelgate::base::clock::Clock::system().now().to_string();
    let set = [
        ("LD_PRELOAD", faketime()),
        ("FAKETIME", now[..19].replace('T', " ")),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("TZ", "UTC".to_owned()),
    ];
    set.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// The library that shifts a process's clock.
fn faketime() -> String {
    let found = super::programs::run("sh", &["-c", "ls /usr/lib/*/faketime/libfaketime.so.1"]);
    let path = String::from_utf8(found.stdout).unwrap().trim().to_owned();
    assert!(
        !path.is_empty(),
        "faketime is needed: run tests/run.sh, which installs it"
    );
    path
}
