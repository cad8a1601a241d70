//! All endpoints by group; never more of one than its line.

use axum::response::Response;
use maud::html;

use super::Docs;
use crate::web::docs::markdown;
use crate::web::docs::model::document::text;
use crate::web::docs::ui;

pub(super) async fn reference(docs: Docs) -> Response {
    let set = &docs.set;
    let body = html! {
        header.docs-head {
            p.eyebrow { "API reference" }
            h1 { "All endpoints" }
            p.lead { "Paths begin at " code { (set.config.portal.api_url) } "." }
        }
        @for (n, api) in set.config.apis.iter().enumerate() {
            @let info = api.document.get("info");
            section.prose {
                @if set.config.apis.len() > 1 {
                    h2 { (info.and_then(|i| text(i, "title")).unwrap_or("API")) }
                }
                @if let Some(said) = info.and_then(|i| text(i, "description")) { (markdown::text(said)) }
                p.small {
                    a href={ "/docs/openapi/" (n) ".json" } { "OpenAPI document" }
                    @if let Some(version) = info.and_then(|i| text(i, "version")) {
                        span.muted { " · version " (version) }
                    }
                }
            }
        }
        @if set.operations.is_empty() {
            p { "No endpoint is documented yet." }
        }
        @for (at, tag) in set.tags.iter().enumerate() {
            section.endpoints aria-labelledby=(tag.slug) {
                h2 #(tag.slug) { (tag.name) }
                @if let Some(said) = &tag.description { div.muted { (markdown::text(said)) } }
                ul.endpoint-list {
                    @for o in set.of_tag(at) {
                        li {
                            (ui::method(&o.method))
                            span.what {
                                a href={ "/docs/api/" (o.slug) } { (o.summary) }
                                (ui::path(&o.path))
                            }
                            span.scopes {
                                @for scope in &o.route.scopes { code { (scope) } }
                                @if !o.needs_key() { "no key" }
                            }
                        }
                    }
                }
            }
        }
    };
    docs.page("All endpoints", "/docs/api", &body)
}
