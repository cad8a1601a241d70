//! What an account is; never where it is stored.

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::config::model::PlanOverrides;

/// A customer of the backend, who owns keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Account {
    /// The backend's own id of the customer.
    pub id: String,
    /// Name of its plan.
    pub plan: String,
    /// What it has instead of the plan's.
    pub overrides: PlanOverrides,
    /// Whether the operator refuses all its requests.
    pub suspended: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Whether its erasure has begun: it is refused everywhere until it is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erasing: bool,
}

pub use crate::base::ids::is_account_id as is_valid_id;
