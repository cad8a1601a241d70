//! `GET /admin/v1/replays/{id}`: how far a replay came.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::view::ReplayView;

/// Shows a replay and how far it came.
#[utoipa::path(
    get,
    path = "/admin/v1/replays/{id}",
    tag = "webhooks",
    params(("id" = String, Path, description = "The replay.")),
    responses((status = 200, description = "The replay.", body = ReplayView)),
)]
pub(super) async fn get_replay(
    State(state): State<Arc<AdminState>>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    respond::object(StatusCode::OK, &state.replays.replay(&id).await?)
}
