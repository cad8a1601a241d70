//! A chart's values as a table, for those who do not see it and for those who want the numbers; never what the chart leaves out.

use maud::{Markup, html};

use super::number::grouped;
use super::{Chart, Point, when};
use crate::usage::model::Granularity;
use crate::web::portal::ui;

/// The table, folded in until it is asked for. chart.mjs reads from it what a bar says.
pub(super) fn table(chart: &Chart) -> Markup {
    let open = chart.span.start(chart.now);
    html! {
        details.chart-values {
            summary { "Values as a table" }
            div.scroll tabindex="0" role="region" aria-label={ (chart.title) ", values" } {
                table.values {
                    caption.hidden { (chart.title) }
                    thead {
                        tr {
                            th scope="col" { (heading(chart.span)) }
                            @for series in &chart.series { th.number scope="col" { (series.name) } }
                            th.number scope="col" { "Total" }
                        }
                    }
                    tbody {
                        @for point in chart.points.iter().rev() { (row(chart, point, point.start == open)) }
                    }
                    tfoot { (sums(chart)) }
                }
            }
        }
    }
}

const fn heading(span: Granularity) -> &'static str {
    match span {
        Granularity::Hour => "Hour",
        Granularity::Day => "Day (UTC)",
        Granularity::Month => "Month (UTC)",
    }
}

fn row(chart: &Chart, point: &Point, open: bool) -> Markup {
    html! {
        tr {
            th scope="row" {
                (start(point, chart.span))
                @if open { " " span.muted { "so far" } }
            }
            @for value in point.values.iter().take(chart.series.len()) {
                td.number { (grouped(u128::from(*value))) }
            }
            td.number { (grouped(point.total())) }
        }
    }
}

/// An hour begins at an instant, which the reader's clock has a name for; days and months are UTC's and stay so.
fn start(point: &Point, span: Granularity) -> Markup {
    html! {
        @match span {
            Granularity::Hour => (ui::time(point.start)),
            Granularity::Day | Granularity::Month => span data-start=(point.start) { (when::point(point.start, span)) },
        }
    }
}

fn sums(chart: &Chart) -> Markup {
    html! {
        tr {
            th scope="row" { "All" }
            @for at in 0..chart.series.len() { td.number { (grouped(chart.total_of(at))) } }
            td.number { (grouped(chart.total())) }
        }
    }
}
