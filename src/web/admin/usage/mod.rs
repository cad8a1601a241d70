//! Operations on usage: how much, of what, and by whom.

mod callers;
mod endpoints;
mod range;
mod series;
mod summary;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::AdminState;

/// The operations of this folder.
pub fn operations() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new()
        .routes(routes!(summary::get_usage_summary))
        .routes(routes!(series::get_usage))
        .routes(routes!(endpoints::list_called_endpoints))
        .routes(routes!(callers::list_callers))
}
