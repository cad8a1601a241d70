//! Operations on events: what happened, what the backend publishes, and sending it again.

mod get;
mod list;
mod publish;
mod replay;
mod stream;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::AdminState;

/// The operations of this folder.
pub fn operations() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new()
        .routes(routes!(publish::publish_event, list::list_events))
        .routes(routes!(get::get_event))
        .routes(routes!(replay::replay_event))
        .routes(routes!(stream::stream_events))
}
