//! Random batches that break off at random points, come again and come late, against sums in memory.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::base::clock::HOUR_MS;
use crate::usage::model::{
    EndpointUsage, KeyTotals, RejectedBy, RejectionRow, RouteCaller, UsagePoint,
};
use crate::usage::port::UsageInsight;

/// Hours around the start of a month, from this one on.
const FIRST_HOUR: &str = "2026-11-30T18:00:00Z";
const ACCOUNT_IDS: [&str; 4] = ["acct_a", "acct_b", "acct_c", "acct_d"];
const KEY_IDS: [&str; 3] = ["key_1", "key_2", "key_3"];
const ROUTES: [&str; 2] = ["/v1/contacts/{id}", "/v1/deals"];

fn hour(n: i64) -> Timestamp {
    let first = Timestamp::parse(FIRST_HOUR).unwrap();
    Timestamp::from_millis(first.millis() + n * HOUR_MS)
}

/// What one process does with its next batch.
#[derive(Debug, Clone)]
struct Turn {
    boot: usize,
    keys: Vec<KeyUsageRow>,
    routes: Vec<RouteUsageRow>,
    /// How often its rows are repeated, so that some batches have several pieces in a slot.
    times: usize,
    /// After how many calls each attempt breaks off, before the last one.
    breaks: Vec<usize>,
    /// Whether its first batch comes late after that.
    late: bool,
}

fn turn() -> impl Strategy<Value = Turn> {
    let who = || (0..ACCOUNT_IDS.len(), 0..KEY_IDS.len(), 0..12_i64);
    let key = (who(), 0..6_u8, 1..1_000_u64).prop_map(|((a, k, h), class, n)| {
        let hour = hour(h);
        key_row(ACCOUNT_IDS[a], KEY_IDS[k], hour, class, n)
    });
    let route = (who(), 0..ROUTES.len(), 1..1_000_u64).prop_map(|((a, k, h), r, n)| {
        let mut row = route_row(ACCOUNT_IDS[a], KEY_IDS[k], ROUTES[r], hour(h), n);
        row.last_at = Timestamp::from_millis(row.hour.millis() + n as i64);
        row
    });
    (
        0..2_usize,
        prop::collection::vec(key, 0..12),
        prop::collection::vec(route, 0..12),
        prop_oneof![4 => Just(1_usize), 1 => Just(60_usize)],
        prop::collection::vec(0..14_usize, 0..3),
        prop::bool::weighted(0.3),
    )
        .prop_map(|(boot, keys, routes, times, breaks, late)| Turn {
            boot,
            keys,
            routes,
            times,
            breaks,
            late,
        })
}

/// All rows that were applied, summed when asked.
#[derive(Default)]
struct Model {
    keys: Vec<KeyUsageRow>,
    routes: Vec<RouteUsageRow>,
}

impl Model {
    fn series(&self, account: Option<&str>, key: Option<&str>, g: Granularity) -> Vec<UsagePoint> {
        let mut points: BTreeMap<Timestamp, UsagePoint> = BTreeMap::new();
        for row in &self.keys {
            if account.is_some_and(|a| a != row.account_id) || key.is_some_and(|k| k != row.key_id)
            {
                continue;
            }
            let start = g.start(row.hour);
            let p = points.entry(start).or_insert_with(|| UsagePoint {
                start,
                ..UsagePoint::default()
            });
            if row.class == 0 {
                p.rejected += row.counts.requests;
            } else {
                p.requests += row.counts.requests;
                *p.by_status.entry(format!("{}xx", row.class)).or_default() += row.counts.requests;
            }
            p.bytes_in += row.counts.bytes_in;
            p.bytes_out += row.counts.bytes_out;
            p.upstream_ms += row.counts.upstream_us;
        }
        let mut points: Vec<_> = points.into_values().collect();
        for p in &mut points {
            p.upstream_ms /= 1000;
        }
        points
    }

    fn busiest(
        &self,
        account: &str,
        range: (Timestamp, Timestamp),
        g: Granularity,
    ) -> Vec<KeyTotals> {
        let (from, to) = (g.start(range.0), range.1);
        let mut sums: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
        for row in self.keys.iter().filter(|r| r.account_id == account) {
            if (from..to).contains(&g.start(row.hour)) {
                let n = row.counts.requests;
                let sum = sums.entry(&row.key_id).or_default();
                sum[0] += if row.class > 0 { n } else { 0 };
                sum[1] += if row.class > 3 { n } else { 0 };
                sum[2] += if row.class == 0 { n } else { 0 };
            }
        }
        let found = sums
            .into_iter()
            .map(|(key, [requests, errors, rejected])| KeyTotals {
                key_id: key.to_owned(),
                requests,
                errors,
                rejected,
            });
        let mut found: Vec<_> = found.collect();
        found.sort_by(KeyTotals::rank);
        found
    }

