//! What a search found; never how.

use axum::response::Response;
use maud::html;

use super::Docs;
use crate::base::ceilings::docs::DOCS_SEARCH_HITS;
use crate::web::docs::ui::nav;
use crate::web::portal::form::Query;
use crate::web::portal::refuse::PageError;
use crate::web::portal::ui::{Tone, badge};

pub(super) async fn search(docs: Docs, query: Query) -> Result<Response, PageError> {
    let wanted = query.0.text("q")?;
    let hits = docs.set.index.find(wanted);
    let body = html! {
        header.docs-head {
            p.eyebrow { "Documentation" }
            h1 { "Search" }
        }
        div.search-large { (nav::field("search-q", wanted)) }
        @if !wanted.is_empty() {
            p.muted role="status" {
                @match hits.len() {
                    0 => { "Nothing has all of these words. Try fewer, or only their beginnings." }
                    1 => { "1 page" }
                    DOCS_SEARCH_HITS.. => { "The first " (DOCS_SEARCH_HITS) " pages. Another word finds fewer." }
                    n => { (n) " pages" }
                }
            }
        }
        ol.hits {
            @for hit in &hits {
                li {
                    p {
                        a href=(hit.path) { @if let Some(page) = hit.of { (page) ": " } (hit.title) }
                        " " (badge(Tone::Neutral, hit.kind))
                    }
                    p.muted { (hit.excerpt) }
                }
            }
        }
    };
    Ok(docs.found(wanted, "Search", "/docs/search", &body))
}
