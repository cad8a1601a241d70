//! `DELETE /admin/v1/simulator/inboxes/{id}`: ends an inbox before its time.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;

use crate::web::admin::access::Call;
use crate::web::admin::respond::ApiError;
use crate::web::admin::state::AdminState;

/// Deletes an inbox and what it caught. Its address answers 410 from then on.
#[utoipa::path(
    delete,
    path = "/admin/v1/simulator/inboxes/{id}",
    tag = "simulator",
    params(("id" = String, Path, description = "The inbox.")),
    responses((status = 204, description = "It is gone.")),
)]
pub(super) async fn delete_inbox(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.simulator.delete_inbox(&id, &call.caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
