//! Refusals of an account by code and its busiest keys, out of the tables that have them summed; never a series.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use rusqlite::{Connection, named_params};

use super::EmbeddedStore;
use super::fail::Done;
use super::rows::{all, to_json};
use super::usage::{DAY, MONTH};
use super::usage_read::{endpoints, starts_of_key};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::span::parts;
use crate::usage::model::{Granularity, KeyTotals, RejectedBy, RouteCalls};
use crate::usage::port::UsageInsight;

fn rejections(
    conn: &Connection,
    account_id: &str,
    from: Timestamp,
    to: Timestamp,
) -> Done<Vec<RejectedBy>> {
    let [before, whole, after] = parts(from, to);
    all(
        conn,
        "SELECT code, sum(requests) AS requests FROM (
             SELECT code, requests FROM usage_rejection
                 WHERE account_id = :account AND span = 0 AND start >= :before_from AND start < :before_to
             UNION ALL SELECT code, requests FROM usage_rejection
                 WHERE account_id = :account AND span = 1 AND start >= :whole_from AND start < :whole_to
             UNION ALL SELECT code, requests FROM usage_rejection
                 WHERE account_id = :account AND span = 0 AND start >= :after_from AND start < :after_to)
         GROUP BY code ORDER BY requests DESC, code",
        named_params! {
            ":account": account_id,
            ":before_from": before.from,
            ":before_to": before.to,
            ":whole_from": whole.from,
            ":whole_to": whole.to,
            ":after_from": after.from,
            ":after_to": after.to,
        },
        |r| {
            Ok(RejectedBy {
                code: r.get(0)?,
                requests: r.get(1)?,
            })
        },
    )
}

fn busiest(
    conn: &Connection,
    account_id: &str,
    (from, to): (Timestamp, Timestamp),
    by: Granularity,
    limit: u32,
) -> Done<Vec<KeyTotals>> {
    let (span, from) = match by {
        Granularity::Hour | Granularity::Day => (DAY, from.day_start()),
        Granularity::Month => (MONTH, from.month_start()),
    };
    all(
        conn,
        "SELECT key_id, sum(requests), sum(errors), sum(rejected) FROM usage_key
         WHERE account_id = ?1 AND span = ?2 AND start >= ?3 AND start < ?4
         GROUP BY key_id ORDER BY 2 DESC, 4 DESC, 1 LIMIT ?5",
        (account_id, span, from, to, limit),
        |r| {
            Ok(KeyTotals {
                key_id: r.get(0)?,
                requests: r.get(1)?,
                errors: r.get(2)?,
                rejected: r.get(3)?,
            })
        },
    )
}

/// Routes that one key called. Callers are by route, then by start: one seek for each start at which the key did anything,
/// of each route that its account called, all in one statement.
fn key_routes(
    conn: &Connection,
    (account_id, key_id): (&str, &str),
    (from, to): (Timestamp, Timestamp),
    limit: u32,
) -> Done<Vec<RouteCalls>> {
    let called = endpoints(conn, Some(account_id), from, to, u32::MAX)?;
    let routes: BTreeSet<String> = called.into_iter().map(|e| e.route).collect();
    let routes = to_json(&routes)?;
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for part in parts(from, to) {
        let starts: Vec<i64> = starts_of_key(conn, part, account_id, key_id)?
            .into_iter()
            .map(Timestamp::millis)
            .collect();
        let found: Vec<(String, u64)> = all(
            conn,
            "SELECT called.route, sum(called.requests)
             FROM json_each(:routes) AS wanted CROSS JOIN json_each(:starts) AS at
             CROSS JOIN usage_caller AS called ON called.route = wanted.value AND called.span = :span
                 AND called.start = at.value AND called.account_id = :account AND called.key_id = :key
             GROUP BY called.route",
            named_params! {
                ":routes": routes,
                ":starts": to_json(&starts)?,
                ":span": part.span as u8,
                ":account": account_id,
                ":key": key_id,
            },
            |r| Ok((r.get(0)?, r.get(1)?)),
        )?;
        for (route, requests) in found {
            let sum = sums.entry(route).or_default();
            *sum = sum.saturating_add(requests);
        }
    }
    let found = sums.into_iter();
    let found = found.map(|(route, requests)| RouteCalls { route, requests });
    let mut found: Vec<_> = found.collect();
    found.sort_unstable_by(RouteCalls::rank);
    found.truncate(limit as usize);
    Ok(found)
}

#[async_trait]
impl UsageInsight for EmbeddedStore {
    async fn rejections(
        &self,
        account_id: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<RejectedBy>, StoreError> {
        let account_id = account_id.to_owned();
        self.read(move |c| rejections(c, &account_id, from, to))
            .await
    }

    async fn busiest_keys(
        &self,
        account_id: &str,
        range: (Timestamp, Timestamp),
        by: Granularity,
        limit: u32,
    ) -> Result<Vec<KeyTotals>, StoreError> {
        let account_id = account_id.to_owned();
        self.read(move |c| busiest(c, &account_id, range, by, limit))
            .await
    }

    async fn key_routes(
        &self,
        account_id: &str,
        key_id: &str,
        range: (Timestamp, Timestamp),
        limit: u32,
    ) -> Result<Vec<RouteCalls>, StoreError> {
        let (account_id, key_id) = (account_id.to_owned(), key_id.to_owned());
        self.read(move |c| key_routes(c, (&account_id, &key_id), range, limit))
            .await
    }
}
