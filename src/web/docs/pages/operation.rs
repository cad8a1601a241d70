//! The page of an endpoint: who may call it, with what, what comes back, and how it is called; never a call.

use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};

use super::Docs;
use crate::base::error::Code;
use crate::web::docs::markdown;
use crate::web::docs::model::operation::{Answer, Detail, Place};
use crate::web::docs::model::{DocsSet, Operation};
use crate::web::docs::samples::{request, samples};
use crate::web::docs::ui::fields::Way;
use crate::web::docs::ui::{self, code, fields};
use crate::web::portal::refuse::PageError;
use crate::web::portal::ui::{Tone, badge, copy_button, notice};

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
                        @if body.content.examples.len() > 1 {
                            details.folded {
                                summary { (body.content.examples.len()) " examples" }
                                (code::examples("Body", &body.content.examples))
                            }
                        }
                    }
                }
                (answers(&detail))
                (limits(operation))
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
            @match answer.content.as_ref().and_then(|c| c.examples.first()) {
                Some((_, value)) => (code::json("Response", value)),
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

fn answers(detail: &Detail) -> Markup {
    html! {
        @if !detail.answers.is_empty() {
            section {
                h2 #responses { "Responses" }
                @let first = detail.success().map(|a| a.status.as_str());
                @for a in &detail.answers {
                    (answer(a, first == Some(a.status.as_str())))
                }
            }
        }
    }
}

fn answer(a: &Answer, is_open: bool) -> Markup {
    let said = a.description.as_deref().unwrap_or_default();
    let name = if a.status == "default" {
        "others"
    } else {
        &a.status
    };
    html! {
        details.answer open[is_open] {
            summary {
                (ui::status(name))
                span { (markdown::plain(said)) }
            }
            div {
                @match &a.content {
                    Some(content) => {
                        p.small.muted {
                            code { (content.media_type) }
                            @if let Some(name) = &content.shape.name { " · " (fields::schema_link(name)) }
                        }
                        (fields::folded(&content.shape))
                        // That of a success stands beside the text.
                        @if !a.is_success() { (code::examples("Response", &content.examples)) }
                    }
                    None => p.muted { "Without a body." },
                }
                @if !a.fields.is_empty() {
                    h3 { "Header fields" }
                    dl.header-fields {
                        @for (name, said) in &a.fields {
                            div {
                                dt { code { (name) } }
                                dd { (markdown::text(said)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn limits(o: &Operation) -> Markup {
    html! {
        @if o.needs_key() {
            section {
                h2 #limits { "Limits" }
                p {
                    "A request takes "
                    @if o.route.cost == 1 { "one token" } @else { strong { (o.route.cost) " tokens" } }
                    " from the key's bucket and counts once against the account's hour and month. Every answer says what is left in "
                    code { "RateLimit" } " and " code { "RateLimit-Policy" } ". "
                    a href="/docs/guides/rate-limits" { "Rate limits and quotas" }
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

/// The errors that the gateway itself may answer this endpoint's calls with.
fn errors(o: &Operation, has_body: bool) -> Markup {
    let codes = codes(o, has_body);
    html! {
        section {
            h2 #errors { "Errors of the gateway" }
            p { "They come before the API is asked, or where it cannot be. Their " code { "code" } " is also in " code { "X-Fuelgate-Error" } "." }
            div.scroll tabindex="0" role="region" aria-label="Errors of the gateway" {
                table {
                    thead { tr { th scope="col" { "Status" } th scope="col" { "Code" } th scope="col" { "Means" } } }
                    tbody {
                        @for code in codes {
                            @let row = code.row();
                            tr {
                                td { (badge(Tone::Neutral, &row.status.to_string())) }
                                td { a href={ "/docs/errors/" (row.code) } { code { (row.code) } } }
                                td { (row.title) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn codes(o: &Operation, has_body: bool) -> Vec<Code> {
    let mut all = vec![Code::BadRequest];
    if o.needs_key() {
        all.extend([
            Code::MissingCredentials,
            Code::MalformedCredentials,
            Code::InvalidKey,
            Code::ExpiredKey,
            Code::RevokedKey,
        ]);
        if !o.route.scopes.is_empty() {
            all.push(Code::InsufficientScope);
        }
        all.extend([
            Code::AddressNotAllowed,
            Code::AccountSuspended,
            Code::RateLimited,
            Code::QuotaExceeded,
        ]);
    }
    if has_body {
        all.push(Code::BodyTooLarge);
    }
    if o.route.json_only {
        all.push(Code::UnsupportedMediaType);
    }
    all.extend([
        Code::UpstreamUnreachable,
        Code::NoHealthyUpstream,
        Code::UpstreamTimeout,
        Code::Maintenance,
        Code::StoreUnavailable,
        Code::Overloaded,
    ]);
    all
}
