//! Keys and accounts in Redis against the suite of all backends, and what only many nodes and many slots can do wrong.

use std::sync::Arc;

use tempfile::TempDir;

use crate::accounts::model::Account;
use crate::accounts::port::{AccountStore, AuditFilter};
use crate::base::audit::AuditEntry;
use crate::base::clock::Clock;
use crate::base::error::StoreError;
use crate::base::page::PageRequest;
use crate::base::secret::Secret;
use crate::config::model::{PlanOverrides, RedisStore};
use crate::keys::model::{Digest, KeyRecord};
use crate::keys::port::KeyStore;
use crate::store::contract::keys::key;
use crate::store::contract::{Stores, at, change, contract_tests};
use crate::store::embedded::{EmbeddedStore, Options};
use crate::store::redis::link::Patience;
use crate::store::redis::{Store, testing, twice};

/// The ports of this store, and for the others one of another kind.
fn stores_on(settings: RedisStore) -> Stores {
    let dir = TempDir::new().unwrap();
    let clock = Clock::manual(at(0));
    let other = dir.path().join("fuelgate.db");
    let other = EmbeddedStore::open(&other, clock.clone(), Options::default()).unwrap();
    let store = Arc::new(Store::new(settings, clock.clone()));
    Stores {
        accounts: store.clone(),
        keys: store,
        events: other.clone(),
        feed: other.clone(),
        inboxes: other.clone(),
        replays: other.clone(),
        sessions: other.clone(),
        alerts: other.clone(),
        mails: other.clone(),
        usage: other.clone(),
        clock,
        _keep: Box::new((other, dir)),
    }
}

mod batches;
mod crashes;
mod erasure;
mod hostile;
mod races;

/// Two nodes on one store of their own, and its settings.
fn nodes() -> (Store, Store, RedisStore) {
    let settings = testing::settings();
    let node = || Store::new(settings.clone(), Clock::manual(at(0)));
    (node(), node(), settings)
}

/// Runs a command beside the store.
async fn run<T: redis::FromRedisValue>(store: &Store, cmd: &redis::Cmd) -> T {
    store.link.run(Patience::Calm, cmd).await.unwrap()
}

fn digest(n: u32) -> Digest {
    let mut digest = [0; 32];
    digest[..4].copy_from_slice(&n.to_be_bytes());
    // Spreads them over the buckets.
    digest[0] = n as u8;
    digest
}

fn key_with(account: &str, n: u32) -> KeyRecord {
    let mut key = key(account, 0);
    key.secrets[0].digest = digest(n);
    key
}

async fn create(store: &Store, key: &KeyRecord) -> Result<(), StoreError> {
    let why = change("key.create", &key.account_id);
    store
        .create_key(key, "standard", 100_000, at(0), &why)
        .await
}

async fn log_of(store: &Store, filter: AuditFilter) -> Vec<AuditEntry> {
    let page = PageRequest {
        limit: 200,
        after: None,
    };
    store.audit_log(&filter, &page).await.unwrap().items
}

fn account(id: &str, plan: &str) -> Account {
    Account {
        id: id.to_owned(),
        plan: plan.to_owned(),
        overrides: PlanOverrides::default(),
        suspended: false,
        created_at: at(0),
        erasing: false,
    }
}

mod single {
    use super::*;

    contract_tests!(stores_on(testing::settings()); accounts, keys, previous_uses);
}

mod cluster {
    use super::*;

    contract_tests!(stores_on(testing::cluster_settings()); accounts, keys, previous_uses);
}

/// Every script is carried out twice, and the second reply is the one that counts.
mod sent_twice {
    use super::*;

    fn stores() -> Stores {
        let mut settings = testing::settings();
        let url = settings.nodes[0].expose();
        let port = url.rsplit(':').next().unwrap().parse().unwrap();
        let port = twice::start(port);
        settings.nodes = vec![Secret::new(format!("redis://127.0.0.1:{port}"))];
        stores_on(settings)
    }

    contract_tests!(stores(); accounts, keys, previous_uses);
}
