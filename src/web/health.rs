//! `/healthz`, `/readyz` and `/metrics`, the same on the admin and the status listener; never behind a token, never with a secret.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use serde_json::json;

/// Media type of the text exposition format that Prometheus scrapes.
const EXPOSITION_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether this node should be sent requests.
pub trait Readiness: Send + Sync {
    /// Ready: first contact with the store was made, the listeners are open, and the node is not draining.
    ///
    /// # Errors
    /// A short public text that says what is missing.
    fn check(&self) -> Result<(), &'static str>;
}

/// What health and metrics need.
#[derive(Clone)]
pub struct Health {
    /// Whether this node is ready.
    pub readiness: Arc<dyn Readiness>,
    /// The metrics in Prometheus' text format; an error is logged, and answered 500.
    pub metrics: Arc<dyn Fn() -> Result<Vec<u8>, String> + Send + Sync>,
}

/// The three endpoints, for any listener.
pub fn routes(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health)
}

/// The whole of the status listener: health and metrics and nothing else.
pub fn status_router(health: Health) -> Router {
    routes(health).fallback(|| async { StatusCode::NOT_FOUND })
}

async fn healthz() -> Response {
    answer(StatusCode::OK, &json!({"status": "ok"}))
}

async fn readyz(State(health): State<Health>) -> Response {
    match health.readiness.check() {
        Ok(()) => answer(StatusCode::OK, &json!({"status": "ready"})),
        Err(reason) => answer(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({"status": "not_ready", "reason": reason}),
        ),
    }
}

async fn metrics(State(health): State<Health>) -> Response {
    let text = match (health.metrics)() {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(error, "the metrics cannot be written");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    (
        [
            (header::CONTENT_TYPE, EXPOSITION_TYPE),
            (header::CACHE_CONTROL, "no-store"),
        ],
        text,
    )
        .into_response()
}

fn answer(status: StatusCode, body: &serde_json::Value) -> Response {
    (
        status,
        [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-store"),
        ],
        format!("{body}\n"),
    )
        .into_response()
}
