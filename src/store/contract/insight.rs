//! What an account may learn of its usage beside the series: why requests were refused, and which keys are busiest; never how requests are counted.

use super::accounts::{begin_erasure, erase};
use super::keys::{key, make};
use super::usage::{hour, route, row};
use super::{NOON, Stores};
use crate::base::clock::{DAY_MS, Timestamp};
use crate::usage::model::{
    Granularity, KeyTotals, KeyUsageRow, RejectionRow, RouteUsageRow, UsageBatch,
};
use crate::usage::port::SeriesQuery;

/// The day that is `n` days after that of noon, at midnight.
fn day(n: i64) -> Timestamp {
    Timestamp::from_millis(NOON + n * DAY_MS).day_start()
}

fn refused(account: &str, hour: Timestamp, code: &str, requests: u64) -> RejectionRow {
    RejectionRow {
        account_id: account.to_owned(),
        hour,
        code: code.to_owned(),
        requests,
    }
}

fn batch(sequence: u64, keys: Vec<KeyUsageRow>, rejections: Vec<RejectionRow>) -> UsageBatch {
    UsageBatch {
        boot_id: "boot".to_owned(),
        sequence,
        keys,
        routes: Vec::new(),
        rejections,
    }
}

async fn apply(s: &Stores, sequence: u64, keys: Vec<KeyUsageRow>, refused: Vec<RejectionRow>) {
    s.usage
        .apply(&batch(sequence, keys, refused))
        .await
        .unwrap();
}

async fn reasons(s: &Stores, account: &str, from: Timestamp, to: Timestamp) -> Vec<(String, u64)> {
    let found = s.usage.rejections(account, from, to).await.unwrap();
    found.into_iter().map(|r| (r.code, r.requests)).collect()
}

fn code(code: &str, requests: u64) -> (String, u64) {
    (code.to_owned(), requests)
}

async fn busiest(
    s: &Stores,
    account: &str,
    range: (Timestamp, Timestamp),
    by: Granularity,
    limit: u32,
) -> Vec<(String, [u64; 3])> {
    let found = s.usage.busiest_keys(account, range, by, limit).await;
    let numbers = |k: KeyTotals| (k.key_id, [k.requests, k.errors, k.rejected]);
    found.unwrap().into_iter().map(numbers).collect()
}

fn total(key: &str, numbers: [u64; 3]) -> (String, [u64; 3]) {
    (key.to_owned(), numbers)
}

pub(crate) async fn refusals_are_told_apart_by_code(s: &Stores) {
    let rows = vec![
        refused("a", hour(0), "rate_limited", 3),
        refused("a", hour(0), "quota_exceeded", 9),
        refused("a", hour(0), "rate_limited", 2),
        refused("a", hour(1), "client_left", 1),
        refused("a", hour(24), "insufficient_scope", 4),
        refused("b", hour(0), "other", 7),
    ];
    apply(s, 1, vec![], rows).await;
    let all = [
        code("quota_exceeded", 9),
        code("rate_limited", 5),
        code("insufficient_scope", 4),
        code("client_left", 1),
    ];
    // By the hour, by the day and both.
    assert_eq!(reasons(s, "a", hour(-1), hour(25)).await, all);
    assert_eq!(reasons(s, "a", day(0), day(2)).await, all);
    assert_eq!(reasons(s, "a", day(-400), hour(30)).await, all);
    assert_eq!(reasons(s, "a", hour(0), hour(1)).await, all[..2]);
    assert_eq!(reasons(s, "a", hour(1), hour(2)).await, all[3..]);
    assert!(reasons(s, "a", hour(2), hour(24)).await.is_empty());
    assert!(reasons(s, "a", hour(0), hour(0)).await.is_empty());
    assert_eq!(reasons(s, "b", day(0), day(1)).await, [code("other", 7)]);
    assert!(reasons(s, "nobody", day(0), day(1)).await.is_empty());
}

pub(crate) async fn a_batch_with_refusals_counts_once(s: &Stores) {
    let keys: Vec<_> = (0..700)
        .map(|i| row("a", &format!("key_{i}"), hour(0), 0, 2))
        .collect();
    let rows = |n: usize| -> Vec<_> {
        let codes = ["rate_limited", "quota_exceeded"];
        (0..n)
            .map(|i| refused("a", hour(0), codes[i % 2], 1))
            .collect()
    };
    for _ in 0..3 {
        apply(s, 1, keys.clone(), rows(1_400)).await;
    }
    let both = |n| [code("quota_exceeded", n), code("rate_limited", n)];
    assert_eq!(reasons(s, "a", day(0), day(1)).await, both(700));
    // Refusals alone are a batch as well, and one that comes late is none.
    apply(s, 2, vec![], rows(2)).await;
    apply(s, 1, keys, rows(1_400)).await;
    assert_eq!(reasons(s, "a", day(0), day(1)).await, both(701));
    let by = Granularity::Day;
    let found = busiest(s, "a", (day(0), day(1)), by, 1).await;
    assert_eq!(found, [total("key_0", [0, 0, 2])]);
}

