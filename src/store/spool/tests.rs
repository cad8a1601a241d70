//! The spool against the suite of all backends, and over a store that fails on demand.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::double::{Flaky, Mode};
use super::{Deadlines, Spool, SpoolError, SpooledEvents, SpooledUsage};
use crate::base::clock::Clock;
use crate::base::testing::eventually;
use crate::config::model;
use crate::store::contract::{Stores, at, contract_tests};
use crate::store::embedded::{EmbeddedStore, Options};
use crate::usage::model::{Counts, KeyUsageRow, UsageBatch};
use crate::usage::port::UsageStore;
use crate::webhooks::model::{Event, Settlement};

mod again;
mod batches;
mod bounds;
mod double;
mod order;
mod outage;
mod restart;

/// As long as a busy machine may take: nothing here waits for it unless it is broken.
const LONG: Duration = Duration::from_secs(30);
/// Long enough for a look at what happens meanwhile.
const SHORT: Duration = Duration::from_millis(50);
const PATIENT: Deadlines = Deadlines {
    record: LONG,
    settle: LONG,
    usage: LONG,
};
const HASTY: Deadlines = Deadlines {
    record: SHORT,
    settle: SHORT,
    usage: SHORT,
};

fn store(path: &Path) -> Arc<EmbeddedStore> {
    EmbeddedStore::open(path, Clock::manual(at(0)), Options::default()).unwrap()
}

async fn open(
    dir: &Path,
    max_bytes: u64,
    deadlines: Deadlines,
    store: &Arc<Flaky>,
) -> Result<Arc<Spool>, SpoolError> {
    let settings = model::Spool {
        path: dir.join("spool.db"),
        max_bytes,
    };
    let clock = Clock::manual(at(0));
    Spool::open(&settings, deadlines, clock, store.clone(), store.clone())
        .await
        .map(Arc::new)
}

/// A spool before a store that fails on demand.
struct Rig {
    dir: TempDir,
    /// Where it all ends.
    store: Arc<EmbeddedStore>,
    flaky: Arc<Flaky>,
    spool: Arc<Spool>,
    events: Arc<SpooledEvents>,
    usage: Arc<SpooledUsage>,
}

impl Rig {
    async fn new() -> Self {
        Self::with(1 << 30, HASTY).await
    }

    async fn with(max_bytes: u64, deadlines: Deadlines) -> Self {
        let dir = TempDir::new().unwrap();
        let store = store(&dir.path().join("store.db"));
        let flaky = Flaky::new(vec![store.clone()]);
        let spool = open(dir.path(), max_bytes, deadlines, &flaky)
            .await
            .unwrap();
        Self {
            events: spool.events(),
            usage: spool.usage(),
            dir,
            store,
            flaky,
            spool,
        }
    }

    /// Drains in the background until what is returned is dropped.
    fn run(&self) -> Running {
        let (stop, stopped) = watch::channel(false);
        let spool = Arc::clone(&self.spool);
        let task = tokio::spawn(async move { spool.run(stopped).await });
        Running { stop, task }
    }

    /// All that waits reaches the store.
    async fn drain(&self) {
        let left = self.spool.drain(LONG).await;
        assert!(left.is_empty(), "{left}");
    }

    /// Requests of an account this hour, in the store.
    async fn used(&self, account: &str) -> u64 {
        let now = at(0);
        let (hour, month) = (now.hour_start(), now.month_start());
        self.store.used(account, hour, month).await.unwrap().0
    }
}

struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    async fn end(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }
}

fn release(e: &Event) -> Settlement {
    Settlement::Release {
        event_id: e.id.clone(),
        account_id: e.account_id.clone(),
        data: format!("{{\"of\":\"{}\"}}", e.id),
        truncated: false,
        resource_id: None,
        released_id: None,
    }
}

fn drop_it(e: &Event) -> Settlement {
    Settlement::Drop {
        event_id: e.id.clone(),
        account_id: e.account_id.clone(),
    }
}

/// A batch with one key's requests.
fn batch(boot: &str, sequence: u64, account: &str, requests: u64) -> UsageBatch {
    UsageBatch {
        boot_id: boot.to_owned(),
        sequence,
        keys: vec![KeyUsageRow {
            account_id: account.to_owned(),
            key_id: "k".to_owned(),
            hour: at(0).hour_start(),
            class: 2,
            counts: Counts {
                requests,
                ..Counts::default()
            },
        }],
        routes: vec![],
        rejections: vec![],
    }
}

async fn stores() -> Stores {
    let rig = Rig::with(1 << 30, PATIENT).await;
    // The suite moves the clock of the store that it looks at.
    let clock = Clock::manual(at(0));
    let path = rig.dir.path().join("contract.db");
    let store = EmbeddedStore::open(&path, clock.clone(), Options::default()).unwrap();
    rig.flaky.use_only(vec![store.clone()]);
    Stores {
        accounts: store.clone(),
        keys: store.clone(),
        events: rig.events.clone(),
        feed: store.clone(),
        inboxes: store.clone(),
        replays: store.clone(),
        sessions: store.clone(),
        alerts: store.clone(),
        mails: store,
        usage: rig.usage.clone(),
        clock,
        _keep: Box::new(rig),
    }
}

contract_tests!(stores().await);
