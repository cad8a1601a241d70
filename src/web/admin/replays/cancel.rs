//! `POST /admin/v1/replays/{id}/cancel`: ends a replay by hand.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use crate::web::admin::access::Call;
use crate::web::admin::body::{Nothing, OptionalJson};
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::view::ReplayView;

/// Ends a replay; deliveries that it has started anew go their way.
#[utoipa::path(
    post,
    path = "/admin/v1/replays/{id}/cancel",
    tag = "webhooks",
    params(("id" = String, Path, description = "The replay.")),
    responses((status = 200, description = "The replay, ended.", body = ReplayView)),
)]
pub(super) async fn cancel_replay(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Path(id): Path<String>,
    _: OptionalJson<Nothing>,
) -> Result<Response, ApiError> {
    let replay = state.replays.cancel(&id, &call.caller).await?;
    respond::object(StatusCode::OK, &replay)
}
