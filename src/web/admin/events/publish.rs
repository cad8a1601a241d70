//! `POST /admin/v1/events`: the backend publishes what never crosses the gateway.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::base::audit::IdempotentAnswer;
use crate::web::admin::access::Call;
use crate::web::admin::body::Json;
use crate::web::admin::repeat;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::service::NewEvent;
use crate::webhooks::view::EventView;

/// An event to be published.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"account_id": "acct_42", "type": "deal.won", "data": {"id": "d_9", "amount": 1200}, "id": "deal-9-won"}))]
pub(super) struct PublishEvent {
    /// The account.
    account_id: String,
    /// Its type, one of the configuration's.
    #[serde(rename = "type")]
    event_type: String,
    /// What happened. It is delivered as it is written here.
    #[schema(value_type = Object)]
    data: Box<RawValue>,
    /// The publisher's own id: publishing it again changes nothing.
    id: Option<String>,
}

/// Publishes an event. An id that was published before is answered with the event that is there.
#[utoipa::path(
    post,
    path = "/admin/v1/events",
    tag = "events",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition of the call harmless.")),
    request_body = PublishEvent,
    responses((status = 201, description = "The event, on its way.", body = EventView)),
)]
pub(super) async fn publish_event(
    State(state): State<Arc<AdminState>>,
    call: Call,
    headers: HeaderMap,
    Json { value, digest }: Json<PublishEvent>,
) -> Result<Response, ApiError> {
    let new = NewEvent {
        account_id: value.account_id,
        event_type: value.event_type,
        data: value.data.get().to_owned(),
        id: value.id,
    };
    let publish = async |caller| {
        let event = state.webhooks.publish(new, &caller).await?;
        respond::object(StatusCode::CREATED, &event)
    };
    let again = async |kept: IdempotentAnswer| {
        let published = state.webhooks.published_before(kept).await;
        published.map_err(ApiError::from)
    };
    let name = "events.publish";
    repeat::once_or(&state, &call, name, &headers, digest, publish, again).await
}
