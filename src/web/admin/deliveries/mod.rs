//! Operations on deliveries of all webhooks together; those of one webhook are with the webhooks.

mod list;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::AdminState;

/// The operations of this folder.
pub fn operations() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new().routes(routes!(list::list_all_deliveries))
}
