//! A master with a replica and three sentinels that watch them; never a cluster.

use std::time::Duration;

use tempfile::TempDir;

use super::server::Server;
use super::{settings_for, until};
use crate::config::model::RedisStore;

/// The name under which the sentinels watch the master.
const MASTER: &str = "edge";
/// How long they may take to find each other.
const AGREE_TIME: Duration = Duration::from_secs(60);

/// Two servers and three sentinels. A master that does not answer for a second is replaced.
pub(crate) struct Sentinels {
    /// `servers[0]` begins as the master, `servers[1]` as its replica.
    pub(crate) servers: Vec<Server>,
    sentinels: Vec<Server>,
}

impl Sentinels {
    /// Starts all of them and waits until they agree.
    pub(crate) fn start() -> Self {
        let master = Server::start(&[]);
        let port = master.port.to_string();
        let replica = Server::start(&["--replicaof", "127.0.0.1", &port]);
        let watch = format!(
            "sentinel monitor {MASTER} 127.0.0.1 {port} 2\n\
             sentinel down-after-milliseconds {MASTER} 1000\n\
             sentinel failover-timeout {MASTER} 3000\n"
        );
        let prepare = |_| {
            let dir = TempDir::new().unwrap();
            std::fs::write(dir.path().join("sentinel.conf"), &watch).unwrap();
            let arguments = ["sentinel.conf", "--sentinel"].map(str::to_owned);
            (dir, arguments.to_vec())
        };
        let sentinels: Vec<Server> = (0..3).map(|_| Server::start_in(prepare, &[])).collect();
        until(AGREE_TIME, "the sentinels know each other", || {
            sentinels.iter().all(|s| {
                let found: String = s
                    .ask::<Vec<String>>(&["SENTINEL", "MASTER", MASTER])
                    .join(" ");
                found.contains("num-other-sentinels 2") && found.contains("num-slaves 1")
            })
        });
        until(AGREE_TIME, "the replica follows", || {
            replica
                .ask::<String>(&["INFO", "replication"])
                .contains("master_link_status:up")
        });
        Self {
            servers: vec![master, replica],
            sentinels,
        }
    }

    /// Settings for a store that nobody else uses behind these sentinels.
    pub(crate) fn settings(&self) -> RedisStore {
        RedisStore {
            sentinel: Some(MASTER.to_owned()),
            ..settings_for(self.sentinels.iter().map(Server::url))
        }
    }
}
