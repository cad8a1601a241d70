//! One file a page of the documentation, and what they are asked with; never what is around a page.

mod answers;
mod errors;
mod events;
mod explorer;
mod files;
mod guides;
mod openapi;
mod operation;
mod reference;
mod schemas;
mod search;
mod start;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::get;
use http::request::Parts;
use maud::Markup;

use super::model::DocsSet;
use super::ui::frame::{self, Frame};
use crate::config::model::Config;
use crate::web::portal::guard::Guest;
use crate::web::portal::own::Own;
use crate::web::portal::refuse::PageError;
use crate::web::portal::state::PortalState;

/// Every page.
pub(super) fn routes() -> Router<Arc<PortalState>> {
    Router::new()
        .route("/docs", get(start::start))
        .route("/docs/api", get(reference::reference))
        .route("/docs/api/{operation}", get(operation::operation))
        .route("/docs/schemas", get(schemas::list))
        .route("/docs/schemas/{schema}", get(schemas::schema))
        .route("/docs/events", get(events::list))
        .route("/docs/events/{type}", get(events::event))
        .route("/docs/guides/{guide}", get(guides::guide))
        .route("/docs/errors", get(errors::list))
        .route("/docs/errors/{code}", get(errors::error))
        .route("/docs/search", get(search::search))
        .route("/docs/explorer", get(explorer::explorer))
        .route("/docs/openapi/{file}", get(openapi::file))
        .route("/docs/webhooks/{file}", get(files::program))
        .layer(from_fn(frame::revalidate))
}

/// What every page of the documentation is asked with.
pub(super) struct Docs {
    /// Who asks.
    guest: Guest,
    /// What is theirs, where they are signed in: pages are for everybody, and show to whom they belong as all others do.
    own: Option<Own>,
    /// All that is documented.
    set: Arc<DocsSet>,
}

impl FromRequestParts<Arc<PortalState>> for Docs {
    type Rejection = PageError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<PortalState>,
    ) -> Result<Self, PageError> {
        let guest = Guest::from_request_parts(parts, state).await?;
        let own = match guest.visit {
            Some(_) => Some(Own::from_request_parts(parts, state).await?),
            None => None,
        };
        let set = set(state, &guest.config).await?;
        Ok(Self { guest, own, set })
    }
}

/// All that a configuration documents.
async fn set(state: &PortalState, config: &Arc<Config>) -> Result<Arc<DocsSet>, PageError> {
    state.docs.of(config).await.map_err(|error| {
        tracing::error!(%error, "the documentation could not be read");
        PageError::Internal
    })
}

impl Docs {
    /// A page of this title at this path.
    fn page(&self, title: &str, path: &str, body: &Markup) -> Response {
        self.found("", title, path, body)
    }

    /// The same, with what was searched for.
    fn found(&self, query: &str, title: &str, path: &str, body: &Markup) -> Response {
        let frame = Frame {
            set: &self.set,
            guest: &self.guest,
            own: self.own.as_ref(),
            title,
            path,
            query,
        };
        frame.around(body)
    }
}
