//! `POST /admin/v1/events/{id}/replay`: delivers an event again.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use crate::web::admin::access::Call;
use crate::web::admin::body::{Nothing, OptionalJson};
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::view::EventView;

/// Delivers an event again to every webhook that wants it now; releases an unresolved one.
#[utoipa::path(
    post,
    path = "/admin/v1/events/{id}/replay",
    tag = "events",
    params(("id" = String, Path, description = "The event.")),
    responses((status = 202, description = "The event, on its way again.", body = EventView)),
)]
pub(super) async fn replay_event(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Path(id): Path<String>,
    _: OptionalJson<Nothing>,
) -> Result<Response, ApiError> {
    let event = state.webhooks.replay(&id, &call.caller).await?;
    respond::object(StatusCode::ACCEPTED, &event)
}
