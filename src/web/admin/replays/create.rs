//! `POST /admin/v1/replays`: starts many deliveries anew, at a rate.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::base::clock::Timestamp;
use crate::web::admin::access::Call;
use crate::web::admin::body::Json;
use crate::web::admin::repeat;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::port::replays::ReplayScope;
use crate::webhooks::view::{ReplayOnly, ReplayView};

/// How many a second where nobody says.
const PER_SECOND: u32 = 50;

/// A replay to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"account_id": "acct_42", "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z", "only": "failed"}))]
pub(super) struct CreateReplay {
    /// Only deliveries of this account.
    account_id: Option<String>,
    /// Only deliveries to this webhook.
    webhook_id: Option<String>,
    /// Only those of these types or patterns; all where it is left out.
    #[serde(default)]
    event_types: Vec<String>,
    /// Only those made from this instant on.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// Only those made before this instant.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// Those that have failed, or all that have ended.
    only: ReplayOnly,
    /// How many a second; 50 where it is left out.
    #[schema(minimum = 1, maximum = 1000)]
    per_second: Option<u32>,
}

/// Starts deliveries of a range anew, at a rate, on whichever node is free. It goes on after a crash where it was.
#[utoipa::path(
    post,
    path = "/admin/v1/replays",
    tag = "webhooks",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition of the call harmless.")),
    request_body = CreateReplay,
    responses((status = 202, description = "The replay, which goes on by itself.", body = ReplayView)),
)]
pub(super) async fn create_replay(
    State(state): State<Arc<AdminState>>,
    call: Call,
    headers: HeaderMap,
    Json { value, digest }: Json<CreateReplay>,
) -> Result<Response, ApiError> {
    let scope = ReplayScope {
        account_id: value.account_id,
        endpoint_id: value.webhook_id,
        event_types: value.event_types,
        from: value.from,
        to: value.to,
        only_failed: value.only == ReplayOnly::Failed,
        per_second: value.per_second.unwrap_or(PER_SECOND),
    };
    let create = async |caller| {
        let replay = state.replays.create(scope, &caller).await?;
        respond::object(StatusCode::ACCEPTED, &replay)
    };
    repeat::once(&state, &call, "replays.create", &headers, digest, create).await
}
