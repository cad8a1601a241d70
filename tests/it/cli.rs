//! The command line: what it refuses, with which words and exit codes, and the client commands against a running gateway.

use std::process::{Command, Output, Stdio};

use crate::support::backend::Backend;
use crate::support::gateway::{Gateway, TOKEN, config};

fn fuelgate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fuelgate"))
        .args(arguments)
        .env("FUELGATE_ADMIN_TOKEN", TOKEN)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn out(o: &Output) -> String {
    String::from_utf8_lossy(&o.stdout).into_owned()
}

fn err(o: &Output) -> String {
    String::from_utf8_lossy(&o.stderr).into_owned()
}

#[test]
fn check_names_every_problem_with_its_place_and_exits_1() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fuelgate.yaml");
    let backend = Backend::ok();
    let good = config(backend.address, "").replace("$DIR", &folder.path().display().to_string());
    std::fs::write(&file, &good).unwrap();
    let path = file.to_str().unwrap();
    let o = fuelgate(&["check", "--config", path]);
    assert!(o.status.success(), "{}", err(&o));
    let o = fuelgate(&["check", "--online", "--config", path]);
    assert!(o.status.success(), "{}", err(&o));

    let bad = good
        .replace("default_plan: standard", "default_plan: gold")
        .replace("realm: crm", "relm: crm")
        .replace(
            "upstream: crm, json_only: true",
            "upstream: nobody, json_only: true",
        )
        .replace("burst: 1000000", "burst: 0");
    std::fs::write(&file, &bad).unwrap();
    let o = fuelgate(&["check", "--config", path]);
    assert_eq!(o.status.code(), Some(1));
    let text = err(&o);
    for wanted in ["default_plan", "relm", "nobody", "burst"] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    for line in text.lines() {
        let mut parts = line
            .strip_prefix(path)
            .unwrap_or_else(|| panic!("{line}"))
            .split(':')
            .skip(1);
        assert!(parts.next().unwrap().parse::<usize>().is_ok(), "{line}");
        assert!(parts.next().unwrap().parse::<usize>().is_ok(), "{line}");
    }
    let o = fuelgate(&["serve", "--config", path]);
    assert_eq!(o.status.code(), Some(1));
    assert!(err(&o).contains("nobody"));
}

#[test]
fn a_listener_that_is_taken_is_a_readable_cause() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fuelgate.yaml");
    let text = config("127.0.0.1:1".parse().unwrap(), "")
        .replace(
            "  - address: 127.0.0.1:0\n",
            &format!("  - address: {address}\n"),
        )
        .replace("$DIR", &folder.path().display().to_string());
    std::fs::write(&file, text).unwrap();
    let o = fuelgate(&["serve", "--config", file.to_str().unwrap()]);
    assert_eq!(o.status.code(), Some(1));
    assert!(err(&o).contains(&address.to_string()), "{}", err(&o));
}

#[test]
fn keys_are_made_listed_rotated_and_revoked() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let url = format!("http://{}", g.listener("admin"));
    let cli = |arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend_from_slice(&["--admin-url", &url]);
        let o = fuelgate(&all);
        assert!(o.status.success(), "{arguments:?}: {}{}", out(&o), err(&o));
        out(&o)
    };
    let made: serde_json::Value = serde_json::from_str(&cli(&[
        "keys",
        "create",
        "--account",
        "acct_1",
        "--name",
        "ci",
        "--scope",
        "contacts:read",
        "--expires-in-days",
        "90",
        "--json",
    ]))
    .unwrap();
    let (id, secret) = (
        made["id"].as_str().unwrap(),
        made["secret"].as_str().unwrap(),
    );
    assert_eq!(g.get("/v1/contacts", secret).status, 200);
    let table = cli(&["keys", "list", "--account", "acct_1"]);
    assert!(
        table.contains(id) && table.contains("ci") && !table.contains(secret),
        "{table}"
    );
    let rotated: serde_json::Value = serde_json::from_str(&cli(&[
        "keys",
        "rotate",
        id,
        "--grace-seconds",
        "0",
        "--json",
    ]))
    .unwrap();
    assert_eq!(g.get("/v1/contacts", secret).status, 401);
    let secret = rotated["secret"].as_str().unwrap();
    assert_eq!(g.get("/v1/contacts", secret).status, 200);
    let usage = cli(&["usage", "--account", "acct_1"]);
    assert!(usage.contains("hour") || usage.contains("Hour"), "{usage}");
    cli(&["keys", "revoke", id]);
    assert_eq!(g.get("/v1/contacts", secret).status, 401);
    // Without an expiry there is no key.
    let o = fuelgate(&[
        "keys",
        "create",
        "--account",
        "a",
        "--name",
        "n",
        "--scope",
        "contacts:read",
        "--admin-url",
        &url,
    ]);
    assert!(!o.status.success());
    // A wrong token is said in words.
    let o = Command::new(env!("CARGO_BIN_EXE_fuelgate"))
        .args(["keys", "list", "--account", "acct_1", "--admin-url", &url])
        .env("FUELGATE_ADMIN_TOKEN", "wrong-token-wrong-token")
        .output()
        .unwrap();
    assert!(!o.status.success());
    assert!(
        err(&o).contains("unauthorized") || err(&o).contains("token"),
        "{}",
        err(&o)
    );
}
