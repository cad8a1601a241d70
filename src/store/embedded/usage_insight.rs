//! Refusals of an account by code and its busiest keys, out of the tables that have them summed; never a series.

use async_trait::async_trait;
use rusqlite::{Connection, named_params};

use super::EmbeddedStore;
use super::fail::Done;
use super::rows::all;
use super::usage::{DAY, MONTH};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::span::parts;
use crate::usage::model::{Granularity, KeyTotals, RejectedBy};
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
}
