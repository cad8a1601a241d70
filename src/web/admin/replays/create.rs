//! `POST /admin/v1/replays`: starts many deliveries anew, or makes those that a webhook missed, at a rate.

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
use crate::webhooks::port::replays::{ReplayOnly, ReplayScope};
use crate::webhooks::view::ReplayView;

/// How many a second where nobody says.
const PER_SECOND: u32 = 50;

/// A replay to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"account_id": "acct_42", "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z", "only": "failed"}))]
pub(super) struct CreateReplay {
    /// Only deliveries of this account.
    account_id: Option<String>,
    /// Only deliveries to this webhook; `missed` and `undelivered` need one, which is active or paused.
    webhook_id: Option<String>,
    /// Only those of these types or patterns; all where it is left out.
    #[serde(default)]
    event_types: Vec<String>,
    /// Only those made from this instant on; of `missed` and `undelivered`: of events that happened from then on, as far as
    /// events are kept (`webhooks.retention_days`).
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// Only those made before this instant, or of events that happened before it.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// Deliveries that have failed (`failed`) or that have ended at all (`all`). Or, for one webhook, events that it wants and
    /// that no delivery to it was ever made of, because it was disabled or was made later (`missed`), or also those of which
    /// none has succeeded (`undelivered`). Events keep their ids, and a second replay makes nothing twice.
    only: ReplayOnly,
    /// How many a second; 50 where it is left out.
    #[schema(minimum = 1, maximum = 1000)]
    per_second: Option<u32>,
}

/// Starts deliveries of a range anew, or makes those that a webhook missed, at a rate, on whichever node is free. It goes on
/// after a crash where it was.
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
        only: value.only,
        per_second: value.per_second.unwrap_or(PER_SECOND),
    };
    let create = async |caller| {
        let replay = state.replays.create(scope, &caller).await?;
        respond::object(StatusCode::ACCEPTED, &replay)
    };
    repeat::once(&state, &call, "replays.create", &headers, digest, create).await
}
