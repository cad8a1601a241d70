//! API keys: the list, the steps to a new one, one key with its changes, rotation and revocation; never a secret that was shown.

mod create;
mod curl;
mod draft;
mod list;
mod new;
pub(super) mod old_secrets;
mod parts;
mod patch;
mod revoke;
mod rotate;
mod show;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use super::state::PortalState;
use super::table::{Needs, Page, form, page};

/// The pages of this folder.
pub(super) const PAGES: &[Page] = &[
    page("/keys", Needs::Viewer, "/keys"),
    form("/keys", Needs::Developer),
    page(
        "/keys/new",
        Needs::Developer,
        "/keys/new?step=review&name=Sync&scope=contacts:read&scope=deals:read&expires=90",
    ),
    page("/keys/{key}", Needs::Viewer, "/keys/{key}"),
    form("/keys/{key}", Needs::Developer),
    page("/keys/{key}/rotate", Needs::Developer, "/keys/{key}/rotate"),
    form("/keys/{key}/rotate", Needs::Developer),
    page("/keys/{key}/revoke", Needs::Developer, "/keys/{key}/revoke"),
    form("/keys/{key}/revoke", Needs::Developer),
];

pub(super) fn routes() -> Router<Arc<PortalState>> {
    Router::new()
        .route("/keys", get(list::list).post(create::create))
        .route("/keys/new", get(new::new))
        .route("/keys/{key}", get(show::show).post(patch::patch))
        .route("/keys/{key}/rotate", get(rotate::ask).post(rotate::rotate))
        .route("/keys/{key}/revoke", get(revoke::ask).post(revoke::revoke))
}
