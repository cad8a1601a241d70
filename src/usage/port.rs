//! What usage needs of a store; no implementation.

use async_trait::async_trait;

use super::model::{
    EndpointUsage, Granularity, KeyTotals, RejectedBy, RouteCaller, RouteCalls, UsageBatch,
    UsagePoint,
};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;

/// What a series is asked for; the range is `[from, to)`.
#[derive(Debug, Clone)]
pub struct SeriesQuery {
    /// The account; `None` for all.
    pub account_id: Option<String>,
    /// Only this key.
    pub key_id: Option<String>,
    /// From this instant on.
    pub from: Timestamp,
    /// Before this instant.
    pub to: Timestamp,
    /// Width of the points.
    pub granularity: Granularity,
}

/// Usage at rest.
#[async_trait]
pub trait UsageStore: UsageInsight {
    /// Applies a batch, once however often it comes; it has to come the same each time. Rows of an account that is being
    /// erased, or was within a day, are left out. After an error part of it may be applied, and coming again completes it.
    async fn apply(&self, batch: &UsageBatch) -> Result<(), StoreError>;
    /// Requests sent upstream by an account in the hour and in the month that begin at these instants.
    async fn used(
        &self,
        account_id: &str,
        hour: Timestamp,
        month: Timestamp,
    ) -> Result<(u64, u64), StoreError>;
    /// A series, by start; points without requests left out.
    async fn series(&self, query: &SeriesQuery) -> Result<Vec<UsagePoint>, StoreError>;
    /// The most called endpoints of an account (or of all).
    async fn endpoints(
        &self,
        account_id: Option<&str>,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<EndpointUsage>, StoreError>;
    /// Who called a route, most requests first.
    async fn callers(
        &self,
        route: &str,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<RouteCaller>, StoreError>;
    /// Deletes hours before `hours` and days before `days`.
    async fn prune(&self, hours: Timestamp, days: Timestamp) -> Result<(), StoreError>;
}

/// What an account wants to know of its usage beside the series.
#[async_trait]
pub trait UsageInsight: Send + Sync {
    /// Refused requests of an account by the code of the refusal, most first: of the whole days in the range, and of the
    /// hours before and after them.
    async fn rejections(
        &self,
        account_id: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<RejectedBy>, StoreError>;
    /// Keys of an account by what they did in the days or months that the range touches, as [`KeyTotals::rank`] has it.
    /// There are none by the hour: days answer for those.
    async fn busiest_keys(
        &self,
        account_id: &str,
        range: (Timestamp, Timestamp),
        by: Granularity,
        limit: u32,
    ) -> Result<Vec<KeyTotals>, StoreError>;
    /// The routes that a key of an account called most, as [`RouteCalls::rank`] has it: methods and errors are not counted
    /// by key and route. The range is cut as that of [`UsageInsight::rejections`].
    async fn key_routes(
        &self,
        account_id: &str,
        key_id: &str,
        range: (Timestamp, Timestamp),
        limit: u32,
    ) -> Result<Vec<RouteCalls>, StoreError>;
}
