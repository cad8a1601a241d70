//! `GET /webhooks`: the account's webhooks and how they fare; never their secrets.

use maud::{Markup, html};

use super::{Tab, head, parts};
use crate::web::portal::answer::PageResult;
use crate::web::portal::form::Query;
use crate::web::portal::own::Own;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Column, Kind};
use crate::webhooks::view::EndpointView;

/// Name of the list in its cursors.
const LIST: &str = "portal_webhooks";

pub(super) async fn list(own: Own, query: Query) -> PageResult {
    let page = query.0.page(LIST)?;
    let found = own.webhooks(&page).await?;
    let is_first = page.after.is_none();
    let body = html! {
        (head(&own, Tab::Endpoints))
        (ui::done(&query, &[("deleted", "The webhook was deleted.")]))
        @if found.items.is_empty() && is_first {
            (none(own.is_developer()))
        } @else {
            (ui::card_flush(None, None, &table(&found.items)))
            (ui::pager("/webhooks", LIST, &page, found.next.as_deref()))
        }
    };
    Ok(shell::page(&own, "Webhooks", Place::Webhooks, body))
}

fn none(is_developer: bool) -> Markup {
    let actions = html! {
        (ui::link_button(Kind::Primary, "/webhooks/new", "Add a webhook"))
        (ui::link_button(Kind::Secondary, "/webhook-simulator", "Try one in the simulator"))
    };
    ui::empty(
        "No webhooks yet",
        "A webhook tells your application what happens, as it happens: each event is posted to an address of yours, signed.",
        is_developer.then_some(&actions),
    )
}

fn table(webhooks: &[EndpointView]) -> Markup {
    let columns = [
        Column::text("Address"),
        Column::text("Events"),
        Column::text("Status"),
        Column::text("Health"),
        Column::text("Added"),
    ];
    let rows: Vec<Vec<Markup>> = webhooks.iter().map(row).collect();
    ui::table("Webhooks", &columns, &rows)
}

fn health(webhook: &EndpointView) -> Markup {
    let reason = webhook.disabled_reason.as_deref();
    html! {
        (parts::health(webhook))
        @if let Some(reason) = reason { div.muted.small { (reason) } }
    }
}

fn row(webhook: &EndpointView) -> Vec<Markup> {
    let address = html! {
        a.address href={ "/webhooks/" (webhook.id) } { (webhook.url) }
        @if let Some(text) = &webhook.description { div.muted.small { (text) } }
    };
    vec![
        address,
        parts::types(&webhook.event_types),
        parts::webhook_badge(webhook),
        health(webhook),
        html! { span.nowrap { (ui::time(webhook.created_at)) } },
    ]
}
