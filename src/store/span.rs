//! Hours and days as the width of sums, and how a range is cut into both; never where a backend keeps them.

use crate::base::clock::{DAY_MS, Timestamp};

/// Width of stored sums. The numbers are those of the embedded store's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Span {
    Hour = 0,
    Day = 1,
}

/// Part of a range that one span covers; the end is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) span: Span,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// Whole days from the sums by day, the hours before and after them from those by hour.
pub(super) fn parts(from: Timestamp, to: Timestamp) -> [Part; 3] {
    let up = from.day_start();
    let first_day = if up == from {
        from
    } else {
        Timestamp::from_millis(up.millis().saturating_add(DAY_MS))
    };
    let end_day = to.day_start();
    let part = |span, from, to| Part { span, from, to };
    if first_day < end_day {
        [
            part(Span::Hour, from, first_day),
            part(Span::Day, first_day, end_day),
            part(Span::Hour, end_day, to),
        ]
    } else {
        [
            part(Span::Hour, from, to),
            part(Span::Day, from, from),
            part(Span::Hour, to, to),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_at_midnights_without_gap_or_overlap() {
        let t = |s: &str| Timestamp::parse(s).unwrap();
        for (from, to, days) in [
            ("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z", 2),
            ("2026-11-01T05:00:00Z", "2026-11-03T07:00:00Z", 1),
            ("2026-11-01T05:00:00Z", "2026-11-02T07:00:00Z", 0),
            ("2026-11-01T05:00:00Z", "2026-11-01T07:00:00Z", 0),
            ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z", 0),
        ] {
            let (from, to) = (t(from), t(to));
            let [a, b, c] = parts(from, to);
            assert_eq!((a.from, c.to), (from, to));
            if b.from < b.to {
                assert_eq!((a.to, b.to), (b.from, c.from));
            } else {
                assert_eq!(a.to, to);
                assert_eq!(c.from, c.to);
            }
            assert_eq!(b.to.millis() - b.from.millis(), days * DAY_MS);
        }
    }
}
