//! The first page: what the API is, the first call, and where to go on; never a list of everything.

use axum::response::Response;
use maud::{Markup, html};

use super::Docs;
use crate::web::docs::guides;
use crate::web::docs::markdown;
use crate::web::docs::model::document::text;
use crate::web::docs::samples::{SampleRequest, samples};
use crate::web::docs::ui::code;
use crate::web::portal::ui::{Kind, link_button};

pub(super) async fn start(docs: Docs) -> Response {
    let config = &docs.set.config;
    let info = config.apis.first().and_then(|a| a.document.get("info"));
    let title = info.and_then(|i| text(i, "title")).unwrap_or("API");
    let summary = info.and_then(|i| text(i, "summary"));
    let first = SampleRequest {
        method: http::Method::GET,
        url: format!("{}/.well-known/fuelgate/key", config.portal.api_url),
        needs_key: true,
        fields: Vec::new(),
        body: None,
    };
    let body = html! {
        header.docs-hero {
            div {
                p.eyebrow { "Documentation" }
                h1 { (title) }
                @if let Some(summary) = summary { p.lead { (summary) } }
                p.actions {
                    (link_button(Kind::Primary, "/docs/guides/getting-started", "Get started"))
                    (link_button(Kind::Secondary, "/docs/explorer", "Try it in the explorer"))
                }
                dl.base {
                    dt { "Base URL" }
                    dd { code { (config.portal.api_url) } }
                }
            }
            div.hero-sample {
                p.sample-title { "Ask what your key may do" }
                (code::samples("first", "A first call", &samples(&first)))
            }
        }
        section {
            h2 { "Guides" }
            ul.cards {
                @for guide in guides::all() {
                    li.link-card {
                        a href={ "/docs/guides/" (guide.name) } { (guide.title) }
                        p { (guide.summary) }
                    }
                }
            }
        }
        @if !docs.set.tags.is_empty() { (reference(&docs)) }
    };
    docs.page("Documentation", "/docs", &body)
}

fn reference(docs: &Docs) -> Markup {
    html! {
        section {
            h2 { "API reference" }
            ul.cards {
                @for (at, tag) in docs.set.tags.iter().enumerate() {
                    @let count = docs.set.of_tag(at).count();
                    li.link-card {
                        a href={ "/docs/api#" (tag.slug) } { (tag.name) }
                        @if let Some(text) = &tag.description { p { (markdown::plain(text)) } }
                        p.count { (count) @if count == 1 { " endpoint" } @else { " endpoints" } }
                    }
                }
                @if !docs.set.events.is_empty() {
                    li.link-card {
                        a href="/docs/events" { "Events" }
                        p { "What your webhooks are told as it happens." }
                        p.count { (docs.set.events.len()) " types" }
                    }
                }
                li.link-card {
                    a href="/docs/errors" { "Error codes" }
                    p { "What each means, and what helps." }
                }
            }
        }
    }
}
