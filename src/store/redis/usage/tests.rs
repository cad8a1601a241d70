//! Usage in Redis against the suite of all backends, and batches that break off at every point.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::apply::apply;
use crate::base::clock::{Clock, Timestamp};
use crate::base::error::StoreError;
use crate::config::model::RedisStore;
use crate::store::contract::{Stores, at, contract_tests};
use crate::store::redis::Store;
use crate::store::redis::testing;
use crate::usage::model::{Counts, Granularity, KeyUsageRow, RouteUsageRow, UsageBatch};
use crate::usage::port::{SeriesQuery, UsageStore};

fn stores_on(settings: RedisStore) -> Stores {
    let clock = Clock::manual(at(0));
    let store = Arc::new(Store::new(settings, clock.clone()));
    Stores {
        accounts: store.clone(),
        keys: store.clone(),
        events: store.clone(),
        usage: store,
        clock,
        _keep: Box::new(()),
    }
}

mod single {
    use super::*;

    contract_tests!(stores_on(testing::settings()); usage);
}

mod cluster {
    use super::*;

    contract_tests!(stores_on(testing::cluster_settings()); usage);
}

const ACCOUNTS: usize = 12;
const KEYS: usize = 3;

/// What some keys of some accounts did in an hour, so that the batch goes to many slots.
fn batch(boot: &str, sequence: u64) -> UsageBatch {
    let mut batch = UsageBatch {
        boot_id: boot.to_owned(),
        sequence,
        ..UsageBatch::default()
    };
    for account in 0..ACCOUNTS {
        for key in 0..KEYS {
            let (account_id, key_id) = (format!("acct_{account}"), format!("key_{account}_{key}"));
            let hour = at(0).hour_start();
            batch.keys.push(KeyUsageRow {
                account_id: account_id.clone(),
                key_id: key_id.clone(),
                hour,
                class: 2,
                counts: Counts {
                    requests: 5,
                    bytes_in: 7,
                    bytes_out: 11,
                    upstream_us: 13_000,
                },
            });
            batch.routes.push(RouteUsageRow {
                account_id,
                key_id,
                route: "/v1/contacts".into(),
                method: "GET".into(),
                hour,
                requests: 5,
                errors: 1,
                last_at: at(0),
            });
        }
    }
    batch
}

/// Fails once it was asked so often.
fn breaks_after(calls: usize) -> impl Fn() -> Result<(), StoreError> + Send + Sync {
    let left = AtomicUsize::new(calls);
    move || {
        let before = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        before
            .map(drop)
            .map_err(|_| StoreError::Unavailable("the reply was lost".into()))
    }
}

/// Requests of everyone, of the first account, of its endpoint and of the route's callers.
async fn counted(store: &Store) -> [u64; 4] {
    let (from, to) = (at(0).day_start(), at(0).day_start().plus(DAY));
    let query = |account_id: Option<&str>| SeriesQuery {
        account_id: account_id.map(str::to_owned),
        key_id: None,
        from,
        to,
        granularity: Granularity::Hour,
    };
    let sum =
        |points: Vec<crate::usage::model::UsagePoint>| points.iter().map(|p| p.requests).sum();
    let callers = store.callers("/v1/contacts", from, to, 200).await.unwrap();
    let endpoints = store.endpoints(Some("acct_0"), from, to, 10).await.unwrap();
    [
        sum(store.series(&query(None)).await.unwrap()),
        sum(store.series(&query(Some("acct_0"))).await.unwrap()),
        endpoints.iter().map(|e| e.requests).sum(),
        callers.iter().map(|c| c.requests).sum(),
    ]
}

const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// What [`counted`] says after `batches` of them.
fn wanted(batches: u64) -> [u64; 4] {
    let all = 5 * (ACCOUNTS * KEYS) as u64 * batches;
    let one = 5 * KEYS as u64 * batches;
    [all, one, one, all]
}

#[tokio::test]
async fn a_batch_that_breaks_off_anywhere_counts_once_when_it_comes_again() {
    for settings in [testing::settings(), testing::cluster_settings()] {
        let store = Store::new(settings, Clock::manual(at(0)));
        let mut sequence = 0;
        // Until it no longer breaks off, since it has no more pieces.
        loop {
            let after = usize::try_from(sequence).unwrap();
            sequence += 1;
            let batch = batch("boot_1", sequence);
            let broke = apply(&store, &batch, breaks_after(after)).await.is_err();
            store.apply(&batch).await.unwrap();
            store.apply(&batch).await.unwrap();
            assert_eq!(
                counted(&store).await,
                wanted(sequence),
                "broken off after {after}"
            );
            if !broke {
                break;
            }
        }
        assert!(sequence > ACCOUNTS as u64, "only {sequence} pieces");
    }
}

#[tokio::test]
async fn two_processes_and_the_same_batch_twice_at_once_count_exactly() {
    let store = Store::new(testing::settings(), Clock::manual(at(0)));
    for sequence in 1..=5 {
        let (one, two) = (batch("boot_1", sequence), batch("boot_2", sequence));
        let (a, b, c) = tokio::join!(store.apply(&one), store.apply(&one), store.apply(&two));
        a.and(b).and(c).unwrap();
        assert_eq!(counted(&store).await, wanted(2 * sequence));
    }
    let month = at(0).month_start();
    let used = store
        .used("acct_0", at(0).hour_start(), month)
        .await
        .unwrap();
    let one = wanted(10)[1];
    assert_eq!(used, (one, one));
    let nobody = store
        .used("acct_x", Timestamp::from_secs(0), month)
        .await
        .unwrap();
    assert_eq!(nobody, (0, 0));
}
