//! The sample CRM: a small real backend with contacts, deals, activities, automations, users and reports, all in memory; it knows nothing of gateways but one identity header.

mod activities;
mod automations;
mod choice;
mod contacts;
mod deals;
mod error;
mod input;
mod params;
mod reports;
mod seed;
mod table;
mod users;
mod world;

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, get};
use axum::serve::ListenerExt;

use crate::base::ceilings::SAMPLE_BODY_BYTES;
use crate::base::clock::Clock;

use error::ApiError;
use world::World;

/// What every path of the API begins with.
pub const PREFIX: &str = "/v1";

/// What the handlers share.
type Shared = Arc<World>;

/// One operation: method, path below [`PREFIX`] and handler. Tests compare this table with the OpenAPI document.
struct Operation {
    method: &'static str,
    path: &'static str,
    handler: MethodRouter<Shared>,
}

impl Operation {
    fn new(method: &'static str, path: &'static str, handler: MethodRouter<Shared>) -> Self {
        Self {
            method,
            path,
            handler,
        }
    }
}

fn table() -> Vec<Operation> {
    let mut all = contacts::operations();
    all.extend(deals::operations());
    all.extend(activities::operations());
    all.extend(automations::operations());
    all.extend(users::operations());
    all.extend(reports::operations());
    all
}

/// Method and path (below [`PREFIX`]) of every operation, in the order of the documentation.
pub fn operations() -> Vec<(&'static str, &'static str)> {
    table().iter().map(|o| (o.method, o.path)).collect()
}

/// The CRM with freshly seeded data; `clock` dates the data and everything that happens to it.
pub fn router(clock: Clock) -> Router {
    let mut router = Router::new().route("/healthz", get(|| async { "ok\n" }));
    for operation in table() {
        router = router.route(&format!("{PREFIX}{}", operation.path), operation.handler);
    }
    router
        .fallback(|| async { ApiError::no_path() })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        .layer(DefaultBodyLimit::max(SAMPLE_BODY_BYTES))
        .with_state(Arc::new(World::new(clock)))
}

/// Serves the CRM on `listener` until `shutdown` completes and what is in flight has been answered.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve<F>(listener: tokio::net::TcpListener, shutdown: F) -> io::Result<()>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    // Small answers must not wait for the client's delayed acknowledgement.
    let listener = listener.tap_io(|tcp| {
        let _ = tcp.set_nodelay(true);
    });
    axum::serve(listener, router(Clock::system()))
        .with_graceful_shutdown(async move {
            shutdown.await;
        })
        .await
}
