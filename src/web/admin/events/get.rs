//! `GET /admin/v1/events/{id}`: one event.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::view::EventView;

/// Shows an event.
#[utoipa::path(
    get,
    path = "/admin/v1/events/{id}",
    tag = "events",
    params(("id" = String, Path, description = "The event.")),
    responses((status = 200, description = "The event.", body = EventView)),
)]
pub(super) async fn get_event(
    State(state): State<Arc<AdminState>>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let event = state.webhooks.event(&id).await?;
    respond::object(StatusCode::OK, &event)
}
