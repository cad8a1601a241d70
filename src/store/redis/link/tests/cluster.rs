//! A Redis Cluster that changes: failover, slots on their way, nodes that hang.

use super::*;
use crate::store::redis::testing::Cluster;

/// Until a master is taken for dead; short, so that the tests are.
const NODE_TIMEOUT: Duration = Duration::from_secs(2);
/// That, the vote, and our probe.
const FAILOVER: Duration = Duration::from_secs(20);

/// A key that each of the first three servers is the master of.
fn keys(cluster: &Cluster) -> [String; 3] {
    let all: Vec<String> = (0..64).map(|n| format!("k{n}")).collect();
    std::array::from_fn(|i| {
        let found = all.iter().find(|key| cluster.master_of(key, i) == i);
        found.expect("a key").clone()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_hangs_or_dies_is_replaced_and_delays_no_call_to_the_others() {
    // Otherwise the cluster as a whole refuses while it decides who takes over.
    let mut cluster = Cluster::start(NODE_TIMEOUT, &["--cluster-require-full-coverage", "no"]);
    let link = Link::new(hot(cluster.settings()));
    let keys = keys(&cluster);
    for key in &keys {
        heals(&link, key, HEALED).await;
    }
    let known = async || link.stats().servers == 3;
    eventually(HEALED, "the masters are known", known).await;

    // It hangs: until the cluster has found out, only its own keys are away.
    let (broken, others) = (
        Load::start(&link, &keys[0]).await,
        Load::start(&link, &keys[1]).await,
    );
    cluster.servers[0].pause();
    breaks(&link).await;
    heals(&link, &keys[0], FAILOVER).await;
    assert_eq!(cluster.master_of(&keys[0], 1), 3);
    let seen = others.stop().await;
    assert!(seen.failed * 1000 < seen.good, "{seen:?}");
    broken.stop().await;
    cluster.servers[0].resume();
    let follows = async || {
        let info = cluster.servers[0].try_ask::<String>(&["INFO", "replication"]);
        info.is_ok_and(|i| i.contains("role:slave") && i.contains("master_link_status:up"))
    };
    eventually(FAILOVER, "the old master follows", follows).await;
    for key in &keys {
        write(&link, Patience::Hot, key).await.unwrap();
    }

    // It dies.
    let load = Load::start(&link, &keys[1]).await;
    cluster.servers[1].kill();
    breaks(&link).await;
    heals(&link, &keys[1], FAILOVER).await;
    assert_eq!(cluster.master_of(&keys[1], 2), 4);
    load.stop().await;
    cluster.servers[1].restart();

    // It hands over.
    let load = Load::start(&link, &keys[2]).await;
    let () = cluster.servers[5].ask(&["CLUSTER", "FAILOVER"]);
    let handed = async || cluster.master_of(&keys[2], 2) == 5;
    eventually(FAILOVER, "the replica takes over", handed).await;
    heals(&link, &keys[2], HEALED).await;
    load.stop().await;
    let all_up = async || link.is_up();
    eventually(HEALED, "all is up", all_up).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_follow_a_slot_that_moves_while_it_moves() {
    let cluster = Cluster::start(Duration::from_secs(15), &[]);
    let link = Link::new(cluster.settings());
    let key = keys(&cluster)[0].clone();
    let (from, to) = (&cluster.servers[0], &cluster.servers[1]);
    let add = |n: i64| Call::new(&ADD).key(&key).arg(n);
    let sum: i64 = link.script(Patience::Calm, &add(1)).await.unwrap();
    assert_eq!(sum, 1);
    let slot: u32 = from.ask(&["CLUSTER", "KEYSLOT", &key]);
    let slot = slot.to_string();
    let (from_id, to_id): (String, String) =
        (from.ask(&["CLUSTER", "MYID"]), to.ask(&["CLUSTER", "MYID"]));
    let () = to.ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
    let () = from.ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
    // Still where it was.
    let sum: i64 = link.script(Patience::Calm, &add(1)).await.unwrap();
    assert_eq!(sum, 2);
    let port = to.port.to_string();
    let () = from.ask(&["MIGRATE", "127.0.0.1", &port, &key, "0", "1000"]);
    // Gone ahead of its slot: ASK.
    let sum: i64 = link.script(Patience::Calm, &add(1)).await.unwrap();
    assert_eq!(sum, 3);
    let got: i64 = link.run(Patience::Calm, &get(&key)).await.unwrap();
    assert_eq!(got, 3);
    // A pipeline is not sent on: it may be half done. It is told to come later.
    let mut pipe = redis::pipe();
    pipe.get(&key).get(&key);
    let moving = link.pipe::<(i64, i64)>(Patience::Calm, &pipe).await;
    assert!(
        matches!(moving, Err(StoreError::Unavailable(_))),
        "{moving:?}"
    );
    for server in &cluster.servers[..3] {
        let () = server.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
    }
    // MOVED.
    let got: (i64, i64) = link.pipe(Patience::Calm, &pipe).await.unwrap();
    assert_eq!(got, (3, 3));
    let before = link.stats().redirects;
    assert!(before >= 3, "{before}");
    let learned = async || {
        let before = link.stats().redirects;
        let _: i64 = link.run(Patience::Calm, &get(&key)).await.unwrap();
        link.stats().redirects == before
    };
    eventually(HEALED, "calls go where the slot is now", learned).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_was_away_altogether_is_found_again() {
    let mut cluster = Cluster::start(NODE_TIMEOUT, &["--appendonly", "yes"]);
    let link = Link::new(hot(cluster.settings()));
    let keys = keys(&cluster);
    for key in &keys {
        heals(&link, key, HEALED).await;
    }
    let load = Load::start(&link, &keys[0]).await;
    for server in &mut cluster.servers {
        server.kill();
    }
    breaks(&link).await;
    for server in &mut cluster.servers {
        server.restart();
    }
    for key in &keys {
        heals(&link, key, FAILOVER).await;
    }
    load.stop().await;
}

#[tokio::test]
async fn a_mistaken_kind_of_server_is_named() {
    use crate::store::redis::testing::{cluster_settings, settings};
    let no_cluster = RedisStore {
        cluster: true,
        ..settings()
    };
    let link = Link::new(no_cluster);
    // A single server serves every slot, so calls go through; `Store::open` names the mistake.
    write(&link, Patience::Calm, "a").await.unwrap();
    let single = RedisStore {
        cluster: false,
        ..cluster_settings()
    };
    let link = Link::new(single);
    let mut texts = Vec::new();
    for n in 0..20 {
        if let Err(e) = write(&link, Patience::Calm, &format!("k{n}")).await {
            texts.push(e.to_string());
        }
    }
    assert!(
        texts.iter().any(|t| t.contains("store.cluster: true")),
        "{texts:?}"
    );
}
