//! `fuelgate listen` as a process, with what it printed; never what that should be.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use super::gateway::TOKEN;

/// A secret to sign with.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A listener; killed when dropped.
pub struct Listener {
    child: Child,
    folder: tempfile::TempDir,
}

impl Listener {
    /// Starts one for `acct_1` that signs with [`SECRET`].
    pub fn start(admin: SocketAddr, forward_to: SocketAddr, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name| std::fs::File::create(folder.path().join(name)).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_fuelgate"))
            .args(["listen", "--account", "acct_1", "--json"])
            .args(["--admin-url", &format!("http://{admin}")])
            .args(["--forward-to", &format!("http://{forward_to}/hooks")])
            .args(more)
            .env("FUELGATE_ADMIN_TOKEN", TOKEN)
            .env("WEBHOOK_SECRET", SECRET)
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Its notes.
    pub fn notes(&self) -> String {
        self.read("stderr")
    }

    /// Each time it sent an event: a line of JSON.
    pub fn sent(&self) -> Vec<serde_json::Value> {
        let text = self.read("stdout");
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Waits until it hears of events.
    pub fn wait(&self) {
        super::eventually("it listens", std::time::Duration::from_secs(20), || {
            self.notes().contains("listening to").then_some(())
        });
    }

    /// Asks it to stop, as ctrl-c does; the exit code.
    pub fn stop(&mut self) -> Option<i32> {
        super::programs::run("kill", &["-s", "INT", &self.child.id().to_string()]);
        self.end()
    }

    /// Waits until it has ended by itself; the exit code.
    pub fn end(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the listener's notes:\n{}", self.notes());
        }
    }
}
