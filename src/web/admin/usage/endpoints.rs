//! `GET /admin/v1/usage/endpoints`: the most called endpoints.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::range::{self, Rows};
use crate::base::clock::Timestamp;
use crate::usage::model::EndpointUsage;
use crate::web::admin::query::Query;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;

/// The range where none is given.
const USUAL: Duration = Duration::from_secs(30 * 24 * 3600);

/// Whose endpoints, and when.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EndpointsQuery {
    /// The account; all accounts where it is left out.
    account_id: Option<String>,
    /// From this instant on; 30 days before `to` where it is left out.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Before this instant; now where it is left out.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Rows at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// Lists the most called endpoints, most requests first. The range is widened to whole hours, by which calls are counted.
#[utoipa::path(
    get,
    path = "/admin/v1/usage/endpoints",
    tag = "usage",
    params(EndpointsQuery),
    responses((status = 200, description = "Endpoints, most called first.", body = Rows<EndpointUsage>)),
)]
pub(super) async fn list_called_endpoints(
    State(state): State<Arc<AdminState>>,
    Query(query): Query<EndpointsQuery>,
) -> Result<Response, ApiError> {
    let range = range::range(query.from, query.to, state.clock.now(), USUAL)?;
    let (from, to) = range::whole_hours(range);
    let limit = range::rows(query.limit)?;
    let rows = state
        .usage
        .endpoints(query.account_id.as_deref(), from, to, limit)
        .await?;
    respond::object(StatusCode::OK, &Rows::new(rows))
}
