//! The command line: what it refuses, with which words and exit codes, and the client commands against a running gateway.

use crate::support::backend::Backend;
use crate::support::cli::{command, err, fuelgate, out};
use crate::support::gateway::{Gateway, config};

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

/// A rule whose condition stands alone on its line, with the line that it stands on.
fn with_condition(text: &str, condition: &str) -> (String, usize) {
    let rule = "events:
  - type: contact.created
    route: { method: POST, path: /v1/contacts }
    status: [201]
    when: ";
    let before = format!("{text}{rule}");
    let line = before.lines().count();
    (format!("{before}{condition}\n"), line)
}

#[test]
fn a_condition_that_is_unbounded_or_unreadable_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fuelgate.yaml");
    let path = file.to_str().unwrap();
    let backend = Backend::ok();
    let good = config(backend.address, "").replace("$DIR", &folder.path().display().to_string());
    let fine = "response.body.tags.exists(t, t == 'vip')";
    std::fs::write(&file, with_condition(&good, fine).0).unwrap();
    let o = fuelgate(&["check", "--config", path]);
    assert!(o.status.success(), "{}", err(&o));
    assert!(out(&o).contains("1 event rules"), "{}", out(&o));
    for (condition, why) in [
        (
            "response.body.a.exists(x, response.body.b.exists(y, x == y))",
            "may not be nested",
        ),
        (
            "response.body.a.all(x, x.filter(y, y > 1).size() > 0)",
            "may not be nested",
        ),
        (
            "response.body.a.map(x, x).exists(x, [1, 2].all(y, y > x))",
            "may not be nested",
        ),
        ("response.body.stage == ", ""),
        ("(response.body.stage == 'won'", ""),
        ("response.body.stage = 'won'", ""),
        ("respnse.body.stage == 'won'", "respnse"),
    ] {
        let (text, line) = with_condition(&good, condition);
        std::fs::write(&file, text).unwrap();
        for subcommand in ["check", "serve"] {
            let o = fuelgate(&[subcommand, "--config", path]);
            let said = err(&o);
            assert_eq!(o.status.code(), Some(1), "{subcommand} {condition}: {said}");
            // The value begins behind `    when: `.
            let place = format!("{path}:{line}:11: events[0].when: ");
            assert!(said.starts_with(&place), "{condition}: {said}, not {place}");
            assert!(said.contains(why), "{condition}: {said}");
            assert_eq!(said.lines().count(), 1, "{condition}: {said}");
            assert_eq!(out(&o), "", "{condition}");
        }
    }
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
    let o = command(&["keys", "list", "--account", "acct_1", "--admin-url", &url])
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
