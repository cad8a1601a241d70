//! Redis in trouble under load: known keys go on, no event is lost, usage counts exactly, and all of it heals by itself.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{BOTH, Does, FREE, Load, Seen, crm, node, receiver, subscribe, used};
use crate::support::backend::Backend;
use crate::support::gateway::Gateway;
use crate::support::proxy::Proxy;
use crate::support::redis::{Cluster, Sentinels, Server};
use crate::support::{eventually, full};

/// How long what was counted and recorded may take to be there once Redis is well.
const HEALED: Duration = Duration::from_secs(40);

/// Two nodes under load, and what their requests have to leave behind.
struct Trial {
    nodes: Vec<Gateway>,
    key: String,
    crm: Backend,
    delivered: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
    _receiver: Backend,
}

impl Trial {
    fn start(store: &str, more: &str) -> Self {
        let (crm, (receiver, delivered)) = (crm(), receiver());
        let text = node(crm.address, FREE, store, more);
        let nodes: Vec<_> = (0..2).map(|_| Gateway::start(&text)).collect();
        let (_, key) = nodes[0].key("acct_1", &BOTH);
        subscribe(&nodes[0], "acct_1", &receiver);
        for g in &nodes {
            // A machine that is busy may keep the first grant for longer than a request waits for one.
            eventually("it knows the key", Duration::from_secs(10), || {
                (g.get("/v1/contacts", &key).status == 200).then_some(())
            });
        }
        Self {
            nodes,
            key,
            crm,
            delivered,
            _receiver: receiver,
        }
    }

    fn load(&self) -> Load {
        let clients: Vec<SocketAddr> = self.nodes.iter().map(Gateway::address).collect();
        Load::start(&clients, &self.key, Does::Writes, Duration::from_millis(10))
    }

    /// Lets `trouble` happen a moment after a load has begun, and ends the load a moment after it.
    fn during(&self, trouble: impl FnOnce()) -> Seen {
        let load = self.load();
        std::thread::sleep(Duration::from_millis(700));
        trouble();
        std::thread::sleep(Duration::from_millis(1500));
        load.stop()
    }

