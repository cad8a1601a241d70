//! The bars: one group a point with its parts from the lowest up, and what it says when it is pointed at; never a style.

use maud::{Markup, html};

use super::number::grouped;
use super::scale::{Scale, percent};
use super::{ABOVE, Chart, PLOT_HEIGHT, Point, when};

/// The whole width, in thousandths of a per cent.
const WIDTH: u64 = 100_000;
/// Pixels of height that can be seen.
const SEEN: u32 = 2;
/// Bars that are wide enough for gaps between their parts.
const MOST_WITH_GAPS: usize = 48;

/// All bars of a chart.
pub(super) fn bars(chart: &Chart, scale: &Scale) -> Markup {
    let open = chart.span.start(chart.now);
    html! {
        g.bars {
            @for (at, point) in chart.points.iter().enumerate() {
                @let place = Place::of(at, chart.points.len());
                g.bar.open[point.start == open] {
                    title { (spoken(chart, point)) }
                    rect.hit x=(percent(place.slot)) y="0" width=(percent(place.slot_width))
                        height=(ABOVE + PLOT_HEIGHT) {}
                    (parts(chart, point, scale, &place))
                }
            }
        }
    }
}

fn parts(chart: &Chart, point: &Point, scale: &Scale, place: &Place) -> Markup {
    // Where there is room, one pixel of each part is the gap that keeps neighbours apart where their colours do not.
    let gap = u32::from(chart.points.len() <= MOST_WITH_GAPS);
    let heights = scale.stack(&point.values, PLOT_HEIGHT, SEEN + gap);
    let mut y = ABOVE + PLOT_HEIGHT;
    let mut parts = Vec::new();
    for (series, height) in chart.series.iter().zip(heights) {
        if height > 0 {
            y = y.saturating_sub(height);
            let gap = if parts.is_empty() { 0 } else { gap };
            parts.push((series.class, y, height.saturating_sub(gap)));
        }
    }
    html! {
        @for (class, y, height) in parts {
            rect.(class) x=(percent(place.bar)) y=(y) width=(percent(place.bar_width)) height=(height) {}
        }
    }
}

/// All values of a point in words.
fn spoken(chart: &Chart, point: &Point) -> String {
    let values = chart.series.iter().zip(&point.values);
    let parts: Vec<String> = values
        .filter(|(_, value)| **value > 0)
        .map(|(series, value)| format!("{} {}", series.name, grouped(u128::from(*value))))
        .collect();
    let total = grouped(point.total());
    let name = when::point(point.start, chart.span);
    match parts.len() {
        0 => format!("{name}: no {}", chart.unit),
        _ => format!("{name}: {total} {} ({})", chart.unit, parts.join(", ")),
    }
}

/// Where a point lies along the width, in thousandths of a per cent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    slot: u64,
    slot_width: u64,
    bar: u64,
    bar_width: u64,
}

impl Place {
    /// The place of the point `at` of `of`. Many bars stand closer, so that there is more bar than gap.
    pub(super) fn of(at: usize, of: usize) -> Self {
        let (at, of) = (at as u64, (of as u64).max(1));
        let slot = at * WIDTH / of;
        let slot_width = (at + 1) * WIDTH / of - slot;
        let filled = match of {
            0..=12 => 58,
            13..=48 => 72,
            _ => 80,
        };
        let bar_width = slot_width * filled / 100;
        Self {
            slot,
            slot_width,
            bar: slot + (slot_width - bar_width) / 2,
            bar_width,
        }
    }

    /// The middle of the slot.
    pub(super) const fn middle(&self) -> u64 {
        self.slot + self.slot_width / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_fill_the_width_and_bars_lie_in_their_slots() {
        for of in [1, 7, 12, 24, 30, 168] {
            let mut end = 0;
            for at in 0..of {
                let place = Place::of(at, of);
                assert_eq!(place.slot, end);
                end = place.slot + place.slot_width;
                assert!(place.bar >= place.slot && place.bar + place.bar_width <= end);
                assert!(place.bar_width > 0 && (place.slot..end).contains(&place.middle()));
            }
            assert_eq!(end, WIDTH);
        }
    }
}
