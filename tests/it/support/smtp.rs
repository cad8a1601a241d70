//! A real mail server (aiosmtpd) as a process: what it takes, what it refuses, what it got; never what should be in it.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::hostile::certificates::Identity;
use super::programs::{free_port, python_path};
use super::{checkout, eventually};

/// How a server is reached.
#[derive(Default)]
pub struct Way<'a> {
    /// What it shows of itself; without it there is no TLS.
    pub identity: Option<&'a Identity>,
    /// TLS from the first byte, not by STARTTLS.
    pub implicit: bool,
    /// Who may send; without it anybody.
    pub login: Option<(&'a str, &'a str)>,
}

/// An e-mail that it took.
#[derive(Debug, Clone)]
pub struct Taken(Value);

impl Taken {
    fn text_of(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    /// The plain text.
    pub fn text(&self) -> &str {
        self.text_of("text")
    }

    /// The page.
    pub fn html(&self) -> &str {
        self.text_of("html")
    }

    /// As it came.
    pub fn raw(&self) -> &str {
        self.text_of("raw")
    }

    /// Whom it was for, by the envelope.
    pub fn to(&self) -> Vec<&str> {
        let all = self.0["rcpt_tos"].as_array().unwrap();
        all.iter().map(|to| to.as_str().unwrap()).collect()
    }

    /// Whether it came over TLS.
    pub fn is_over_tls(&self) -> bool {
        self.0["tls"] == true
    }

    /// Who signed in.
    pub fn login(&self) -> Option<&str> {
        self.0["login"].as_str()
    }

    /// The values of a header field, decoded.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let all = self.0["headers"].as_array().unwrap();
        let named = all
            .iter()
            .filter(|h| h[0].as_str().unwrap().eq_ignore_ascii_case(name));
        named.map(|h| h[1].as_str().unwrap()).collect()
    }

    /// The value of a header field that is there once.
    pub fn header(&self, name: &str) -> &str {
        let all = self.headers(name);
        assert_eq!(all.len(), 1, "{name}: {all:?}");
        all[0]
    }
}

/// The server; stops when dropped.
pub struct MailServer {
    pub port: u16,
    settings: Value,
    child: Option<Child>,
    folder: tempfile::TempDir,
}

impl MailServer {
    /// Starts one that takes everything from anybody, without TLS.
    pub fn start() -> Self {
        Self::start_as(&Way::default())
    }

    /// Starts one.
    pub fn start_as(way: &Way<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let certificate = way.identity.map(|i| i.write(folder.path()));
        let port = free_port();
        let settings = json!({
            "port": port,
            "mode": at("mode"),
            "mails": at("mails"),
            "certificate": certificate,
            "implicit": way.implicit,
            "login": way.login,
        });
        let mut server = Self {
            port,
            settings,
            child: None,
            folder,
        };
        server.set_mode("ok");
        server.start_again();
        server
    }

    /// Starts it (again), on the same port.
    pub fn start_again(&mut self) {
        let out = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.file("out"))
            .unwrap();
        let program = checkout().join("tests/it/support/smtp.py");
        let child = Command::new(python_path())
            .arg(program)
            .arg(self.settings.to_string())
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap();
        self.child = Some(child);
        eventually("the mail server listens", Duration::from_secs(20), || {
            TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
    }

    /// Stops it.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What it answers from now on: `ok`, `busy` (451), `unknown` (550), `mute` (nothing to DATA), `forgetful` (takes a
    /// message and never says so).
    pub fn set_mode(&self, mode: &str) {
        std::fs::write(self.file("mode"), mode).unwrap();
    }

    fn noted(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.file("mails")).unwrap_or_default();
        // The last line may not be whole yet.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The e-mails that it took, oldest first.
    pub fn taken(&self) -> Vec<Taken> {
        let all = self.noted().into_iter();
        all.filter(|n| n.get("raw").is_some()).map(Taken).collect()
    }

    /// How often an address was asked for.
    pub fn asked(&self, address: &str) -> usize {
        self.noted().iter().filter(|n| n["rcpt"] == address).count()
    }

    /// Waits until it has taken so many.
    pub fn wait_for(&self, count: usize, limit: Duration) -> Vec<Taken> {
        eventually("e-mails arrive", limit, || {
            let taken = self.taken();
            (taken.len() >= count).then_some(taken)
        })
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            let printed = std::fs::read_to_string(self.file("out")).unwrap_or_default();
            eprintln!("--- the mail server:\n{printed}");
        }
    }
}
