//! `POST /admin/v1/simulator/compose`: the exact request of a webhook and the text that is signed.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::example;
use crate::base::secret::Secret;
use crate::web::admin::access::Call;
use crate::web::admin::body::Json;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::simulator::inbox::HeaderField;
use crate::webhooks::simulator::wanted::Wanted;

/// A webhook as it is edited. Name one of `webhook_id`, `inbox_id` and `secret` to sign with, or none: then a secret is
/// made for it and shown.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"type": "contact.created", "data": {"id": "c_1"}, "webhook_id": "whk_019abf6d2f7a7c3c9a6f0d7c2b1e4a57"}))]
pub(super) struct SimulatedWebhook {
    /// Type of the event; not with `body`.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// What happened, written as it is to be sent; an example of the type where it is left out.
    #[schema(value_type = Option<Object>)]
    data: Option<Box<RawValue>>,
    /// The whole body instead, byte for byte: one that was received, say, to see its signature.
    body: Option<String>,
    /// The account that the event is of. With a webhook or an inbox it must be theirs.
    account_id: Option<String>,
    /// Signs with this webhook's secrets, which are not shown.
    webhook_id: Option<String>,
    /// Signs with this inbox's secret.
    inbox_id: Option<String>,
    /// Signs with this secret, `whsec_…`.
    secret: Option<String>,
    /// The `webhook-id`; a new one where it is left out.
    id: Option<String>,
    /// Seconds of `webhook-timestamp`; now where it is left out.
    timestamp: Option<i64>,
    /// The event's number; 1 where it is left out.
    sequence: Option<u64>,
}

impl From<SimulatedWebhook> for Wanted {
    fn from(m: SimulatedWebhook) -> Self {
        Self {
            event_type: m.event_type,
            data: m.data.map(|d| d.get().to_owned()),
            body: m.body,
            account_id: m.account_id,
            webhook_id: m.webhook_id,
            inbox_id: m.inbox_id,
            secret: m.secret.map(Secret::new),
            id: m.id,
            timestamp: m.timestamp,
            sequence: m.sequence,
        }
    }
}

/// A webhook as it would be sent.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ComposedView {
    /// Its header fields, in order.
    headers: Vec<HeaderField>,
    /// Its body, byte for byte.
    body: String,
    /// What the signature is of: id, time and body with dots between.
    signed_text: String,
    /// The secret that was made for it; null where one was named.
    secret: Option<String>,
}

/// Composes a webhook. Nothing is sent and nothing is kept.
#[utoipa::path(
    post,
    path = "/admin/v1/simulator/compose",
    tag = "simulator",
    request_body = SimulatedWebhook,
    responses((status = 200, description = "The webhook as it would be sent.", body = ComposedView)),
)]
pub(super) async fn compose_webhook(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Json { value, .. }: Json<SimulatedWebhook>,
) -> Result<Response, ApiError> {
    let example = |event_type: &str| example(&call.config, event_type);
    let sample = state.simulator.compose(&value.into(), example).await?;
    let fields = sample.composed.headers.into_iter();
    let view = ComposedView {
        headers: fields.map(|(n, v)| HeaderField::new(n, v)).collect(),
        body: sample.composed.body,
        signed_text: sample.composed.signed_text,
        secret: sample.secret.map(|s| s.expose().to_owned()),
    };
    respond::object(StatusCode::OK, &view)
}
