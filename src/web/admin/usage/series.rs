//! `GET /admin/v1/usage`: requests over time.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::range::{self, Rows};
use crate::base::clock::{DAY, Timestamp};
use crate::usage::model::{Granularity, UsagePoint};
use crate::usage::port::SeriesQuery;
use crate::usage::series;
use crate::web::admin::query::Query;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;

/// Whose usage, when, and how wide the points are.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UsageQuery {
    /// The account; all accounts where it is left out.
    account_id: Option<String>,
    /// Only this key.
    key_id: Option<String>,
    /// From this instant on; a day, 30 days or a year before `to` where it is left out.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Before this instant; now where it is left out.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Width of the points; hours where it is left out.
    granularity: Option<Granularity>,
}

/// Shows usage over time, a point for each UTC hour, day or month of the range.
#[utoipa::path(
    get,
    path = "/admin/v1/usage",
    tag = "usage",
    params(UsageQuery),
    responses((status = 200, description = "Points by start.", body = Rows<UsagePoint>)),
)]
pub(super) async fn get_usage(
    State(state): State<Arc<AdminState>>,
    Query(query): Query<UsageQuery>,
) -> Result<Response, ApiError> {
    let granularity = query.granularity.unwrap_or(Granularity::Hour);
    let usual = match granularity {
        Granularity::Hour => DAY,
        Granularity::Day => DAY * 30,
        Granularity::Month => DAY * 365,
    };
    let (from, to) = range::range(query.from, query.to, state.clock.now(), usual)?;
    let query = SeriesQuery {
        account_id: query.account_id,
        key_id: query.key_id,
        from,
        to,
        granularity,
    };
    let query = series::check(query).map_err(|e| ApiError::field("from", e.to_string()))?;
    let points = state.usage.series(&query).await?;
    respond::object(StatusCode::OK, &Rows::new(series::fill(&query, points)))
}
