//! Operations on accounts: their plans, their suspension, and their end.

mod erase;
mod get;
mod list;
mod put;
mod revoke_keys;
mod view;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::respond::ApiError;
use super::state::AdminState;
use crate::accounts::service::AccountError;
use crate::base::error::Code;

/// The operations of this folder.
pub fn operations() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new()
        .routes(routes!(list::list_accounts))
        .routes(routes!(
            get::get_account,
            put::put_account,
            erase::erase_account
        ))
        .routes(routes!(revoke_keys::revoke_account_keys))
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::NotFound => Self::new(Code::NotFound),
            AccountError::Conflict(text) => Self::detail(Code::Conflict, text),
            AccountError::Invalid(errors) => Self::invalid(errors),
            AccountError::Store(error) => error.into(),
        }
    }
}
