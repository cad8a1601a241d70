//! Opening a store on real servers: what is refused, what is warned about, and what is waited for.

use std::time::Duration;

use super::check::{EARLIER, LAYOUT};
use super::testing::{Cluster, Sentinels, Server, cluster_settings, settings};
use super::*;
use crate::base::clock::{Clock, Timestamp};

async fn open(settings: RedisStore) -> Result<Store, OpenError> {
    Store::open(settings, Clock::system()).await
}

fn refused(opened: Result<Store, OpenError>) -> String {
    match opened {
        Err(OpenError::Refused(findings)) => OpenError::Refused(findings).to_string(),
        Err(e) => panic!("{e}"),
        Ok(_) => panic!("it was opened"),
    }
}

async fn warnings(settings: RedisStore) -> Vec<String> {
    let store = Store::new(settings.clone(), Clock::system());
    let found = store.check(&settings).await.unwrap();
    let warned = found.iter().filter(|f| f.weight == Weight::Warn);
    warned.map(|f| f.text.clone()).collect()
}

#[tokio::test]
async fn a_store_is_opened_again_and_again_by_any_number_of_nodes() {
    for settings in [settings(), cluster_settings()] {
        for _ in 0..3 {
            let store = open(settings.clone()).await.unwrap();
            let clock = store.clock().unwrap();
            assert!(clock.skew_ms <= 1_000, "{clock:?}");
            assert!(store.stats().up);
        }
    }
}

#[tokio::test]
async fn eviction_is_refused_and_lesser_dangers_are_warned_about() {
    let server = Server::start(&[]);
    let warned = warnings(server.settings()).await;
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].starts_with("appendonly is no"), "{warned:?}");
    let () = server.ask(&["CONFIG", "SET", "appendonly", "yes"]);
    let () = server.ask(&["CONFIG", "SET", "appendfsync", "no"]);
    let warned = warnings(server.settings()).await;
    assert!(warned[0].starts_with("appendfsync is no"), "{warned:?}");
    let () = server.ask(&["CONFIG", "SET", "appendfsync", "everysec"]);
    assert!(warnings(server.settings()).await.is_empty());
    let replica = Server::start(&["--replicaof", "127.0.0.1", &server.port.to_string()]);
    super::testing::until(Duration::from_secs(20), "the replica follows", || {
        let info: String = server.ask(&["INFO", "replication"]);
        info.contains("connected_slaves:1")
    });
    let warned = warnings(server.settings()).await;
    assert!(
        warned[0].starts_with("min-replicas-to-write is 0"),
        "{warned:?}"
    );
    let () = server.ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let why = refused(open(server.settings()).await);
    assert!(why.contains("maxmemory-policy is allkeys-lru"), "{why}");
    let nothing: Vec<String> = server.ask(&["KEYS", "*layout"]);
    assert!(
        nothing.is_empty(),
        "a store that is refused is left as it is"
    );
    let most = Duration::from_secs(1);
    let opened = Store::open_within(replica.settings(), Clock::system(), most).await;
    // It may be a master any moment.
    assert!(matches!(opened, Err(OpenError::Unavailable(why)) if why.contains("is a replica")));
    // One that takes writes that are lost.
    let () = replica.ask(&["CONFIG", "SET", "replica-read-only", "no"]);
    let why = refused(open(replica.settings()).await);
    assert!(why.contains("is a replica"), "{why}");
}

