//! `PUT /admin/v1/accounts/{id}`: gives an account a plan, overrides, or suspends it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::view::AccountView;
use crate::accounts::service;
use crate::config::model::PlanOverrides;
use crate::web::admin::access::Call;
use crate::web::admin::body::{Json, Member};
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;

/// What an account is to be. What is absent stays, so that a change of plan does not lift a suspension; of a new
/// account it is the default plan, no overrides, not suspended.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"plan": "standard", "overrides": {"quotas": {"hour": 50000}}, "suspended": false}))]
pub(super) struct PutAccount {
    /// Name of a plan.
    plan: Option<String>,
    /// All that the account has instead of the plan's; null or `{}` for nothing.
    #[serde(default)]
    #[schema(value_type = Option<PlanOverrides>)]
    overrides: Member<PlanOverrides>,
    /// Whether all its requests are refused.
    suspended: Option<bool>,
}

/// Makes an account or changes it, at once on this node. What it has used stays.
#[utoipa::path(
    put,
    path = "/admin/v1/accounts/{id}",
    tag = "accounts",
    params(("id" = String, Path, description = "The account.")),
    request_body = PutAccount,
    responses((status = 200, description = "The account as it is now.", body = AccountView)),
)]
pub(super) async fn put_account(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Path(id): Path<String>,
    Json { value, .. }: Json<PutAccount>,
) -> Result<Response, ApiError> {
    let put = service::PutAccount {
        plan: value.plan,
        overrides: match value.overrides {
            Member::Absent => None,
            Member::Null => Some(PlanOverrides::default()),
            Member::Value(overrides) => Some(overrides),
        },
        suspended: value.suspended,
    };
    let account = state
        .accounts
        .put(&call.config, &id, &put, &call.caller)
        .await?;
    respond::object(StatusCode::OK, &AccountView::from(account))
}
