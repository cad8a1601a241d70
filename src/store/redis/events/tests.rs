//! Events in Redis against the suite of all backends, and what only many nodes and large backlogs can do wrong.

use std::sync::Arc;

use tempfile::TempDir;

use super::Store;
use crate::base::clock::Clock;
use crate::base::secret::Secret;
use crate::config::model::RedisStore;
use crate::store::contract::deliveries::{endpoint, make_endpoint};
use crate::store::contract::events::event;
use crate::store::contract::{Stores, at, contract_tests};
use crate::store::embedded::{EmbeddedStore, Options};
use crate::store::redis::link::Patience;
use crate::store::redis::testing::{self, Server};
use crate::webhooks::model::{Endpoint, Event, Settlement};

mod backlog;
mod copied_replays;
mod damage;
mod erasure;
mod lists;
mod nodes;
mod notices;
mod twice;
mod waiting_notices;

/// A store that reached its server.
async fn reached(settings: RedisStore, clock: Clock) -> Store {
    let store = Store::new(settings, clock);
    run::<()>(&store, redis::cmd("PING").arg("x")).await;
    store
}

/// Runs a command beside the store.
async fn run<T: redis::FromRedisValue>(store: &Store, cmd: &redis::Cmd) -> T {
    store.link.run(Patience::Calm, cmd).await.unwrap()
}

/// The suite's view of a store; usage, which is not at issue here, is kept elsewhere.
async fn around(settings: RedisStore) -> (Stores, Store) {
    let dir = TempDir::new().unwrap();
    let clock = Clock::manual(at(0));
    let path = dir.path().join("fuelgate.db");
    let others = EmbeddedStore::open(&path, clock.clone(), Options::default()).unwrap();
    let store = reached(settings, clock.clone()).await;
    let ours = Arc::new(store.clone());
    let stores = Stores {
        accounts: ours.clone(),
        keys: ours.clone(),
        events: ours.clone(),
        feed: ours.clone(),
        inboxes: ours.clone(),
        replays: ours.clone(),
        sessions: ours.clone(),
        alerts: ours.clone(),
        mails: ours,
        usage: others,
        clock,
        _keep: Box::new(dir),
    };
    (stores, store)
}

/// A store on a server of its own, whose numbers nobody else changes.
async fn alone() -> (Server, Stores, Store) {
    let server = Server::start(&[]);
    let settings = RedisStore {
        nodes: vec![Secret::new(format!("redis://127.0.0.1:{}", server.port))],
        ..testing::settings()
    };
    let (stores, store) = around(settings).await;
    (server, stores, store)
}

async fn stores() -> Stores {
    around(testing::settings()).await.0
}

contract_tests!(stores().await; events, deliveries, delivery_log, feed, identity, inboxes, replays, recovery, health, portal_sessions, alerts, mails);

mod cluster {
    use super::*;

    contract_tests!(around(testing::cluster_settings()).await.0; events, deliveries, delivery_log, feed, identity, inboxes, replays, recovery, health, portal_sessions, alerts, mails);
}

fn release(e: &Event) -> Settlement {
    Settlement::Release {
        event_id: e.id.clone(),
        account_id: e.account_id.clone(),
        data: "{}".to_owned(),
        truncated: false,
        resource_id: None,
        released_id: None,
    }
}

/// Records and releases `n` events of type `x` of an account.
async fn happen_often(s: &Stores, account: &str, n: usize) -> Vec<Event> {
    let events: Vec<Event> = (0..n).map(|_| event(account, "x")).collect();
    s.events.record_pending(&events).await.unwrap();
    let settlements: Vec<Settlement> = events.iter().map(release).collect();
    s.events.settle(&settlements, s.clock.now()).await.unwrap();
    events
}

/// An endpoint that wants `x` and `n` deliveries on their way to it.
async fn backlog_of(s: &Stores, account: &str, n: usize) -> Endpoint {
    let e = make_endpoint(s, endpoint(account, &["x"])).await;
    happen_often(s, account, n).await;
    e
}
