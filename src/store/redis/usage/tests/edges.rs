//! Numbers that reach their end, large batches, and more processes than are remembered.

use super::*;
use crate::base::ceilings::{USAGE_BATCH_ROWS, USAGE_MARKER_TIME, USAGE_MARKERS};
use crate::store::redis::usage::fields::MOST;
use crate::store::redis::usage::note_unnamed;
use crate::store::redis::usage::place::Slot;
use crate::usage::port::UsageInsight;

#[tokio::test]
async fn a_sum_stops_at_its_largest_number_and_others_go_on() {
    let store = fresh();
    let hour = at(0).hour_start();
    for sequence in 1..=3 {
        let keys = vec![
            key_row("a", "huge", hour, 2, u64::MAX),
            key_row("a", "huge", hour, 2, u64::MAX),
            key_row("a", "small", hour, 4, 2),
        ];
        let routes = vec![
            route_row("a", "huge", "/v1/huge", hour, MOST - 1),
            route_row("a", "small", "/v1/small", hour, 2),
        ];
        let batch = rows("boot", sequence, keys, routes);
        store.apply(&batch).await.unwrap();
    }
    let query = all_time(Some("a"), Some("huge"), Granularity::Hour);
    let huge = store.series(&query).await.unwrap();
    let p = &huge[0];
    assert_eq!((p.requests, p.bytes_in, p.bytes_out), (MOST, MOST, MOST));
    assert_eq!(p.upstream_ms, MOST / 1000);
    assert_eq!(requests(&store, Some("a"), Some("small")).await, 6);
    assert_eq!(requests(&store, Some("a"), None).await, MOST + 6);
    let (used, _) = store.used("a", hour, hour.month_start()).await.unwrap();
    assert_eq!(used, MOST + 6);
    let (from, to) = (hour, hour.plus(DAY));
    let callers = store.callers("/v1/huge", from, to, 9).await.unwrap();
    assert_eq!(callers[0].requests, MOST);
    let endpoints = store.endpoints(None, from, to, 9).await.unwrap();
    let found: Vec<_> = endpoints.iter().map(|e| e.requests).collect();
    assert_eq!(found, [MOST, 6]);
}

/// A full batch of as many accounts: a row of each kind for every one.
fn full_batch(sequence: u64, accounts: usize) -> UsageBatch {
    let hour = at(0).hour_start();
    let of = |i: usize| (format!("acct_{}", i % accounts), format!("key_{i}"));
    let half = USAGE_BATCH_ROWS / 2;
    let keys = (0..half).map(|i| key_row(&of(i).0, &of(i).1, hour, 2, 1));
    let routes = (0..half).map(|i| route_row(&of(i).0, &of(i).1, "/v1/x", hour, 1));
    rows("boot", sequence, keys.collect(), routes.collect())
}

#[tokio::test]
async fn a_full_batch_of_few_or_many_accounts_counts_once() {
    for accounts in [1, 3_000] {
        let store = fresh();
        let batch = full_batch(1, accounts);
        // Broken off in the middle of it, wherever that is.
        let calls = if accounts == 1 { 40 } else { 1_500 };
        assert!(apply(&store, &batch, breaks_after(calls)).await.is_err());
        store.apply(&batch).await.unwrap();
        let all = USAGE_BATCH_ROWS as u64 / 2;
        assert_eq!(requests(&store, None, None).await, all);
        let one = all.div_ceil(accounts as u64);
        assert_eq!(requests(&store, Some("acct_0"), None).await, one);
        assert_eq!(requests(&store, Some("acct_0"), Some("key_0")).await, 1);
        let (from, to) = (at(0).day_start(), at(0).plus(DAY));
        let callers = store.callers("/v1/x", from, to, u32::MAX).await.unwrap();
        assert_eq!(callers.len() as u64, all);
        assert!(callers.iter().all(|c| c.requests == 1));
    }
}

