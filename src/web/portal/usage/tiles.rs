//! The sums of a range as a row of numbers; never how they are read.

use maud::{Markup, html};

use super::range::Range;
use super::totals::Totals;
use crate::usage::model::Granularity;
use crate::web::portal::chart::number::{duration, grouped, share, short};
use crate::web::portal::ui;

/// Requests, errors of either side, what was refused, and how long answers took.
pub(super) fn tiles(totals: &Totals, range: Range, points: usize) -> Markup {
    let t = totals;
    let mean = t.mean_ms().map_or_else(|| "–".to_owned(), duration);
    let each = t.requests.checked_div(points as u128).unwrap_or(0);
    let rate = format!("{} {}", short(each), per(range.granularity()));
    html! {
        div.tiles.usage-tiles {
            (tile("Requests", &grouped(t.requests), &rate))
            (tile("Client errors (4xx)", &share(t.client_errors, t.requests), &requests(t.client_errors)))
            (tile("Server errors (5xx)", &share(t.server_errors, t.requests), &requests(t.server_errors)))
            (tile("Rejected", &share(t.rejected, t.made()), &requests(t.rejected)))
            (tile("Response time", &mean, "mean of all answers"))
        }
    }
}

const fn per(granularity: Granularity) -> &'static str {
    match granularity {
        Granularity::Hour => "an hour",
        Granularity::Day => "a day",
        Granularity::Month => "a month",
    }
}

fn requests(n: u128) -> String {
    match n {
        1 => "1 request".to_owned(),
        n => format!("{} requests", grouped(n)),
    }
}

fn tile(label: &str, number: &str, note: &str) -> Markup {
    ui::tile(label, &html! { (number) }, Some(&html! { (note) }))
}
