//! A Redis Cluster of three masters with a replica each; never a single server.

use std::time::Duration;

use tempfile::TempDir;

use super::server::{Server, free_port};
use super::{settings_for, until};
use crate::config::model::RedisStore;

/// Slots of a cluster; the masters share them evenly.
const SLOTS: u32 = 16_384;
/// How long its nodes may take to agree.
const AGREE_TIME: Duration = Duration::from_secs(60);

/// Six servers: `servers[0..3]` begin as masters, `servers[i + 3]` as the replica of `servers[i]`.
pub(crate) struct Cluster {
    /// The servers.
    pub(crate) servers: Vec<Server>,
}

impl Cluster {
    /// Starts a cluster and waits until all of it agrees. A master that does not answer for `node_timeout` is replaced.
    pub(crate) fn start(node_timeout: Duration, settings: &[&str]) -> Self {
        let timeout = node_timeout.as_millis().to_string();
        let mut all = vec!["--cluster-enabled", "yes"];
        all.extend(["--cluster-node-timeout", &timeout]);
        // A replica takes over however long its master has been away.
        all.extend(["--cluster-replica-validity-factor", "0"]);
        all.extend(settings);
        let prepare = |_| {
            let bus = ["--cluster-port".to_owned(), free_port().to_string()];
            (TempDir::new().unwrap(), bus.to_vec())
        };
        let servers: Vec<Server> = (0..6).map(|_| Server::start_in(prepare, &all)).collect();
        let share = SLOTS.div_ceil(3);
        for (i, server) in servers.iter().enumerate() {
            let epoch = (i + 1).to_string();
            let _: () = server.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]);
            if i < 3 {
                let first = share * u32::try_from(i).unwrap();
                let last = (first + share).min(SLOTS) - 1;
                let (first, last) = (first.to_string(), last.to_string());
                let _: () = server.ask(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
            }
            let bus: Vec<String> = server.ask(&["CONFIG", "GET", "cluster-port"]);
            let port = server.port.to_string();
            // Each with each, rather than by hearsay, which takes longer.
            for other in &servers[..i] {
                let _: () = other.ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus[1]]);
            }
        }
        let cluster = Self { servers };
        cluster.agree();
        cluster
    }

    fn agree(&self) {
        until(AGREE_TIME, "the cluster's nodes know each other", || {
            self.servers.iter().all(|s| {
                let nodes: String = s.ask(&["CLUSTER", "NODES"]);
                nodes.lines().count() == 6 && !nodes.contains("handshake")
            })
        });
        for i in 0..3 {
            let id: String = self.servers[i].ask(&["CLUSTER", "MYID"]);
            let _: () = self.servers[i + 3].ask(&["CLUSTER", "REPLICATE", &id]);
        }
        until(AGREE_TIME, "the cluster works with its replicas", || {
            self.servers.iter().all(Self::is_ready)
                && self.servers[3..].iter().all(|s| {
                    let info: String = s.ask(&["INFO", "replication"]);
                    info.contains("master_link_status:up")
                })
        });
    }

    /// Whether a node sees all slots served, each with a replica.
    fn is_ready(server: &Server) -> bool {
        let info: String = server.ask(&["CLUSTER", "INFO"]);
        let nodes: String = server.ask(&["CLUSTER", "NODES"]);
        info.contains("cluster_state:ok") && nodes.matches("slave ").count() == 3
    }

    /// Settings for a store that nobody else uses on this cluster.
    pub(crate) fn settings(&self) -> RedisStore {
        RedisStore {
            cluster: true,
            ..settings_for(self.servers.iter().map(Server::url))
        }
    }

    /// The index of the server that is the master of a key now, as the server at `asked` sees it.
    pub(crate) fn master_of(&self, key: &str, asked: usize) -> usize {
        let slot: u32 = self.servers[asked].ask(&["CLUSTER", "KEYSLOT", key]);
        let nodes: String = self.servers[asked].ask(&["CLUSTER", "NODES"]);
        let port = nodes
            .lines()
            .filter(|line| line.contains("master"))
            .find(|line| {
                line.split(' ').skip(8).any(|range| {
                    let (first, last) = range.split_once('-').unwrap_or((range, range));
                    let parsed = first.parse::<u32>().ok().zip(last.parse::<u32>().ok());
                    parsed.is_some_and(|(first, last)| (first..=last).contains(&slot))
                })
            })
            .and_then(|line| line.split([':', '@']).nth(1)?.parse::<u16>().ok())
            .unwrap_or_else(|| panic!("slot {slot} has no master:\n{nodes}"));
        self.servers
            .iter()
            .position(|s| s.port == port)
            .expect("a server of this cluster")
    }
}
