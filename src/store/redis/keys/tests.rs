//! Keys and accounts in Redis against the suite of all backends, and what only many nodes and many slots can do wrong.

use std::sync::Arc;

use tempfile::TempDir;

use crate::base::clock::Clock;
use crate::base::secret::Secret;
use crate::config::model::RedisStore;
use crate::store::contract::{Stores, at, contract_tests};
use crate::store::embedded::{EmbeddedStore, Options};
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
        usage: other.clone(),
        clock,
        _keep: Box::new((other, dir)),
    }
}

mod single {
    use super::*;

    contract_tests!(stores_on(testing::settings()); accounts, keys);
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

    contract_tests!(stores(); accounts, keys);
}