    fn rejections(&self, account: &str, (from, to): (Timestamp, Timestamp)) -> Vec<RejectedBy> {
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        for row in refusals(&self.keys).filter(|r| r.account_id == account) {
            if (from..to).contains(&row.hour) {
                *sums.entry(row.code).or_default() += row.requests;
            }
        }
        let found = sums
            .into_iter()
            .map(|(code, requests)| RejectedBy { code, requests });
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|r| std::cmp::Reverse(r.requests));
        found
    }

    fn within(&self, (from, to): (Timestamp, Timestamp)) -> impl Iterator<Item = &RouteUsageRow> {
        let is_in = move |r: &&RouteUsageRow| r.hour >= from && r.hour < to;
        self.routes.iter().filter(is_in)
    }

    fn endpoints(
        &self,
        account: Option<&str>,
        range: (Timestamp, Timestamp),
    ) -> Vec<EndpointUsage> {
        let mut sums: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for row in self.within(range) {
            if account.is_none_or(|a| a == row.account_id) {
                let sum = sums.entry(&row.route).or_default();
                *sum = (sum.0 + row.requests, sum.1 + row.errors);
            }
        }
        let found = sums.into_iter().map(|(route, sum)| EndpointUsage {
            method: "GET".to_owned(),
            route: route.to_owned(),
            requests: sum.0,
            errors: sum.1,
        });
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|e| std::cmp::Reverse(e.requests));
        found
    }

    fn callers(&self, route: &str, range: (Timestamp, Timestamp)) -> Vec<RouteCaller> {
        let mut sums: BTreeMap<(&str, &str), (u64, Timestamp)> = BTreeMap::new();
        for row in self.within(range).filter(|r| r.route == route) {
            let sum = sums.entry((&row.account_id, &row.key_id)).or_default();
            *sum = (sum.0 + row.requests, sum.1.max(row.last_at));
        }
        let found = sums.into_iter().map(|((a, k), (n, last_at))| RouteCaller {
            account_id: a.to_owned(),
            key_id: k.to_owned(),
            requests: n,
            last_at,
        });
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|c| std::cmp::Reverse(c.requests));
        found
    }
}

/// A reason for each refused request.
fn refusals(keys: &[KeyUsageRow]) -> impl Iterator<Item = RejectionRow> {
    let refused = keys.iter().filter(|r| r.class == 0);
    refused.map(|r| RejectionRow {
        account_id: r.account_id.clone(),
        hour: r.hour,
        code: ["rate_limited", "quota_exceeded", "client_left"][r.counts.requests as usize % 3]
            .to_owned(),
        requests: r.counts.requests,
    })
}

async fn compare(store: &Store, model: &Model) {
    for g in [Granularity::Hour, Granularity::Day, Granularity::Month] {
        let everyone = store.series(&all_time(None, None, g)).await.unwrap();
        assert_eq!(everyone, model.series(None, None, g), "everyone by {g:?}");
        for account in ACCOUNT_IDS {
            for key in [None, Some(KEY_IDS[0]), Some(KEY_IDS[2])] {
                let query = all_time(Some(account), key, g);
                let found = store.series(&query).await.unwrap();
                let expected = model.series(Some(account), key, g);
                assert_eq!(found, expected, "{account} {key:?} by {g:?}");
            }
        }
    }
    // Whole days, parts of days, and both.
    for (from, to) in [(-18, 30), (3, 9), (-40, 40), (1, 31)] {
        let range = (hour(from), hour(to));
        for account in [None, Some(ACCOUNT_IDS[0])] {
            let found = store.endpoints(account, range.0, range.1, 99).await;
            assert_eq!(
                found.unwrap(),
                model.endpoints(account, range),
                "{from} to {to}"
            );
        }
        for account in ACCOUNT_IDS {
            let found = store.rejections(account, range.0, range.1).await;
            assert_eq!(
                found.unwrap(),
                model.rejections(account, range),
                "{from} to {to}"
            );
            for g in [Granularity::Day, Granularity::Month] {
                let found = store.busiest_keys(account, range, g, 99).await;
                assert_eq!(
                    found.unwrap(),
                    model.busiest(account, range, g),
                    "{from} to {to} by {g:?}"
                );
            }
        }
        let found = store.callers(ROUTES[0], range.0, range.1, 99).await;
        assert_eq!(
            found.unwrap(),
            model.callers(ROUTES[0], range),
            "{from} to {to}"
        );
    }
    let total = |g, start| {
        let points = model.series(Some(ACCOUNT_IDS[0]), None, g);
        let point = points.into_iter().find(|p| p.start == start);
        point.map_or(0, |p| p.requests)
    };
    for n in [2, 8] {
        let (h, m) = (hour(n), hour(n).month_start());
        let used = store.used(ACCOUNT_IDS[0], h, m).await.unwrap();
        assert_eq!(
            used,
            (total(Granularity::Hour, h), total(Granularity::Month, m))
        );
    }
}

async fn play(turns: Vec<Turn>) {
    let store = fresh();
    let mut model = Model::default();
    let mut sent: [Vec<UsageBatch>; 2] = Default::default();
    for turn in turns {
        let sequence = sent[turn.boot].len() as u64 + 1;
        let many = |n: usize| n * turn.times;
        let keys: Vec<_> = turn
            .keys
            .iter()
            .cycle()
            .take(many(turn.keys.len()))
            .collect();
        let routes = turn.routes.iter().cycle().take(many(turn.routes.len()));
        let mut batch = rows(
            &format!("boot_{}", turn.boot),
            sequence,
            keys.into_iter().cloned().collect(),
            routes.cloned().collect(),
        );
        batch.rejections = refusals(&batch.keys).collect();
        for calls in turn.breaks {
            let _ = apply(&store, &batch, breaks_after(calls)).await;
        }
        store.apply(&batch).await.unwrap();
        model.keys.extend(batch.keys.iter().cloned());
        model.routes.extend(batch.routes.iter().cloned());
        sent[turn.boot].push(batch);
        if turn.late {
            store.apply(&sent[turn.boot][0]).await.unwrap();
        }
    }
    compare(&store, &model).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn sums_are_those_of_all_rows_whatever_broke_off(turns in prop::collection::vec(turn(), 1..8)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(play(turns));
    }
}