#[tokio::test]
async fn where_config_is_forbidden_that_is_said() {
    let server = Server::start(&["--appendonly", "yes"]);
    let user = [
        "ACL", "SETUSER", "edge", "on", ">secret", "~*", "&*", "+@all", "-config",
    ];
    let () = server.ask(&user);
    let url = format!("redis://edge:secret@127.0.0.1:{}", server.port);
    let warned = warnings(testing::settings_for([url.clone()])).await;
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(
        warned[0].contains("does not allow CONFIG GET"),
        "{warned:?}"
    );
    let () = server.ask(&["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]);
    let why = refused(open(testing::settings_for([url])).await);
    assert!(why.contains("maxmemory-policy is volatile-ttl"), "{why}");
}

#[tokio::test]
async fn another_kind_of_server_than_the_settings_say_is_named() {
    let no_cluster = RedisStore {
        cluster: true,
        ..settings()
    };
    let why = refused(open(no_cluster).await);
    assert!(why.contains("store.cluster: false"), "{why}");
    let mut cluster = cluster_settings();
    cluster.cluster = false;
    cluster.nodes.truncate(1);
    let why = refused(open(cluster).await);
    assert!(why.contains("store.cluster: true"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_lead_to_their_master() {
    let all = Sentinels::start();
    open(all.settings()).await.unwrap();
    let mut unknown = all.settings();
    unknown.sentinel = Some("other".to_owned());
    let most = Duration::from_secs(1);
    let opened = Store::open_within(unknown, Clock::system(), most).await;
    let Err(OpenError::Unavailable(why)) = opened else {
        panic!("{:?}", opened.err())
    };
    assert!(
        why.contains("watch no master of the name in store.sentinel"),
        "{why}"
    );
    // A sentinel that is taken for a server.
    let mut server = all.settings();
    server.sentinel = None;
    server.nodes.truncate(1);
    let why = refused(open(server).await);
    assert!(why.contains("is a sentinel"), "{why}");
}

#[tokio::test]
async fn a_layout_from_the_future_is_refused() {
    let server = Server::start(&[]);
    let settings = server.settings();
    open(settings.clone()).await.unwrap();
    let key = format!("{}:layout", settings.key_prefix);
    let (known, newer) = (LAYOUT.to_string(), (LAYOUT + 1).to_string());
    assert_eq!(server.ask::<String>(&["GET", &key]), known);
    let () = server.ask(&["SET", &key, &newer]);
    let why = refused(open(settings).await);
    assert!(why.contains("newer version"), "{why}");
    assert_eq!(server.ask::<String>(&["GET", &key]), newer);
}

#[tokio::test]
async fn the_layouts_before_are_taken_over_and_then_refused_by_those_who_know_no_other() {
    let server = Server::start(&[]);
    let settings = server.settings();
    let key = format!("{}:layout", settings.key_prefix);
    for before in EARLIER {
        let () = server.ask(&["SET", &key, &before.to_string()]);
        open(settings.clone()).await.unwrap();
        assert_eq!(server.ask::<String>(&["GET", &key]), LAYOUT.to_string());
        // What was counted so far has no names of endpoints beside it.
        let floor = format!("{}:{{~u0}}:usage:floor", settings.key_prefix);
        assert_eq!(server.ask::<i64>(&["HEXISTS", &floor, "unnamed"]), 1);
        open(settings.clone()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_waits_for_servers_but_not_for_ever() {
    let mut server = Server::start(&[]);
    server.kill();
    let most = Duration::from_secs(1);
    let began = std::time::Instant::now();
    let opened = Store::open_within(server.settings(), Clock::system(), most).await;
    assert!(matches!(opened, Err(OpenError::Unavailable(_))));
    assert!(began.elapsed() < Duration::from_secs(3));
    let settings = server.settings();
    let opening = tokio::spawn(open(settings));
    server.restart();
    opening.await.unwrap().unwrap();
    // A cluster of which a part is away is not opened either: nothing is known of that part.
    let cluster = Cluster::start(Duration::from_secs(30), &[]);
    cluster.servers[0].pause();
    let opened = Store::open_within(cluster.settings(), Clock::system(), most).await;
    assert!(matches!(opened, Err(OpenError::Unavailable(_))));
    cluster.servers[0].resume();
    open(cluster.settings()).await.unwrap();
}

#[tokio::test]
async fn a_clock_follows_the_servers_and_is_measured_by_the_machines_own() {
    let store = open(settings()).await.unwrap();
    // As if the servers' clock had been an hour ahead of this machine's, and been set right.
    let clock = Clock::following();
    clock.follow(3_600_000);
    for _ in 0..2 {
        let theirs = Store::read_clocks(&store, &clock).await.unwrap();
        assert!(theirs.skew_ms < 2_000, "{theirs:?}");
        assert_eq!(clock.ahead_ms(), 0);
    }
}

#[tokio::test]
async fn a_clock_that_differs_is_measured() {
    let settings = settings();
    let slow = Clock::manual(Timestamp::from_secs(Clock::system().now().secs() - 3600));
    let store = open(settings).await.unwrap();
    let clock = Store::read_clocks(&store, &slow).await.unwrap();
    assert!(clock.offset_ms.abs_diff(3_600_000) < 2_000, "{clock:?}");
    assert_eq!(clock.skew_ms, clock.offset_ms.unsigned_abs());
}
