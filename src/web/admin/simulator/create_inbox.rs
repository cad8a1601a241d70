//! `POST /admin/v1/simulator/inboxes`: makes an address that catches webhooks.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use crate::web::admin::access::Call;
use crate::web::admin::body::Json;
use crate::web::admin::repeat;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::simulator::inboxes::InboxView;

/// An inbox to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"account_id": "acct_42"}))]
pub(super) struct CreateInbox {
    /// Its account.
    account_id: String,
    /// How long it lives; a day at most.
    #[schema(minimum = 1, maximum = 86400, default = 3600)]
    expires_in_seconds: Option<u64>,
}

/// An inbox with its signing secret: shown once, when it is made.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "id": "ibx_019abf6d2f7a7c3c9a6f0d7c2b1e4a57", "account_id": "acct_42",
    "url": "https://developers.example.com/inbox/(43 random characters)",
    "expires_at": "2026-11-23T23:15:04Z", "secret": "whsec_(shown once)"
}))]
struct InboxWithSecret {
    #[serde(flatten)]
    inbox: InboxView,
    /// What to sign with for whoever has no webhook. It is not in the answer that a repeated call gets, nor is the address.
    secret: String,
}

/// Makes an inbox. Give its address to a webhook to catch and verify that webhook's deliveries, or to the simulator.
#[utoipa::path(
    post,
    path = "/admin/v1/simulator/inboxes",
    tag = "simulator",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition of the call harmless.")),
    request_body = CreateInbox,
    responses((status = 201, description = "The inbox with its secret.", body = InboxWithSecret)),
)]
pub(super) async fn create_inbox(
    State(state): State<Arc<AdminState>>,
    call: Call,
    headers: HeaderMap,
    Json { value, digest }: Json<CreateInbox>,
) -> Result<Response, ApiError> {
    let create = async |caller| {
        let made = state
            .simulator
            .create_inbox(&value.account_id, value.expires_in_seconds, &caller)
            .await?;
        let view = InboxWithSecret {
            inbox: made.inbox,
            secret: made.secret.expose().to_owned(),
        };
        respond::object(StatusCode::CREATED, &view)
    };
    repeat::once(&state, &call, "inboxes.create", &headers, digest, create).await
}
