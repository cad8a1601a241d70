//! The usage page from what was read for it; never a store.

use maud::{Markup, html};

use super::controls::{self, Choice};
use super::lists::{self, KeyLine};
use super::range::{By, Wanted};
use super::tiles;
use super::totals::Totals;
use crate::base::clock::Timestamp;
use crate::limits::UsedQuotas;
use crate::usage::model::RejectedBy;
use crate::web::portal::chart::{Chart, Point, Series};
use crate::web::portal::own::Called;
use crate::web::portal::quota;
use crate::web::portal::table;
use crate::web::portal::ui::{self, Kind};

/// All that the page shows.
pub(super) struct View {
    /// What it was asked for.
    pub(super) wanted: Wanted,
    /// When.
    pub(super) now: Timestamp,
    /// Quotas of the account, whatever the range is.
    pub(super) used: UsedQuotas,
    /// Keys to choose from.
    pub(super) choices: Vec<Choice>,
    /// Sums over the range.
    pub(super) totals: Totals,
    /// The chart's kinds and points.
    pub(super) series: Vec<Series>,
    /// One for each hour, day or month.
    pub(super) points: Vec<Point>,
    /// The keys of the chart; empty where it is told apart by status.
    pub(super) keys: Vec<KeyLine>,
    /// Those of the key that is chosen, or of all.
    pub(super) endpoints: Vec<Called>,
    /// Of all keys.
    pub(super) rejections: Vec<RejectedBy>,
}

/// The page.
pub(super) fn page(view: &View) -> Markup {
    let export = ui::link_button(
        Kind::Secondary,
        &view.wanted.link("/usage.csv"),
        "Export CSV",
    );
    html! {
        (ui::style("chart.css"))
        (ui::head("Usage", None, Some(&export)))
        (quota::both(&view.used, view.now))
        (controls::controls("/usage", &view.wanted, &view.choices, true))
        (tiles::tiles(&view.totals, view.wanted.range, view.points.len()))
        section.card { (chart(view)) }
        @if !view.keys.is_empty() { (lists::keys(&view.keys)) }
        div.usage-lists {
            (lists::endpoints(&view.endpoints, &view.wanted.link("/usage/endpoints")))
            (lists::rejections(&view.rejections))
        }
        @if view.wanted.key.is_some() {
            p.small.muted { "Endpoints of one key are counted without their methods and errors. Reasons are those of all your keys." }
        }
        (ui::script("chart.mjs"))
    }
}

fn chart(view: &View) -> Markup {
    let drawn: u128 = match view.wanted.by {
        By::Status => view.totals.made(),
        By::Key => view.totals.requests,
    };
    if drawn == 0 {
        let guide = "/docs/guides/{guide}";
        let action = table::has(guide).then(|| {
            let first = "/docs/guides/getting-started";
            ui::link_button(Kind::Secondary, first, "Make a request")
        });
        let text = "Requests show here within a few seconds of being made.";
        return ui::empty("No requests in this range", text, action.as_ref());
    }
    let by = match view.wanted.by {
        By::Status => "Requests by status",
        By::Key => "Requests by key",
    };
    let chart = Chart {
        id: "requests",
        title: format!("{by}, {}", view.wanted.range.name()),
        unit: "requests",
        series: view.series.clone(),
        points: view.points.clone(),
        span: view.wanted.range.granularity(),
        now: view.now,
    };
    chart.markup()
}
