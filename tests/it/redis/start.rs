//! What a start does where Redis is not as it should be: waits for one that is not up, and names what is wrong with one that is.

use std::process::Command;
use std::time::Duration;

use super::{BOTH, FREE, crm, node};
use crate::support::eventually;
use crate::support::gateway::Gateway;
use crate::support::http;
use crate::support::redis::Server;

#[test]
fn a_redis_that_is_not_up_yet_is_waited_for_and_the_node_says_that_it_is_not_ready() {
    let crm = crm();
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let text = node(crm.address, FREE, &server.store(", deadline_ms: 500"), "");
    let mut g = Gateway::start(&text);
    let (_, key) = g.key("acct_1", &BOTH);
    assert_eq!(g.stop(), Some(0));
    server.kill();
    g.launch_again();
    let ask = |path: &str| http::request(g.listener("admin"), "GET", path, &[], None).status;
    assert_eq!((ask("/healthz"), ask("/readyz")), (200, 503));
    let refused = g.get("/v1/contacts", &key);
    assert_eq!(refused.status, 503);
    assert_eq!(
        refused.header("x-fuelgate-error"),
        Some("store_unavailable")
    );
    assert!(refused.header("retry-after").is_some());
    server.restart();
    eventually("it is ready", Duration::from_secs(20), || {
        g.is_ready().then_some(())
    });
    assert_eq!(g.get("/v1/contacts", &key).status, 200);
    assert_eq!(g.stop(), Some(0), "{}", g.stderr());
}

/// What `serve` says before it exits.
fn failure(store: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f.yaml");
    let at = folder.path().display().to_string();
    let address = "127.0.0.1:9".parse().unwrap();
    std::fs::write(&file, node(address, FREE, store, "").replace("$DIR", &at)).unwrap();
    let run = |command: &str, more: &[&str]| {
        let mut it = Command::new(env!("CARGO_BIN_EXE_fuelgate"));
        it.arg(command).arg("--config").arg(&file).args(more);
        let out = it.output().unwrap();
        assert!(!out.status.success(), "{command} succeeded");
        String::from_utf8(out.stderr).unwrap()
    };
    let checked = run("check", &["--online"]);
    let served = run("serve", &[]);
    assert!(!served.contains("hunter2") && !checked.contains("hunter2"));
    format!("{served}\n{checked}")
}

#[test]
fn what_makes_no_sense_to_wait_for_ends_the_process_by_name() {
    let evicting = Server::start(&["--maxmemory-policy", "allkeys-lru"]);
    let text = failure(&evicting.store(""));
    assert_eq!(
        text.matches("maxmemory-policy is allkeys-lru").count(),
        2,
        "{text}"
    );

    let newer = Server::start(&[]);
    let () = newer.ask(&["SET", "fg:layout", "99"]);
    let text = failure(&newer.store(""));
    assert_eq!(
        text.matches("its layout is version 99").count(),
        2,
        "{text}"
    );

    let locked = Server::start(&["--requirepass", "secret"]);
    let url = format!("redis://:hunter2@127.0.0.1:{}", locked.port);
    let text = failure(&format!("store: {{ engine: redis, nodes: [\"{url}\"] }}"));
    assert!(
        text.contains("does not take the user or the password of `store.nodes`"),
        "{text}"
    );

    let text = failure(&newer.store(", cluster: true"));
    assert!(text.contains("expected `store.cluster: false`"), "{text}");
}

#[test]
fn a_password_that_turns_out_wrong_ends_a_node_that_waits() {
    let mut server = Server::start(&["--requirepass", "secret"]);
    server.kill();
    let url = format!("redis://:hunter2@127.0.0.1:{}", server.port);
    let store = format!("store: {{ engine: redis, nodes: [\"{url}\"] }}");
    let mut g = Gateway::launch(&node("127.0.0.1:9".parse().unwrap(), FREE, &store, ""));
    server.restart();
    assert_eq!(g.wait(), Some(1));
    assert!(
        g.stderr()
            .contains("does not take the user or the password"),
        "{}",
        g.stderr()
    );
}
