//! `PUT /admin/v1/alerts?account_id=`: replaces what an account is told of.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::AlertsQuery;
use super::view::{AlertsView, Thresholds};
use crate::alerts::input::NewAlerts;
use crate::base::error::FieldError;
use crate::web::admin::access::Call;
use crate::web::admin::body::Json;
use crate::web::admin::query::Query;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;

/// All that an account is to be told of; what is absent is none.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "thresholds": {"hour": [80], "month": [80, 100]}, "key_expiry_days": [14, 7, 1], "emails": ["dev@example.com"]
}))]
pub(super) struct PutAlerts {
    /// The account, where what GET shows is given back; the one of the query.
    account_id: Option<String>,
    /// Per cent of the quotas.
    #[serde(default)]
    thresholds: Thresholds,
    /// Days before a key expires: at most five numbers from 1 to 365.
    #[serde(default)]
    key_expiry_days: Vec<u32>,
    /// Addresses that get an e-mail, at most five.
    #[serde(default)]
    emails: Vec<String>,
}

/// Replaces what an account is told of, all of it. This node looks at once whether there is something to tell; other nodes
/// know of it within half a minute.
#[utoipa::path(
    put,
    path = "/admin/v1/alerts",
    tag = "usage",
    params(AlertsQuery),
    request_body = PutAlerts,
    responses((status = 200, description = "The alerts as they are now.", body = AlertsView)),
)]
pub(super) async fn put_alerts(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Query(query): Query<AlertsQuery>,
    Json { value, .. }: Json<PutAlerts>,
) -> Result<Response, ApiError> {
    let is_other = |id: &String| *id != query.account_id;
    if value.account_id.as_ref().is_some_and(is_other) {
        return Err(ApiError::invalid(vec![FieldError::new(
            "account_id",
            "expected the account of the query",
        )]));
    }
    let new = NewAlerts {
        hour_percent: value.thresholds.hour,
        month_percent: value.thresholds.month,
        key_expiry_days: value.key_expiry_days,
        emails: value.emails,
    };
    let account = &query.account_id;
    let settings = state.alerts.put(account, new, &call.caller).await?;
    respond::object(StatusCode::OK, &AlertsView::from(settings))
}
