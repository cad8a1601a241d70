//! Rows of usage as they are flushed, and as they are asked for; never how a store keeps them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;

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
