//! The list of all that is documented, beside every page of it; never a page.

use maud::{Markup, html};

use super::method;
use crate::base::ceilings::docs::{DOCS_NAV_OPERATIONS, DOCS_SEARCH_CHARS};
use crate::web::docs::guides;
use crate::web::docs::model::DocsSet;

/// The list, with the page at `path` marked: at the side, and where it is narrow behind a word, of which one is not drawn.
pub(crate) fn nav(set: &DocsSet, path: &str, query: &str) -> Markup {
    html! {
        div.docs-side { (list(set, path, "docs-q", query)) }
        details.docs-menu {
            summary { "Contents and search" }
            (list(set, path, "docs-q-narrow", query))
        }
    }
}

fn list(set: &DocsSet, path: &str, id: &str, query: &str) -> Markup {
    html! {
        div.docs-nav {
            (field(id, query))
            nav aria-label="Documentation" {
                ul {
                    (item("/docs", "Start", path))
                    (item("/docs/explorer", "Explorer", path))
                }
                h2 { "Guides" }
                ul {
                    @for guide in guides::all() {
                        (item(&format!("/docs/guides/{}", guide.name), guide.title, path))
                    }
                }
                @if !set.operations.is_empty() { (reference(set, path)) }
                h2 { "Events and errors" }
                ul {
                    (item("/docs/events", "Events", path))
                    @if !set.schemas.is_empty() { (item("/docs/schemas", "Schemas", path)) }
                    (item("/docs/errors", "Error codes", path))
                }
            }
        }
    }
}

/// The field to search with; `id` is its own on the page.
pub(crate) fn field(id: &str, query: &str) -> Markup {
    html! {
        form.search method="get" action="/docs/search" role="search" {
            label.hidden for=(id) { "Search the documentation" }
            input type="search" id=(id) name="q" value=(query) placeholder="Search" maxlength=(DOCS_SEARCH_CHARS) autocomplete="off" aria-keyshortcuts="Control+K Meta+K";
        }
    }
}

fn item(href: &str, text: &str, path: &str) -> Markup {
    html! { li { a href=(href) aria-current=[(href == path).then_some("page")] { (text) } } }
}

/// Groups are closed but for the one that the page is in; where there are too many endpoints, others are links to their lists.
fn reference(set: &DocsSet, path: &str) -> Markup {
    let slug = path.strip_prefix("/docs/api/");
    let current = slug.and_then(|s| set.operation(s)).map(|o| o.tag);
    let is_short = set.operations.len() <= DOCS_NAV_OPERATIONS;
    html! {
        h2 { "API reference" }
        ul { (item("/docs/api", "All endpoints", path)) }
        @for (at, tag) in set.tags.iter().enumerate() {
            @if !is_short && current != Some(at) {
                ul { (item(&format!("/docs/api#{}", tag.slug), &tag.name, path)) }
            } @else { details.docs-group open[current == Some(at)] {
                summary { (tag.name) }
                ul {
                    @for o in set.of_tag(at) {
                        @let href = format!("/docs/api/{}", o.slug);
                        li {
                            a href=(href) aria-current=[(href == path).then_some("page")] {
                                span { (o.summary) }
                                (method(&o.method))
                            }
                        }
                    }
                }
            } }
        }
    }
}
