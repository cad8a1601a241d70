//! Foreign programs that tests drive: Python with its clients, nginx, curl, promtool; a missing one fails the test.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A free loopback port.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Runs a program to its end.
pub fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| {
            panic!("{program} is needed ({e}): run tests/run.sh, which installs it")
        })
}

/// The Python that tests/run.sh prepared.
pub fn python_path() -> String {
    std::env::var("FUELGATE_TEST_PYTHON").unwrap_or_else(|_| {
        let home = std::env::var("HOME").unwrap_or_default();
        let path = format!("{home}/.cache/fuelgate/venv/bin/python");
        assert!(
            std::path::Path::new(&path).exists(),
            "the Python clients are needed: run tests/run.sh, which installs them"
        );
        path
    })
}

/// Runs a Python script and gives its standard output; fails the test when it fails.
pub fn python(script: &str, arguments: &[&str]) -> String {
    let output = Command::new(python_path())
        .arg("-c")
        .arg(script)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "python: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Has promtool check what a scrape shows.
pub fn promtool(text: &str) {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| {
            panic!("promtool is needed ({e}): run tests/run.sh, which installs it")
        });
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(
        out.status.success() && out.stderr.is_empty(),
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
}

/// nginx with a `server` block of the test's; stops when dropped.
pub struct Nginx {
    pub address: SocketAddr,
    child: Child,
    folder: tempfile::TempDir,
}

impl Nginx {
    /// Starts nginx; `$PORT` in `http` becomes its port.
    pub fn start(http: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        let port = free_port();
        let conf = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; client_max_body_size 0; client_body_temp_path {at}/b; proxy_temp_path {at}/p;\n\
             fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n{}\n}}\n",
            http.replace("$PORT", &port.to_string())
                .replace("$DIR", &at)
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, conf).unwrap();
        let child = Command::new("/usr/sbin/nginx")
            .args(["-p", &at, "-c"])
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| {
                panic!("nginx is needed ({e}): run tests/run.sh, which installs it")
            });
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        super::eventually("nginx listens", Duration::from_secs(10), || {
            TcpStream::connect(address).ok()
        });
        Self {
            address,
            child,
            folder,
        }
    }
}

impl Nginx {
    /// Its folder, which `$DIR` in its configuration names.
    pub fn folder(&self) -> std::path::PathBuf {
        self.folder.path().to_owned()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
