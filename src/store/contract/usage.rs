//! What usage may expect of a store; never how requests are counted.

use std::collections::BTreeMap;

use super::accounts::{begin_erasure, erase};
use super::keys::{key, make};
use super::{NOON, Stores, at};
use crate::base::clock::{HOUR_MS, Timestamp};
use crate::usage::model::{
    Counts, EndpointUsage, Granularity, KeyUsageRow, RouteCaller, RouteUsageRow, UsageBatch,
    UsagePoint,
};
use crate::usage::port::SeriesQuery;

/// The UTC hour `n` hours after noon.
pub(in crate::store) fn hour(n: i64) -> Timestamp {
    Timestamp::from_millis(NOON + n * HOUR_MS)
}

pub(in crate::store) fn row(
    account: &str,
    key: &str,
    hour: Timestamp,
    class: u8,
    requests: u64,
) -> KeyUsageRow {
    KeyUsageRow {
        account_id: account.to_owned(),
        key_id: key.to_owned(),
        hour,
        class,
        counts: Counts {
            requests,
            bytes_in: requests * 10,
            bytes_out: requests * 100,
            upstream_us: requests * 700,
        },
    }
}

pub(in crate::store) fn route(
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
        errors: requests / 2,
        last_at: Timestamp::from_millis(hour.millis() + i64::try_from(requests).unwrap()),
    }
}

fn batch(sequence: u64, keys: Vec<KeyUsageRow>, routes: Vec<RouteUsageRow>) -> UsageBatch {
    UsageBatch {
        boot_id: "boot".to_owned(),
        sequence,
        keys,
        routes,
        rejections: Vec::new(),
    }
}

async fn used(s: &Stores, account: &str, now: Timestamp) -> (u64, u64) {
    s.usage
        .used(account, now.hour_start(), now.month_start())
        .await
        .unwrap()
}

fn query(account: Option<&str>, key: Option<&str>, granularity: Granularity) -> SeriesQuery {
    SeriesQuery {
        account_id: account.map(str::to_owned),
        key_id: key.map(str::to_owned),
        from: hour(-24 * 40),
        to: hour(24 * 40),
        granularity,
    }
}

async fn requests(s: &Stores, query: SeriesQuery) -> Vec<(Timestamp, u64)> {
    let points = s.usage.series(&query).await.unwrap();
    points.into_iter().map(|p| (p.start, p.requests)).collect()
}

pub(crate) async fn a_batch_counts_once_however_often_it_comes(s: &Stores) {
    let one = batch(1, vec![row("a", "k", hour(0), 2, 3)], vec![]);
    for _ in 0..3 {
        s.usage.apply(&one).await.unwrap();
    }
    assert_eq!(used(s, "a", hour(0)).await, (3, 3));
    let two = batch(2, vec![row("a", "k", hour(0), 2, 4)], vec![]);
    s.usage.apply(&two).await.unwrap();
    s.usage.apply(&one).await.unwrap();
    assert_eq!(used(s, "a", hour(0)).await, (7, 7));
    let other_boot = UsageBatch {
        boot_id: "another".to_owned(),
        ..one
    };
    s.usage.apply(&other_boot).await.unwrap();
    assert_eq!(used(s, "a", hour(0)).await, (10, 10));
}

pub(crate) async fn a_large_batch_counts_once_as_well(s: &Stores) {
    let keys: Vec<_> = (0..1_500)
        .map(|i| row("a", &format!("key_{i}"), hour(0), 2, 1))
        .collect();
    let routes: Vec<_> = (0..700)
        .map(|i| route("a", &format!("key_{i}"), "/v1/x", hour(0), 2))
        .collect();
    let one = batch(1, keys, routes);
    for _ in 0..2 {
        s.usage.apply(&one).await.unwrap();
    }
    assert_eq!(used(s, "a", hour(0)).await, (1_500, 1_500));
    let all = requests(s, query(Some("a"), None, Granularity::Hour)).await;
    assert_eq!(all, [(hour(0), 1_500)]);
    let top = s.usage.endpoints(None, hour(0), hour(1), 9).await.unwrap();
    assert_eq!(top[0].requests, 1_400);
    let who = s.usage.callers("/v1/x", hour(0), hour(1), 1_000).await;
    assert_eq!(who.unwrap().len(), 700);
}