pub(crate) async fn the_busiest_keys_come_first_by_day_and_month(s: &Stores) {
    let keys = vec![
        row("a", "key_1", hour(0), 2, 10),
        row("a", "key_1", hour(1), 4, 3),
        row("a", "key_1", hour(1), 5, 2),
        row("a", "key_1", hour(1), 0, 1),
        row("a", "key_2", hour(0), 1, 4),
        row("a", "key_2", hour(0), 3, 4),
        row("a", "key_2", hour(24), 2, 100),
        row("a", "key_3", hour(0), 0, 5),
        row("a", "key_4", hour(0), 0, 6),
        row("b", "key_5", hour(0), 2, 1_000),
        // The first day of the next month.
        row("a", "key_6", day(14), 2, 50),
    ];
    apply(s, 1, keys, vec![]).await;
    let first_day = [
        total("key_1", [15, 5, 1]),
        total("key_2", [8, 0, 0]),
        total("key_4", [0, 0, 6]),
        total("key_3", [0, 0, 5]),
    ];
    for by in [Granularity::Hour, Granularity::Day] {
        // Days that a range touches are whole.
        let range = (hour(3), hour(4));
        assert_eq!(busiest(s, "a", range, by, 9).await, first_day);
        assert_eq!(busiest(s, "a", range, by, 2).await, first_day[..2]);
        let two = busiest(s, "a", (hour(3), hour(25)), by, 2).await;
        assert_eq!(two[0], total("key_2", [108, 0, 0]));
        assert!(busiest(s, "a", (day(2), day(14)), by, 9).await.is_empty());
    }
    let by = Granularity::Month;
    let (this, next) = (day(0).month_start(), day(14));
    assert_eq!(next, this.next_month_start());
    let found = busiest(s, "a", (hour(0), next), by, 2).await;
    assert_eq!(found, [total("key_2", [108, 0, 0]), first_day[0].clone()]);
    let found = busiest(s, "a", (hour(0), hour(24 * 14)), by, 9).await;
    assert_eq!(found[1], total("key_6", [50, 0, 0]));
    assert_eq!(found.len(), 5);
    let found = busiest(s, "a", (next, next.next_month_start()), by, 9).await;
    assert_eq!(found, [total("key_6", [50, 0, 0])]);
    let of_b = busiest(s, "b", (hour(0), hour(1)), by, 9).await;
    assert_eq!(of_b, [total("key_5", [1_000, 0, 0])]);
    assert!(
        busiest(s, "nobody", (hour(0), next), by, 9)
            .await
            .is_empty()
    );
}

pub(crate) async fn totals_by_key_equal_the_series(s: &Stores) {
    for n in 0..40_i64 {
        let hour = hour(n * 19);
        let keys = (0..6).map(|class| {
            let key = format!("key_{}", (n + i64::from(class)) % 7);
            row("a", &key, hour, class, (n as u64 + 3) * 7)
        });
        apply(s, n as u64 + 1, keys.collect(), vec![]).await;
    }
    let range = (day(0).month_start(), day(35).month_start());
    for by in [Granularity::Day, Granularity::Month] {
        let totals = busiest(s, "a", range, by, 200).await;
        assert_eq!(totals.len(), 7);
        for (key, [requests, errors, rejected]) in totals {
            let query = SeriesQuery {
                account_id: Some("a".to_owned()),
                key_id: Some(key),
                from: range.0,
                to: range.1,
                granularity: by,
            };
            let points = s.usage.series(&query).await.unwrap();
            let failed = ["4xx", "5xx"].map(|class| {
                let of = points.iter().filter_map(|p| p.by_status.get(class));
                of.sum::<u64>()
            });
            let sums = [
                points.iter().map(|p| p.requests).sum::<u64>(),
                failed.iter().sum(),
                points.iter().map(|p| p.rejected).sum(),
            ];
            assert_eq!(sums, [requests, errors, rejected]);
        }
    }
}

