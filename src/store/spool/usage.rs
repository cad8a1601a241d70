//! The port of usage with the spool in front of it: batches wait in it while the store is away; reads never do.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::Deadlines;
use super::file::{Body, LaneId};
use super::lane::{Kind, Lane};
use super::shape;
use crate::base::ceilings::SPOOL_DRAIN_TIME;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::usage::model::{
    EndpointUsage, Granularity, KeyTotals, RejectedBy, RouteCaller, RouteCalls, UsageBatch,
    UsagePoint,
};
use crate::usage::port::{SeriesQuery, UsageInsight, UsageStore};

/// Batches on their way to the store.
pub(super) struct Batches(pub(super) Arc<dyn UsageStore>);

#[async_trait]
impl Kind for Batches {
    type Write = UsageBatch;
    const LANE: LaneId = LaneId::Usage;

    fn encode(write: &UsageBatch) -> Result<Vec<Body>, StoreError> {
        Ok(vec![Body {
            items: 1,
            bytes: shape::batch_to_bytes(write)?,
        }])
    }

    fn decode(body: &[u8]) -> Result<UsageBatch, String> {
        shape::batch_from_bytes(body)
    }

    fn bytes(write: &UsageBatch) -> usize {
        // A row is a few short texts and numbers.
        256 * (1 + write.rows())
    }

    /// One after the other. A batch that is not applied holds up those behind it whatever the reason: applied out of
    /// order it would not count at all.
    async fn send(&self, writes: &[Arc<UsageBatch>]) -> Vec<Result<(), StoreError>> {
        let mut results = Vec::with_capacity(writes.len());
        let mut held_up = None;
        for batch in writes {
            if held_up.is_none() {
                let applied = tokio::time::timeout(SPOOL_DRAIN_TIME, self.0.apply(batch));
                held_up = match applied.await {
                    Ok(Ok(())) => None,
                    Ok(Err(e @ StoreError::Unavailable(_))) => Some(e),
                    Ok(Err(error)) => {
                        let (boot, sequence) = (&batch.boot_id, batch.sequence);
                        tracing::error!(%error, boot, sequence, "the store refuses a batch of usage");
                        Some(StoreError::Unavailable(error.to_string()))
                    }
                    Err(_) => Some(StoreError::Unavailable("no answer in time".to_owned())),
                };
            }
            results.push(held_up.clone().map_or(Ok(()), Err));
        }
        results
    }
}

/// Usage at rest in a store that may be away.
pub struct SpooledUsage {
    store: Arc<dyn UsageStore>,
    pub(super) lane: Lane<Batches>,
    deadline: Duration,
}

impl std::fmt::Debug for SpooledUsage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpooledUsage").finish_non_exhaustive()
    }
}

impl SpooledUsage {
    pub(super) fn new(
        store: Arc<dyn UsageStore>,
        lane: Lane<Batches>,
        deadlines: Deadlines,
    ) -> Self {
        Self {
            store,
            lane,
            deadline: deadlines.usage,
        }
    }
}

#[async_trait]
impl UsageInsight for SpooledUsage {
    async fn rejections(
        &self,
        account_id: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<RejectedBy>, StoreError> {
        self.store.rejections(account_id, from, to).await
    }

    async fn busiest_keys(
        &self,
        account_id: &str,
        range: (Timestamp, Timestamp),
        by: Granularity,
        limit: u32,
    ) -> Result<Vec<KeyTotals>, StoreError> {
        self.store.busiest_keys(account_id, range, by, limit).await
    }

    async fn key_routes(
        &self,
        account_id: &str,
        key_id: &str,
        range: (Timestamp, Timestamp),
        limit: u32,
    ) -> Result<Vec<RouteCalls>, StoreError> {
        self.store
            .key_routes(account_id, key_id, range, limit)
            .await
    }
}

#[async_trait]
impl UsageStore for SpooledUsage {
    async fn apply(&self, batch: &UsageBatch) -> Result<(), StoreError> {
        self.lane.write(batch.clone(), self.deadline).await
    }

    async fn used(
        &self,
        account_id: &str,
        hour: Timestamp,
        month: Timestamp,
    ) -> Result<(u64, u64), StoreError> {
        self.store.used(account_id, hour, month).await
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Vec<UsagePoint>, StoreError> {
        self.store.series(query).await
    }

    async fn endpoints(
        &self,
        account_id: Option<&str>,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<EndpointUsage>, StoreError> {
        self.store.endpoints(account_id, from, to, limit).await
    }

    async fn callers(
        &self,
        route: &str,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<RouteCaller>, StoreError> {
        self.store.callers(route, from, to, limit).await
    }

    async fn prune(&self, hours: Timestamp, days: Timestamp) -> Result<(), StoreError> {
        self.store.prune(hours, days).await
    }
}
