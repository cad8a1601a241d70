//! Operations for operators: audit log, configuration, and what this version does not have yet.

mod audit_log;
mod config;
mod unavailable;

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
        .routes(routes!(unavailable::get_alerts, unavailable::put_alerts))
}
