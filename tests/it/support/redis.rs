//! Real Redis servers: one, a cluster of six, a master behind sentinels; they end with the test process however it ends.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{ConnectionLike as _, FromRedisValue, RedisResult};
use tempfile::TempDir;

use super::eventually;
use super::programs::free_port;

/// How long servers may take to start, and to find each other.
const START_TIME: Duration = Duration::from_secs(60);

/// The shell around a server reads a pipe from us: when that closes, the server ends, however this process ended.
const SHELL: &str = "redis-server \"$@\" >redis.log 2>&1 & pid=$!; echo $pid >pid; cat >/dev/null; \
                     kill -9 $pid; wait $pid 2>/dev/null";

/// A server of its own process.
pub struct Server {
    /// `None` while it is killed.
    shell: Option<Child>,
    pub port: u16,
    arguments: Vec<String>,
    folder: TempDir,
}

impl Server {
    /// Starts `redis-server` with further settings and waits until it answers.
    pub fn start(settings: &[&str]) -> Self {
        Self::start_in(settings, &|_| Vec::new())
    }

    /// The same with first arguments that `first` makes of its folder.
    fn start_in(settings: &[&str], first: &dyn Fn(&TempDir) -> Vec<String>) -> Self {
        for _ in 0..5 {
            let port = free_port();
            let folder = tempfile::tempdir().unwrap();
            let mut arguments = first(&folder);
            let is_sentinel = arguments.iter().any(|a| a == "--sentinel");
            let port_text = port.to_string();
            arguments.extend(
                ["--port", &port_text, "--bind", "127.0.0.1", "--dir", "."].map(str::to_owned),
            );
            if !is_sentinel {
                arguments.extend(["--save", ""].map(str::to_owned));
            }
            arguments.extend(settings.iter().map(ToString::to_string));
            let mut server = Self {
                shell: None,
                port,
                arguments,
                folder,
            };
            if server.run("") {
                return server;
            }
        }
        panic!("redis-server is needed: run tests/run.sh, which installs it");
    }

    fn run(&mut self, sign: &str) -> bool {
        for old in ["redis.log", "pid"] {
            let _ = std::fs::remove_file(self.folder.path().join(old));
        }
        let mut command = Command::new("sh");
        command.args(["-c", SHELL, "sh"]).args(&self.arguments);
        command
            .current_dir(self.folder.path())
            .stdin(Stdio::piped());
        self.shell = Some(command.spawn().unwrap());
        let signs = match sign {
            "" => vec!["Ready to accept connections", "Sentinel ID is"],
            sign => vec![sign],
        };
        let end = Instant::now() + START_TIME;
        while Instant::now() < end {
            let log = self.log();
            if signs.iter().any(|s| log.contains(s)) {
                return true;
            }
            if log.contains("aborting") || log.contains("FATAL") || log.contains("not found") {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
        false
    }

    /// What it has logged since it was last started.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("redis.log")).unwrap_or_default()
    }

    /// Kills it as `kill -9` does and returns when it is gone.
    pub fn kill(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            let _ = shell.wait();
        }
    }

    /// Starts it again on the same port and data, killing it first where it runs; returns when it answers.
    pub fn restart(&mut self) {
        self.kill();
        assert!((0..5).any(|_| self.run("")), "it does not start again");
    }

    /// Starts it again and returns while it loads its data.
    pub fn restart_loading(&mut self) {
        self.kill();
        assert!(self.run("Server initialized"), "it does not start again");
    }

    fn signal(&self, name: &str) {
        let file = self.folder.path().join("pid");
        let pid = eventually("the server's process id", START_TIME, || {
            let text = std::fs::read_to_string(&file).ok()?;
            text.ends_with('\n').then(|| text.trim().to_owned())
        });
        assert!(
            super::programs::run("kill", &["-s", name, &pid])
                .status
                .success()
        );
    }

    /// SIGSTOP: it keeps its connections and answers nothing.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The setting `store:` for a gateway on this server alone.
    pub fn store(&self, more: &str) -> String {
        format!(
            "store: {{ engine: redis, nodes: [\"{}\"]{more} }}",
            self.url()
        )
    }

    /// Asks it as an operator would.
    pub fn try_ask<T: FromRedisValue>(&self, command: &[&str]) -> RedisResult<T> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_connection_with_timeout(Duration::from_secs(5))?;
        connection.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut cmd = redis::cmd(command[0]);
        for argument in &command[1..] {
            cmd.arg(*argument);
        }
        let value = connection.req_command(&cmd)?.extract_error()?;
        Ok(redis::from_redis_value(value)?)
    }

    /// [`Server::try_ask`] that must succeed.
    pub fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        self.try_ask(command)
            .unwrap_or_else(|e| panic!("{command:?} at {}: {e}", self.port))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `servers[0..3]` begin as masters, `servers[i + 3]` as the replica of `servers[i]`.
