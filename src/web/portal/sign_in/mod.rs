//! Signing in by a one-time link, signing out, and the demo's button; never a password.

pub(super) mod cookie;
mod demo;
mod link;
mod noted;
mod out;
pub(super) mod page;
mod session;
mod switch;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::state::PortalState;
use super::table::{Needs, Page, form, other, page as shown};
use crate::base::secret::Secret;
use crate::config::model::Config;

/// The pages of this folder.
pub(super) const PAGES: &[Page] = &[
    shown("/sign-in", Needs::Nobody, "/sign-in"),
    other("GET", "/sign-in/{token}", Needs::Nobody),
    form("/sign-in/switch", Needs::Viewer),
    form("/sign-in/demo", Needs::Nobody),
    form("/sign-out", Needs::Viewer),
    shown("/session", Needs::Viewer, "/session"),
];

pub(super) fn routes() -> Router<Arc<PortalState>> {
    Router::new()
        .route("/sign-in", get(page::sign_in))
        .route("/sign-in/{token}", get(link::take))
        .route("/sign-in/switch", post(switch::switch))
        .route("/sign-in/demo", post(demo::sign_in))
        .route("/sign-out", post(out::sign_out))
        .route("/session", get(session::show))
}

/// The address of a one-time link.
pub fn link_url(config: &Config, text: &Secret) -> Secret {
    Secret::new(format!(
        "{}/sign-in/{}",
        config.portal.public_url,
        text.expose()
    ))
}
