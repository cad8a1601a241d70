//! `GET /admin/v1/alerts?account_id=`: what an account is told of.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::AlertsQuery;
use super::view::AlertsView;
use crate::web::admin::query::Query;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;

/// Shows what an account is told of; empty lists where it never set anything.
#[utoipa::path(
    get,
    path = "/admin/v1/alerts",
    tag = "usage",
    params(AlertsQuery),
    responses((status = 200, description = "The alerts.", body = AlertsView)),
)]
pub(super) async fn get_alerts(
    State(state): State<Arc<AdminState>>,
    Query(query): Query<AlertsQuery>,
) -> Result<Response, ApiError> {
    let settings = state.alerts.get(&query.account_id).await?;
    respond::object(StatusCode::OK, &AlertsView::from(settings))
}
