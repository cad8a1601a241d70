//! Ranges and points of a series: aligned, counted before anything is read, and filled where nothing happened; never reads a store.

use std::collections::BTreeMap;

use super::model::{Granularity, UsagePoint};
use super::port::SeriesQuery;
use crate::base::ceilings::USAGE_ROWS;
use crate::base::clock::{DAY_MS, HOUR_MS, Timestamp};

/// Why a range cannot be answered. The texts are fit for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// It ends before it begins.
    #[error("expected an instant before `to`")]
    Empty,
    /// It has too many points.
    #[error("the range has more than {USAGE_ROWS} points of this granularity")]
    TooLong,
}

impl Granularity {
    /// The start of the point that `t` lies in.
    pub fn start(self, t: Timestamp) -> Timestamp {
        match self {
            Self::Hour => t.hour_start(),
            Self::Day => t.day_start(),
            Self::Month => t.month_start(),
        }
    }

    /// The start of the point after the one that `t` lies in.
    pub fn next(self, t: Timestamp) -> Timestamp {
        match self {
            Self::Hour => Timestamp::from_millis(t.hour_start().millis() + HOUR_MS),
            Self::Day => Timestamp::from_millis(t.day_start().millis() + DAY_MS),
            Self::Month => t.next_month_start(),
        }
    }
}

/// Widens the range to whole points, the first and the last included, and sees that it is neither empty nor too long.
///
/// # Errors
/// [`RangeError`].
pub fn check(mut query: SeriesQuery) -> Result<SeriesQuery, RangeError> {
    if query.from >= query.to {
        return Err(RangeError::Empty);
    }
    let g = query.granularity;
    query.from = g.start(query.from);
    if g.start(query.to) != query.to {
        query.to = g.next(query.to);
    }
    let shortest_ms = match g {
        Granularity::Hour => HOUR_MS,
        Granularity::Day => DAY_MS,
        Granularity::Month => 28 * DAY_MS,
    };
    let points = query.to.since(query.from).as_millis() / u128::from(shortest_ms.unsigned_abs());
    if points > USAGE_ROWS as u128 {
        return Err(RangeError::TooLong);
    }
    Ok(query)
}

/// A point for every hour, day or month of a checked range: those of `points`, and empty ones where there is none.
pub fn fill(query: &SeriesQuery, points: Vec<UsagePoint>) -> Vec<UsagePoint> {
    let mut known: BTreeMap<Timestamp, UsagePoint> =
        points.into_iter().map(|p| (p.start, p)).collect();
    let mut filled = Vec::new();
    let mut start = query.from;
    while start < query.to && filled.len() <= USAGE_ROWS {
        let point = known.remove(&start).unwrap_or_else(|| UsagePoint {
            start,
            ..UsagePoint::default()
        });
        filled.push(point);
        start = query.granularity.next(start);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(from: &str, to: &str, granularity: Granularity) -> SeriesQuery {
        SeriesQuery {
            account_id: None,
            key_id: None,
            from: Timestamp::parse(from).unwrap(),
            to: Timestamp::parse(to).unwrap(),
            granularity,
        }
    }

    #[test]
    fn a_range_takes_in_the_points_it_touches_and_shows_the_empty_ones() {
        let asked = query(
            "2026-11-30T10:20:00Z",
            "2027-01-01T00:00:00.001Z",
            Granularity::Month,
        );
        let q = check(asked).unwrap();
        let december = UsagePoint {
            start: Timestamp::parse("2026-12-01T00:00:00Z").unwrap(),
            requests: 7,
            ..UsagePoint::default()
        };
        let points: Vec<_> = fill(&q, vec![december])
            .into_iter()
            .map(|p| (p.start.to_string(), p.requests))
            .collect();
        let expected = [("2026-11-01", 0), ("2026-12-01", 7), ("2027-01-01", 0)];
        let expected = expected.map(|(day, n)| (format!("{day}T00:00:00Z"), n));
        assert_eq!(points, expected);
    }

    #[test]
    fn an_aligned_range_stays_as_it_is() {
        let q = query(
            "2026-11-23T00:00:00Z",
            "2026-11-24T00:00:00Z",
            Granularity::Hour,
        );
        assert_eq!(fill(&check(q.clone()).unwrap(), Vec::new()).len(), 24);
        assert_eq!(check(q.clone()).unwrap().to, q.to);
    }

    #[test]
    fn empty_and_endless_ranges_are_refused() {
        let t = "2026-11-23T00:00:00Z";
        assert_eq!(
            check(query(t, t, Granularity::Day)).unwrap_err(),
            RangeError::Empty
        );
        let q = query(
            "1970-01-01T00:00:00Z",
            "9000-01-01T00:00:00Z",
            Granularity::Hour,
        );
        assert_eq!(check(q).unwrap_err(), RangeError::TooLong);
    }
}
