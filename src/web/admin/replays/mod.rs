//! Operations on replays of many deliveries: a range of time, or all that have failed.

mod cancel;
mod create;
mod get;
mod list;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::AdminState;

/// The operations of this folder.
pub fn operations() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new()
        .routes(routes!(create::create_replay, list::list_replays))
        .routes(routes!(get::get_replay))
        .routes(routes!(cancel::cancel_replay))
}
