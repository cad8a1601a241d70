//! `POST /admin/v1/keys/{id}/rotate`: gives a key a new secret and the old one a grace period.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::secret_view::KeyWithSecret;
use crate::web::admin::access::Call;
use crate::web::admin::body::{Json, OptionalJson};
use crate::web::admin::repeat;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;

/// How the old secret ends.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"grace_seconds": 86400}))]
pub(super) struct RotateKey {
    /// How long the old secret still works, in seconds; it ends at once where this is left out.
    #[serde(default)]
    grace_seconds: u64,
}

/// Gives a key a new secret, shown in this answer only; the id stays.
#[utoipa::path(
    post,
    path = "/admin/v1/keys/{id}/rotate",
    tag = "keys",
    params(
        ("id" = String, Path, description = "The key."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition of the call harmless."),
    ),
    request_body = RotateKey,
    responses((status = 200, description = "The key with its new secret.", body = KeyWithSecret)),
)]
pub(super) async fn rotate_key(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Path(id): Path<String>,
    headers: HeaderMap,
    OptionalJson(Json { value, digest }): OptionalJson<RotateKey>,
) -> Result<Response, ApiError> {
    let grace = Duration::from_secs(value.grace_seconds);
    let operation = format!("keys.rotate {id}");
    let rotate = async |caller| {
        let made = state.keys.rotate(&call.config, &id, grace, &caller).await?;
        respond::object(StatusCode::OK, &KeyWithSecret::new(&made, caller.at))
    };
    repeat::once(&state, &call, &operation, &headers, digest, rotate).await
}
