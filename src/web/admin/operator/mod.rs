//! Operations for operators: audit log and configuration; never an account's own matters.

mod audit_log;
mod config;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::AdminState;

/// The operations of this folder.
pub fn operations() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new()
        .routes(routes!(audit_log::list_audit_log))
        .routes(routes!(config::get_config))
        .routes(routes!(config::reload_config))
}
