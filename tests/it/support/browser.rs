//! Scripts that drive a real Chromium: each is a module beside the tests, gets one JSON and answers with one; never an assertion of Rust's.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::checkout;

/// The folder in which tests/run.sh installed the npm packages.
fn packages() -> String {
    std::env::var("FUELGATE_TEST_NODE").unwrap_or_else(|_| {
        let home = std::env::var("HOME").unwrap_or_default();
        format!("{home}/.cache/fuelgate/node")
    })
}

/// Runs `tests/it/portal/browser/<name>.mjs` with `input`; a script that ends with another status than 0 fails the test with
/// what it printed.
pub fn run(name: &str, input: &Value) -> Value {
    let script = checkout()
        .join("tests/it/portal/browser")
        .join(format!("{name}.mjs"));
    let mut child = Command::new("node")
        .arg(&script)
        .env("FUELGATE_TEST_NODE", packages())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("node is needed ({e}): run tests/run.sh, which installs it"));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).unwrap();
    drop(stdin);
    let out = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(
        out.status.success(),
        "{name}.mjs failed:\n{}\n{said}",
        String::from_utf8_lossy(&out.stderr)
    );
    serde_json::from_str(&said).unwrap_or_else(|e| panic!("{name}.mjs: {e}: {said}"))
}

/// Where screenshots of pages go.
pub fn shots() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("portal-shots");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
