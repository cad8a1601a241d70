//! `DELETE /admin/v1/keys/{id}`: revokes a key for ever.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;

use crate::web::admin::access::Call;
use crate::web::admin::respond::ApiError;
use crate::web::admin::state::AdminState;

/// Revokes a key for ever, at once on this node. The key stays visible; revoking it again changes nothing.
#[utoipa::path(
    delete,
    path = "/admin/v1/keys/{id}",
    tag = "keys",
    params(("id" = String, Path, description = "The key.")),
    responses((status = 204, description = "It is revoked.")),
)]
pub(super) async fn revoke_key(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.keys.revoke(&id, &call.caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
