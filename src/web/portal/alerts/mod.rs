//! Alerts: what the account is told of and who is told, and the banner of every page while a mark is reached; never a message.

mod banner;
mod save;
mod show;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use super::state::PortalState;
use super::table::{Needs, Page, form, page};

pub(super) use self::banner::banner;

/// The pages of this folder.
pub(super) const PAGES: &[Page] = &[
    page("/alerts", Needs::Viewer, "/alerts"),
    form("/alerts", Needs::Developer),
];

pub(super) fn routes() -> Router<Arc<PortalState>> {
    Router::new().route("/alerts", get(show::show).post(save::save))
}

/// Days before an expiry that the form offers.
const DAYS: [u32; 5] = [30, 14, 7, 3, 1];

/// Names of the form's fields, and what each is called.
const FIELDS: [(&str, &str); 4] = [
    ("hour_percent", "Hourly quota"),
    ("month_percent", "Monthly quota"),
    ("key_expiry_days", "Expiring keys"),
    ("mail_me", "E-mail"),
];
