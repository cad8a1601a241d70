//! Operations on accounts: their plans, their suspension, and their end.

mod get;
mod list;
mod revoke_keys;
mod view;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::respond::ApiError;
use super::state::AdminState;
use crate::base::error::Code;
use crate::config::model::{Config, Plan, PlanOverrides};

/// The operations of this folder.
pub fn operations() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new()
        .routes(routes!(list::list_accounts))
        .routes(routes!(get::get_account))
        .routes(routes!(revoke_keys::revoke_account_keys))
}

/// What an account may use: its plan with its overrides, or the default plan where it is unknown.
pub(super) async fn plan_of(
    state: &AdminState,
    config: &Config,
    account_id: &str,
) -> Result<Plan, ApiError> {
    let account = state.store.account(account_id).await?;
    let (name, overrides) = match &account {
        Some(account) => (&account.plan, account.overrides),
        None => (&config.default_plan, PlanOverrides::default()),
    };
    let plan = config.plans.get(name).ok_or_else(|| {
        tracing::error!(plan = name, "an account has a plan that is not configured");
        ApiError::new(Code::Internal)
    })?;
    Ok(plan.with(&overrides))
}