pub(crate) async fn used_counts_what_was_sent_upstream_in_this_hour_and_month(s: &Stores) {
    let next_month = hour(0).next_month_start();
    let rows = vec![
        row("a", "k1", hour(0), 2, 1),
        row("a", "k2", hour(0), 5, 2),
        row("a", "k1", hour(0), 0, 50),
        row("a", "k1", hour(1), 4, 4),
        row("a", "k1", next_month, 2, 8),
        row("b", "k3", hour(0), 2, 16),
    ];
    s.usage.apply(&batch(1, rows, vec![])).await.unwrap();
    assert_eq!(used(s, "a", hour(0)).await, (3, 7));
    assert_eq!(used(s, "a", hour(1)).await, (4, 7));
    assert_eq!(used(s, "a", next_month).await, (8, 8));
    assert_eq!(used(s, "nobody", hour(0)).await, (0, 0));
}

pub(crate) async fn a_series_has_points_by_hour_day_and_month(s: &Stores) {
    let next_month = hour(0).next_month_start();
    let rows = vec![
        row("a", "k", hour(0), 2, 1),
        row("a", "k", hour(2), 2, 2),
        row("a", "k", hour(24), 2, 4),
        row("a", "k", next_month, 2, 8),
    ];
    s.usage.apply(&batch(1, rows, vec![])).await.unwrap();
    let by = |g| requests(s, query(Some("a"), None, g));
    assert_eq!(
        by(Granularity::Hour).await,
        [(hour(0), 1), (hour(2), 2), (hour(24), 4), (next_month, 8)]
    );
    let (day, next_day) = (hour(0).day_start(), hour(24).day_start());
    assert_eq!(
        by(Granularity::Day).await,
        [(day, 3), (next_day, 4), (next_month, 8)]
    );
    assert_eq!(
        by(Granularity::Month).await,
        [(day.month_start(), 7), (next_month, 8)]
    );
    let part = SeriesQuery {
        from: hour(2),
        to: hour(24),
        ..query(Some("a"), None, Granularity::Hour)
    };
    assert_eq!(requests(s, part).await, [(hour(2), 2)]);
}

pub(crate) async fn a_point_tells_classes_and_refusals_apart(s: &Stores) {
    let rows = vec![
        row("a", "k", hour(0), 0, 5),
        row("a", "k", hour(0), 2, 3),
        row("a", "k", hour(0), 4, 2),
        row("a", "k", hour(1), 0, 1),
    ];
    s.usage.apply(&batch(1, rows, vec![])).await.unwrap();
    let points = s
        .usage
        .series(&query(Some("a"), None, Granularity::Hour))
        .await
        .unwrap();
    let expected = UsagePoint {
        start: hour(0),
        requests: 5,
        rejected: 5,
        by_status: BTreeMap::from([("2xx".to_owned(), 3), ("4xx".to_owned(), 2)]),
        bytes_in: 100,
        bytes_out: 1_000,
        upstream_ms: 7,
    };
    assert_eq!(points[0], expected);
    assert_eq!((points[1].requests, points[1].rejected), (0, 1));
    assert_eq!(points.len(), 2);
}

