//! `POST /admin/v1/webhooks/{id}/test`: sends an event of type `webhook.test`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use crate::web::admin::access::Call;
use crate::web::admin::body::{Nothing, OptionalJson};
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::view::DeliveryView;

/// Sends an event of type `webhook.test` to this webhook, whatever types it wants.
#[utoipa::path(
    post,
    path = "/admin/v1/webhooks/{id}/test",
    tag = "webhooks",
    params(("id" = String, Path, description = "The webhook.")),
    responses((status = 202, description = "The delivery, due at once.", body = DeliveryView)),
)]
pub(super) async fn test_webhook(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Path(id): Path<String>,
    _: OptionalJson<Nothing>,
) -> Result<Response, ApiError> {
    let delivery = state.webhooks.test_endpoint(&id, &call.caller).await?;
    respond::object(StatusCode::ACCEPTED, &delivery)
}
