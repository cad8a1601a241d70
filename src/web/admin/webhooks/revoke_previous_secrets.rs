//! `POST /admin/v1/webhooks/{id}/revoke-previous-secrets`: ends the secrets that a rotation had replaced, at once.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use crate::web::admin::access::Call;
use crate::web::admin::body::{Nothing, OptionalJson};
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::view::EndpointView;

/// Ends the secrets before the present one, which sign as well for a day after a rotation: for one that others know. Attempts
/// that begin after the answer, which takes two seconds, carry one signature.
#[utoipa::path(
    post,
    path = "/admin/v1/webhooks/{id}/revoke-previous-secrets",
    tag = "webhooks",
    params(("id" = String, Path, description = "The webhook.")),
    responses((status = 200, description = "The webhook, signed for with its present secret only.", body = EndpointView)),
)]
pub(super) async fn revoke_previous_secrets(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Path(id): Path<String>,
    _: OptionalJson<Nothing>,
) -> Result<Response, ApiError> {
    let webhooks = &state.webhooks;
    let webhook = webhooks.revoke_previous_secrets(&id, &call.caller).await?;
    respond::object(StatusCode::OK, &webhook)
}