pub struct Cluster {
    pub servers: Vec<Server>,
}

impl Cluster {
    /// Starts a cluster and waits until all of it agrees. A master that is silent for `timeout_ms` is replaced.
    pub fn start(timeout_ms: &str, settings: &[&str]) -> Self {
        let mut all = vec!["--cluster-enabled", "yes"];
        all.extend(["--cluster-node-timeout", timeout_ms]);
        all.extend(["--cluster-replica-validity-factor", "0"]);
        all.extend(settings);
        let bus = |_: &TempDir| vec!["--cluster-port".to_owned(), free_port().to_string()];
        let servers: Vec<Server> = (0..6).map(|_| Server::start_in(&all, &bus)).collect();
        for (i, server) in servers.iter().enumerate() {
            let () = server.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(i + 1).to_string()]);
            let ranges = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];
            if let Some((first, last)) = ranges.get(i) {
                let () = server.ask(&["CLUSTER", "ADDSLOTSRANGE", first, last]);
            }
            let bus: Vec<String> = server.ask(&["CONFIG", "GET", "cluster-port"]);
            let port = server.port.to_string();
            for other in &servers[..i] {
                let () = other.ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus[1]]);
            }
        }
        let nodes = |s: &Server| s.ask::<String>(&["CLUSTER", "NODES"]);
        eventually("the nodes know each other", START_TIME, || {
            let all = |s| nodes(s).lines().count() == 6 && !nodes(s).contains("handshake");
            servers.iter().all(all).then_some(())
        });
        for i in 0..3 {
            let id: String = servers[i].ask(&["CLUSTER", "MYID"]);
            let () = servers[i + 3].ask(&["CLUSTER", "REPLICATE", &id]);
        }
        eventually("the cluster works", START_TIME, || {
            let works = |s: &Server| {
                s.ask::<String>(&["CLUSTER", "INFO"])
                    .contains("cluster_state:ok")
                    && nodes(s).matches("slave ").count() == 3
            };
            let follows = |s: &Server| {
                s.ask::<String>(&["INFO", "replication"])
                    .contains("master_link_status:up")
            };
            (servers.iter().all(works) && servers[3..].iter().all(follows)).then_some(())
        });
        Self { servers }
    }

    pub fn store(&self, more: &str) -> String {
        let urls: Vec<String> = self
            .servers
            .iter()
            .map(|s| format!("\"{}\"", s.url()))
            .collect();
        format!(
            "store: {{ engine: redis, cluster: true, nodes: [{}]{more} }}",
            urls.join(", ")
        )
    }
}

/// `servers[0]` begins as the master, `servers[1]` as its replica; a master that is silent for a second is replaced.
pub struct Sentinels {
    pub servers: Vec<Server>,
    sentinels: Vec<Server>,
}

impl Sentinels {
    pub fn start() -> Self {
        let master = Server::start(&[]);
        let port = master.port.to_string();
        let replica = Server::start(&["--replicaof", "127.0.0.1", &port]);
        let watch = format!(
            "sentinel monitor edge 127.0.0.1 {port} 2\n\
             sentinel down-after-milliseconds edge 1000\n\
             sentinel failover-timeout edge 3000\n"
        );
        let first = |folder: &TempDir| {
            std::fs::write(folder.path().join("sentinel.conf"), &watch).unwrap();
            ["sentinel.conf", "--sentinel"].map(str::to_owned).to_vec()
        };
        let sentinels: Vec<Server> = (0..3).map(|_| Server::start_in(&[], &first)).collect();
        eventually("the sentinels know each other", START_TIME, || {
            let knows = |s: &Server| {
                let found = s
                    .ask::<Vec<String>>(&["SENTINEL", "MASTER", "edge"])
                    .join(" ");
                found.contains("num-other-sentinels 2") && found.contains("num-slaves 1")
            };
            let follows = replica.ask::<String>(&["INFO", "replication"]);
            (sentinels.iter().all(knows) && follows.contains("master_link_status:up")).then_some(())
        });
        Self {
            servers: vec![master, replica],
            sentinels,
        }
    }

    pub fn store(&self, more: &str) -> String {
        let urls: Vec<String> = (self.sentinels.iter())
            .map(|s| format!("\"{}\"", s.url()))
            .collect();
        format!(
            "store: {{ engine: redis, sentinel: {{ master: edge }}, nodes: [{}]{more} }}",
            urls.join(", ")
        )
    }
}
