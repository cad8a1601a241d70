//! Stacked bars over time as SVG, and the same values as a table; never a store, a clock or a script.

mod axis;
mod bars;
pub(super) mod number;
mod scale;
mod table;
#[cfg(test)]
mod tests;
pub(super) mod when;

use maud::{Markup, html};

use self::number::grouped;
use self::scale::Scale;
use crate::base::clock::Timestamp;
use crate::usage::model::Granularity;

/// Height of the part that the bars lie in, in CSS pixels: widths follow the page, heights do not, so that text keeps its size.
const PLOT_HEIGHT: u32 = 220;
/// Room above the highest line, so that its label is not cut.
const ABOVE: u32 = 10;
/// Room below the bars for the labels of time.
const BELOW: u32 = 26;

/// One kind of request, with a colour of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Class of its bars and its swatch; chart.css has the colours.
    pub class: &'static str,
}

/// An hour, a day or a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    /// When it begins.
    pub start: Timestamp,
    /// One value for each series, in their order.
    pub values: Vec<u64>,
}

/// A chart; the series are stacked, the first one lowest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chart {
    /// What its elements' ids begin with: no two charts of a page have the same.
    pub id: &'static str,
    /// What it shows.
    pub title: String,
    /// What is counted, in the plural.
    pub unit: &'static str,
    /// The kinds.
    pub series: Vec<Series>,
    /// The points by start.
    pub points: Vec<Point>,
    /// Width of the points.
    pub span: Granularity,
    /// The instant at which it is drawn: the point that it lies in is not over.
    pub now: Timestamp,
}

impl Chart {
    /// Sum of a series over all points.
    pub(super) fn total_of(&self, series: usize) -> u128 {
        let values = self.points.iter().filter_map(|p| p.values.get(series));
        values.map(|v| u128::from(*v)).sum()
    }

    /// Sum of all series over all points.
    pub(super) fn total(&self) -> u128 {
        self.points.iter().map(Point::total).sum()
    }

    /// The chart with its legend, and its values as a table below it.
    pub(super) fn markup(&self) -> Markup {
        let highest = self.points.iter().map(Point::total).max().unwrap_or(0);
        let scale = Scale::fit(highest);
        let title_id = format!("{}-title", self.id);
        html! {
            figure.chart data-chart=(word(self.span)) data-unit=(self.unit) aria-labelledby=(title_id) {
                figcaption.chart-head {
                    div {
                        h2 #(title_id) { (self.title) }
                        p.chart-zone { (zone(self.span)) }
                    }
                    (self.legend())
                }
                div.chart-body {
                    (axis::scale(&scale))
                    div.chart-plot {
                        svg.chart-svg role="img" aria-labelledby={ (self.id) "-text" }
                            width="100%" height=(ABOVE + PLOT_HEIGHT + BELOW) {
                            title #{ (self.id) "-text" } { (self.sentence()) }
                            (axis::lines(&scale))
                            (bars::bars(self, &scale))
                            (axis::times(self))
                        }
                    }
                }
                (table::table(self))
            }
        }
    }

    fn legend(&self) -> Markup {
        html! {
            ul.legend {
                @for (at, series) in self.series.iter().enumerate() {
                    li {
                        span.swatch.(series.class) aria-hidden="true" {}
                        span.legend-name { (series.name) }
                        " "
                        span.legend-count { (grouped(self.total_of(at))) }
                    }
                }
            }
        }
    }

    /// What somebody hears who does not see the chart.
    fn sentence(&self) -> String {
        let total = grouped(self.total());
        let peak = self.points.iter().max_by_key(|p| p.total());
        let Some(peak) = peak.filter(|p| p.total() > 0) else {
            return format!("{}: none.", self.title);
        };
        format!(
            "{}: {total} {} in all, at most {} in one {} ({}). The values are in the table below.",
            self.title,
            self.unit,
            grouped(peak.total()),
            word(self.span),
            when::point(peak.start, self.span),
        )
    }
}

impl Point {
    fn total(&self) -> u128 {
        self.values.iter().map(|v| u128::from(*v)).sum()
    }
}

/// What one point is.
const fn word(span: Granularity) -> &'static str {
    match span {
        Granularity::Hour => "hour",
        Granularity::Day => "day",
        Granularity::Month => "month",
    }
}

/// By whose clock the points begin; where they are hours, chart.mjs names them by the reader's.
const fn zone(span: Granularity) -> &'static str {
    match span {
        Granularity::Hour => "Times are in UTC.",
        Granularity::Day => "Days are UTC days.",
        Granularity::Month => "Months are UTC months.",
    }
}
