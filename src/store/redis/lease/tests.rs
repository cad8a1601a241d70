//! The scripts of leases on a real server: the same answers as the model, and what only a server shows; never a node.

mod model;
mod nodes;

use std::sync::Arc;

use super::*;
use crate::base::clock::Clock;
use crate::config::model::{Plan, Quotas, Rate};
use crate::limits::lease::{Count, Seed, Tokens};
use crate::store::redis::testing;

/// A moment shortly before an hour, a month and a leap day's month end.
const TURNS: [&str; 4] = [
    "2026-11-23T10:00:00Z",
    "2026-12-01T00:00:00Z",
    "2027-01-01T00:00:00Z",
    "2028-03-01T00:00:00Z",
];

fn turn(i: usize) -> u64 {
    let at = crate::base::clock::Timestamp::parse(TURNS[i]).unwrap();
    at.millis().unsigned_abs()
}

fn ask(terms: Terms, seq: u64) -> Ask {
    Ask {
        account: "acct_1".into(),
        key: "key_1".into(),
        boot: "boot_1".into(),
        seq,
        terms,
        cost: 1,
        want: 10,
        places: 10,
        key_tokens: Tokens::default(),
        account_tokens: Tokens::default(),
        hand_places: 0,
        hour: Count::default(),
        month: Count::default(),
        settled_at: 0,
        seed: Seed::default(),
        life: 2_000,
    }
}

fn plan(requests: u64, burst: u64) -> Terms {
    let plan = Plan {
        rate: Rate {
            requests,
            per_seconds: 1,
            burst,
        },
        account_rate: None,
        quotas: Quotas::default(),
        max_keys: 1,
    };
    Terms::new(&plan, false, Revision::default())
}

fn granted(answer: Answer) -> Grant {
    let Answer::Granted(grant) = answer else {
        panic!("overtaken")
    };
    *grant
}

#[tokio::test]
async fn production_calls_go_by_the_clock_of_redis() {
    let store = Store::new(testing::settings(), Clock::system());
    let (mut connection, _) = testing_connection().await;
    let first = granted(store.grant(&ask(plan(1, 100), 1)).await.unwrap());
    let (seconds, _): (u64, u64) = redis::cmd("TIME")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert!(first.now.abs_diff(seconds * 1000) < 5_000);
    assert_eq!((first.amount.key, first.key.tokens), (10, 90));
    let again = granted(store.grant(&ask(plan(1, 100), 1)).await.unwrap());
    assert_eq!(again.amount, first.amount);
    assert!(again.key.tokens <= 91, "a call that came twice debits once");
    let beat = store.beat("boot_1", "c", false).await.unwrap();
    assert!(beat.now.abs_diff(seconds * 1000) < 5_000);
}