pub(crate) async fn routes_of_a_key_are_its_own_most_called_first(s: &Stores) {
    let called = |key: &str, path: &str, method: &str, hour, requests| RouteUsageRow {
        method: method.to_owned(),
        ..route("a", key, path, hour, requests)
    };
    let of_b = route("b", "key_1", "/v1/z", hour(0), 99);
    let routes = vec![
        called("key_1", "/v1/x", "GET", hour(0), 2),
        called("key_1", "/v1/x", "POST", hour(0), 3),
        called("key_1", "/v1/y", "GET", hour(0), 5),
        called("key_1", "/v1/y", "GET", hour(30), 7),
        called("key_1", "/v1/w", "GET", day(40), 1),
        called("key_2", "/v1/x", "GET", hour(0), 50),
        called("key_2", "/v1/v", "GET", hour(0), 50),
        of_b,
    ];
    // Rows by key come with those by route, as they are counted.
    let keys = routes
        .iter()
        .map(|r| row(&r.account_id, &r.key_id, r.hour, 2, r.requests))
        .collect();
    let both = UsageBatch {
        routes,
        ..batch(1, keys, vec![])
    };
    s.usage.apply(&both).await.unwrap();
    let told = async |account: &str, key: &str, range, limit| -> Vec<(String, u64)> {
        let found = s.usage.key_routes(account, key, range, limit).await;
        let found = found.unwrap().into_iter();
        found.map(|r| (r.route, r.requests)).collect()
    };
    let of = |route: &str, n| (route.to_owned(), n);
    let all = [of("/v1/y", 12), of("/v1/x", 5)];
    // By the hour, by the day and both.
    assert_eq!(told("a", "key_1", (hour(0), hour(31)), 9).await, all);
    assert_eq!(told("a", "key_1", (day(0), day(2)), 9).await, all);
    assert_eq!(told("a", "key_1", (day(-400), hour(31)), 9).await, all);
    assert_eq!(told("a", "key_1", (day(0), day(2)), 1).await, all[..1]);
    let tied = told("a", "key_1", (hour(0), hour(1)), 9).await;
    assert_eq!(tied, [of("/v1/x", 5), of("/v1/y", 5)]);
    let later = told("a", "key_1", (day(30), day(50)), 9).await;
    assert_eq!(later, [of("/v1/w", 1)]);
    let other = told("a", "key_2", (day(0), day(2)), 9).await;
    assert_eq!(other, [of("/v1/v", 50), of("/v1/x", 50)]);
    for (account, key) in [("b", "key_2"), ("a", "key_3"), ("nobody", "key_1")] {
        assert_eq!(told(account, key, (day(0), day(50)), 9).await, []);
    }
}

pub(crate) async fn what_is_out_of_retention_is_not_told(s: &Stores) {
    let at = [hour(0), day(-2), day(-40)];
    let keys = at.map(|hour| row("a", "key_1", hour, 2, 1)).to_vec();
    let refusals = at.map(|hour| refused("a", hour, "rate_limited", 1));
    apply(s, 1, keys, refusals.to_vec()).await;
    s.usage.prune(hour(0), day(-30)).await.unwrap();
    let all = (day(-60), day(60));
    assert_eq!(
        reasons(s, "a", all.0, all.1).await,
        [code("rate_limited", 2)]
    );
    assert_eq!(
        reasons(s, "a", hour(-1), hour(1)).await,
        [code("rate_limited", 1)]
    );
    assert!(reasons(s, "a", day(-2), hour(-54)).await.is_empty());
    let found = busiest(s, "a", all, Granularity::Day, 9).await;
    assert_eq!(found, [total("key_1", [2, 0, 0])]);
    // A month goes when the first of its days does.
    let found = busiest(s, "a", all, Granularity::Month, 9).await;
    assert_eq!(found, [total("key_1", [3, 0, 0])]);
    s.usage.prune(hour(0), day(0).month_start()).await.unwrap();
    let found = busiest(s, "a", all, Granularity::Month, 9).await;
    assert_eq!(found, [total("key_1", [2, 0, 0])]);
}

pub(crate) async fn an_erasure_takes_refusals_and_totals_and_what_comes_late(s: &Stores) {
    make(s, &key("a", 1)).await;
    let keys = |account: &str| -> Vec<_> {
        (0..600)
            .map(|i| row(account, &format!("key_{i}"), hour(i % 48), 0, 1))
            .collect()
    };
    let refusals = |account: &str| -> Vec<_> {
        (0..48)
            .map(|i| refused(account, hour(i), "rate_limited", 1))
            .collect()
    };
    apply(s, 1, keys("a"), refusals("a")).await;
    apply(s, 2, keys("b"), refusals("b")).await;
    begin_erasure(s, "a").await;
    erase(s, "a").await;
    apply(s, 3, keys("a"), refusals("a")).await;
    let range = (day(0), day(4));
    assert!(reasons(s, "a", range.0, range.1).await.is_empty());
    for by in [Granularity::Day, Granularity::Month] {
        assert!(busiest(s, "a", range, by, 9).await.is_empty());
        assert_eq!(busiest(s, "b", range, by, 999).await.len(), 600);
    }
    let of_b = reasons(s, "b", range.0, range.1).await;
    assert_eq!(of_b, [code("rate_limited", 48)]);
}
