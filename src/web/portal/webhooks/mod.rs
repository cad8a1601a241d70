//! Webhooks, deliveries and events: what pages there are and what they share; never what one shows.

mod buttons;
mod choice;
mod delete;
mod deliveries;
mod delivery;
mod edit;
mod events;
mod list;
mod new;
mod old_secret;
pub(in crate::web) mod parts;
pub(in crate::web) mod payload;
mod picker;
mod recover;
mod secret;
mod show;
mod types;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use maud::{Markup, html};

use super::own::Own;
use super::state::PortalState;
use super::table::Needs::{Developer, Viewer};
use super::table::{Page, form, other, page};
use super::ui::{self, Kind};

/// The pages.
pub(super) const PAGES: &[Page] = &[
    page("/webhooks", Viewer, "/webhooks"),
    form("/webhooks", Developer),
    page("/webhooks/new", Developer, "/webhooks/new"),
    page("/webhooks/types", Viewer, "/webhooks/types"),
    page("/webhooks/{webhook}", Viewer, "/webhooks/{webhook}"),
    form("/webhooks/{webhook}", Developer),
    form("/webhooks/{webhook}/pause", Developer),
    form("/webhooks/{webhook}/resume", Developer),
    form("/webhooks/{webhook}/test", Developer),
    form("/webhooks/{webhook}/replay-failed", Developer),
    form("/webhooks/{webhook}/recover", Developer),
    page(
        "/webhooks/{webhook}/secret",
        Developer,
        "/webhooks/{webhook}/secret",
    ),
    form("/webhooks/{webhook}/secret", Developer),
    page(
        "/webhooks/{webhook}/old-secret",
        Developer,
        "/webhooks/{webhook}/old-secret",
    ),
    form("/webhooks/{webhook}/old-secret", Developer),
    page(
        "/webhooks/{webhook}/delete",
        Developer,
        "/webhooks/{webhook}/delete",
    ),
    form("/webhooks/{webhook}/delete", Developer),
    page("/deliveries", Viewer, "/deliveries"),
    page("/deliveries/{delivery}", Viewer, "/deliveries/{delivery}"),
    other("GET", "/deliveries/{delivery}/body", Viewer),
    form("/deliveries/{delivery}/retry", Developer),
    page("/events", Viewer, "/events"),
    page("/events/{event}", Viewer, "/events/{event}"),
    form("/events/{event}/replay", Developer),
];

/// Their router.
pub(super) fn routes() -> Router<Arc<PortalState>> {
    Router::new()
        .route("/webhooks", get(list::list).post(new::create))
        .route("/webhooks/new", get(new::new))
        .route("/webhooks/types", get(types::types))
        .route("/webhooks/{webhook}", get(show::show).post(edit::change))
        .route("/webhooks/{webhook}/pause", post(buttons::pause))
        .route("/webhooks/{webhook}/resume", post(buttons::resume))
        .route("/webhooks/{webhook}/test", post(buttons::test))
        .route(
            "/webhooks/{webhook}/replay-failed",
            post(buttons::replay_failed),
        )
        .route("/webhooks/{webhook}/recover", post(recover::recover))
        .route(
            "/webhooks/{webhook}/secret",
            get(secret::ask).post(secret::rotate),
        )
        .route(
            "/webhooks/{webhook}/old-secret",
            get(old_secret::ask).post(old_secret::end),
        )
        .route(
            "/webhooks/{webhook}/delete",
            get(delete::ask).post(delete::delete),
        )
        .route("/deliveries", get(deliveries::list))
        .route("/deliveries/{delivery}", get(delivery::show))
        .route("/deliveries/{delivery}/body", get(delivery::body))
        .route("/deliveries/{delivery}/retry", post(delivery::retry))
        .route("/events", get(events::list))
        .route("/events/{event}", get(events::show))
        .route("/events/{event}/replay", post(events::replay))
}

/// The lists that lie side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Endpoints,
    Events,
    Types,
}

impl Tab {
    const fn title(self) -> &'static str {
        match self {
            Self::Endpoints => "Webhooks",
            Self::Events => "Events",
            Self::Types => "Event types",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Endpoints => "Addresses of yours that are told what happens, as it happens.",
            Self::Events => {
                "What happened to your data, newest first, whether or not a webhook wanted it."
            }
            Self::Types => "What can happen, and what a message about it looks like.",
        }
    }
}

/// What stands above each of them.
fn head(own: &Own, current: Tab) -> Markup {
    let tab = |tab: Tab, href: &str, label: &str| ui::Tab {
        href: href.to_owned(),
        label: label.to_owned(),
        is_current: tab == current,
    };
    let tabs = [
        tab(Tab::Endpoints, "/webhooks", "Endpoints"),
        tab(Tab::Events, "/events", "Events"),
        tab(Tab::Types, "/webhooks/types", "Event types"),
    ];
    let add = ui::link_button(Kind::Primary, "/webhooks/new", "Add webhook");
    let has_add = own.is_developer() && current == Tab::Endpoints;
    html! {
        (styles())
        (ui::head(current.title(), Some(current.text()), has_add.then_some(&add)))
        (ui::tabs("Webhooks", &tabs))
    }
}

/// What the pages of webhooks and of the simulator look like beyond the components.
pub(in crate::web::portal) fn styles() -> Markup {
    ui::style("webhooks.css")
}

/// A button that does something at once.
pub(in crate::web::portal) fn act(own: &Own, path: &str, kind: Kind, text: &str) -> Markup {
    ui::form(&own.visit.csrf, path, &ui::button(kind, text))
}
