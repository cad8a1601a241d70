//! An account as the admin API shows it; never how it is kept.

use serde::Serialize;

use crate::accounts::model::Account;
use crate::base::clock::Timestamp;
use crate::config::model::PlanOverrides;

/// An account.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "id": "acct_42", "plan": "standard", "overrides": {"quotas": {"hour": 50000, "month": null}},
    "suspended": false, "erasing": false, "created_at": "2026-11-23T22:15:04Z"
}))]
pub(super) struct AccountView {
    /// The backend's own id of the customer.
    id: String,
    /// Name of its plan.
    plan: String,
    /// What it has instead of the plan's.
    overrides: PlanOverrides,
    /// Whether the operator refuses all its requests.
    suspended: bool,
    /// Whether it is being erased.
    erasing: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            plan: account.plan,
            overrides: account.overrides,
            suspended: account.suspended,
            erasing: account.erasing,
            created_at: account.created_at,
        }
    }
}