async fn testing_connection() -> (redis::aio::MultiplexedConnection, String) {
    let settings = testing::settings();
    let client = redis::Client::open(settings.nodes[0].expose()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    (connection, settings.key_prefix)
}

#[tokio::test]
async fn a_bucket_is_kept_until_it_is_full_and_a_count_until_its_month_ends() {
    let settings = testing::settings();
    let prefix = settings.key_prefix.clone();
    let store = Store::new(settings, Clock::system());
    let (mut connection, _) = testing_connection().await;
    // Half an hour to fill.
    let slow = Ask {
        want: 1_800,
        ..ask(plan(1, 3_600), 1)
    };
    let grant = granted(store.grant(&slow).await.unwrap());
    assert_eq!(grant.amount.key, 1_800);
    let mut left = async |name: &str| -> i64 {
        let name = format!("{prefix}:{{acct_1}}:{name}");
        redis::cmd("PTTL")
            .arg(name)
            .query_async(&mut connection)
            .await
            .unwrap()
    };
    let key = left("lease:k:key_1").await;
    assert!((1_800_000..1_870_000).contains(&key), "{key}");
    let account = left("lease:a").await;
    let month = i64::try_from(grant.month.end - grant.now).unwrap();
    assert!(
        (0..80_000).contains(&(account - month - 3_600_000)),
        "{account}"
    );
    let fast = Ask {
        key: "key_2".into(),
        ..ask(plan(1_000, 10), 2)
    };
    store.grant(&fast).await.unwrap();
    let key = left("lease:k:key_2").await;
    assert!((600_000..670_000).contains(&key), "{key}");
}

#[tokio::test]
async fn records_of_nodes_that_are_long_silent_go_and_the_others_stay() {
    let settings = testing::settings();
    let prefix = settings.key_prefix.clone();
    let store = Store::new(settings, Clock::system());
    let (mut connection, _) = testing_connection().await;
    let begin = turn(0);
    for n in 0..40_u64 {
        let of_node = Ask {
            boot: format!("boot_{n}").into(),
            ..ask(plan(1_000, 1_000), n + 1)
        };
        let late = if n < 20 { 0 } else { 200_000 };
        store
            .grant_at(Some(begin + late + n), &of_node)
            .await
            .unwrap();
    }
    let new = Ask {
        boot: "boot_new".into(),
        ..ask(plan(1_000, 1_000), 99)
    };
    store.grant_at(Some(begin + 400_000), &new).await.unwrap();
    let name = format!("{prefix}:{{acct_1}}:lease:k:key_1");
    let fields: Vec<String> = redis::cmd("HKEYS")
        .arg(name)
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(fields.len(), 20 + 1 + 1, "{fields:?}");
    assert!(fields.contains(&"n:boot_20".to_owned()) && !fields.contains(&"n:boot_19".to_owned()));
}

#[tokio::test]
async fn nodes_are_live_as_long_as_they_say_so_and_the_newest_configuration_counts() {
    let store = Store::new(testing::settings(), Clock::system());
    let t = turn(0);
    let beat = async |ms: u64, boot: &str, config: &str, moved: bool| {
        let b = store
            .beat_at(Some(t + ms), boot, config, moved)
            .await
            .unwrap();
        (b.live, b.config)
    };
    assert_eq!(beat(0, "a", "old", false).await, (1, 1));
    assert_eq!(beat(0, "b", "old", false).await, (2, 1));
    assert_eq!(beat(0, "b", "new", true).await, (2, 2));
    assert_eq!(
        beat(0, "b", "new", true).await,
        (2, 2),
        "a beat that comes twice"
    );
    // One that starts again with the older file does not undo the newer one.
    assert_eq!(beat(0, "c", "old", false).await, (3, 1));
    assert_eq!(beat(4_000, "a", "new", true).await, (3, 2));
    assert_eq!(
        beat(5_001, "a", "new", false).await,
        (1, 2),
        "b and c are silent"
    );
    // Rolled back by a restart of all: nobody has the newer one.
    store.leave("a").await.unwrap();
    assert_eq!(beat(6_000, "d", "old", false).await, (1, 3));
    // Rolled back at a running node.
    assert_eq!(beat(6_000, "e", "new", false).await, (2, 2));
    assert_eq!(beat(6_000, "e", "new", true).await, (2, 4));
}

#[tokio::test]
async fn nothing_is_left_of_an_account_that_is_forgotten() {
    let settings = testing::settings();
    let prefix = settings.key_prefix.clone();
    let store = Store::new(settings, Clock::system());
    let (mut connection, _) = testing_connection().await;
    store.grant(&ask(plan(1, 100), 1)).await.unwrap();
    let keys: Vec<String> = vec!["key_1".into(), "key_2".into()];
    store.forget("acct_1", &keys).await.unwrap();
    let left: Vec<String> = redis::cmd("KEYS")
        .arg(format!("{prefix}:{{acct_1}}:*"))
        .query_async(&mut connection)
        .await
        .unwrap();
    assert!(left.is_empty(), "{left:?}");
    let grant = granted(store.grant(&ask(plan(1, 100), 2)).await.unwrap());
    assert_eq!(grant.key.tokens, 90, "a new bucket is full");
}

#[tokio::test]
async fn a_script_that_redis_forgot_is_sent_again() {
    let store = Store::new(testing::settings(), Clock::system());
    let (mut connection, _) = testing_connection().await;
    store.grant(&ask(plan(1, 100), 1)).await.unwrap();
    let _: () = redis::cmd("SCRIPT")
        .arg("FLUSH")
        .query_async(&mut connection)
        .await
        .unwrap();
    let grant = granted(store.grant(&ask(plan(1, 100), 2)).await.unwrap());
    assert_eq!(grant.amount.key, 10);
}

/// The store's handle is shared by all who call it.
#[test]
fn the_store_is_a_port_of_leases() {
    fn is_port<T: LeaseStore>() {}
    is_port::<Store>();
    is_port_object(Arc::new(Store::new(testing::settings(), Clock::system())));
}

fn is_port_object(_: Arc<dyn LeaseStore>) {}
