//! Usage of the account that is signed in, over ranges of whole hours, days or months; never another account's.

use super::Own;
use crate::base::clock::Timestamp;
use crate::base::page::{MAX_LIMIT, PageRequest};
use crate::keys::model::KeyRecord;
use crate::usage::model::{
    EndpointUsage, Granularity, KeyTotals, RejectedBy, RouteCalls, UsagePoint,
};
use crate::usage::port::SeriesQuery;
use crate::usage::series;
use crate::web::portal::refuse::PageError;

/// A range that begins and ends where hours, days or months do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// From this instant on.
    pub from: Timestamp,
    /// Before this instant.
    pub to: Timestamp,
    /// Width of its points.
    pub granularity: Granularity,
}

/// What was called, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// The method; `None` for whichever.
    pub method: Option<String>,
    /// The route's template.
    pub route: String,
    /// Requests sent upstream.
    pub requests: u64,
    /// Those of them answered 4xx or 5xx; `None` where they are not counted.
    pub errors: Option<u64>,
}

impl From<EndpointUsage> for Called {
    fn from(of: EndpointUsage) -> Self {
        Self {
            method: Some(of.method),
            route: of.route,
            requests: of.requests,
            errors: Some(of.errors),
        }
    }
}

impl From<RouteCalls> for Called {
    fn from(of: RouteCalls) -> Self {
        Self {
            method: None,
            route: of.route,
            requests: of.requests,
            errors: None,
        }
    }
}

impl Own {
    /// A point for each hour, day or month, of one key or of all. Of a key of another account there is nothing.
    ///
    /// # Errors
    /// The store's.
    pub async fn series(
        &self,
        span: Span,
        key_id: Option<&str>,
    ) -> Result<Vec<UsagePoint>, PageError> {
        let query = SeriesQuery {
            account_id: Some(self.account_id().to_owned()),
            key_id: key_id.map(str::to_owned),
            from: span.from,
            to: span.to,
            granularity: span.granularity,
        };
        let points = self.state.usage.series(&query).await?;
        Ok(series::fill(&query, points))
    }

    /// The most called endpoints, of one key or of all: what is known of those of one key is less.
    ///
    /// # Errors
    /// The store's.
    pub async fn called(
        &self,
        span: Span,
        key_id: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Called>, PageError> {
        let (usage, account) = (&self.state.usage, self.account_id());
        let (from, to) = (span.from, span.to);
        Ok(match key_id {
            None => {
                let found = usage.endpoints(Some(account), from, to, limit).await?;
                found.into_iter().map(Called::from).collect()
            }
            Some(key) => {
                let found = usage.key_routes(account, key, (from, to), limit).await?;
                found.into_iter().map(Called::from).collect()
            }
        })
    }

    /// Refused requests by reason.
    ///
    /// # Errors
    /// The store's.
    pub async fn rejections(&self, span: Span) -> Result<Vec<RejectedBy>, PageError> {
        let usage = &self.state.usage;
        Ok(usage
            .rejections(self.account_id(), span.from, span.to)
            .await?)
    }

    /// The keys that made most requests, by the days that the range touches, or by its months.
    ///
    /// # Errors
    /// The store's.
    pub async fn busiest_keys(&self, span: Span, limit: u32) -> Result<Vec<KeyTotals>, PageError> {
        let by = match span.granularity {
            Granularity::Hour | Granularity::Day => Granularity::Day,
            Granularity::Month => Granularity::Month,
        };
        let range = (span.from, span.to);
        let usage = &self.state.usage;
        Ok(usage
            .busiest_keys(self.account_id(), range, by, limit)
            .await?)
    }

    /// The newest keys, to choose one from.
    ///
    /// # Errors
    /// The store's.
    pub async fn newest_keys(&self) -> Result<Vec<KeyRecord>, PageError> {
        let page = PageRequest {
            limit: MAX_LIMIT,
            after: None,
        };
        let found = self.state.keys.list(Some(self.account_id()), &page).await?;
        Ok(found.items)
    }
}