pub(crate) async fn a_series_is_of_a_key_an_account_or_all(s: &Stores) {
    let k = key("a", 1);
    make(s, &k).await;
    let rows = vec![
        row("a", &k.id, hour(0), 2, 1),
        row("a", "key_other", hour(0), 2, 2),
        row("b", "key_of_b", hour(0), 2, 4),
    ];
    s.usage.apply(&batch(1, rows, vec![])).await.unwrap();
    for (account, key, expected) in [
        (Some("a"), None, 3),
        (Some("a"), Some(k.id.as_str()), 1),
        (None, Some(k.id.as_str()), 1),
        (None, None, 7),
    ] {
        let got = requests(s, query(account, key, Granularity::Day)).await;
        assert_eq!(got, [(hour(0).day_start(), expected)]);
    }
    let none = query(Some("b"), Some(&k.id), Granularity::Day);
    assert!(requests(s, none).await.is_empty());
    let unknown = query(None, Some("key_none"), Granularity::Day);
    assert!(requests(s, unknown).await.is_empty());
}

pub(crate) async fn the_most_called_endpoints_come_first(s: &Stores) {
    let routes = vec![
        route("a", "k", "/v1/x", hour(0), 2),
        route("a", "k", "/v1/y", hour(0), 4),
        route("a", "k2", "/v1/x", hour(30), 8),
        route("b", "k3", "/v1/z", hour(80), 16),
    ];
    s.usage.apply(&batch(1, vec![], routes)).await.unwrap();
    let top = |account, from, to, limit| async move {
        let top = s.usage.endpoints(account, from, to, limit).await.unwrap();
        top.into_iter()
            .map(|e| (e.route, e.requests))
            .collect::<Vec<_>>()
    };
    let named = |list: &[(&str, u64)]| {
        list.iter()
            .map(|(r, n)| ((*r).to_owned(), *n))
            .collect::<Vec<_>>()
    };
    let all = named(&[("/v1/z", 16), ("/v1/x", 10), ("/v1/y", 4)]);
    assert_eq!(top(None, hour(0), hour(99), 9).await, all);
    assert_eq!(top(None, hour(0), hour(99), 2).await, all[..2]);
    assert_eq!(top(Some("a"), hour(0), hour(99), 9).await, all[1..]);
    let early = named(&[("/v1/y", 4), ("/v1/x", 2)]);
    assert_eq!(top(Some("a"), hour(0), hour(30), 9).await, early);
    let late = named(&[("/v1/x", 8)]);
    assert_eq!(top(Some("a"), hour(1), hour(31), 9).await, late);
    let one = s.usage.endpoints(Some("b"), hour(80), hour(81), 9).await;
    assert_eq!(
        one.unwrap(),
        [EndpointUsage {
            method: "GET".to_owned(),
            route: "/v1/z".to_owned(),
            requests: 16,
            errors: 8,
        }]
    );
}

pub(crate) async fn callers_of_a_route_are_named_most_requests_first(s: &Stores) {
    let post = RouteUsageRow {
        method: "POST".to_owned(),
        ..route("a", "k1", "/v1/x", hour(1), 3)
    };
    let routes = vec![
        route("a", "k1", "/v1/x", hour(0), 2),
        post,
        route("b", "k2", "/v1/x", hour(40), 9),
        route("b", "k2", "/v1/y", hour(0), 99),
    ];
    s.usage.apply(&batch(1, vec![], routes)).await.unwrap();
    let caller = |account: &str, key: &str, requests, last_at: i64| RouteCaller {
        account_id: account.to_owned(),
        key_id: key.to_owned(),
        requests,
        last_at: Timestamp::from_millis(last_at),
    };
    let a = caller("a", "k1", 5, hour(1).millis() + 3);
    let b = caller("b", "k2", 9, hour(40).millis() + 9);
    let who = |from, to, limit| s.usage.callers("/v1/x", from, to, limit);
    let all = who(hour(-99), hour(99), 9).await.unwrap();
    assert_eq!(all, [b.clone(), a.clone()]);
    assert_eq!(who(hour(-99), hour(99), 1).await.unwrap(), [b]);
    assert_eq!(who(hour(0), hour(40), 9).await.unwrap(), [a]);
    assert!(who(hour(2), hour(40), 9).await.unwrap().is_empty());
}

