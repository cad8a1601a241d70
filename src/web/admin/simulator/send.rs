//! `POST /admin/v1/simulator/send`: sends a webhook to a receiver under test, well or with a fault.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::compose::SimulatedWebhook;
use super::{example, place};
use crate::web::admin::access::Call;
use crate::web::admin::body::Json;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::simulator::faults::Fault;
use crate::webhooks::simulator::service::SimulatedExchange;
use crate::webhooks::simulator::wanted::Wanted;

/// A webhook to be sent.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"message": {"type": "contact.created", "webhook_id": "whk_019abf6d2f7a7c3c9a6f0d7c2b1e4a57"}, "fault": "duplicate"}))]
pub(super) struct SendWebhook {
    /// What is sent.
    message: SimulatedWebhook,
    /// Where to; the address of the webhook or inbox that signs where it is left out.
    url: Option<String>,
    /// What is wrong with it; nothing where it is left out.
    fault: Option<Fault>,
}

/// What was sent, and what came back.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct SentView {
    /// Where it went.
    url: String,
    /// Whether the receiver did as a good one does, each time.
    as_expected: bool,
    /// Every request with its reply, in order.
    exchanges: Vec<SimulatedExchange>,
    /// The secret that was made for it; null where one was named.
    secret: Option<String>,
}

/// Sends a webhook and waits for the reply. It is no delivery: it is sent once, at once, and in no log of deliveries. The
/// same rules hold for where it may go.
#[utoipa::path(
    post,
    path = "/admin/v1/simulator/send",
    tag = "simulator",
    request_body = SendWebhook,
    responses((status = 200, description = "What was sent and what came back, whatever that was.", body = SentView)),
)]
pub(super) async fn send_webhook(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Json { value, .. }: Json<SendWebhook>,
) -> Result<Response, ApiError> {
    let _place = place(&state.simulator)?;
    let wanted: Wanted = value.message.into();
    let example = |event_type: &str| example(&call.config, event_type);
    let url = value.url.as_deref();
    let simulator = &state.simulator;
    let ready = simulator.ready(&wanted, url, value.fault, example).await?;
    state.store.record_audit(&ready.entry(&call.caller)).await?;
    let sent = simulator.send(ready).await?;
    let view = SentView {
        url: sent.url,
        as_expected: sent.exchanges.iter().all(|e| e.as_expected),
        exchanges: sent.exchanges,
        secret: sent.secret.map(|s| s.expose().to_owned()),
    };
    respond::object(StatusCode::OK, &view)
}
