//! The port of usage: hands each call to the writer or a reader, large ones in pieces; never SQL.

use std::sync::Arc;

use async_trait::async_trait;

use super::{EmbeddedStore, usage, usage_prune, usage_read};
use crate::base::ceilings;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::usage::model::{EndpointUsage, RouteCaller, UsageBatch, UsagePoint};
use crate::usage::port::{SeriesQuery, UsageStore};

#[async_trait]
impl UsageStore for EmbeddedStore {
    async fn apply(&self, batch: &UsageBatch) -> Result<(), StoreError> {
        let count = usage::pieces(batch).len();
        let (batch, now) = (Arc::new(batch.clone()), self.clock.now());
        for index in 0..count {
            let batch = Arc::clone(&batch);
            if self
                .write(move |c| usage::apply(c, &batch, index, now))
                .await?
            {
                break;
            }
        }
        Ok(())
    }

    async fn used(
        &self,
        account_id: &str,
        hour: Timestamp,
        month: Timestamp,
    ) -> Result<(u64, u64), StoreError> {
        let account_id = account_id.to_owned();
        self.read(move |c| usage_read::used(c, &account_id, hour, month))
            .await
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Vec<UsagePoint>, StoreError> {
        let query = query.clone();
        self.read(move |c| usage_read::series(c, &query)).await
    }

    async fn endpoints(
        &self,
        account_id: Option<&str>,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<EndpointUsage>, StoreError> {
        let account_id = account_id.map(str::to_owned);
        self.read(move |c| usage_read::endpoints(c, account_id.as_deref(), from, to, limit))
            .await
    }

    async fn callers(
        &self,
        route: &str,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<RouteCaller>, StoreError> {
        let route = route.to_owned();
        self.read(move |c| usage_read::callers(c, &route, from, to, limit))
            .await
    }

    async fn prune(&self, hours: Timestamp, days: Timestamp) -> Result<(), StoreError> {
        let limit = ceilings::STORE_DELETE_ROWS as usize;
        while self
            .write(move |c| usage_prune::prune(c, hours, days, limit))
            .await?
            >= limit
        {}
        Ok(())
    }
}
