//! Servers that answer but do not serve: each is told apart, and all heals by itself.

use super::*;
use crate::store::redis::testing::{Server, free_port};

const KEY: &str = "k";

/// Sees that hot writes fail with a text that has `text` in it.
async fn refuses(link: &Link, text: &str) {
    refuses_with(link, &set(KEY, "1"), text).await;
}

async fn refuses_with(link: &Link, cmd: &Cmd, text: &str) {
    let refused = async || match link.run::<redis::Value>(Patience::Hot, cmd).await {
        Err(StoreError::Unavailable(why)) => why.contains(text),
        _ => false,
    };
    eventually(HEALED, text, refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_loads_its_data_is_left_alone_until_it_has() {
    let delay = [
        "--key-load-delay",
        "500",
        "--loading-process-events-interval-bytes",
        "1024",
    ];
    let debug = ["--enable-debug-command", "yes"];
    let mut server =
        Server::start(&[delay, [debug[0], debug[1], "--rdbcompression", "no"]].concat());
    let link = Link::new(hot(server.settings()));
    heals(&link, KEY, HEALED).await;
    let () = server.ask(&["DEBUG", "POPULATE", "4000", "key", "100"]);
    let () = server.ask(&["SAVE"]);
    let load = Load::start(&link, KEY).await;
    server.restart_until("Loading RDB");
    refuses(&link, "LOADING").await;
    heals(&link, KEY, Duration::from_secs(10) + HEALED).await;
    load.stop().await;
    assert!(server.log().contains("Ready to accept connections"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_became_a_replica_takes_nothing_until_it_is_a_master_again() {
    let server = Server::start(&[]);
    let link = Link::new(hot(server.settings()));
    heals(&link, KEY, HEALED).await;
    let load = Load::start(&link, KEY).await;
    let nobody = free_port().to_string();
    let () = server.ask(&["REPLICAOF", "127.0.0.1", &nobody]);
    refuses(&link, "READONLY").await;
    breaks(&link).await;
    let () = server.ask(&["REPLICAOF", "NO", "ONE"]);
    heals(&link, KEY, HEALED).await;
    load.stop().await;
    // A replica that waits for its master does not even read.
    let () = server.ask(&["CONFIG", "SET", "replica-serve-stale-data", "no"]);
    let () = server.ask(&["REPLICAOF", "127.0.0.1", &nobody]);
    refuses_with(&link, &get(KEY), "MASTERDOWN").await;
    breaks(&link).await;
    let () = server.ask(&["REPLICAOF", "NO", "ONE"]);
    heals(&link, KEY, HEALED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_refuses_writes_and_serves_reads() {
    let server = Server::start(&[]);
    let link = Link::new(hot(server.settings()));
    heals(&link, KEY, HEALED).await;
    let () = server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    for _ in 0..20 {
        let refused = write(&link, Patience::Hot, KEY).await;
        assert!(
            matches!(&refused, Err(StoreError::Unavailable(why)) if why.starts_with("redis is full")),
            "{refused:?}"
        );
        let read: String = link.run(Patience::Hot, &get(KEY)).await.unwrap();
        assert_eq!(read, "1");
    }
    // A connection that is made meanwhile serves as well.
    let _: i64 = server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    eventually(HEALED, "another connection", async || {
        link.stats().connects == 2
    })
    .await;
    let _: String = link.run(Patience::Hot, &get(KEY)).await.unwrap();
    assert_eq!(link.stats().breakers_open, 0);
    let () = server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    write(&link, Patience::Hot, KEY).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_too_few_replicas_refuses_writes_and_serves_reads() {
    let server = Server::start(&[]);
    let link = Link::new(hot(server.settings()));
    heals(&link, KEY, HEALED).await;
    let () = server.ask(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    refuses(&link, "could lose them: NOREPLICAS").await;
    let _: String = link.run(Patience::Hot, &get(KEY)).await.unwrap();
    let () = server.ask(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    write(&link, Patience::Hot, KEY).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_busy_with_a_script_is_left_alone_until_it_has_ended() {
    let server = Server::start(&["--busy-reply-threshold", "20"]);
    let link = Link::new(hot(server.settings()));
    heals(&link, KEY, HEALED).await;
    let load = Load::start(&link, KEY).await;
    let url = server.url();
    let endless = std::thread::spawn(move || {
        let client = redis::Client::open(url).unwrap();
        let mut connection = client.get_connection().unwrap();
        let mut cmd = redis::cmd("EVAL");
        cmd.arg("while true do end").arg(0);
        cmd.query::<()>(&mut connection).unwrap_err()
    });
    refuses(&link, "BUSY").await;
    let () = server.ask(&["SCRIPT", "KILL"]);
    heals(&link, KEY, HEALED).await;
    load.stop().await;
    endless.join().unwrap();
}