pub(crate) async fn old_hours_and_days_are_pruned_each_in_their_time(s: &Stores) {
    let rows = vec![row("a", "k", hour(-48), 2, 1), row("a", "k", hour(0), 2, 2)];
    let routes = vec![
        route("a", "k", "/v1/x", hour(-48), 1),
        route("a", "k", "/v1/x", hour(0), 2),
    ];
    s.usage
        .apply(&batch(1, rows.clone(), routes))
        .await
        .unwrap();
    s.usage.prune(hour(0), hour(-96)).await.unwrap();
    let by = |g| requests(s, query(Some("a"), None, g));
    assert_eq!(by(Granularity::Hour).await, [(hour(0), 2)]);
    let (old, new) = (hour(-48).day_start(), hour(0).day_start());
    assert_eq!(by(Granularity::Day).await, [(old, 1), (new, 2)]);
    assert_eq!(used(s, "a", hour(0)).await, (2, 3));
    // Whole days are still told of routes and of who called them; single hours are not.
    let old_hours = (hour(-48), hour(-47));
    for ((from, to), requests) in [((hour(-99), hour(99)), 3), (old_hours, 0)] {
        let callers = s.usage.callers("/v1/x", from, to, 9).await.unwrap();
        let told = callers.iter().map(|c| c.requests).sum::<u64>();
        assert_eq!(told, requests, "callers from {from}");
        for account in [None, Some("a")] {
            let top = s.usage.endpoints(account, from, to, 9).await.unwrap();
            let told = top.iter().map(|e| e.requests).sum::<u64>();
            assert_eq!(told, requests, "routes of {account:?} from {from}");
        }
    }
    s.usage.prune(hour(0), new).await.unwrap();
    assert_eq!(by(Granularity::Day).await, [(new, 2)]);
    let who = s.usage.callers("/v1/x", hour(-99), hour(99), 9).await;
    assert_eq!(who.unwrap()[0].requests, 2);
    let top = s.usage.endpoints(None, hour(-99), hour(99), 9).await;
    assert_eq!(top.unwrap()[0].requests, 2);
    // A batch that comes again after all that still counts once.
    s.usage.apply(&batch(1, rows, vec![])).await.unwrap();
    assert_eq!(used(s, "a", hour(0)).await, (2, 3));
}

pub(crate) async fn an_erasure_takes_usage_and_what_comes_late(s: &Stores) {
    make(s, &key("a", 1)).await;
    let keys: Vec<_> = (0..600)
        .flat_map(|i| {
            let id = format!("key_{i}");
            [row("a", &id, hour(0), 2, 1), row("a", &id, hour(30), 0, 1)]
        })
        .chain([row("b", "k", hour(0), 2, 5)])
        .collect();
    let routes: Vec<_> = (0..300)
        .map(|i| route("a", &format!("key_{i}"), "/v1/x", hour(0), 1))
        .chain([route("b", "k", "/v1/x", hour(0), 5)])
        .collect();
    s.usage.apply(&batch(1, keys, routes)).await.unwrap();
    begin_erasure(s, "a").await;
    erase(s, "a").await;
    let late = batch(
        2,
        vec![row("a", "k", hour(0), 2, 1)],
        vec![route("a", "k", "/v1/x", hour(0), 1)],
    );
    s.usage.apply(&late).await.unwrap();
    assert_eq!(used(s, "a", hour(0)).await, (0, 0));
    for g in [Granularity::Hour, Granularity::Day] {
        assert!(requests(s, query(Some("a"), None, g)).await.is_empty());
        let one = query(Some("a"), Some("key_1"), g);
        assert!(requests(s, one).await.is_empty());
    }
    let top = s.usage.endpoints(Some("a"), hour(-99), hour(99), 9).await;
    assert!(top.unwrap().is_empty());
    let who = s.usage.callers("/v1/x", hour(-99), hour(99), 999).await;
    let who = who.unwrap();
    assert_eq!(who.len(), 1);
    assert_eq!(who[0].account_id, "b");
    assert_eq!(used(s, "b", at(0)).await, (5, 5));
}
