//! Usage in Redis: the layout, and the port; never how requests are counted.
//!
//! # Layout
//!
//! Sums of an account lie in its slot. What is asked for without an account (sums over everyone, callers of a route) lies
//! in the slots of [`SHARDS`](super::names::SHARDS) shards, by account, so that a popular route burdens no slot alone and an
//! account's rows are found in one shard; who reads it adds up all shards.
//!
//! | name, after `P:{A}:usage:` or `P:{~uN}:usage:` | is |
//! | --- | --- |
//! | `h:C` | hash: sums of the six hours from hour C (since the epoch) on |
//! | `d:C` | hash: sums of the eight days of a month from day C on |
//! | `kd:C`, `km:M` | hash, accounts only: what each key did in those days, and in the month that begins on day M |
//! | `em:M` | hash: endpoints that were called in the month that begins on day M, without numbers |
//! | `hc:C:R`, `dc:C:R` | hash, shards only: callers of route R in those hours or days |
//! | `keys:M` | hash, accounts only: key → its number in the month that begins on day M |
//! | `months` | sorted set of the months that have sums, by which reads and erasures find them |
//! | `marker` | hash: boot id → the last piece of that process that is applied (see `apply`) |
//! | `erasing` | sorted set, shards only: accounts being erased, by second; an account's own is `P:{A}:erasing` |
//! | `floor` | hash, shard 0 only: the first hour and day that are shown, and up to which month `em:M` lacks names |
//!
//! | field | numbers |
//! | --- | --- |
//! | hour or day in its hash, class of status (`32`) | requests, bytes in, bytes out, microseconds |
//! | the same, `.`, a key's number (`32.7`) | the same of that key |
//! | hour or day, `:`, method, route (`3:GET /v1/x`) | requests, errors |
//! | hour or day, `!`, code of a refusal (`3!rate_limited`), accounts only | requests, 0 |
//! | in `kd:C` and `km:M`: day or nothing, `.`, a key's number | requests, errors, refusals, 0 |
//! | hour or day, account, NUL, key | requests, the last one's milliseconds |
//!
//! Months are sums of days, and what quotas compare with (`used`) sums of classes. Numbers stop at 2^53 − 1.
//!
//! Six hours or eight days share a hash, so that one pair of commands a piece writes them and the hash has the compact
//! form (at most `hash-max-listpack-entries`, 512) for all but accounts with dozens of busy keys; keys are numbered since
//! their ids would be half of it.
//!
//! # Retention
//!
//! Each hash is given its end when it is made, so nothing is scanned for what is old; [`UsageStore::prune`] only moves the
//! floor of what is shown, because a hash goes when the last of its hours or days may. The last call decides where the
//! floor lies: what a node with a wrong clock hid, the next node shows again.

mod apply;
mod copy_in;
mod copy_insight;
pub(super) mod copy_look;
mod erase;
mod fields;
mod key_routes;
mod owner;
mod pieces;
mod place;
mod read;
mod read_insight;
mod routes;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

pub use self::copy_in::SliceCopy;
pub(super) use self::erase::erase_some;
pub(super) use self::read::note_unnamed;
use super::Store;
use crate::base::ceilings::STORE_READ_TIME;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::usage::model::{
    EndpointUsage, Granularity, KeyTotals, RejectedBy, RouteCaller, RouteCalls, UsageBatch,
    UsagePoint,
};
use crate::usage::port::{SeriesQuery, UsageInsight, UsageStore};

/// A read over many hashes may take no longer than one over a few.
async fn bounded<T>(read: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(STORE_READ_TIME, read)
        .await
        .unwrap_or_else(|_| {
            Err(StoreError::Unavailable(
                "usage of so long a range could not be read in time".into(),
            ))
        })
}

#[async_trait]
impl UsageInsight for Store {
    async fn rejections(
        &self,
        account_id: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<RejectedBy>, StoreError> {
        bounded(read_insight::rejections(self, account_id, (from, to))).await
    }

    async fn busiest_keys(
        &self,
        account_id: &str,
        range: (Timestamp, Timestamp),
        by: Granularity,
        limit: u32,
    ) -> Result<Vec<KeyTotals>, StoreError> {
        bounded(read_insight::busiest(self, account_id, range, by, limit)).await
    }

    async fn key_routes(
        &self,
        account_id: &str,
        key_id: &str,
        range: (Timestamp, Timestamp),
        limit: u32,
    ) -> Result<Vec<RouteCalls>, StoreError> {
        let who = (account_id, key_id);
        bounded(key_routes::key_routes(self, who, range, limit)).await
    }
}

#[async_trait]
impl UsageStore for Store {
    async fn apply(&self, batch: &UsageBatch) -> Result<(), StoreError> {
        apply::apply(self, batch, || Ok(())).await
    }

    async fn used(
        &self,
        account_id: &str,
        hour: Timestamp,
        month: Timestamp,
    ) -> Result<(u64, u64), StoreError> {
        read::used(self, account_id, hour, month).await
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Vec<UsagePoint>, StoreError> {
        bounded(async {
            let account = match (&query.account_id, &query.key_id) {
                (None, Some(key)) => match owner::owner(self, key).await? {
                    Some(account) => Some(account),
                    None => return Ok(Vec::new()),
                },
                (account, _) => account.clone(),
            };
            read::series(self, query, account.as_deref()).await
        })
        .await
    }

    async fn endpoints(
        &self,
        account_id: Option<&str>,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<EndpointUsage>, StoreError> {
        bounded(routes::endpoints(self, account_id, (from, to), limit)).await
    }

    async fn callers(
        &self,
        route: &str,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<RouteCaller>, StoreError> {
        bounded(routes::callers(self, route, (from, to), limit)).await
    }

    async fn prune(&self, hours: Timestamp, days: Timestamp) -> Result<(), StoreError> {
        read::Floor::set(self, hours, days).await
    }
}
