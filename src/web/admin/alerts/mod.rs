//! Operations on what accounts are told of: marks of usage, keys that expire, addresses.

mod get;
mod put;
mod view;

use std::sync::Arc;

use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::respond::ApiError;
use super::state::AdminState;
use crate::alerts::service::AlertError;
use crate::base::error::Code;

/// The operations of this folder.
pub fn operations() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new().routes(routes!(get::get_alerts, put::put_alerts))
}

/// Whose alerts.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AlertsQuery {
    /// The account.
    account_id: String,
}

impl From<AlertError> for ApiError {
    fn from(error: AlertError) -> Self {
        match error {
            AlertError::Conflict(text) => Self::detail(Code::Conflict, text),
            AlertError::Invalid(errors) => Self::invalid(errors),
            AlertError::Store(error) => error.into(),
        }
    }
}
