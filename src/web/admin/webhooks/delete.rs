//! `DELETE /admin/v1/webhooks/{id}`: ends a webhook and what is on its way to it.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;

use crate::web::admin::access::Call;
use crate::web::admin::respond::ApiError;
use crate::web::admin::state::AdminState;

/// Deletes a webhook and cancels what is on its way to it.
#[utoipa::path(
    delete,
    path = "/admin/v1/webhooks/{id}",
    tag = "webhooks",
    params(("id" = String, Path, description = "The webhook.")),
    responses((status = 204, description = "It is gone.")),
)]
pub(super) async fn delete_webhook(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.webhooks.delete_endpoint(&id, &call.caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