    /// Everything that clients saw is there: usage, to one; events, each delivered.
    fn is_whole(&self, seen: &Seen) {
        let began = Instant::now();
        let wanted = self.crm.count() as u64;
        let mut found = 0;
        let deadline = Instant::now() + HEALED;
        while found != wanted && Instant::now() < deadline {
            found = used(&self.nodes[0], "acct_1");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(found, wanted, "usage against what reached the upstream");
        let missing = || {
            let delivered = self.delivered.lock().unwrap();
            let missing = seen.made.iter().filter(|id| !delivered.contains(id));
            missing.cloned().collect::<Vec<_>>()
        };
        while !missing().is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(missing(), [""; 0], "events of writes that a client saw");
        for g in &self.nodes {
            eventually("it is well again", HEALED, || {
                let well = g.metric("fuelgate_limiter_degraded ") == 0.0
                    && g.metric("fuelgate_store_up ") == 1.0
                    && g.metric("fuelgate_spool_entries") == 0.0;
                well.then_some(())
            });
        }
        println!(
            "{:?}; {} events and {wanted} requests are whole after {:?}",
            seen.statuses(),
            seen.made.len(),
            began.elapsed()
        );
    }

    fn known_keys_went_on(&self, seen: &Seen) {
        let statuses = seen.statuses();
        assert!(
            statuses.keys().all(|s| [200, 201, 429].contains(s)),
            "{statuses:?}"
        );
        assert!(seen.count(200) > 0 && seen.count(201) > 0);
    }

    /// The whole of it for troubles in which known keys go on.
    fn survives(&self, trouble: impl FnOnce()) {
        let seen = self.during(trouble);
        self.known_keys_went_on(&seen);
        self.is_whole(&seen);
    }
}

fn long() -> Duration {
    Duration::from_secs(if full() { 30 } else { 5 })
}

/// Everything that it acknowledges is on disk.
fn durable() -> Server {
    let on_disk = ["--appendonly", "yes", "--appendfsync", "always"];
    Server::start(&[&on_disk[..], &["--enable-debug-command", "yes"]].concat())
}

#[test]
fn a_redis_that_hangs() {
    let server = Server::start(&[]);
    let trial = Trial::start(&server.store(", deadline_ms: 100"), "");
    let unknown = trial.nodes[0].key("acct_2", &BOTH).1;
    trial.survives(|| {
        server.pause();
        std::thread::sleep(long() / 2);
        // One that was never asked for: nobody can know whether it is a key.
        let refused = trial.nodes[1].get("/v1/contacts", &unknown);
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert_eq!(
            refused.header("x-fuelgate-error"),
            Some("store_unavailable")
        );
        let ready = trial.nodes[1].is_ready();
        assert!(
            ready,
            "a store that is lost later is no matter of readiness"
        );
        let degraded = trial.nodes[1].metric("fuelgate_limiter_degraded ");
        assert_eq!(
            (degraded, trial.nodes[1].metric("fuelgate_store_up ")),
            (1.0, 0.0)
        );
        assert!(trial.nodes[1].metric("fuelgate_spool_bytes ") > 0.0);
        std::thread::sleep(long() / 2);
        server.resume();
    });
    assert_eq!(trial.nodes[1].get("/v1/contacts", &unknown).status, 200);
    for g in &trial.nodes {
        // Its loss is one line, and its return.
        let log = g.stderr();
        for line in ["redis answers again", " ERROR "] {
            assert_eq!(log.matches(line).count(), 1, "{line}: {log}");
        }
    }
}

/// Gives a server so much data that it takes a while to load it.
fn weigh_down(server: &Server) {
    let keys = if full() { "5000000" } else { "1000000" };
    let () = server.ask(&["DEBUG", "POPULATE", keys, "other", "64"]);
    let () = server.ask(&["BGREWRITEAOF"]);
    eventually("all of it is on disk", Duration::from_secs(60), || {
        let info: String = server.ask(&["INFO", "persistence"]);
        (info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0"))
            .then_some(())
    });
}

#[test]
fn a_redis_that_is_killed_and_comes_back_and_one_whose_scripts_are_flushed() {
    let mut server = durable();
    weigh_down(&server);
    let trial = Trial::start(&server.store(", deadline_ms: 100"), "");
    trial.survives(|| {
        let () = server.ask(&["SCRIPT", "FLUSH"]);
        std::thread::sleep(Duration::from_millis(500));
        server.kill();
        std::thread::sleep(Duration::from_secs(2));
        server.restart_loading();
        let loading = server.try_ask::<String>(&["INFO", "persistence"]);
        assert!(loading.is_ok_and(|info| info.contains("\nloading:1")));
        let refused = server.try_ask::<u64>(&["DBSIZE"]).unwrap_err();
        assert!(
            refused.to_string().contains("LOADING") || refused.code() == Some("LOADING"),
            "{refused}"
        );
        eventually("it has loaded", Duration::from_secs(60), || {
            server.try_ask::<u64>(&["DBSIZE"]).ok()
        });
    });
}

#[test]
fn a_redis_that_takes_no_writes_for_want_of_memory_or_as_a_replica() {
    let server = Server::start(&[]);
    let other = Server::start(&[]);
    let trial = Trial::start(&server.store(", deadline_ms: 100"), "");
    trial.survives(|| {
        let () = server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
        std::thread::sleep(Duration::from_secs(2));
        let () = server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
        std::thread::sleep(Duration::from_secs(2));
        // A replica that its old master refuses answers READONLY and keeps its data.
        let () = other.ask(&["CONFIG", "SET", "requirepass", "secret"]);
        let () = server.ask(&["REPLICAOF", "127.0.0.1", &other.port.to_string()]);
        std::thread::sleep(Duration::from_secs(2));
        let () = server.ask(&["REPLICAOF", "NO", "ONE"]);
    });
}

#[test]
fn a_master_of_a_cluster_that_is_replaced() {
    let mut cluster = Cluster::start("1500", &["--appendonly", "yes"]);
    let trial = Trial::start(&cluster.store(", deadline_ms: 100"), "");
    let slot: u32 = cluster.servers[0].ask(&["CLUSTER", "KEYSLOT", "{acct_1}"]);
    let master = usize::try_from(slot / 5461).unwrap().min(2);
    let replica = cluster.servers[master + 3].port;
    trial.survives(|| {
        cluster.servers[master].kill();
        eventually("the replica takes over", Duration::from_secs(30), || {
            let other = &cluster.servers[(master + 1) % 3];
            let nodes: String = other.try_ask(&["CLUSTER", "NODES"]).ok()?;
            let mut lines = nodes.lines();
            let took = lines.any(|l| l.contains(&format!(":{replica}@")) && l.contains("master"));
            let info: String = other.try_ask(&["CLUSTER", "INFO"]).ok()?;
            (took && info.contains("cluster_state:ok")).then_some(())
        });
        std::thread::sleep(Duration::from_secs(2));
    });
}

#[test]
fn a_master_behind_sentinels_that_is_replaced() {
    let mut all = Sentinels::start();
    let trial = Trial::start(&all.store(", deadline_ms: 100"), "");
    trial.survives(|| {
        all.servers[0].kill();
        eventually("the replica takes over", Duration::from_secs(30), || {
            // A sentinel cuts every client of the replica that it promotes.
            let info: String = all.servers[1].try_ask(&["INFO", "replication"]).ok()?;
            info.contains("role:master").then_some(())
        });
        std::thread::sleep(Duration::from_secs(2));
    });
}

#[test]
fn replies_that_are_cut_in_the_middle() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port);
    let store = format!(
        "store: {{ engine: redis, nodes: [\"redis://127.0.0.1:{}\"], deadline_ms: 100 }}",
        proxy.port
    );
    let trial = Trial::start(&store, "");
    trial.survives(|| {
        for _ in 0..20 {
            // Carried out by the server, and the node does not know it.
            proxy.cut_a_reply();
            std::thread::sleep(Duration::from_millis(150));
        }
    });
}

