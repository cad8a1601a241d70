//! `PATCH /admin/v1/webhooks/{id}`: changes what is given and leaves the rest.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use crate::web::admin::access::Call;
use crate::web::admin::body::{Json, Member};
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::model::EndpointStatus;
use crate::webhooks::service::EndpointPatch;
use crate::webhooks::view::EndpointView;

/// What is to change of a webhook; what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"event_types": ["contact.created", "deal.won"], "status": "paused"}))]
pub(super) struct PatchWebhook {
    /// Another target.
    url: Option<String>,
    /// Other types.
    event_types: Option<Vec<String>>,
    /// Another description; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    description: Member<String>,
    /// `paused` lets deliveries wait, `active` lets them go, also after the webhook was disabled.
    status: Option<EndpointStatus>,
}

/// Changes a webhook.
#[utoipa::path(
    patch,
    path = "/admin/v1/webhooks/{id}",
    tag = "webhooks",
    params(("id" = String, Path, description = "The webhook.")),
    request_body = PatchWebhook,
    responses((status = 200, description = "The webhook as it is now.", body = EndpointView)),
)]
pub(super) async fn patch_webhook(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Path(id): Path<String>,
    Json { value, .. }: Json<PatchWebhook>,
) -> Result<Response, ApiError> {
    let patch = EndpointPatch {
        url: value.url,
        event_types: value.event_types,
        description: value.description.into(),
        status: value.status,
    };
    let view = state
        .webhooks
        .patch_endpoint(&id, patch, &call.caller)
        .await?;
    respond::object(StatusCode::OK, &view)
}
