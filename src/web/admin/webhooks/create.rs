//! `POST /admin/v1/webhooks`: makes a webhook.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::secret_view::WebhookWithSecret;
use crate::web::admin::access::Call;
use crate::web::admin::body::Json;
use crate::web::admin::repeat;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::service::NewEndpoint;

/// A webhook to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"account_id": "acct_42", "url": "https://example.com/hooks", "event_types": ["contact.created"]}))]
pub(super) struct CreateWebhook {
    /// Its account.
    account_id: String,
    /// Where deliveries go.
    url: String,
    /// Types that it wants.
    event_types: Vec<String>,
    /// What its owner calls it.
    description: Option<String>,
}

/// Makes a webhook. Its signing secret is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/admin/v1/webhooks",
    tag = "webhooks",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition of the call harmless.")),
    request_body = CreateWebhook,
    responses((status = 201, description = "The webhook with its secret.", body = WebhookWithSecret)),
)]
pub(super) async fn create_webhook(
    State(state): State<Arc<AdminState>>,
    call: Call,
    headers: HeaderMap,
    Json { value, digest }: Json<CreateWebhook>,
) -> Result<Response, ApiError> {
    let new = NewEndpoint {
        account_id: value.account_id,
        url: value.url,
        event_types: value.event_types,
        description: value.description,
    };
    let create = async |caller| {
        let made = state.webhooks.create_endpoint(new, &caller).await?;
        respond::object(StatusCode::CREATED, &WebhookWithSecret::from(made))
    };
    repeat::once(&state, &call, "webhooks.create", &headers, digest, create).await
}
