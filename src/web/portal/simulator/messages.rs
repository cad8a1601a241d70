//! `GET /webhook-simulator/inboxes/{inbox}`: what an inbox caught, and whether it verified; never a credential that was sent along.

use axum::extract::Path;
use maud::{Markup, html};
use serde_json::Value;

use super::inboxes;
use crate::base::page::Page;
use crate::web::portal::answer::PageResult;
use crate::web::portal::form::Query;
use crate::web::portal::own::Own;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Kind, Tone};
use crate::web::portal::webhooks::{act, parts, styles};
use crate::webhooks::simulator::inbox::{InboxBody, InboxMessage};
use crate::webhooks::simulator::inboxes::InboxView;

/// Name of the list in its cursors.
const LIST: &str = "portal_messages";
/// Bytes of what a message calls itself that are shown in its line.
const NAME_BYTES: usize = 100;

pub(super) async fn show(own: Own, Path(id): Path<String>, Query(query): Query) -> PageResult {
    let inbox = own.inbox(&id).await?;
    let page = query.page(LIST)?;
    let is_first = page.after.is_none();
    let found = own.messages(&id, &page).await?;
    let path = format!("/webhook-simulator/inboxes/{id}");
    let body = html! {
        (styles())
        (ui::crumbs(&[("/webhook-simulator", "Webhook simulator")]))
        (heading(&own, &inbox))
        (facts(&own, &inbox))
        section aria-labelledby="messages" {
            div.between {
                h2 #messages { "Messages" }
                p.muted.small role="status" data-live-status {
                    a href=(path) { "Load again" } " to see what came since."
                }
            }
            (list(&found))
        }
        (ui::pager(&path, LIST, &page, found.next.as_deref()))
        @if is_first { (ui::script("live.mjs")) }
    };
    Ok(shell::page(&own, "Inbox", Place::Simulator, body))
}

fn heading(own: &Own, inbox: &InboxView) -> Markup {
    let id = &inbox.id;
    html! {
        header.head {
            div { h1 { "Inbox " (super::form::short(id)) } }
            @if own.is_developer() {
                div.actions {
                    (ui::link_button(Kind::Primary, &format!("/webhook-simulator?signer=inbox:{id}"), "Send something to it"))
                    (ui::link_button(Kind::Secondary, &format!("/webhooks/new?inbox={id}"), "Add a webhook"))
                    (act(own, &format!("/webhook-simulator/inboxes/{id}/delete"), Kind::Secondary, "Delete"))
                }
            }
        }
    }
}

fn facts(own: &Own, inbox: &InboxView) -> Markup {
    let pairs = [
        ("Address", inboxes::address(own, inbox)),
        ("Ends", ui::time(inbox.expires_at)),
    ];
    ui::card(None, &ui::key_values(&pairs))
}

fn list(found: &Page<InboxMessage>) -> Markup {
    let newest = found
        .items
        .first()
        .map(|m| m.id.as_str())
        .unwrap_or_default();
    html! {
        div.messages data-live={ (newest) "/" (found.items.len()) } {
            @if found.items.is_empty() {
                div.placeholder { h2 { "Nothing yet" } p { "What is posted to the address appears here." } }
            }
            @for (i, message) in found.items.iter().enumerate() { (one(message, i == 0)) }
        }
    }
}

fn one(message: &InboxMessage, is_open: bool) -> Markup {
    let of = |name: &str| {
        message
            .headers
            .iter()
            .find(|f| f.name == name)
            .map(|f| f.value.as_str())
    };
    let text = match &message.body {
        InboxBody::Text(text) | InboxBody::Base64(text) => text.as_str(),
    };
    html! {
        details.card.message id=(message.id) open[is_open] {
            summary {
                (verdict(message)) " "
                strong { (named(text)) } " "
                @if let Some(id) = of("webhook-id") { code.muted.small { (parts::beginning(id, NAME_BYTES)) } " " }
                span.muted.small { (ui::time(message.received_at)) }
            }
            @match (&message.why_not, &message.signed_by) {
                (Some(why), _) => p.failure { "Not verified: " (why) "." },
                (None, Some(signer)) if signer == "inbox" => p { "Signed with the inbox’s own secret." },
                (None, Some(signer)) => p { "Signed with the secret of " a href={ "/webhooks/" (signer) } { code { (signer) } } "." },
                (None, None) => {}
            }
            h3 { "Headers" }
            (parts::fields(message.headers.iter().map(|f| (f.name.as_str(), f.value.as_str()))))
            h3 { @if matches!(message.body, InboxBody::Base64(_)) { "Body, as base64: it is no text" } @else { "Body" } }
            @if text.is_empty() { p.muted { "It was empty." } } @else { (parts::body("Body", text)) }
        }
    }
}

fn verdict(message: &InboxMessage) -> Markup {
    if message.verified {
        ui::badge(Tone::Ok, "Verified")
    } else {
        ui::badge(Tone::Bad, "Not verified")
    }
}

/// What a message is called: as its body says, which may be anything.
fn named(body: &str) -> String {
    let named = event_type(body).unwrap_or_else(|| "Message".to_owned());
    parts::beginning(&named, NAME_BYTES).to_owned()
}

/// The type that a body says it has.
fn event_type(body: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        #[serde(rename = "type")]
        event_type: Value,
    }
    let named: Named = serde_json::from_str(body).ok()?;
    Some(named.event_type.as_str()?.to_owned())
}
