//! `/api/`: calls of the explorer's page, which pass the gateway as any other call does; never a way around it.

mod door;
mod fields;
mod relay;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::Response;
use axum::routing::any;
use http::Request;

use super::state::PortalState;
use super::table::{Needs, Page, other};
use crate::web::peer::Peer;

pub use self::door::{ApiDoor, DoorError};

/// The one address, with whatever method.
pub(super) const PAGES: &[Page] = &[other("*", "/api/{*rest}", Needs::Nothing)];

pub(super) fn routes() -> Router<Arc<PortalState>> {
    Router::new().route("/api/{*rest}", any(call))
}

async fn call(
    State(state): State<Arc<PortalState>>,
    Extension(peer): Extension<Peer>,
    request: Request<Body>,
) -> Response {
    let config = state.control.current();
    relay::call(&*state.api, &config, peer.0, request).await
}
