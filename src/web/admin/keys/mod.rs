//! Operations on keys. A secret is in exactly one answer: the one that makes it.

mod create;
mod get;
mod import;
mod list;
mod lookup;
mod patch;
mod revoke;
mod rotate;
mod secret_view;

use std::sync::Arc;

use http::{HeaderValue, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::respond::ApiError;
use super::state::AdminState;
use crate::base::error::Code;
use crate::keys::service::KeyError;

/// The operations of this folder.
pub fn operations() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new()
        .routes(routes!(create::create_key, list::list_keys))
        .routes(routes!(lookup::lookup_key))
        .routes(routes!(import::import_keys))
        .routes(routes!(get::get_key, patch::patch_key, revoke::revoke_key))
        .routes(routes!(rotate::rotate_key))
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::NotFound => Self::new(Code::NotFound),
            KeyError::Conflict(text) => Self::detail(Code::Conflict, text),
            KeyError::Invalid(errors) => Self::invalid(errors),
            KeyError::Store(error) => error.into(),
            KeyError::NoRandom(error) => {
                tracing::error!(%error, "no key could be made");
                Self::new(Code::Overloaded)
                    .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
            }
        }
    }
}
