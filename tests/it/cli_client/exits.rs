//! What a client command exits with: 1 refused by the gateway, 2 used wrongly, 3 not reached; never what a command does.

use super::*;
use crate::support::cli::command;
use crate::support::programs::free_port;

#[test]
fn what_the_gateway_refuses_exits_1_with_its_code() {
    let b = Bench::start();
    let create = "create --account acct_1 --name n --expires-in-days 30";
    for (line, code) in [
        ("keys revoke key_none", "not_found"),
        ("keys rotate key_none", "not_found"),
        (
            &*format!("keys {create} --scope contacts:explode"),
            "invalid",
        ),
        ("keys list --cursor nonsense", "invalid"),
        ("webhooks delete whk_none", "not_found"),
        ("webhooks test whk_none", "not_found"),
        ("webhooks retry dlv_none", "not_found"),
        ("webhooks replay evt_none", "not_found"),
        (
            "webhooks create --account acct_1 --url https://r.example --event-type contact.exploded",
            "invalid",
        ),
        (
            "webhooks create --account acct_1 --url http://169.254.169.254/ --event-type contact.created",
            "invalid",
        ),
    ] {
        let (exit, said) = b.fails(line);
        assert_eq!(exit, Some(1), "{line}: {said}");
        assert!(
            said.contains(&format!("({code}, status ")),
            "{line}: {said}"
        );
    }
    for line in ["keys list", "usage --account acct_1", "webhooks list"] {
        let mut all: Vec<_> = line.split_whitespace().collect();
        all.extend(["--admin-url", &b.url]);
        let wrong = "wrong-token-wrong-token";
        let o = command(&all)
            .env("FUELGATE_ADMIN_TOKEN", wrong)
            .output()
            .unwrap();
        assert_eq!(o.status.code(), Some(1), "{line}");
        let said = err(&o);
        assert!(
            said.contains("(unauthorized, status 401)"),
            "{line}: {said}"
        );
        assert!(!said.contains(wrong), "{said}");
    }
}

#[test]
fn what_is_used_wrongly_exits_2_and_asks_nothing() {
    let b = Bench::start();
    let key = "keys create --account acct_1 --name n --scope contacts:read";
    for line in [
        key,
        &format!("{key} --expires-in-days 7"),
        &format!("{key} --expires-in-days 30 --expires-at 2099-01-01T00:00:00Z"),
        &format!("{key} --expires-at tomorrow"),
        "keys create --account acct_1 --name n --expires-in-days 30",
        "keys revoke",
        "keys revoke ..",
        "keys list --limit 201",
        "keys explode",
        "usage",
        "usage --series week",
        "usage --callers /v1/contacts --account acct_1",
        "webhooks create --account acct_1 --url https://r.example",
        "webhooks update whk_1",
        "webhooks events --status lost",
    ] {
        let (code, said) = b.fails(line);
        assert_eq!(code, Some(2), "{line}: {said}");
        assert!(!said.is_empty(), "{line}");
    }
    let list = ["keys", "list", "--admin-url"];
    for url in [
        "not a url",
        "ftp://127.0.0.1",
        "http://user:pass@127.0.0.1:1",
    ] {
        let o = fuelgate(&[&list[..], &[url]].concat());
        assert_eq!(o.status.code(), Some(2), "{url}: {}", err(&o));
    }
    // No token: whether it is left out, empty or in a file that is not there.
    let all = [&list[..], &[b.url.as_str()]].concat();
    let without = |o: Output| {
        assert_eq!(o.status.code(), Some(2), "{}", err(&o));
        assert_eq!(out(&o), "");
        err(&o)
    };
    let said = without(
        command(&all)
            .env_remove("FUELGATE_ADMIN_TOKEN")
            .output()
            .unwrap(),
    );
    assert!(said.contains("FUELGATE_ADMIN_TOKEN"), "{said}");
    without(
        command(&all)
            .env("FUELGATE_ADMIN_TOKEN", " ")
            .output()
            .unwrap(),
    );
    let file = [&all[..], &["--admin-token-file", "/nowhere/token"]].concat();
    assert!(without(fuelgate(&file)).contains("/nowhere/token"));
    assert!(b.json("keys list")["data"].as_array().unwrap().is_empty());
}

#[test]
fn a_gateway_that_is_not_there_exits_3_and_is_named() {
    let url = format!("http://127.0.0.1:{}", free_port());
    for line in [
        "keys list",
        "keys create --account a --name n --scope contacts:read --expires-in-days 30",
        "keys revoke key_1",
        "usage --account a",
        "usage --endpoints",
        "webhooks list",
        "webhooks test whk_1",
        "webhooks replays list",
    ] {
        let mut all: Vec<&str> = line.split_whitespace().collect();
        all.extend(["--admin-url", &url, "--json"]);
        let o = fuelgate(&all);
        assert_eq!(o.status.code(), Some(3), "{line}: {}", err(&o));
        assert_eq!(out(&o), "", "{line}");
        assert!(err(&o).contains(&url), "{line}: {}", err(&o));
    }
    // One that takes the connection and closes it is not reached either.
    let closing = Backend::start(|_| backend::Answer::Raw(Vec::new()));
    let url = format!("http://{}", closing.address);
    let o = fuelgate(&["keys", "list", "--admin-url", &url]);
    assert_eq!(o.status.code(), Some(3), "{}", err(&o));
    // Something else that answers is not the gateway: not understood.
    let other = Backend::start(|_| backend::Answer::Reply(404, vec![], b"<html>".to_vec()));
    let url = format!("http://{}", other.address);
    let o = fuelgate(&["keys", "list", "--admin-url", &url]);
    assert_eq!(o.status.code(), Some(1), "{}", err(&o));
}
