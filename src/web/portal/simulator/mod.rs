//! The webhook simulator and its inboxes: what pages there are; never how a webhook is made.

mod composer;
mod faults;
mod form;
mod inboxes;
mod messages;
mod page;
mod result;
mod send;
pub(in crate::web) mod snippets;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::state::PortalState;
use super::table::Needs::{Developer, Viewer};
use super::table::{Page, form as sent, page};

/// The pages.
pub(super) const PAGES: &[Page] = &[
    page("/webhook-simulator", Viewer, "/webhook-simulator"),
    sent("/webhook-simulator", Developer),
    sent("/webhook-simulator/inboxes", Developer),
    page(
        "/webhook-simulator/inboxes/{inbox}",
        Viewer,
        "/webhook-simulator/inboxes/{inbox}",
    ),
    sent("/webhook-simulator/inboxes/{inbox}/delete", Developer),
];

/// Their router.
pub(super) fn routes() -> Router<Arc<PortalState>> {
    Router::new()
        .route("/webhook-simulator", get(page::show).post(send::send))
        .route("/webhook-simulator/inboxes", post(inboxes::create))
        .route("/webhook-simulator/inboxes/{inbox}", get(messages::show))
        .route(
            "/webhook-simulator/inboxes/{inbox}/delete",
            post(inboxes::delete),
        )
}
