//! Tables of things, and the way to the next page of them; never where they come from.

use maud::{Markup, html};

use crate::base::page::{DEFAULT_LIMIT, PageRequest};
use crate::web::admin::query;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// What it is called.
    pub label: &'static str,
    /// Whether it holds numbers, which stand at its right edge.
    pub is_number: bool,
}

impl Column {
    /// A column of text.
    pub const fn text(label: &'static str) -> Self {
        Self {
            label,
            is_number: false,
        }
    }

    /// A column of numbers.
    pub const fn number(label: &'static str) -> Self {
        Self {
            label,
            is_number: true,
        }
    }
}

/// A table; on a narrow page each row stands as a card of its own. `caption` says what it lists, for those who cannot see.
pub fn table(caption: &str, columns: &[Column], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table.list {
                caption.hidden { (caption) }
                thead {
                    tr {
                        @for c in columns {
                            th scope="col" class=[c.is_number.then_some("number")] {
                                // A column of buttons has no name to be seen.
                                @if c.label.is_empty() { span.hidden { "Actions" } } @else { (c.label) }
                            }
                        }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            @for (c, cell) in columns.iter().zip(row) {
                                td data-label=(c.label) class=[c.is_number.then_some("number")] {
                                    // One box, so that on a narrow page it stands beside the name of its column.
                                    div { (cell) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The way through the pages of a list. `path` is its own with its filters as a query (`/keys?status=active`), `list` its name
/// in cursors, `asked` the page that this is, `next` where the next one begins. Links keep filters and the page's size.
pub fn pager(path: &str, list: &str, asked: &PageRequest, next: Option<&str>) -> Markup {
    let with = |path: &str, more: &str| {
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("{path}{joint}{more}")
    };
    let first = match asked.limit {
        DEFAULT_LIMIT => path.to_owned(),
        limit => with(path, &format!("limit={limit}")),
    };
    let is_first = asked.after.is_none();
    html! {
        @if next.is_some() || !is_first {
            nav.pager aria-label="Pages" {
                @if !is_first { a.button href=(first) { "Back to the newest" } }
                @if let Some(after) = next {
                    a.button rel="next" href=(with(&first, &format!("cursor={}", query::encode(list, after)))) { "Older" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_other_pages_keep_filters_and_size() {
        let links = |path: &str, limit: u32, after: Option<&str>, next: Option<&str>| {
            let asked = PageRequest {
                limit,
                after: after.map(str::to_owned),
            };
            let text = pager(path, "things", &asked, next).into_string();
            let parts = text.split("href=\"").skip(1);
            let links = parts.map(|p| p[..p.find('"').unwrap_or(0)].replace("&amp;", "&"));
            links.collect::<Vec<String>>()
        };
        let cursor = query::encode("things", "x");
        assert_eq!(links("/a", 50, None, None), Vec::<String>::new());
        assert_eq!(
            links("/a", 50, None, Some("x")),
            [format!("/a?cursor={cursor}")]
        );
        assert_eq!(
            links("/a?b=c", 2, Some("y"), Some("x")),
            [
                "/a?b=c&limit=2".to_owned(),
                format!("/a?b=c&limit=2&cursor={cursor}")
            ]
        );
        assert_eq!(links("/a", 7, Some("y"), None), ["/a?limit=7"]);
    }
}
