//! Operations over sessions of the developer portal.

mod create_session;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::respond::ApiError;
use super::state::AdminState;
use crate::base::error::Code;
use crate::portal::service::PortalError;

/// The operations of this folder.
pub fn operations() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new().routes(routes!(create_session::create_portal_session))
}

impl From<PortalError> for ApiError {
    fn from(error: PortalError) -> Self {
        match error {
            PortalError::Conflict(why) => Self::detail(Code::Conflict, why),
            PortalError::Invalid(errors) => Self::invalid(errors),
            PortalError::Store(e) => e.into(),
            PortalError::NoRandom(error) => {
                tracing::error!(%error, "no secret could be made");
                Self::new(Code::Internal)
            }
        }
    }
}
