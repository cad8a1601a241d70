//! The documentation: pages made of OpenAPI documents and guides, public and readable without a script; never a call of the API.

mod allowance;
mod cache;
mod errors;
mod explore;
mod guides;
mod highlight;
mod markdown;
mod model;
mod pages;
mod samples;
mod search;
#[cfg(test)]
mod testing;
mod ui;

use std::sync::Arc;

use axum::Router;

use super::portal::state::PortalState;
use super::portal::table::{Needs, Page, page};

pub use self::cache::DocsCache;

/// The pages of the documentation.
pub(in crate::web) const PAGES: &[Page] = &[
    page("/docs", Needs::Nobody, "/docs"),
    page("/docs/api", Needs::Nobody, "/docs/api"),
    page(
        "/docs/api/{operation}",
        Needs::Nobody,
        "/docs/api/create-contact",
    ),
    page("/docs/schemas", Needs::Nobody, "/docs/schemas"),
    page(
        "/docs/schemas/{schema}",
        Needs::Nobody,
        "/docs/schemas/Contact",
    ),
    page("/docs/events", Needs::Nobody, "/docs/events"),
    page(
        "/docs/events/{type}",
        Needs::Nobody,
        "/docs/events/contact.created",
    ),
    page(
        "/docs/guides/{guide}",
        Needs::Nobody,
        "/docs/guides/rate-limits",
    ),
    page("/docs/errors", Needs::Nobody, "/docs/errors"),
    page(
        "/docs/errors/{code}",
        Needs::Nobody,
        "/docs/errors/insufficient_scope",
    ),
    page("/docs/search", Needs::Nobody, "/docs/search?q=contact"),
    page("/docs/explorer", Needs::Nobody, "/docs/explorer"),
    crate::web::portal::table::other("GET", "/docs/openapi/{file}", Needs::Nothing),
    crate::web::portal::table::other("GET", "/docs/webhooks/{file}", Needs::Nothing),
];

/// The router of all of them.
pub(in crate::web) fn routes() -> Router<Arc<PortalState>> {
    pages::routes()
}
