//! Operations of the contract that this version does not have: their input is read, and the answer is `not_available`.

use axum::response::Response;
use serde::Deserialize;

use crate::base::error::Code;
use crate::web::admin::body::Json;
use crate::web::admin::query::Query;
use crate::web::admin::respond::ApiError;

/// Whose alerts.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AlertsQuery {
    /// The account.
    #[serde(rename = "account_id")]
    _account_id: String,
}

fn not_available(what: &str) -> ApiError {
    ApiError::detail(Code::NotAvailable, format!("{what} are not available yet."))
}

/// Usage alerts of an account; not available yet.
#[utoipa::path(
    get,
    path = "/admin/v1/alerts",
    tag = "usage",
    params(AlertsQuery),
    responses((status = 501, description = "`not_available`: not available yet.",
        body = crate::web::admin::openapi::ProblemBody, content_type = "application/problem+json")),
)]
pub(super) async fn get_alerts(_: Query<AlertsQuery>) -> Result<Response, ApiError> {
    Err(not_available("Alerts"))
}

/// Replaces the usage alerts of an account; not available yet.
#[utoipa::path(
    put,
    path = "/admin/v1/alerts",
    tag = "usage",
    params(AlertsQuery),
    request_body = serde_json::Value,
    responses((status = 501, description = "`not_available`: not available yet.",
        body = crate::web::admin::openapi::ProblemBody, content_type = "application/problem+json")),
)]
pub(super) async fn put_alerts(
    _: Query<AlertsQuery>,
    _: Json<serde_json::Value>,
) -> Result<Response, ApiError> {
    Err(not_available("Alerts"))
}
