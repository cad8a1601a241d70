//! When Redis forgets what, and what a wrong clock can do about it.

use super::*;
use crate::base::ceilings::{
    USAGE_HASH_LEAST, USAGE_HASH_MOST, USAGE_HOURS, USAGE_MARKER_TIME, USAGE_MONTHS,
};
use crate::store::redis::usage::place::{Slot, spot};
use crate::store::span::Span;

async fn second(store: &Store) -> i64 {
    let now: Vec<String> = ask(store, &["TIME"]).await;
    now[0].parse().unwrap()
}

/// Everything of the store by name, without what all names begin with, and how long it is still kept.
async fn kept(store: &Store) -> Vec<(String, i64)> {
    let prefix = store.names.spread("", "");
    let prefix = prefix.trim_end_matches(':');
    let names: Vec<String> = ask(store, &["KEYS", &format!("{prefix}:*")]).await;
    let mut found = Vec::new();
    // A new connection is tried with a name of its own, which ends at once.
    for name in names.into_iter().filter(|n| !n.ends_with("~probe")) {
        let seconds: i64 = ask(store, &["TTL", &name]).await;
        found.push((name[prefix.len() + 1..].to_owned(), seconds));
    }
    found
}

fn one_of_each(sequence: u64, hour: Timestamp) -> UsageBatch {
    let keys = vec![key_row("a", "k", hour, 2, 1)];
    rows(
        "boot",
        sequence,
        keys,
        vec![route_row("a", "k", "/v1/x", hour, 1)],
    )
}

#[tokio::test]
async fn everything_has_an_end_that_is_not_before_its_retention_and_soon_after() {
    let store = fresh();
    let now = Timestamp::from_secs(second(&store).await);
    store
        .apply(&one_of_each(1, now.hour_start()))
        .await
        .unwrap();
    let mut end_of_days = now.month_start();
    for _ in 0..=USAGE_MONTHS {
        end_of_days = end_of_days.next_month_start();
    }
    let days = end_of_days.since(now).as_secs() as i64;
    let hours = USAGE_HOURS.as_secs() as i64;
    let markers = USAGE_MARKER_TIME.as_secs() as i64;
    let (hour, day) = (3_600, 86_400);
    let all = kept(&store).await;
    // Sums by hour and by day of two slots, callers by both, the months and the endpoints of two, keys and their totals by
    // day and month, and two markers.
    assert_eq!(all.len(), 15, "{all:?}");
    for (name, seconds) in all {
        let name = name.split_once("}:usage:").unwrap().1;
        let (least, most) = match name.split(':').next().unwrap() {
            "h" | "hc" => (hours - hour, hours + 6 * hour),
            "d" | "dc" | "kd" => (days, days + 60 * day),
            "keys" | "km" | "em" | "months" => (days, days + 120 * day),
            "marker" => (markers, markers + day),
            other => panic!("{other}"),
        };
        assert!(seconds >= least && seconds <= most, "{name}: {seconds}");
    }
}

#[tokio::test]
async fn what_is_written_late_or_for_the_future_is_kept_within_bounds() {
    let (least, most) = (USAGE_HASH_LEAST.as_secs(), USAGE_HASH_MOST.as_secs());
    for hour in [0, 250_000_000_000].map(|s| Timestamp::from_secs(s).hour_start()) {
        let store = fresh();
        store.apply(&one_of_each(1, hour)).await.unwrap();
        let query = all_time(Some("a"), Some("k"), Granularity::Hour);
        assert_eq!(store.series(&query).await.unwrap()[0].start, hour);
        for (name, seconds) in kept(&store).await {
            let is_sum = !name.contains("marker");
            let seconds = u64::try_from(seconds).unwrap();
            assert!(!is_sum || seconds + 60 >= least, "{name}: {seconds}");
            assert!(seconds <= most, "{name}: {seconds}");
        }
    }
}

#[tokio::test]
async fn each_new_hour_is_given_its_own_end_and_an_old_one_keeps_its() {
    let store = fresh();
    let now = Timestamp::from_secs(second(&store).await).hour_start();
    store.apply(&one_of_each(1, now)).await.unwrap();
    let name = |hour: Timestamp| {
        let spot = spot(Span::Hour, hour, hour.month_start());
        Slot::Account("a").sums(&store.names, Span::Hour, spot.chunk)
    };
    let first: i64 = ask(&store, &["EXPIRETIME", &name(now)]).await;
    store.apply(&one_of_each(2, now)).await.unwrap();
    assert_eq!(ask::<i64>(&store, &["EXPIRETIME", &name(now)]).await, first);
    let next = now.plus(std::time::Duration::from_secs(6 * 3600));
    store.apply(&one_of_each(3, next)).await.unwrap();
    let second: i64 = ask(&store, &["EXPIRETIME", &name(next)]).await;
    assert_eq!(second, first + 6 * 3600);
}

#[tokio::test]
async fn the_last_call_says_what_is_shown() {
    let store = fresh();
    let hour = at(0).hour_start();
    let next = hour.plus(std::time::Duration::from_secs(3600));
    store.apply(&one_of_each(1, hour)).await.unwrap();
    store.apply(&one_of_each(2, next)).await.unwrap();
    let shown = || async {
        let query = all_time(Some("a"), None, Granularity::Hour);
        store.series(&query).await.unwrap().len()
    };
    store.prune(next, hour.day_start()).await.unwrap();
    assert_eq!(shown().await, 1);
    // Of a node whose clock is years ahead, and then of one whose clock is right.
    store
        .prune(at(1_000_000_000), at(1_000_000_000))
        .await
        .unwrap();
    assert_eq!(shown().await, 0);
    store.prune(hour, hour.day_start()).await.unwrap();
    assert_eq!(shown().await, 2);
}
