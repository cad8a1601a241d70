//! The demo's own webhook receiver: verifies each delivery and prints it; never answers 2xx to one that does not verify.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;

use super::clock;
use crate::base::secret::Secret;
use crate::cli::{Failure, say};
use crate::webhooks::sign;

/// Seconds that a timestamp may be off (Standard Webhooks 1.0 recommends a tolerance; its clients use five minutes).
const TOLERANCE_SECONDS: i64 = 300;

/// Where the receiver learns the secret, which exists only once the endpoint was made.
#[derive(Clone, Default)]
pub(super) struct Deliveries(Arc<OnceLock<Secret>>);

impl Deliveries {
    /// Verifies deliveries with this secret from now on.
    pub(super) fn verify_with(&self, secret: Secret) {
        // Only called once; a second secret would be ignored.
        let _ = self.0.set(secret);
    }
}

/// Starts the receiver on a free port.
pub(super) async fn start() -> Result<(SocketAddr, Deliveries), Failure> {
    let failed = |e| Failure::of("cannot start the webhook receiver", e);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let deliveries = Deliveries::default();
    let router = Router::new()
        .route("/webhooks", post(receive))
        .with_state(deliveries.clone());
    tokio::spawn(async move {
        if let Err(e) = axum::serve(listener, router).await {
            tracing::error!("the webhook receiver failed: {e}");
        }
    });
    Ok((address, deliveries))
}

async fn receive(
    State(deliveries): State<Deliveries>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    // Deliveries of an earlier run may come before the secret is known; they are retried.
    let Some(secret) = deliveries.0.get() else {
        return StatusCode::SERVICE_UNAVAILABLE;
    };
    let field = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let (Some(id), Some(timestamp), Some(signature), Ok(text)) = (
        field("webhook-id"),
        field("webhook-timestamp"),
        field("webhook-signature"),
        std::str::from_utf8(&body),
    ) else {
        return StatusCode::BAD_REQUEST;
    };
    if !verifies(secret, id, timestamp, signature, text) {
        say(&format!("webhook {id}: the signature does not verify"));
        return StatusCode::UNAUTHORIZED;
    }
    let event: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    say(&format!(
        "webhook verified: {} {id} sequence {} {}",
        event["type"].as_str().unwrap_or("?"),
        event["sequence"],
        event["data"]
    ));
    StatusCode::NO_CONTENT
}

fn verifies(secret: &Secret, id: &str, timestamp: &str, signature: &str, body: &str) -> bool {
    let Ok(seconds) = timestamp.parse::<i64>() else {
        return false;
    };
    if (clock().now().secs() - seconds).abs() > TOLERANCE_SECONDS {
        return false;
    }
    let Some(key) = sign::SigningKey::new(secret) else {
        return false;
    };
    let expected = Secret::new(sign::signatures(&[key], id, seconds, body));
    signature
        .split(' ')
        .any(|given| Secret::new(given) == expected)
}
