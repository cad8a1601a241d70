//! The writer under load, at its ceilings, with refusals among what it commits, and when the file is full.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{bounded, open};
use crate::base::ceilings;
use crate::base::error::StoreError;
use crate::keys::port::KeyStore;
use crate::store::contract::deliveries::endpoint;
use crate::store::contract::events::event;
use crate::store::contract::keys::key;
use crate::store::contract::{at, change};
use crate::store::embedded::fail::Fail;
use crate::store::embedded::{EmbeddedStore, Options};
use crate::webhooks::model::{Event, Settlement};
use crate::webhooks::port::{ClaimTerms, EventStore};

/// Keeps the writer busy until what is returned is dropped.
async fn stall(store: &Arc<EmbeddedStore>) -> mpsc::Sender<()> {
    let (release, wait) = mpsc::channel::<()>();
    let (entered, begun) = tokio::sync::oneshot::channel();
    let stalled = Arc::clone(store);
    tokio::spawn(async move {
        stalled
            .write(move |_| {
                let _ = entered.send(());
                let _ = wait.recv();
                Ok(())
            })
            .await
    });
    begun.await.unwrap();
    release
}

fn note(
    store: &Arc<EmbeddedStore>,
    name: &'static str,
    then: Result<(), Fail>,
) -> tokio::task::JoinHandle<Result<(), StoreError>> {
    let store = Arc::clone(store);
    tokio::spawn(async move {
        store
            .write(move |c| {
                c.execute("INSERT INTO tally VALUES (?1, 1)", [name])?;
                then
            })
            .await
    })
}

async fn until_queued(store: &EmbeddedStore, n: usize) {
    bounded(|| store.stats().queued_writes >= n).await;
}

async fn noted(store: &EmbeddedStore) -> Vec<String> {
    store
        .read(|c| {
            super::super::rows::all(
                c,
                "SELECT name FROM tally WHERE name LIKE 'n%' ORDER BY name",
                [],
                |r| r.get(0),
            )
        })
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_share_commits_and_lose_nothing() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path(), Options::default());
    let tasks: Vec<_> = (0..64)
        .map(|i| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..20 {
                    let e = event(&format!("acct_{i}"), "x");
                    store
                        .record_pending(std::slice::from_ref(&e))
                        .await
                        .unwrap();
                    assert_eq!(store.event(&e.id).await.unwrap(), Some(e));
                }
            })
        })
        .collect();
    for t in tasks {
        t.await.unwrap();
    }
    let stats = store.stats();
    assert_eq!(stats.writes, 64 * 20);
    assert!(stats.commits < stats.writes / 2, "{stats:?}");
    assert_eq!(stats.write.buckets.iter().sum::<u64>(), stats.writes);
    let all = store.stale_pending(at(9), 9_999).await.unwrap();
    assert_eq!(all.len(), 64 * 20);
}

#[tokio::test]
async fn a_refusal_or_a_defect_undoes_itself_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path(), Options::default());
    let held = stall(&store).await;
    let commits = store.stats().commits;
    let good = note(&store, "n1", Ok(()));
    until_queued(&store, 1).await;
    let refused = note(&store, "n2", Err(Fail::conflict("no")));
    let defect = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            store
                .write(|c| -> Result<(), Fail> {
                    c.execute("INSERT INTO tally VALUES ('n3', 1)", [])?;
                    panic!("a defect on purpose")
                })
                .await
        })
    };
    until_queued(&store, 3).await;
    let twice = note(&store, "n1", Ok(()));
    let last = note(&store, "n4", Ok(()));
    until_queued(&store, 5).await;
    drop(held);
    good.await.unwrap().unwrap();
    assert!(matches!(
        refused.await.unwrap(),
        Err(StoreError::Conflict(_))
    ));
    assert!(matches!(defect.await.unwrap(), Err(StoreError::Corrupt(_))));
    assert!(matches!(twice.await.unwrap(), Err(StoreError::Conflict(_))));
    last.await.unwrap().unwrap();
    assert_eq!(noted(&store).await, ["n1", "n4"]);
    // The stalled write and the five behind it: two transactions.
    assert_eq!(store.stats().commits, commits + 2);
    assert!(store.is_healthy());
}

#[tokio::test]
async fn a_full_queue_turns_callers_away_at_once_and_all_others_are_served() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path(), Options::default());
    let held = stall(&store).await;
    let waiting: Vec<_> = (0..ceilings::STORE_QUEUE)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.write(|_| Ok(())).await })
        })
        .collect();
    until_queued(&store, ceilings::STORE_QUEUE).await;
    assert!(!store.is_healthy());
    let refused = store.write(|_| Ok(())).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    assert_eq!(store.stats().turned_away, 1);
    drop(held);
    for w in waiting {
        w.await.unwrap().unwrap();
    }
    assert!(store.is_healthy());
}

#[tokio::test]
async fn a_caller_waits_no_longer_than_it_should_and_a_hung_disk_is_no_health() {
    let dir = TempDir::new().unwrap();
    let options = Options {
        write_time: Duration::from_millis(40),
        ..Options::default()
    };
    let store = open(dir.path(), options);
    let held = stall(&store).await;
    let began = Instant::now();
    let late = note(&store, "n1", Ok(())).await.unwrap();
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    assert!(began.elapsed() >= Duration::from_millis(40));
    assert!(!store.is_healthy());
    drop(held);
    bounded(|| store.is_healthy()).await;
    note(&store, "n2", Ok(())).await.unwrap().unwrap();
    // Its caller was told that it was not done, so it was not.
    assert_eq!(noted(&store).await, ["n2"]);
}

