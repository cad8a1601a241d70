//! Operations on webhooks and their deliveries. A signing secret is in exactly one answer.

mod deliveries;
mod delivery_view;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::AdminState;

/// The operations of this folder.
pub fn operations() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new()
        .routes(routes!(deliveries::list_deliveries))
        .routes(routes!(deliveries::get_delivery))
}
