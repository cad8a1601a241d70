//! The two axes: lines and numbers for how many, labels for when; never more labels than there is room for on a phone.

use maud::{Markup, html};

use super::bars::Place;
use super::number::short;
use super::scale::{Scale, percent};
use super::{ABOVE, BELOW, Chart, PLOT_HEIGHT, Point, when};
use crate::base::clock::{DAY_MS, HOUR_MS};
use crate::usage::model::Granularity;

/// Width of the column of numbers, in CSS pixels.
const NUMBERS_WIDTH: u32 = 44;

fn y(scale: &Scale, mark: u128) -> u32 {
    ABOVE + PLOT_HEIGHT - scale.height(mark, PLOT_HEIGHT)
}

/// The numbers left of the bars. They are an image of their own, since the bars' one has no fixed width.
pub(super) fn scale(scale: &Scale) -> Markup {
    html! {
        svg.chart-scale aria-hidden="true" width=(NUMBERS_WIDTH) height=(ABOVE + PLOT_HEIGHT + BELOW) {
            @for mark in scale.marks() {
                text x=(NUMBERS_WIDTH - 8) y=(y(scale, mark)) dy="0.35em" text-anchor="end" { (short(mark)) }
            }
        }
    }
}

/// A line for each number.
pub(super) fn lines(scale: &Scale) -> Markup {
    html! {
        g.lines {
            @for mark in scale.marks() {
                line.base[mark == 0] x1="0" x2="100%" y1=(y(scale, mark)) y2=(y(scale, mark)) {}
            }
        }
    }
}

/// Labels below the bars. Where hours are shown, chart.mjs writes them anew in the reader's zone.
pub(super) fn times(chart: &Chart) -> Markup {
    html! {
        g.times {
            @for (at, wide_only) in labelled(chart) {
                @if let Some(point) = chart.points.get(at) {
                    text.wide[wide_only] x=(percent(Place::of(at, chart.points.len()).middle()))
                        y=(ABOVE + PLOT_HEIGHT + 18) text-anchor="middle" {
                        (when::tick(point.start, chart.span))
                    }
                }
            }
        }
    }
}

/// Which points have a label, and whether only where there is room: every third hour of a day, days of a week, every
/// fifth day counted from the last one, every month.
fn labelled(chart: &Chart) -> Vec<(usize, bool)> {
    let last = chart.points.len().saturating_sub(1);
    let of_point = |(at, point): (usize, &Point)| {
        let hour = point.start.millis() % DAY_MS / HOUR_MS;
        let day = point.start.millis() / DAY_MS;
        match chart.span {
            Granularity::Hour if chart.points.len() <= 48 => {
                (hour % 3 == 0).then_some((at, hour % 6 != 0))
            }
            Granularity::Hour => (hour == 0).then_some((at, day % 2 != 0)),
            Granularity::Day => (last - at)
                .is_multiple_of(5)
                .then_some((at, !(last - at).is_multiple_of(10))),
            Granularity::Month => Some((at, !(last - at).is_multiple_of(3))),
        }
    };
    chart
        .points
        .iter()
        .enumerate()
        .filter_map(of_point)
        .collect()
}
