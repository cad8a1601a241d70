//! `GET /admin/v1/usage/summary`: what an account has used of its quotas, to the request.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::accounts::service::effective_plan;
use crate::base::clock::Timestamp;
use crate::limits::UsedQuota;
use crate::web::admin::access::Call;
use crate::web::admin::query::Query;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::web::usage_summary;

/// Whose usage.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SummaryQuery {
    /// The account.
    account_id: String,
}

/// What an account has used of its quotas.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "hour": {"used": 120, "limit": 10000, "resets_at": "2026-11-23T23:00:00Z"},
    "month": {"used": 48210, "limit": 1000000, "resets_at": "2026-12-01T00:00:00Z"}
}))]
pub(super) struct SummaryView {
    /// In the UTC hour.
    hour: QuotaView,
    /// In the UTC month.
    month: QuotaView,
}

/// A quota.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct QuotaView {
    /// Requests that were sent upstream.
    used: u64,
    /// How many there may be; null for any number.
    limit: Option<u64>,
    /// When the next window begins.
    #[schema(value_type = String, format = DateTime)]
    resets_at: Timestamp,
}

impl From<UsedQuota> for QuotaView {
    fn from(quota: UsedQuota) -> Self {
        Self {
            used: quota.used,
            limit: quota.limit,
            resets_at: quota.resets_at,
        }
    }
}

/// Shows what an account has used of its quotas.
#[utoipa::path(
    get,
    path = "/admin/v1/usage/summary",
    tag = "usage",
    params(SummaryQuery),
    responses(
        (status = 200, description = "The quotas.", body = SummaryView),
        (status = 404, description = "`not_found`: there is no such account.",
         body = crate::web::admin::openapi::ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn get_usage_summary(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Query(query): Query<SummaryQuery>,
) -> Result<Response, ApiError> {
    let account = state.accounts.get(&query.account_id).await?;
    let plan = effective_plan(&call.config, &account);
    let quotas = plan.map(|p| p.quotas).unwrap_or_default();
    let used = usage_summary::used(
        &state.limiter,
        state.usage.as_ref(),
        &query.account_id,
        call.caller.at,
        std::future::ready(Ok::<_, ApiError>(quotas)),
    )
    .await?;
    let body = SummaryView {
        hour: used.hour.into(),
        month: used.month.into(),
    };
    respond::object(StatusCode::OK, &body)
}
