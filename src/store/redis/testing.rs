//! Real Redis servers for tests, that end with the test process however it ends; never used outside tests.

mod cluster;
mod proxy;
mod sentinels;
mod server;
mod tls;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub(crate) use self::cluster::Cluster;
pub(crate) use self::proxy::{Fault, Proxy};
pub(crate) use self::sentinels::Sentinels;
pub(crate) use self::server::{Server, free_port};
pub(crate) use self::tls::TlsServer;

use crate::base::secret::Secret;
use crate::config::model::RedisStore;

/// One server that all tests of this process share; each uses a prefix of its own.
static SHARED: LazyLock<Server> = LazyLock::new(|| Server::start(&[]));
/// One cluster that all tests of this process share. Its node time-out is long: nothing fails over while builds run.
static SHARED_CLUSTER: LazyLock<Cluster> =
    LazyLock::new(|| Cluster::start(Duration::from_secs(15), &[]));
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Settings for a store that nobody else uses, on the shared server.
pub(crate) fn settings() -> RedisStore {
    SHARED.settings()
}

/// Settings for a store that nobody else uses, on the shared cluster of three masters and three replicas.
pub(crate) fn cluster_settings() -> RedisStore {
    SHARED_CLUSTER.settings()
}

/// Settings with a prefix of their own for the servers at `nodes`.
pub(crate) fn settings_for(nodes: impl IntoIterator<Item = String>) -> RedisStore {
    RedisStore {
        nodes: nodes.into_iter().map(Secret::new).collect(),
        cluster: false,
        key_prefix: format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        sentinel: None,
        tls: None,
        // Builds and other tests run beside this one.
        deadline: Duration::from_secs(5),
    }
}

/// Waits until `holds`, looking every few milliseconds; panics with `what` after `most`.
pub(crate) fn until(most: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + most;
    while !holds() {
        assert!(
            std::time::Instant::now() < end,
            "{what}: not within {most:?}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_stopped_killed_and_started_again_with_its_data() {
        let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
        let _: () = server.ask(&["SET", "a", "1"]);
        server.kill();
        assert!(server.try_ask::<String>(&["GET", "a"]).is_err());
        server.restart();
        assert_eq!(server.ask::<String>(&["GET", "a"]), "1");
    }

    #[test]
    fn a_cluster_serves_all_slots() {
        let nodes = cluster_settings().nodes;
        assert_eq!(nodes.len(), 6);
        let cluster = &*SHARED_CLUSTER;
        let master = cluster.master_of("a", 4);
        let _: () = cluster.servers[master].ask(&["SET", "a", "1"]);
    }
}
