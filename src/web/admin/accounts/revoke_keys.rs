//! `POST /admin/v1/accounts/{id}/revoke-keys`: ends all of an account's keys at once.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

use crate::web::admin::access::Call;
use crate::web::admin::body::{Nothing, OptionalJson};
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;

/// What was revoked.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({"revoked": 1, "key_ids": ["key_019abf6d2f7a7c3c9a6f0d7c2b1e4a55"]}))]
pub(super) struct Revoked {
    /// How many keys were revoked by this call.
    revoked: usize,
    /// Which.
    key_ids: Vec<String>,
}

/// Revokes all keys of an account for ever, at once on this node.
#[utoipa::path(
    post,
    path = "/admin/v1/accounts/{id}/revoke-keys",
    tag = "accounts",
    params(("id" = String, Path, description = "The account.")),
    responses((status = 200, description = "The keys that were not revoked before.", body = Revoked)),
)]
pub(super) async fn revoke_account_keys(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Path(id): Path<String>,
    _: OptionalJson<Nothing>,
) -> Result<Response, ApiError> {
    state.accounts.get(&id).await?;
    let key_ids = state.keys.revoke_account(&id, &call.caller).await?;
    let body = Revoked {
        revoked: key_ids.len(),
        key_ids,
    };
    respond::object(StatusCode::OK, &body)
}
