//! Tables of things, and the way to the next page of them; never where they come from.

use maud::{Markup, html};

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

/// The way through the pages of a list. `path` is its own with the rest of its query (`/keys?status=active`), `list` its name
/// in cursors, `next` where the next page begins; `is_first` where this page has no cursor.
pub fn pager(path: &str, list: &str, next: Option<&str>, is_first: bool) -> Markup {
    let joint = if path.contains('?') { '&' } else { '?' };
    html! {
        @if next.is_some() || !is_first {
            nav.pager aria-label="Pages" {
                @if !is_first { a.button href=(path) { "Back to the newest" } }
                @if let Some(after) = next {
                    a.button rel="next" href={ (path) (joint) "cursor=" (query::encode(list, after)) } { "Older" }
                }
            }
        }
    }
}
