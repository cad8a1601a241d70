//! Failover behind sentinels.

use super::*;
use crate::store::redis::testing::Sentinels;

const KEY: &str = "k";
/// A second until the master is taken for dead, the sentinels' vote, the promotion, then our probe.
const FAILOVER: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_is_found_through_sentinels_and_found_anew_after_each_failover() {
    let mut all = Sentinels::start();
    let settings = hot(all.settings());
    let link = Link::new(settings);
    heals(&link, KEY, HEALED).await;
    assert_eq!(all.servers[0].ask::<String>(&["GET", KEY]), "1");
    let load = Load::start(&link, KEY).await;

    // A master that hangs, and comes back after another has taken its place.
    all.servers[0].pause();
    breaks(&link).await;
    let promoted = async || {
        let info = all.servers[1].try_ask::<String>(&["INFO", "replication"]);
        info.is_ok_and(|info| info.contains("role:master"))
    };
    eventually(FAILOVER, "the replica is promoted", promoted).await;
    heals(&link, KEY, HEALED).await;
    let () = link.run(Patience::Calm, &set("after", "1")).await.unwrap();
    assert_eq!(all.servers[1].ask::<String>(&["GET", "after"]), "1");
    all.servers[0].resume();
    let follows = async || {
        let info = all.servers[0].try_ask::<String>(&["INFO", "replication"]);
        info.is_ok_and(|i| i.contains("role:slave") && i.contains("master_link_status:up"))
    };
    eventually(FAILOVER, "the old master follows", follows).await;
    write(&link, Patience::Calm, KEY).await.unwrap();

    // And one that dies.
    all.servers[1].kill();
    breaks(&link).await;
    heals(&link, KEY, FAILOVER + HEALED).await;
    assert_eq!(all.servers[0].ask::<String>(&["GET", "after"]), "1");
    let seen = load.stop().await;
    assert!(seen.good > 0 && seen.failed > 0, "{seen:?}");
}
