//! One redis-server process; never several of them.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{ConnectionLike as _, FromRedisValue, RedisResult};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{settings_for, until};
use crate::config::model::RedisStore;

/// How long a server may take to start.
const START_TIME: Duration = Duration::from_secs(30);

/// The shell around a server reads a pipe from us: when that closes, the server ends, however this process ended.
const SHELL: &str = "redis-server \"$@\" >redis.log 2>&1 & pid=$!; echo $pid >pid; cat >/dev/null; \
                     kill -9 $pid; wait $pid 2>/dev/null";

/// A server of its own process. It ends when this is dropped, and when the test process ends.
pub(crate) struct Server {
    /// `None` while it is killed.
    shell: Option<Child>,
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
    arguments: Vec<String>,
    dir: TempDir,
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

impl Server {
    /// Starts `redis-server` with further settings, such as `"--appendonly", "yes"`, and waits until it answers.
    pub(crate) fn start(settings: &[&str]) -> Self {
        Self::start_in(|_| (TempDir::new().unwrap(), Vec::new()), settings)
    }

    /// Starts one on a free port in the folder and with the first arguments that `prepare` gives for the port.
    pub(super) fn start_in(
        prepare: impl Fn(u16) -> (TempDir, Vec<String>),
        settings: &[&str],
    ) -> Self {
        let mut log = String::new();
        for _ in 0..5 {
            let port = free_port();
            let (dir, mut arguments) = prepare(port);
            let port_text = port.to_string();
            let own = ["--port", &port_text, "--bind", "127.0.0.1", "--dir", "."];
            let nothing_saved = ["--save", ""];
            let is_sentinel = arguments.iter().any(|a| a == "--sentinel");
            let usual = own
                .iter()
                .chain(nothing_saved.iter().filter(|_| !is_sentinel));
            arguments.extend(usual.chain(settings).map(ToString::to_string));
            let mut server = Self {
                shell: None,
                port,
                arguments,
                dir,
            };
            if server.run(&["Ready to accept connections", "Sentinel ID is"]) {
                return server;
            }
            log = server.log();
        }
        panic!("redis-server does not start; is it installed? {log}");
    }

    /// Starts the process and waits until its log has one of `signs`; `false` where it cannot start.
    fn run(&mut self, signs: &[&str]) -> bool {
        for old in ["redis.log", "pid"] {
            let _ = std::fs::remove_file(self.dir.path().join(old));
        }
        let mut command = Command::new("sh");
        command.args(["-c", SHELL, "sh"]).args(&self.arguments);
        command.current_dir(self.dir.path()).stdin(Stdio::piped());
        self.shell = Some(command.spawn().expect("sh starts"));
        let end = Instant::now() + START_TIME;
        while Instant::now() < end {
            let log = self.log();
            if signs.iter().any(|s| log.contains(s)) {
                return true;
            }
            let failed = ["aborting", "FATAL", "not found", "Failed to configure"];
            if failed.iter().any(|s| log.contains(s)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
        false
    }

    /// What it has logged since it was last started.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("redis.log")).unwrap_or_default()
    }

    /// Kills it as `kill -9` does and returns when it is gone.
    pub(crate) fn kill(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            let _ = shell.wait();
        }
    }

    /// Starts it again on the same port and data, killing it first where it runs; returns when it answers.
    pub(crate) fn restart(&mut self) {
        self.restart_until("Ready to accept connections");
    }

    /// [`Server::restart`] that returns when the log has `sign`: `"Server initialized"` comes before data are loaded.
    pub(crate) fn restart_until(&mut self, sign: &str) {
        self.kill();
        // The port may be taken for a moment by an outgoing connection of another process.
        assert!(
            (0..5).any(|_| self.run(&[sign])),
            "redis-server does not start again"
        );
    }

    fn signal(&self, signal: Signal) {
        let file = self.dir.path().join("pid");
        until(START_TIME, "the server's process id", || {
            std::fs::read_to_string(&file).is_ok_and(|t| t.ends_with('\n'))
        });
        let id = std::fs::read_to_string(file).unwrap();
        let pid = Pid::from_raw(id.trim().parse().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Stops it with SIGSTOP: it keeps its connections and answers nothing.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on after [`Server::pause`].
    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Its URL without credentials.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Settings for a store that nobody else uses on this server.
    pub(crate) fn settings(&self) -> RedisStore {
        settings_for([self.url()])
    }

    /// Asks it as an operator would, over a connection of its own and without credentials.
    pub(crate) fn try_ask<T: FromRedisValue>(&self, command: &[&str]) -> RedisResult<T> {
        ask_at(&self.url(), command)
    }

    /// [`Server::try_ask`] that must succeed.
    pub(crate) fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        self.try_ask(command)
            .unwrap_or_else(|e| panic!("{command:?} at {}: {e}", self.port))
    }
}

/// Runs one command at `url` over a connection of its own. Blocks.
pub(super) fn ask_at<T: FromRedisValue>(url: &str, command: &[&str]) -> RedisResult<T> {
    let client = redis::Client::open(url)?;
    let mut connection = client.get_connection_with_timeout(Duration::from_secs(2))?;
    connection.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut cmd = redis::cmd(command[0]);
    for argument in &command[1..] {
        cmd.arg(*argument);
    }
    let value = connection.req_command(&cmd)?.extract_error()?;
    Ok(redis::from_redis_value(value)?)
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
