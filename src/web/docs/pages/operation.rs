//! The page of an endpoint: who may call it, with what, what comes back, and how it is called; never a call.

use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};

use super::Docs;
use super::answers::{answers, errors, limits, other};
use crate::web::docs::markdown;
use crate::web::docs::model::document::text;
use crate::web::docs::model::operation::{Detail, Place};
use crate::web::docs::model::{DocsSet, Operation};
use crate::web::docs::samples::{has_sample, request, samples};
use crate::web::docs::ui::fields::{Way, count};
use crate::web::docs::ui::{self, code, fields};
use crate::web::portal::refuse::PageError;
use crate::web::portal::ui::{Tone, copy_button, notice};

pub(super) async fn operation(docs: Docs, Path(slug): Path<String>) -> Result<Response, PageError> {
    let set = &docs.set;
    let operation = set.operation(&slug).ok_or(PageError::NotFound)?;
    let detail = set.detail(operation);
    let body = html! {
        article.operation {
            (head(set, operation))
            aside.samples-side aria-label="Samples" { (side(set, operation, &detail)) }
            div.operation-text {
                (scopes(set, operation))
                (parameters(&detail))
                @if let Some(body) = &detail.body {
                    section {
                        h2 #body { "Body" }
                        p.small.muted { code { (body.content.media_type) } @if body.is_required { " · required" } }
                        @if let Some(said) = &body.description { (markdown::text(said)) }
                        (fields::body(&body.content.shape, Way::Sent))
                        @if body.content.examples.len() > 1 || !has_sample(&body.content) {
                            details.folded {
                                summary { (count(body.content.examples.len(), "example")) }
                                (code::examples("Body", &body.content.examples))
                            }
                        }
                        @for content in &body.others { (other(content, Way::Sent)) }
                    }
                }
                (answers(&detail))
                (limits(set, operation))
                (events(operation))
                (errors(operation, detail.body.is_some()))
            }
        }
    };
    Ok(docs.page(&operation.summary, &format!("/docs/api/{slug}"), &body))
}

fn head(set: &DocsSet, o: &Operation) -> Markup {
    let tag = set.tags.get(o.tag);
    html! {
        header.docs-head {
            p.eyebrow {
                @if let Some(tag) = tag { a href={ "/docs/api#" (tag.slug) } { (tag.name) } }
            }
            h1 { (o.summary) }
            div.endpoint-line {
                (ui::method(&o.method))
                code data-copy-from {
                    span.base-url { (set.config.portal.api_url) }
                    (o.path)
                }
                (copy_button("Copy the URL"))
            }
            (deprecation(o))
            @if let Some(said) = &o.description { div.prose { (markdown::text(said)) } }
            (more(set, o))
        }
    }
}

/// Where the document says that there is more to read.
fn more(set: &DocsSet, o: &Operation) -> Markup {
    let (_, _, found) = set.found(o);
    let more = found.get("externalDocs");
    let is_web = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
    let url = more.and_then(|m| text(m, "url")).filter(is_web);
    html! {
        @if let Some(url) = url {
            p { a href=(url) rel="noopener noreferrer" { (more.and_then(|m| text(m, "description")).unwrap_or("Read more")) } }
        }
    }
}

fn deprecation(o: &Operation) -> Markup {
    let route = o.route.deprecated.as_ref();
    html! {
        @if o.is_deprecated {
            (notice(Tone::Warn, &html! {
                strong { "Deprecated" }
                @if let Some(d) = route {
                    " since " (crate::web::portal::ui::date(d.since)) "."
                    @if let Some(end) = d.sunset { " It stops working on " (crate::web::portal::ui::date(end)) "." }
                    @if let Some(link) = &d.link { " " a href=(link) rel="noopener noreferrer" { "What takes its place" } }
                } @else { ". Use another endpoint where you can." }
            }))
        }
    }
}

/// Samples of the call and an example of its answer.
fn side(set: &DocsSet, o: &Operation, detail: &Detail) -> Markup {
    let request = request(o, detail, &set.config.portal.api_url);
    html! {
        p.sample-title { "Request" }
        (code::samples("sample", "Request", &samples(&request)))
        @if let Some(answer) = detail.success() {
            p.sample-title { "Response " (ui::status(&answer.status)) }
            @match &answer.content {
                Some(content) => @match content.examples.first() {
                    Some((_, value)) => (code::json("Response", value)),
                    None => p.small.muted { code { (content.media_type) } },
                },
                None => p.small.muted { "Without a body." },
            }
        }
        @if let Some(href) = explorer(set, o) {
            p { a.button href=(href) { "Try it in the explorer" } }
        }
    }
}

/// Where the explorer shows this endpoint.
fn explorer(set: &DocsSet, o: &Operation) -> Option<String> {
    let id = o.id.as_deref().unwrap_or(&o.slug);
    let tag = set.tags.get(o.tag)?;
    let encode = |t: &str| {
        percent_encoding::utf8_percent_encode(t, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let api = if o.api == 0 {
        String::new()
    } else {
        format!("?api={}", o.api)
    };
    Some(format!(
        "/docs/explorer{api}#/{}/{}",
        encode(&tag.name),
        encode(id)
    ))
}

fn scopes(set: &DocsSet, o: &Operation) -> Markup {
    let text = |scope: &str| {
        let known = set.config.scopes.iter().find(|(name, _)| name == scope);
        known.map(|(_, text)| text.as_str()).unwrap_or_default()
    };
    html! {
        section {
            h2 #authorization { "Authorization" }
            @if !o.needs_key() {
                p { "No key is needed." }
            } @else if o.route.scopes.is_empty() {
                p { "Any key may call this endpoint." }
            } @else {
                p {
                    "The key needs "
                    @if o.route.scopes.len() == 1 { "this scope:" } @else { "all of these scopes:" }
                }
                ul.scope-list {
                    @for scope in &o.route.scopes { li { code { (scope) } span.muted { (text(scope)) } } }
                }
            }
        }
    }
}

fn parameters(detail: &Detail) -> Markup {
    let of = |place: Place| detail.parameters.iter().filter(move |p| p.place == place);
    let kinds = [
        (Place::Path, "path", "Path parameters"),
        (Place::Query, "query", "Query parameters"),
        (Place::Header, "headers", "Headers"),
        (Place::Cookie, "cookies", "Cookies"),
    ];
    html! {
        @for (place, id, title) in kinds {
            @if of(place).next().is_some() {
                section {
                    h2 #(id) { (title) }
                    (fields::parameters(of(place)))
                }
            }
        }
    }
}

fn events(o: &Operation) -> Markup {
    html! {
        @if !o.events.is_empty() {
            section {
                h2 #events { "Events" }
                p { "A success may make these events, which " a href="/docs/guides/webhooks" { "webhooks" } " receive:" }
                ul.plain {
                    @for event in &o.events { li { a href={ "/docs/events/" (event) } { code { (event) } } } }
                }
            }
        }
    }
}
