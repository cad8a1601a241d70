//! `GET /admin/v1/webhooks/{id}`: one webhook.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::view::EndpointView;

/// Shows a webhook.
#[utoipa::path(
    get,
    path = "/admin/v1/webhooks/{id}",
    tag = "webhooks",
    params(("id" = String, Path, description = "The webhook.")),
    responses((status = 200, description = "The webhook.", body = EndpointView)),
)]
pub(super) async fn get_webhook(
    State(state): State<Arc<AdminState>>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let now = state.clock.now();
    let shown = state.webhooks.shown_endpoint(&id, now).await?;
    respond::object(StatusCode::OK, &shown)
}
