//! Rows of usage as they are flushed, and as they are asked for; never how a store keeps them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;

/// The route and method, and the code of refusal, under which requests are summed while too many rows wait for the store.
pub const OTHER: &str = "other";
/// The code of refusal of a request whose client was gone before it was sent upstream: nobody got an answer, and the error
/// table has none.
pub const CLIENT_LEFT: &str = "client_left";

/// Sums over requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Requests.
    pub requests: u64,
    /// Bytes of request bodies.
    pub bytes_in: u64,
    /// Bytes of response bodies.
    pub bytes_out: u64,
    /// Time until the upstream's response was complete, in microseconds.
    pub upstream_us: u64,
}

/// What a key did in an hour, by class of status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUsageRow {
    /// The account.
    pub account_id: String,
    /// The key.
    pub key_id: String,
    /// Start of the UTC hour.
    pub hour: Timestamp,
    /// 1 to 5 for a request that was sent upstream and answered 1xx to 5xx, 0 for one that the gateway refused before.
    pub class: u8,
    /// The sums.
    pub counts: Counts,
}

/// What a key did on a route in an hour. Only requests that were sent upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteUsageRow {
    /// The account.
    pub account_id: String,
    /// The key.
    pub key_id: String,
    /// The route's template.
    pub route: String,
    /// The method.
    pub method: String,
    /// Start of the UTC hour.
    pub hour: Timestamp,
    /// Requests.
    pub requests: u64,
    /// Those of them answered 4xx or 5xx.
    pub errors: u64,
    /// The last of them.
    pub last_at: Timestamp,
}

/// Requests of an account in an hour that were refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectionRow {
    /// The account.
    pub account_id: String,
    /// Start of the UTC hour.
    pub hour: Timestamp,
    /// Code of the refusal, one of the error table's, [`CLIENT_LEFT`] or [`OTHER`].
    pub code: String,
    /// Requests.
    pub requests: u64,
}

/// What is flushed together; the store applies (boot id, sequence) once, however often it comes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsageBatch {
    /// The process.
    pub boot_id: String,
    /// Grows by one with each batch of the process.
    pub sequence: u64,
    /// By key.
    pub keys: Vec<KeyUsageRow>,
    /// By route.
    pub routes: Vec<RouteUsageRow>,
    /// By code of refusal. Their requests are those of class 0 among `keys`.
    pub rejections: Vec<RejectionRow>,
}

impl UsageBatch {
    /// Rows of all kinds.
    pub fn rows(&self) -> usize {
        self.keys.len() + self.routes.len() + self.rejections.len()
    }
}

/// Width of a series' points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Granularity {
    /// UTC hours.
    Hour,
    /// UTC days.
    Day,
    /// UTC months.
    Month,
}

/// A point of a series; points without requests are left out by a store and filled in by the domain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, utoipa::ToSchema)]
pub struct UsagePoint {
    /// Start of the hour, day or month.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    /// Requests sent upstream.
    pub requests: u64,
    /// Requests that the gateway refused.
    pub rejected: u64,
    /// Requests sent upstream by class of status, e.g. `2xx`.
    pub by_status: BTreeMap<String, u64>,
    /// Bytes of request bodies.
    pub bytes_in: u64,
    /// Bytes of response bodies.
    pub bytes_out: u64,
    /// Sum of upstream times in milliseconds.
    pub upstream_ms: u64,
}

/// How often an endpoint was called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct EndpointUsage {
    /// The method.
    pub method: String,
    /// The route's template.
    pub route: String,
    /// Requests.
    pub requests: u64,
    /// Those answered 4xx or 5xx.
    pub errors: u64,
}

/// Who called a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RouteCaller {
    /// The account.
    pub account_id: String,
    /// The key.
    pub key_id: String,
    /// Requests.
    pub requests: u64,
    /// The last of them.
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
}

/// How often a key called a route, whatever the method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteCalls {
    /// The route's template.
    pub route: String,
    /// Requests sent upstream.
    pub requests: u64,
}

impl RouteCalls {
    /// How routes are ranked: most requests first, of as many by name.
    pub fn rank(&self, other: &Self) -> std::cmp::Ordering {
        let of = |r: &Self| std::cmp::Reverse(r.requests);
        of(self)
            .cmp(&of(other))
            .then_with(|| self.route.cmp(&other.route))
    }
}

/// How many requests of an account were refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RejectedBy {
    /// Code of the refusal, one of the error table's, `client_left` or `other`.
    pub code: String,
    /// Requests.
    pub requests: u64,
}

/// What a key did in a range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct KeyTotals {
    /// The key.
    pub key_id: String,
    /// Requests sent upstream.
    pub requests: u64,
    /// Those of them answered 4xx or 5xx.
    pub errors: u64,
    /// Requests that the gateway refused.
    pub rejected: u64,
}

impl KeyTotals {
    /// How keys are ranked: most requests first, of as many those that were refused most often, then by id.
    pub fn rank(&self, other: &Self) -> std::cmp::Ordering {
        (other.requests, other.rejected)
            .cmp(&(self.requests, self.rejected))
            .then_with(|| self.key_id.cmp(&other.key_id))
    }
}
