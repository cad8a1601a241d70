//! What chooses a range, how it is told apart, and a key; links and a form, so that nothing of it needs a script.

use maud::{Markup, html};

use super::range::{By, Range, Wanted};
use crate::web::portal::ui::{self, Kind};

/// A key that may be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    /// Its id.
    pub(super) id: String,
    /// What its owner calls it, and the end of its secret.
    pub(super) name: String,
}

/// The row above the numbers of the page at `path`; what tells requests apart is there where the page has a chart.
pub(super) fn controls(path: &str, wanted: &Wanted, keys: &[Choice], has_chart: bool) -> Markup {
    let segment = |name: &str, wanted: &Wanted, is_current: bool| {
        html! {
            a href=(wanted.link(path)) aria-current=[is_current.then_some("true")] { (name) }
        }
    };
    html! {
        div.usage-controls {
            nav.segments aria-label="Range" {
                @for range in Range::ALL {
                    (segment(range.name(), &wanted.with_range(range), range == wanted.range))
                }
            }
            @if has_chart {
                nav.segments aria-label="Told apart" {
                    @for by in By::ALL {
                        (segment(by.name(), &wanted.with_by(by), by == wanted.by))
                    }
                }
            }
            (chosen_key(path, wanted, keys))
        }
    }
}

fn chosen_key(path: &str, wanted: &Wanted, keys: &[Choice]) -> Markup {
    html! {
        form.usage-key method="get" action=(path) {
            input type="hidden" name="range" value=(wanted.range.word());
            input type="hidden" name="by" value=(wanted.by.word());
            label.hidden for="usage-key" { "Key" }
            select #usage-key name="key" {
                option value="" selected[wanted.key.is_none()] { "All keys" }
                @for key in keys {
                    option value=(key.id) selected[wanted.key.as_ref() == Some(&key.id)] { (key.name) }
                }
            }
            (ui::button(Kind::Secondary, "Show"))
        }
    }
}
