//! The developer portal: pages for an account's developers, and the layer that all of them pass; what a page shows is the domains' to decide.

mod alerts;
pub mod answer;
pub mod api;
pub mod assets;
mod chart;
pub mod form;
pub mod guard;
mod headers;
mod home;
mod keys;
pub mod own;
mod quota;
pub mod refuse;
pub mod shell;
mod sign_in;
pub(in crate::web) mod simulator;
pub mod state;
pub mod table;
pub mod ui;
mod usage;
pub(in crate::web) mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;

use self::refuse::PageError;
use self::state::PortalState;
use super::docs;

pub use self::sign_in::link_url;

/// What the portal's listener serves; `inboxes` are beside the pages, behind no layer of theirs.
///
/// A request passes: id, time and fields of the answer → page table → session and role → page.
pub fn router(state: &Arc<PortalState>, inboxes: Router) -> Router {
    pages()
        .fallback(async || PageError::NotFound)
        .method_not_allowed_fallback(async || PageError::NotFound)
        .layer(from_fn_with_state(state.clone(), guard::guard))
        .with_state(state.clone())
        .merge(inboxes)
}

/// Every page, by folder.
fn pages() -> Router<Arc<PortalState>> {
    Router::new()
        .merge(assets::routes())
        .merge(sign_in::routes())
        .merge(home::routes())
        .merge(usage::routes())
        .merge(alerts::routes())
        .merge(webhooks::routes())
        .merge(simulator::routes())
        .merge(docs::routes())
        .merge(api::routes())
        .merge(keys::routes())
}
