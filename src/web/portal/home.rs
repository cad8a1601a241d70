//! `GET /`: what an account's developers see first: the next step, the quotas, and what wants to be looked at; never a change.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use maud::{Markup, html};

use super::answer::PageResult;
use super::keys::old_secrets;
use super::own::{Overview, Own};
use super::quota;
use super::shell::{self, Place};
use super::state::PortalState;
use super::table::{self, Needs, Page, page};
use super::ui::{self, Icon, Kind, Tone};
use crate::base::ceilings::portal::KEY_EXPIRING_NOW;
use crate::base::clock::Timestamp;
use crate::keys::model::KeyRecord;
use crate::webhooks::model::EndpointStatus;
use crate::webhooks::view::EndpointView;

/// The pages of this folder.
pub(super) const PAGES: &[Page] = &[page("/", Needs::Viewer, "/")];

/// Things of a kind that the overview names before it only counts.
const NAMED: usize = 5;

pub(super) fn routes() -> Router<Arc<PortalState>> {
    Router::new().route("/", get(show))
}

async fn show(own: Own) -> PageResult {
    let overview = own.overview().await?;
    let now = own.visit.now;
    let is_new = overview.active_keys == 0 || !overview.has_called;
    let actions = (own.is_developer() && table::has("/keys/new") && !is_new)
        .then(|| ui::link_button(Kind::Primary, "/keys/new", "Generate key"));
    let body = html! {
        (ui::head("Overview", None, actions.as_ref()))
        @for webhook in overview.failing.iter().take(NAMED) { (failing(webhook)) }
        @for key in overview.expiring.iter().take(NAMED) { (expiring(key, now)) }
        @if overview.expiring.len() > NAMED {
            p.muted { (overview.expiring.len() - NAMED) " more keys end soon." }
        }
        @for notice in still_used(&overview, now) { (notice) }
        @if is_new { (first_steps(&own, &overview)) }
        (quota::both(&overview.used, now))
        div.tiles {
            (count("Active keys", overview.active_keys, "/keys", "Manage keys"))
            (count("Webhooks", overview.webhooks, "/webhooks", "Manage webhooks"))
            @if table::has("/docs") {
                (ui::tile("API", &html! { span.address { (own.config().portal.api_url) } },
                    Some(&html! { a href="/docs" { "Read the documentation" } })))
            }
        }
    };
    Ok(shell::page(&own, "Overview", Place::Overview, body))
}

fn count(label: &str, n: usize, path: &str, text: &str) -> Markup {
    let link = table::has(path).then(|| html! { a href=(path) { (text) } });
    let n = u64::try_from(n).unwrap_or(u64::MAX);
    ui::tile(label, &html! { (ui::number(n)) }, link.as_ref())
}

fn failing(webhook: &EndpointView) -> Markup {
    let link = html! { a href={ "/webhooks/" (webhook.id) } { (webhook.url) } };
    if webhook.status == EndpointStatus::Disabled {
        let why = webhook.disabled_reason.as_deref().unwrap_or("it failed");
        return ui::notice(
            Tone::Bad,
            &html! { "The webhook " (link) " was switched off: " (why) "." },
        );
    }
    let body = html! {
        "The webhook " (link) " failed " (webhook.health.failures) " times in a row"
        @if let Some(since) = webhook.health.failing_since { ", since " (ui::time(since)) }
        ". Its deliveries are tried again."
    };
    ui::notice(Tone::Warn, &body)
}

fn expiring(key: &KeyRecord, now: Timestamp) -> Markup {
    let left = key.expires_at.unwrap_or(now).since(now);
    let tone = if left < KEY_EXPIRING_NOW {
        Tone::Bad
    } else {
        Tone::Warn
    };
    let body = html! {
        "The key " a href={ "/keys/" (key.id) } { (key.name) } " ends in " (ui::when_left(left))
        ". Make another one and change over to it before then."
    };
    ui::notice(tone, &body)
}

/// What still uses old secrets of keys.
fn still_used(overview: &Overview, now: Timestamp) -> Vec<Markup> {
    let notices = overview.rotated.iter();
    let notices = notices.filter_map(|(key, old)| old_secrets::notice(key, Some(old), now));
    notices.take(NAMED).collect()
}

/// One thing to do, ticked where it is done.
struct Todo {
    is_done: bool,
    title: &'static str,
    text: &'static str,
    path: &'static str,
    action: &'static str,
}

fn first_steps(own: &Own, overview: &Overview) -> Markup {
    let todos = [
        Todo {
            is_done: overview.active_keys > 0,
            title: "Generate an API key",
            text: "Choose what it may do and how long it lasts.",
            path: "/keys/new",
            action: "Generate key",
        },
        Todo {
            is_done: overview.has_called,
            title: "Make the first request",
            text: "Paste the curl line that is shown with the key, or try the API in the browser.",
            path: "/docs/explorer",
            action: "Open the explorer",
        },
        Todo {
            is_done: overview.webhooks > 0,
            title: "Hear of changes",
            text: "A webhook sends your server what happens, signed.",
            path: "/webhooks/new",
            action: "Add webhook",
        },
    ];
    // The next one has the button; what only developers may do has none for others.
    let next = todos.iter().position(|t| !t.is_done);
    let body = html! {
        ol.todo {
            @for (n, todo) in todos.iter().enumerate() {
                li.done[todo.is_done] {
                    span.mark { @if todo.is_done { (ui::icon(Icon::Check)) } @else { (n + 1) } }
                    div {
                        p { strong { (todo.title) } @if todo.is_done { span.hidden { " (done)" } } }
                        p.muted { (todo.text) }
                    }
                    @if !todo.is_done && table::has(todo.path) && (own.is_developer() || todo.path.starts_with("/docs")) {
                        @let kind = if next == Some(n) { Kind::Primary } else { Kind::Secondary };
                        (ui::link_button(kind, todo.path, todo.action))
                    }
                }
            }
        }
    };
    ui::card(Some("First steps"), &body)
}
