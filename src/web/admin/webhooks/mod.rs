//! Operations on webhooks and their deliveries. A signing secret is in exactly one answer: the one that makes it.

mod create;
mod delete;
mod deliveries;
mod get;
mod list;
mod patch;
mod retry;
mod revoke_previous_secrets;
mod rotate_secret;
mod secret_view;
mod test;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::respond::ApiError;
use super::state::AdminState;
use crate::base::error::Code;
use crate::webhooks::service::WebhookError;

/// The operations of this folder.
pub fn operations() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new()
        .routes(routes!(create::create_webhook, list::list_webhooks))
        .routes(routes!(
            get::get_webhook,
            patch::patch_webhook,
            delete::delete_webhook
        ))
        .routes(routes!(rotate_secret::rotate_webhook_secret))
        .routes(routes!(revoke_previous_secrets::revoke_previous_secrets))
        .routes(routes!(test::test_webhook))
        .routes(routes!(deliveries::list_deliveries))
        .routes(routes!(deliveries::get_delivery))
        .routes(routes!(retry::retry_delivery))
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::NotFound => Self::new(Code::NotFound),
            WebhookError::Conflict(text) => Self::detail(Code::Conflict, text),
            WebhookError::Invalid(errors) => Self::invalid(errors),
            WebhookError::Store(error) => error.into(),
            WebhookError::Secret(cause) => {
                tracing::error!(cause, "a webhook's secret could not be made or opened");
                Self::new(Code::Internal)
            }
        }
    }
}