#[tokio::test]
async fn no_more_processes_are_remembered_than_allowed_and_those_seen_last() {
    let store = fresh();
    let slot = Slot::Account("a");
    let name = slot.markers(&store.names);
    let hour = at(0).hour_start();
    let batch = |boot: &str| rows(boot, 1, vec![key_row("a", "k", hour, 2, 1)], vec![]);
    let now: Vec<String> = ask(&store, &["TIME"]).await;
    let now: i64 = now[0].parse().unwrap();
    let long_ago = now - i64::try_from(USAGE_MARKER_TIME.as_secs()).unwrap() - 2 * 86_400;
    let first = store.apply(&batch("boot_first")).await;
    first.unwrap();
    // One that was seen a while ago, one out of its time, and as many others as there may be.
    for (boot, second) in [("boot_old", now - 3_600), ("boot_gone", long_ago)] {
        let _: i64 = ask(&store, &["HSET", &name, boot, &format!("1 0 {second}")]).await;
    }
    for n in 3..USAGE_MARKERS {
        let (boot, text) = (format!("boot_{n}"), format!("1 0 {now}"));
        let _: i64 = ask(&store, &["HSET", &name, &boot, &text]).await;
    }
    let has = |boot: &'static str| {
        let (store, name) = (&store, name.as_str());
        async move { ask::<bool>(store, &["HEXISTS", name, boot]).await }
    };
    store.apply(&batch("boot_new")).await.unwrap();
    assert!(!has("boot_gone").await && has("boot_old").await);
    store.apply(&batch("boot_newer")).await.unwrap();
    assert!(!has("boot_old").await, "the oldest makes room");
    assert!(has("boot_first").await && has("boot_newer").await);
    let count: usize = ask(&store, &["HLEN", &name]).await;
    assert_eq!(count, USAGE_MARKERS);
    // Who is remembered counts once, who was forgotten anew.
    for boot in ["boot_first", "boot_newer"] {
        store.apply(&batch(boot)).await.unwrap();
    }
    assert_eq!(requests(&store, Some("a"), None).await, 3);
}

#[tokio::test]
async fn endpoints_are_found_among_the_sums_of_thousands_of_keys() {
    let store = fresh();
    let hour = at(0).hour_start();
    let keys = (0..7_000).map(|n| key_row("a", &format!("key_{n}"), hour, 2, 1));
    let routes = ["/v1/x", "/v1/{y}:z", "/v1/!"].map(|r| route_row("a", "key_0", r, hour, 5));
    let batch = rows("boot", 1, keys.collect(), routes.to_vec());
    store.apply(&batch).await.unwrap();
    let is_all_there = async || {
        for (from, to) in [
            (at(0).day_start(), at(0).plus(DAY).day_start()),
            (hour, at(1)),
        ] {
            let found = store.endpoints(Some("a"), from, to, 99).await.unwrap();
            let found: Vec<_> = found.iter().map(|e| (&*e.route, e.requests)).collect();
            assert_eq!(found, [("/v1/!", 5), ("/v1/x", 5), ("/v1/{y}:z", 5)]);
            let who = ("a", "key_0");
            let of_key = store.key_routes(who.0, who.1, (from, to), 2).await;
            let of_key: Vec<_> = of_key
                .unwrap()
                .into_iter()
                .map(|r| (r.route, r.requests))
                .collect();
            assert_eq!(of_key, [("/v1/!".to_owned(), 5), ("/v1/x".to_owned(), 5)]);
        }
    };
    is_all_there().await;
    // What an earlier layout counted has no names beside it.
    let month = at(0).month_start();
    let names = Slot::Account("a").endpoints(&store.names, month);
    assert_eq!(ask::<i64>(&store, &["HLEN", &names]).await, 3);
    let () = ask(&store, &["DEL", &names]).await;
    let note = note_unnamed(&store, at(0));
    assert!(store.link.run::<bool>(Patience::Calm, &note).await.unwrap());
    is_all_there().await;
    // The first who says so is right: a later start has not forgotten the months between.
    let note = note_unnamed(&store, at(0).plus(DAY * 40));
    assert!(!store.link.run::<bool>(Patience::Calm, &note).await.unwrap());
}
