//! `GET /admin/v1/keys/{id}`: one key.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use crate::keys::view::KeyDetails;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;

/// Shows a key, and what still uses its old secrets.
#[utoipa::path(
    get,
    path = "/admin/v1/keys/{id}",
    tag = "keys",
    params(("id" = String, Path, description = "The key.")),
    responses((status = 200, description = "The key.", body = KeyDetails)),
)]
pub(super) async fn get_key(
    State(state): State<Arc<AdminState>>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let key = state.keys.get(&id).await?;
    let now = state.clock.now();
    let old = state
        .keys
        .old_secrets(std::slice::from_ref(&key), now)
        .await?;
    respond::object(StatusCode::OK, &key.details(old.get(&id), now))
}
