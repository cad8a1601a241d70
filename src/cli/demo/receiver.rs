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
use crate::webhooks::sign::SigningKey;
use crate::webhooks::verify;

/// Where the receiver learns the secret, which exists only once the endpoint was made.
#[derive(Clone, Default)]
pub(super) struct Deliveries(Arc<OnceLock<SigningKey>>);

impl Deliveries {
    /// Verifies deliveries with this secret from now on.
    pub(super) fn verify_with(&self, secret: &Secret) {
        // Only called once; a second secret would be ignored.
        if let Some(key) = SigningKey::new(secret) {
            let _ = self.0.set(key);
        }
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
    let Some(key) = deliveries.0.get() else {
        return StatusCode::SERVICE_UNAVAILABLE;
    };
    let id = headers.get(verify::ID).and_then(|v| v.to_str().ok());
    let id = id.unwrap_or("without an id");
    let keys = std::slice::from_ref(key);
    if let Err(why) = verify::verify(keys, &headers, &body, clock().now()) {
        say(&format!("webhook {id} does not verify: {why}"));
        return StatusCode::UNAUTHORIZED;
    }
    let event: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    say(&format!(
        "webhook verified: {} {id} sequence {} {}",
        event["type"].as_str().unwrap_or("?"),
        event["sequence"],
        event["data"]
    ));
    StatusCode::NO_CONTENT
}