#[test]
fn a_password_that_is_changed_and_connections_that_are_cut() {
    let server = Server::start(&[]);
    let trial = Trial::start(&server.store(", deadline_ms: 100"), "");
    trial.survives(|| {
        for _ in 0..5 {
            let _: u64 = server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
            std::thread::sleep(Duration::from_millis(200));
        }
        let () = server.ask(&["ACL", "SETUSER", "default", "resetpass", ">secret"]);
        let admin = format!("redis://:secret@127.0.0.1:{}", server.port);
        std::thread::sleep(Duration::from_millis(200));
        let mut operator = redis::Client::open(admin)
            .unwrap()
            .get_connection()
            .unwrap();
        let mut ask = |command: &[&str]| {
            let mut cmd = redis::cmd(command[0]);
            for argument in &command[1..] {
                cmd.arg(*argument);
            }
            cmd.query::<redis::Value>(&mut operator).unwrap()
        };
        ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        std::thread::sleep(Duration::from_secs(2));
        ask(&["ACL", "SETUSER", "default", "nopass"]);
    });
}

#[test]
fn with_allow_everything_is_admitted_and_with_deny_nothing_that_is_not_in_hand() {
    for (policy, wanted) in [("allow", 200), ("deny", 503)] {
        let server = Server::start(&[]);
        let crm = crm();
        let plan = "rate: { requests: 5, per_seconds: 1, burst: 5 }, quotas: { hour: 100000, month: 100000 }, max_keys: 9";
        let more = format!("limits: {{ on_store_failure: {policy} }}");
        let g = Gateway::start(&node(
            crm.address,
            plan,
            &server.store(", deadline_ms: 100"),
            &more,
        ));
        let (_, key) = g.key("acct_1", &BOTH);
        assert_eq!(g.get("/v1/contacts", &key).status, 200);
        server.pause();
        eventually("what was in hand is spent", Duration::from_secs(10), || {
            (g.metric("fuelgate_limiter_degraded ") == 1.0)
                .then_some(())
                .or_else(|| {
                    g.get("/v1/contacts", &key);
                    None
                })
        });
        std::thread::sleep(Duration::from_millis(1600));
        let answers: Vec<u16> = (0..30)
            .map(|_| g.get("/v1/contacts", &key).status)
            .collect();
        assert_eq!(answers, [wanted; 30], "{policy}");
        server.resume();
        eventually("limits hold again", Duration::from_secs(20), || {
            (g.get("/v1/contacts", &key).status == 429).then_some(())
        });
    }
}
