//! The guide's receivers as programs: endpoints on a port and verifiers of one kept message; never what they should say.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::backend::Seen;
use super::programs::{free_port, python_path};
use super::{checkout, eventually, http};

/// A message as it is on the wire.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: String,
    pub timestamp: String,
    pub signature: String,
    pub body: Vec<u8>,
}

impl Message {
    /// What a backend was sent.
    pub fn of(seen: &Seen) -> Self {
        let field = |name| seen.header(name).unwrap().to_owned();
        Self {
            id: field("webhook-id"),
            timestamp: field("webhook-timestamp"),
            signature: field("webhook-signature"),
            body: seen.body.clone(),
        }
    }
}

/// The folder of the guide and its programs.
pub fn guide() -> PathBuf {
    checkout().join("src/web/docs/webhooks")
}

/// What runs a program of the guide: `arguments` stand for what follows it, for PHP the port.
fn command(program: &str, arguments: &[&str]) -> Command {
    let file = guide().join(program);
    let (runtime, before): (String, &[&str]) = match program.rsplit_once('.').unwrap().1 {
        "py" => (python_path(), &[]),
        "mjs" => ("node".to_owned(), &[]),
        "sh" => ("bash".to_owned(), &[]),
        "php" => {
            let mut command = Command::new("php");
            command
                .args(["-S", &format!("127.0.0.1:{}", arguments[0])])
                .arg(file);
            return command;
        }
        other => panic!("{other}"),
    };
    let mut command = Command::new(runtime);
    command.args(before).arg(file).args(arguments);
    command
}

/// An endpoint of the guide as a process that listens; stops when dropped.
pub struct Endpoint {
    pub address: SocketAddr,
    program: &'static str,
    child: Option<Child>,
    folder: tempfile::TempDir,
}

impl Endpoint {
    /// An endpoint on a free port that is not started yet, since its secret is made for its address.
    pub fn new(program: &'static str) -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], free_port())),
            program,
            child: None,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Starts it (again) with this secret and waits until it listens.
    pub fn start(&mut self, secret: &str) {
        self.stop();
        let out = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("out"))
            .unwrap();
        let child = command(self.program, &[&self.address.port().to_string()])
            .env("WEBHOOK_SECRET", secret)
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap_or_else(|e| {
                panic!(
                    "what runs {} is needed ({e}): run tests/run.sh, which installs it",
                    self.program
                )
            });
        self.child = Some(child);
        eventually("the endpoint listens", Duration::from_secs(20), || {
            TcpStream::connect(self.address).ok()
        });
    }

    /// What it printed.
    pub fn printed(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("out")).unwrap_or_default()
    }

    /// Sends it a message; empty fields are left out. Its answer's status.
    pub fn send(&self, message: &Message) -> u16 {
        let fields = [
            ("webhook-id", message.id.as_str()),
            ("webhook-timestamp", &message.timestamp),
            ("webhook-signature", &message.signature),
            ("Content-Type", "application/json"),
            ("Connection", "close"),
        ];
        let fields: Vec<_> = fields.into_iter().filter(|f| !f.1.is_empty()).collect();
        http::request(self.address, "POST", "/", &fields, Some(&message.body)).status
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("--- {}:\n{}", self.program, self.printed());
        }
    }
}

/// Has a program of the guide verify one kept message: whether it does, and what it printed.
pub fn verify(program: &str, secret: &str, message: &Message) -> (bool, String) {
    let arguments = [message.id.as_str(), &message.timestamp, &message.signature];
    // Node looks for packages beside the file that imports them.
    let beside = tempfile::tempdir().unwrap();
    let mut command = if program.starts_with("client_") && program.ends_with(".mjs") {
        std::os::unix::fs::symlink(node_modules(), beside.path().join("node_modules")).unwrap();
        let file = beside.path().join(program);
        std::fs::copy(guide().join(program), &file).unwrap();
        let mut command = Command::new("node");
        command.arg(file).args(arguments);
        command
    } else {
        command(program, &arguments)
    };
    let mut child = command
        .env("WEBHOOK_SECRET", secret)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that refuses by its headers does not read the body.
    let _ = child.stdin.take().unwrap().write_all(&message.body);
    let out = child.wait_with_output().unwrap();
    let said = [out.stdout, out.stderr].concat();
    (
        out.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// Has the guide sign the text in a file and send it with curl.
pub fn sign_and_send(secret: &str, to: SocketAddr, file: &Path) -> (bool, String) {
    let url = format!("http://{to}/");
    let out = command("send.sh", &[&url, file.to_str().unwrap()])
        .env("WEBHOOK_SECRET", secret)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [out.stdout, out.stderr].concat();
    (
        out.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// The folder of npm's packages that tests/run.sh prepared.
fn node_modules() -> PathBuf {
    let folder = std::env::var("FUELGATE_TEST_NODE").unwrap_or_else(|_| {
        let home = std::env::var("HOME").unwrap_or_default();
        format!("{home}/.cache/fuelgate/node")
    });
    let path = Path::new(&folder).join("node_modules");
    assert!(
        path.join("standardwebhooks").exists(),
        "the npm clients are needed: run tests/run.sh, which installs them"
    );
    path
}
