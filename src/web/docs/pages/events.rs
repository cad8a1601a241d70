//! Types of events: a list, and the page of one with what a webhook is sent; never an event that happened.

use axum::extract::Path;
use axum::response::Response;
use maud::html;
use serde_json::Value;

use super::Docs;
use crate::web::docs::markdown;
use crate::web::docs::ui::code;
use crate::web::portal::refuse::PageError;

/// Header fields of a delivery, as the page of a type shows them.
const FIELDS: [(&str, &str); 3] = [
    (
        "webhook-id",
        "The event's id: the same at every attempt and every replay.",
    ),
    (
        "webhook-timestamp",
        "When this attempt was made, in seconds since 1970.",
    ),
    (
        "webhook-signature",
        "One signature or several, each `v1,` and base64.",
    ),
];

pub(super) async fn list(docs: Docs) -> Response {
    let body = html! {
        header.docs-head {
            p.eyebrow { "API reference" }
            h1 { "Events" }
            p.lead { "What happens in your account is told to your webhooks, signed, within seconds." }
            p.actions {
                a.button href="/docs/guides/webhooks" { "How to receive them" }
                a.button href="/webhook-simulator" { "Send yourself one" }
            }
        }
        dl.schema-list {
            @for event in &docs.set.events {
                div {
                    dt { a href={ "/docs/events/" (event.event_type) } { code { (event.event_type) } } }
                    dd { (event.summary) "." }
                }
            }
        }
    };
    docs.page("Events", "/docs/events", &body)
}

pub(super) async fn event(docs: Docs, Path(name): Path<String>) -> Result<Response, PageError> {
    let set = &docs.set;
    let told = set.events.iter().find(|e| e.event_type == name);
    let told = told.ok_or(PageError::NotFound)?;
    let made_by = set.operations.iter().filter(|o| o.events.contains(&name));
    let made_by: Vec<_> = made_by.collect();
    let body = html! {
        article.operation {
            header.docs-head {
                p.eyebrow { a href="/docs/events" { "Events" } }
                h1 { code { (name) } }
                p.lead { (told.summary) "." }
                @if let Some(said) = &told.description { div.prose { (markdown::text(said)) } }
            }
            aside.samples-side aria-label="Example" {
                p.sample-title { "Body" }
                (code::json("Body", &told.body))
            }
            div.operation-text {
                section {
                    h2 #body { "Body" }
                    (envelope(&told.body))
                }
                section {
                    h2 #headers { "Header fields" }
                    dl.header-fields {
                        @for (field, said) in FIELDS {
                            div { dt { code { (field) } } dd { (markdown::text(said)) } }
                        }
                    }
                    p { a href="/docs/guides/webhooks#verify-before-anything-else" { "How to verify the signature" } }
                }
                @if !made_by.is_empty() {
                    section {
                        h2 #made-by { "Made by" }
                        ul.endpoint-list {
                            @for o in made_by {
                                li {
                                    (crate::web::docs::ui::method(&o.method))
                                    span.what {
                                        a href={ "/docs/api/" (o.slug) } { (o.summary) }
                                        (crate::web::docs::ui::path(&o.path))
                                    }
                                }
                            }
                        }
                    }
                }
                section {
                    h2 #try { "Try it" }
                    p { "The " a href="/webhook-simulator" { "simulator" } " signs and sends this event to your endpoint, or into an inbox of ours, as often as you like." }
                }
            }
        }
    };
    Ok(docs.page(&name, &format!("/docs/events/{name}"), &body))
}

/// The members that every event has.
fn envelope(body: &Value) -> maud::Markup {
    let said = |name: &str| match name {
        "type" => "The type, as above.",
        "timestamp" => "When it happened, RFC 3339 in UTC.",
        "account_id" => "Whose data it is about.",
        "sequence" => {
            "A number that grows by one with each event of the account. Go by it where order matters."
        }
        "data" => {
            "What the API answered, or what was made of it. Where it was too large, only the id, with `truncated`."
        }
        _ => "",
    };
    html! {
        ul.fields {
            @for (name, value) in body.as_object().into_iter().flatten() {
                li {
                    p.field-head { code.name { (name) } " " span.kind { (kind(value)) } }
                    div.field-text { (markdown::text(said(name))) }
                }
            }
            li {
                p.field-head { code.name { "truncated" } " " span.kind { "boolean" } }
                div.field-text { p { "Only there, and " code { "true" } ", where nothing but the resource's id could be kept. Fetch the rest from the API." } }
            }
        }
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "boolean",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::Null => "null",
    }
}
