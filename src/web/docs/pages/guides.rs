//! The page of a guide; never its text.

use axum::extract::Path;
use axum::response::Response;
use maud::html;

use super::Docs;
use crate::web::docs::{guides, markdown};
use crate::web::portal::refuse::PageError;

/// Where the programs are that guides link to.
const FILES: &str = "/docs/webhooks/";

pub(super) async fn guide(docs: Docs, Path(name): Path<String>) -> Result<Response, PageError> {
    let guide = guides::find(&name).ok_or(PageError::NotFound)?;
    let text = markdown::page(&guides::text(guide, &docs.set.config), FILES);
    let all = guides::all();
    let at = all.iter().position(|g| g.name == guide.name).unwrap_or(0);
    let (before, after) = (at.checked_sub(1).and_then(|n| all.get(n)), all.get(at + 1));
    let body = html! {
        article.guide {
            header.docs-head {
                p.eyebrow { "Guide" }
                h1 { (guide.title) }
                p.lead { (guide.summary) }
            }
            aside.on-page {
                nav aria-label="On this page" {
                    h2 { "On this page" }
                    ul {
                        @for (id, title) in &text.headings { li { a href={ "#" (id) } { (title) } } }
                    }
                }
            }
            div.prose.guide-text { (text.html) }
            nav.next-page aria-label="Guides before and after" {
                @if let Some(g) = before { a rel="prev" href={ "/docs/guides/" (g.name) } { span { "Before" } (g.title) } }
                @if let Some(g) = after { a rel="next" href={ "/docs/guides/" (g.name) } { span { "Next" } (g.title) } }
            }
        }
    };
    Ok(docs.page(guide.title, &format!("/docs/guides/{name}"), &body))
}
