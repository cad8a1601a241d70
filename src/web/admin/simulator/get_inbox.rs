//! `GET /admin/v1/simulator/inboxes/{id}`: one inbox.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::simulator::inboxes::InboxView;

/// Shows an inbox.
#[utoipa::path(
    get,
    path = "/admin/v1/simulator/inboxes/{id}",
    tag = "simulator",
    params(("id" = String, Path, description = "The inbox.")),
    responses((status = 200, description = "The inbox.", body = InboxView)),
)]
pub(super) async fn get_inbox(
    State(state): State<Arc<AdminState>>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    respond::object(StatusCode::OK, &state.simulator.inbox(&id).await?)
}
