//! Usage in Redis against the suite of all backends, and batches that break off at every point.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::apply::apply;
use crate::base::clock::{Clock, Timestamp};
use crate::base::error::StoreError;
use crate::base::secret::Secret;
use crate::config::model::RedisStore;
use crate::store::contract::{Stores, at, contract_tests};
use crate::store::redis::link::Patience;
use crate::store::redis::{Store, testing, twice};
use crate::usage::model::{Counts, Granularity, KeyUsageRow, RouteUsageRow, UsageBatch};
use crate::usage::port::{SeriesQuery, UsageStore};

fn stores_on(settings: RedisStore) -> Stores {
    let clock = Clock::manual(at(0));
    let store = Arc::new(Store::new(settings, clock.clone()));
    Stores {
        accounts: store.clone(),
        keys: store.clone(),
        events: store.clone(),
        feed: store.clone(),
        inboxes: store.clone(),
        replays: store.clone(),
        sessions: store.clone(),
        alerts: store.clone(),
        mails: store.clone(),
        usage: store,
        clock,
        _keep: Box::new(()),
    }
}

mod edges;
mod erasure;
mod faults;
mod memory;
mod model;
mod retention;

mod single {
    use super::*;

    contract_tests!(stores_on(testing::settings()); usage, insight);
}

mod cluster {
    use super::*;

    contract_tests!(stores_on(testing::cluster_settings()); usage, insight);
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

    contract_tests!(stores(); usage, insight);
}

/// A store on the shared server.
fn fresh() -> Store {
    Store::new(testing::settings(), Clock::manual(at(0)))
}

/// Runs a command beside the store.
async fn ask<T: redis::FromRedisValue>(store: &Store, words: &[&str]) -> T {
    let mut cmd = redis::cmd(words[0]);
    cmd.arg(&words[1..]);
    store.link.run(Patience::Calm, &cmd).await.unwrap()
}

fn key_row(account: &str, key: &str, hour: Timestamp, class: u8, requests: u64) -> KeyUsageRow {
    KeyUsageRow {
        account_id: account.to_owned(),
        key_id: key.to_owned(),
        hour,
        class,
        counts: Counts {
            requests,
            bytes_in: requests.saturating_mul(7),
            bytes_out: requests.saturating_mul(11),
            upstream_us: requests.saturating_mul(13_000),
        },
    }
}

fn route_row(
    account: &str,
    key: &str,
    route: &str,
    hour: Timestamp,
    requests: u64,
) -> RouteUsageRow {
    RouteUsageRow {
        account_id: account.to_owned(),
        key_id: key.to_owned(),
        route: route.to_owned(),
        method: "GET".to_owned(),
        hour,
        requests,
        errors: requests / 5,
        last_at: hour,
    }
}

/// A batch of these rows.
fn rows(
    boot: &str,
    sequence: u64,
    keys: Vec<KeyUsageRow>,
    routes: Vec<RouteUsageRow>,
) -> UsageBatch {
    UsageBatch {
        boot_id: boot.to_owned(),
        sequence,
        keys,
        routes,
        rejections: Vec::new(),
    }
}

/// The series of an account, of a key of it or of everyone, over all time.
fn all_time(account: Option<&str>, key: Option<&str>, granularity: Granularity) -> SeriesQuery {
    SeriesQuery {
        account_id: account.map(str::to_owned),
        key_id: key.map(str::to_owned),
        from: Timestamp::from_secs(0),
        to: Timestamp::from_millis(i64::MAX),
        granularity,
    }
}

/// Requests of such a series, by month.
async fn requests(store: &Store, account: Option<&str>, key: Option<&str>) -> u64 {
    let query = all_time(account, key, Granularity::Month);
    let points = store.series(&query).await.unwrap();
    points.iter().map(|p| p.requests).sum()
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
            batch.keys.push(key_row(&account_id, &key_id, hour, 2, 5));
            batch
                .routes
                .push(route_row(&account_id, &key_id, "/v1/contacts", hour, 5));
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