#[tokio::test]
async fn a_write_whose_caller_left_before_it_began_is_not_run() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path(), Options::default());
    let held = stall(&store).await;
    let left = note(&store, "n1", Ok(()));
    until_queued(&store, 1).await;
    left.abort();
    assert!(left.await.unwrap_err().is_cancelled());
    drop(held);
    note(&store, "n2", Ok(())).await.unwrap().unwrap();
    assert_eq!(noted(&store).await, ["n2"]);
}

#[tokio::test]
async fn a_closed_store_finishes_what_is_queued_and_takes_nothing_more() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path(), Options::default());
    let held = stall(&store).await;
    let queued = note(&store, "n1", Ok(()));
    until_queued(&store, 1).await;
    let closing = {
        let store = Arc::clone(&store);
        tokio::task::spawn_blocking(move || store.close())
    };
    drop(held);
    closing.await.unwrap();
    queued.await.unwrap().unwrap();
    let late = store.write(|_| Ok(())).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))));
    let again = open(dir.path(), Options::default());
    assert_eq!(noted(&again).await, ["n1"]);
}

fn large(account: &str) -> Event {
    Event {
        data: Some("x".repeat(20_000)),
        ..event(account, "x")
    }
}

/// Fills the store until a write is refused; gives what was taken.
async fn fill(store: &EmbeddedStore) -> Vec<Event> {
    let mut taken = Vec::new();
    loop {
        let e = large("a");
        match store.record_pending(std::slice::from_ref(&e)).await {
            Ok(()) => taken.push(e),
            Err(StoreError::Unavailable(_)) => return taken,
            Err(e) => panic!("{e}"),
        }
        assert!(taken.len() < 10_000, "the store never fills");
    }
}

fn small() -> Options {
    Options {
        max_page_count: Some(400),
        reserve_pages: 40,
        ..Options::default()
    }
}

#[tokio::test]
async fn a_store_says_that_it_is_full_while_there_is_room_for_what_is_under_way() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path(), small());
    let mut taken = 0;
    while store.is_healthy() {
        store.record_pending(&[large("a")]).await.unwrap();
        taken += 1;
        assert!(taken < 10_000, "the store never says so");
    }
    for _ in 0..4 {
        store.record_pending(&[large("a")]).await.unwrap();
    }
    assert!(!store.is_healthy());
}

#[tokio::test]
async fn a_full_store_refuses_writes_serves_reads_and_recovers_with_room() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path(), small());
    let taken = fill(&store).await;
    assert!(!store.is_healthy());
    assert!(store.stats().failed_commits > 0);
    for e in [taken.first().unwrap(), taken.last().unwrap()] {
        assert_eq!(store.event(&e.id).await.unwrap().as_ref(), Some(e));
    }
    let pages = store.set_max_page_count(2_000).await.unwrap();
    assert_eq!(pages, 2_000);
    bounded(|| store.is_healthy()).await;
    store.record_pending(&[large("a")]).await.unwrap();
    drop(store);
    let again = open(dir.path(), Options::default());
    let stored = again.stale_pending(at(9), 10_000).await.unwrap();
    assert_eq!(stored.len(), taken.len() + 1);
}

#[tokio::test]
async fn a_full_store_recovers_when_rows_are_deleted() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path(), small());
    let taken = fill(&store).await;
    let drops: Vec<_> = taken
        .iter()
        .map(|e| Settlement::Drop {
            event_id: e.id.clone(),
            account_id: e.account_id.clone(),
        })
        .collect();
    store.settle(&drops, at(1)).await.unwrap();
    let since = Instant::now();
    bounded(|| store.is_healthy()).await;
    assert!(since.elapsed() < ceilings::STORE_PROBE_TIME + Duration::from_secs(2));
    store.record_pending(&[large("a")]).await.unwrap();
}

#[tokio::test]
async fn damaged_columns_are_told_and_do_not_stop_the_rest() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path(), Options::default());
    let k = key("a", 1);
    let why = change("key.create", "a");
    store
        .create_key(&k, "standard", 9, at(0), &why)
        .await
        .unwrap();
    let (bad, good) = (endpoint("a", &["x"]), endpoint("b", &["x"]));
    for e in [&bad, &good] {
        let why = change("endpoint.create", &e.account_id);
        store.create_endpoint(e, 9, &why).await.unwrap();
    }
    for account in ["a", "b"] {
        let why = change("event.publish", account);
        store
            .publish(&event(account, "x"), at(0), &why)
            .await
            .unwrap();
    }
    let (key_id, endpoint_id) = (k.id.clone(), bad.id.clone());
    store
        .write(move |c| {
            c.execute("UPDATE api_key SET scopes = '[1' WHERE id = ?1", [key_id])?;
            c.execute(
                "UPDATE endpoint SET secrets = '{}' WHERE id = ?1",
                [endpoint_id],
            )?;
            Ok(())
        })
        .await
        .unwrap();
    for r in [store.key(&k.id).await, store.by_digest(&[[1; 32]]).await] {
        assert!(matches!(r, Err(StoreError::Corrupt(_))), "{r:?}");
    }
    let due = store
        .claim_due(&ClaimTerms::any(at(1), at(60), 9))
        .await
        .unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].endpoint, good);
    assert!(store.is_healthy());
}
