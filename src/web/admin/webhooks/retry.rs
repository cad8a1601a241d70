//! `POST /admin/v1/deliveries/{id}/retry`: attempts a delivery again.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use crate::web::admin::access::Call;
use crate::web::admin::body::{Nothing, OptionalJson};
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::view::DeliveryView;

/// Starts a delivery's schedule anew, due at once.
#[utoipa::path(
    post,
    path = "/admin/v1/deliveries/{id}/retry",
    tag = "webhooks",
    params(("id" = String, Path, description = "The delivery.")),
    responses((status = 202, description = "The delivery, due at once.", body = DeliveryView)),
)]
pub(super) async fn retry_delivery(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Path(id): Path<String>,
    _: OptionalJson<Nothing>,
) -> Result<Response, ApiError> {
    let delivery = state.webhooks.retry_delivery(&id, &call.caller).await?;
    respond::object(StatusCode::ACCEPTED, &delivery)
}
