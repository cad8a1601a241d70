//! The admin API: one file per operation, and the layers that all of them pass; what an operation does is the domains' to decide.

pub mod access;
pub mod accounts;
pub mod alerts;
pub mod body;
pub mod deliveries;
pub mod events;
pub mod keys;
pub mod openapi;
pub mod operator;
pub mod portal;
pub mod query;
pub mod repeat;
pub mod replays;
pub mod respond;
pub mod simulator;
pub mod state;
pub mod table;
pub mod usage;
pub mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;

use self::respond::ApiError;
use self::state::AdminState;
use super::health::{self, Health};
use crate::base::error::Code;

/// The admin listener: the admin API behind its tokens, health and metrics without.
///
/// A request passes: request id and rendering of errors → token and permission → operation.
pub fn router(state: &Arc<AdminState>, health: Health) -> Router {
    let (api, document) = operations().split_for_parts();
    let document: Arc<str> = openapi::complete(document).into();
    api.route(
        openapi::PATH,
        axum::routing::get(move || async move { openapi::serve(&document) }),
    )
    .fallback(async || ApiError::new(Code::NotFound))
    .method_not_allowed_fallback(async || ApiError::new(Code::MethodNotAllowed))
    .layer(from_fn_with_state(state.clone(), access::guard))
    .layer(from_fn_with_state(state.clone(), respond::finish))
    .with_state(state.clone())
    .merge(health::routes(health))
}

/// Every operation with its documentation.
fn operations() -> OpenApiRouter<Arc<AdminState>> {
    openapi::base()
        .merge(keys::operations())
        .merge(accounts::operations())
        .merge(usage::operations())
        .merge(alerts::operations())
        .merge(webhooks::operations())
        .merge(events::operations())
        .merge(simulator::operations())
        .merge(deliveries::operations())
        .merge(replays::operations())
        .merge(portal::operations())
        .merge(operator::operations())
}
