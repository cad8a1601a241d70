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

/// A session of the portal that is asked for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "account_id": "acct_42", "user": {"id": "u_7", "email": "dev@example.com"}, "role": "admin", "expires_in_seconds": 3600
}))]
pub(super) struct CreatePortalSession {
    /// The account whose portal it opens.
    #[serde(rename = "account_id")]
    _account_id: String,
    /// Who it is for.
    #[serde(rename = "user")]
    _user: PortalUser,
    /// What that person may do there.
    #[serde(rename = "role")]
    _role: String,
    /// How long it lasts, in seconds.
    #[serde(rename = "expires_in_seconds")]
    _expires_in_seconds: Option<u64>,
}

/// A person, by the backend's own id.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PortalUser {
    /// The backend's id of the person.
    #[serde(rename = "id")]
    _id: String,
    /// The person's address.
    #[serde(rename = "email")]
    _email: Option<String>,
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

/// Opens a portal session for a person; not available yet.
#[utoipa::path(
    post,
    path = "/admin/v1/portal-sessions",
    tag = "portal",
    request_body = CreatePortalSession,
    responses((status = 501, description = "`not_available`: not available yet.",
        body = crate::web::admin::openapi::ProblemBody, content_type = "application/problem+json")),
)]
pub(super) async fn create_portal_session(
    _: Json<CreatePortalSession>,
) -> Result<Response, ApiError> {
    Err(not_available("Portal sessions"))
}
