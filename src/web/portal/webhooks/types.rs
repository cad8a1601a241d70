//! `GET /webhooks/types`: every type of events, in words and with a body; never an event that happened.

use maud::{Markup, html};

use super::choice::ACCOUNT_NOTICES;
use super::choice::groups;
use super::parts;
use crate::web::portal::answer::PageResult;
use crate::web::portal::own::Own;
use crate::web::portal::shell::{self, Place};
use crate::webhooks::settings::TEST_TYPE;
use crate::webhooks::simulator::describe::{TypeDoc, describe};

pub(super) async fn types(own: Own) -> PageResult {
    let config = own.config();
    let groups = groups(config);
    let notices: Vec<TypeDoc> = ACCOUNT_NOTICES
        .iter()
        .map(|t| describe(config, t))
        .collect();
    let test = describe(config, TEST_TYPE);
    let body = html! {
        (super::head(&own, super::Tab::Types))
        p.lead { "Every message has the same envelope: what happened, when, to whose data, a number that grows by one with each event, and the data." }
        div.indexed {
            nav.index aria-label="Event types" {
                ul {
                    @for group in &groups {
                        @for doc in &group.types { (entry(doc)) }
                    }
                    @for doc in notices.iter().chain([&test]) { (entry(doc)) }
                }
            }
            div {
                @for group in &groups {
                    @for doc in &group.types { (card(&own, doc, Subscribed::ByPattern)) }
                }
                @for doc in &notices { (card(&own, doc, Subscribed::ByName)) }
                (card(&own, &test, Subscribed::Never))
            }
        }
    };
    Ok(shell::page(&own, "Event types", Place::Webhooks, body))
}

/// How one gets events of a type.
enum Subscribed {
    ByPattern,
    ByName,
    Never,
}

fn entry(doc: &TypeDoc) -> Markup {
    html! { li { a href={ "#" (doc.event_type) } { (doc.event_type) } } }
}

fn card(own: &Own, doc: &TypeDoc, how: Subscribed) -> Markup {
    let example = serde_json::to_string(&doc.body).unwrap_or_default();
    html! {
        section.card.event-type id=(doc.event_type) aria-label=(doc.event_type) {
            h2 { code { (doc.event_type) } }
            p { (doc.summary) "." }
            @if let Some(text) = &doc.description { p.muted { (parts::prose(text)) } }
            @if !doc.routes.is_empty() {
                p.small { "After " @for (i, route) in doc.routes.iter().enumerate() { @if i > 0 { ", " } code { (route) } } }
            }
            @if matches!(how, Subscribed::ByName) { p.small.muted { "Sent to webhooks that name it; “all events” does not include it." } }
            (parts::body(&format!("Example of {}", doc.event_type), &example))
            @if own.is_developer() {
                p.actions {
                    @if !matches!(how, Subscribed::Never) { a href={ "/webhooks/new?type=" (doc.event_type) } { "Add a webhook for it" } }
                    a href={ "/webhook-simulator?type=" (doc.event_type) } { "Try it in the simulator" }
                }
            }
        }
    }
}
