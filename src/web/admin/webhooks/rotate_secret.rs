//! `POST /admin/v1/webhooks/{id}/rotate-secret`: gives a webhook a new signing secret.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::secret_view::WebhookWithSecret;
use crate::web::admin::access::Call;
use crate::web::admin::body::{Json, Nothing, OptionalJson};
use crate::web::admin::repeat;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;

/// Gives a webhook a new signing secret, shown in this answer only; the one before signs as well for a day.
#[utoipa::path(
    post,
    path = "/admin/v1/webhooks/{id}/rotate-secret",
    tag = "webhooks",
    params(
        ("id" = String, Path, description = "The webhook."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition of the call harmless."),
    ),
    responses((status = 200, description = "The webhook with its new secret.", body = WebhookWithSecret)),
)]
pub(super) async fn rotate_webhook_secret(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Path(id): Path<String>,
    headers: HeaderMap,
    OptionalJson(Json { digest, .. }): OptionalJson<Nothing>,
) -> Result<Response, ApiError> {
    let operation = format!("webhooks.rotate_secret {id}");
    let rotate = async |caller| {
        let made = state.webhooks.rotate_secret(&id, &caller).await?;
        respond::object(StatusCode::OK, &WebhookWithSecret::from(made))
    };
    repeat::once(&state, &call, &operation, &headers, digest, rotate).await
}
